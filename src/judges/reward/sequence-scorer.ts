/** A reward model in this process: a sequence-classification head on any family, read through its own template. */
import { Graph } from "../../graph/index.ts";
import type { ChatMessage } from "../../judged/index.ts";
import { createSequenceClassifier, openModelFiles, type SequenceClassifier } from "../../models/index.ts";
import { readParameters } from "../../models/read-parameters.ts";
import { causalBias, declareParameters, type Parameters, paddingBias } from "../../nn/index.ts";
import { type Backend, createOrtBackend, type Executable } from "../../runtime/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { int32 } from "../../tensor/index.ts";
import { loadTokenizer, renderChatTemplate, type Tokenizer, tokenizerFromGguf } from "../../text/index.ts";
import { questionText } from "../language-model/ask.ts";

export interface SequenceScorerOptions {
  /** Compute threads. @default 2 */
  readonly threads?: number;
  /** Tokens of a conversation at most; longer ones lose their beginning. @default the model's own limit */
  readonly maxTokens?: number;
  /** @default ONNX Runtime with `threads` */
  readonly backend?: Backend;
}

/** Ids of one row and, for pairs, the segment of each. */
interface Row {
  readonly ids: Int32Array;
  readonly types: Int32Array;
}

/**
 * Lays texts out as the model was trained: a decoder reads the conversation by its chat template, an encoder reads question and
 * answer as a pair, `[CLS] question [SEP] answer [SEP]`.
 */
class Layout {
  private readonly tokenizer: Tokenizer;
  private readonly chatTemplate: string | undefined;

  constructor(tokenizer: Tokenizer, chatTemplate: string | undefined) {
    this.tokenizer = tokenizer;
    this.chatTemplate = chatTemplate;
  }

  row(messages: readonly ChatMessage[], answer: string, maxTokens: number): Row {
    return this.chatTemplate === undefined
      ? this.pair(questionText(messages), answer, maxTokens)
      : this.conversation(this.chatTemplate, messages, answer, maxTokens);
  }

  private conversation(
    template: string,
    messages: readonly ChatMessage[],
    answer: string,
    maxTokens: number,
  ): Row {
    const { bos, eos } = this.tokenizer.specialTokens;
    const spelling = (id: number | undefined): string =>
      id === undefined ? "" : (this.tokenizer.token(id) ?? "");
    const text = renderChatTemplate(template, [...messages, { role: "assistant", content: answer }], {
      bosToken: spelling(bos),
      eosToken: spelling(eos),
    });
    const { ids } = this.tokenizer.encode(text, { addSpecialTokens: false });
    const kept = ids.subarray(Math.max(0, ids.length - maxTokens));
    return { ids: kept, types: new Int32Array(kept.length) };
  }

  /** Both sides lose their beginnings where they do not fit, the question first. */
  private pair(question: string, answer: string, maxTokens: number): Row {
    const around = this.tokenizer.encode("").ids;
    const [first, last] = [around[0], around[1]];
    if (around.length !== 2 || first === undefined || last === undefined) {
      throw new TuttiError(
        "MODEL_CONFIG_UNSUPPORTED",
        `${this.tokenizer.path}: puts ${around.length} tokens around a text, expected one on either side, as encoders that read pairs have`,
        { hint: "a decoder needs its chat template: add chat_template to tokenizer_config.json" },
      );
    }
    const plain = (text: string) => this.tokenizer.encode(text, { addSpecialTokens: false }).ids;
    const room = Math.max(0, maxTokens - 3);
    const replied = plain(answer);
    const b = replied.subarray(Math.max(0, replied.length - room));
    const asked = plain(question);
    const a = asked.subarray(Math.max(0, asked.length - (room - b.length)));
    const ids = Int32Array.of(first, ...a, last, ...b, last);
    return { ids, types: ids.map((_, index) => Number(index >= a.length + 2)) };
  }
}

export class SequenceScorer {
  readonly path: string;
  readonly classifier: SequenceClassifier;
  /** Names of the labels, in order. */
  readonly labels: readonly string[];
  private readonly layout: Layout;
  private readonly parameters: Parameters;
  private readonly executable: Executable;
  private readonly maxTokens: number;

  private constructor(
    path: string,
    classifier: SequenceClassifier,
    labels: readonly string[],
    layout: Layout,
    parameters: Parameters,
    executable: Executable,
    maxTokens: number,
  ) {
    this.path = path;
    this.classifier = classifier;
    this.labels = labels;
    this.layout = layout;
    this.parameters = parameters;
    this.executable = executable;
    this.maxTokens = maxTokens;
  }

  /**
   * Loads a Hugging Face folder with a classification head, or a .gguf file of one.
   *
   * @throws {TuttiError} FILE_NOT_FOUND, MODEL_CONFIG_UNSUPPORTED, WEIGHTS_MISMATCH (no head among them), TOKENIZER_INVALID
   */
  static async load(path: string, options: SequenceScorerOptions = {}): Promise<SequenceScorer> {
    const { threads = 2 } = options;
    const files = openModelFiles(path);
    try {
      const classifier = createSequenceClassifier(files.config);
      const tokenizer = files.gguf === undefined ? loadTokenizer(path) : tokenizerFromGguf(path, files.gguf);
      const parameters = readParameters(classifier.specs, files.source, classifier.parameterName);
      const chatTemplate = classifier.isCausal ? files.chatTemplate : undefined;
      const { maxPositions } = classifier.config;
      const maxTokens = Math.min(options.maxTokens ?? maxPositions, maxPositions);
      const executable = await compileScorer(classifier, options.backend ?? createOrtBackend({ threads }));
      const layout = new Layout(tokenizer, chatTemplate);
      const labels = labelNames(files.config.id2label, classifier.labels);
      return new SequenceScorer(path, classifier, labels, layout, parameters, executable, maxTokens);
    } finally {
      files.close();
    }
  }

  /** Logits of the labels for an answer to a conversation. @throws {TuttiError} BACKEND_FAILED */
  async logits(messages: readonly ChatMessage[], answer: string): Promise<Float64Array> {
    const { ids, types } = this.layout.row(messages, answer, this.maxTokens);
    const shape = [1, ids.length];
    const inputIds = int32(shape, ids);
    const mask = int32(shape, new Int32Array(ids.length).fill(1));
    const { isCausal } = this.classifier;
    const { logits } = await this.executable.run({
      ids: inputIds,
      positions: int32(
        shape,
        ids.map((_, index) => index),
      ),
      types: int32(shape, types),
      bias: isCausal ? causalBias(mask) : paddingBias(mask),
      pooling: this.classifier.poolingWeights(inputIds, mask),
      ...this.parameters,
    });
    return Float64Array.from(logits!.data as Float32Array);
  }

  async dispose(): Promise<void> {
    await this.executable.dispose();
  }
}

function labelNames(id2label: unknown, labels: number): string[] {
  const named = (id2label ?? {}) as Readonly<Record<string, unknown>>;
  return Array.from({ length: labels }, (_, index) => String(named[index] ?? `LABEL_${index}`));
}

function compileScorer(classifier: SequenceClassifier, backend: Backend): Promise<Executable> {
  const graph = new Graph();
  const parameters = declareParameters(graph, classifier.specs);
  const keys = classifier.isCausal ? "tokens" : 1;
  const hidden = classifier.hidden(parameters, {
    inputIds: graph.input("ids", "int32", ["batch", "tokens"]),
    positionIds: graph.input("positions", "int32", ["batch", "tokens"]),
    tokenTypeIds: graph.input("types", "int32", ["batch", "tokens"]),
    attentionBias: graph.input("bias", "float32", ["batch", 1, keys, "tokens"]),
    positions: classifier.config.maxPositions,
  });
  const pooling = graph.input("pooling", "float32", ["batch", 1, "tokens"]);
  return backend.compile(graph, { logits: classifier.logits(parameters, hidden, pooling) });
}
