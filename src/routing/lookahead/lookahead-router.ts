/** A trained Lookahead (or MLC) model as a router: one forward pass over the prompt, no token decoded. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Graph } from "../../graph/ir.ts";
import { checkParameters, declareParameters, type Parameters } from "../../nn/index.ts";
import { type Backend, createOrtBackend, type Executable } from "../../runtime/index.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { TuttiError } from "../../support/errors.ts";
import { CONFIGURATION_LIMITS, readJsonFile } from "../../support/json.ts";
import { float32, int32 } from "../../tensor/host-tensor.ts";
import { loadTokenizer, type Tokenizer } from "../../text/index.ts";
import { loadParameters, saveParameters } from "../../train/checkpoint.ts";
import type { GraphRouter, RouterGraph } from "../export/router-graph.ts";
import type { RoutingQuery } from "../router.ts";
import { paddedPromptLength } from "./batches.ts";
import { encodePrompt } from "./encode.ts";
import { type Row, rowTokens } from "./layout.ts";
import { lookaheadGraph } from "./lookahead-graph.ts";
import { declareRowInputs, lookaheadSpecs, routingForward } from "./model.ts";
import { inferenceRows, isSeparate } from "./rows.ts";
import { type LookaheadSettings, settingsSchema } from "./settings.ts";
import { stackRows } from "./task.ts";

const PROMPTS_PER_RUN = 32;

export class LookaheadRouter implements GraphRouter {
  readonly name: string;
  readonly settings: LookaheadSettings;
  readonly parameters: Parameters;
  readonly tokenizer: Tokenizer;
  readonly backend: Backend;
  private executable: Promise<Executable> | undefined;

  constructor(
    name: string,
    settings: LookaheadSettings,
    parameters: Parameters,
    tokenizer: Tokenizer,
    backend: Backend,
  ) {
    this.name = name;
    this.settings = settings;
    this.parameters = parameters;
    this.tokenizer = tokenizer;
    this.backend = backend;
  }

  get candidates(): readonly string[] {
    return this.settings.candidates;
  }

  /** Routing logits. Queries are run in groups of equal padded length; the order of results is that of queries. */
  async scores(queries: readonly RoutingQuery[]): Promise<Float64Array[]> {
    const prompts = queries.map(({ prompt }) => encodePrompt(this.settings, this.tokenizer, prompt));
    return this.scoresOfPrompts(prompts);
  }

  /** The same for prompts that are tokenised already. */
  async scoresOfPrompts(prompts: readonly Int32Array[]): Promise<Float64Array[]> {
    const scores = new Array<Float64Array>(prompts.length);
    const groups = new Map<number, number[]>();
    for (const [index, prompt] of prompts.entries()) {
      const length = paddedPromptLength(prompt.length, this.settings.maxPromptTokens);
      groups.set(length, [...(groups.get(length) ?? []), index]);
    }
    for (const [promptTokens, indices] of groups) {
      for (let start = 0; start < indices.length; start += PROMPTS_PER_RUN) {
        const members = indices.slice(start, start + PROMPTS_PER_RUN);
        const rows = members.flatMap((member) =>
          inferenceRows(this.settings, prompts[member]!, promptTokens),
        );
        const logits = await this.run(rows, promptTokens);
        for (const [position, member] of members.entries()) scores[member] = logits[position]!;
      }
    }
    return scores;
  }

  routerGraph(): RouterGraph {
    return lookaheadGraph(this.settings, this.parameters, this.tokenizer.path);
  }

  async dispose(): Promise<void> {
    await (await this.executable)?.dispose();
    this.executable = undefined;
  }

  private async run(rows: readonly Row[], promptTokens: number): Promise<Float64Array[]> {
    this.executable ??= this.compile();
    const executable = await this.executable;
    const height = rows.length;
    const tokens = rowTokens(this.settings, promptTokens, false);
    const { inputIds, positionIds, attentionBias, poolingWeights } = stackRows(rows, height);
    const biasShape = this.settings.variant === "clm" ? [height, 1, tokens, tokens] : [height, 1, 1, tokens];
    const { logits } = await executable.run({
      ...this.parameters,
      input_ids: int32([height, tokens], inputIds),
      position_ids: int32([height, tokens], positionIds),
      attention_bias: float32(biasShape, attentionBias),
      pooling_weights: float32([height, 1, tokens], poolingWeights),
    });
    const candidates = this.candidates.length;
    return Array.from({ length: logits!.data.length / candidates }, (_, prompt) =>
      Float64Array.from(logits!.data.subarray(prompt * candidates, (prompt + 1) * candidates)),
    );
  }

  /** One graph for every batch size and prompt length. */
  private compile(): Promise<Executable> {
    const graph = new Graph();
    const parameters = declareParameters(graph, lookaheadSpecs(this.settings));
    const inputs = declareRowInputs(graph, this.settings, "batch", "tokens");
    const { logits } = routingForward(this.settings, parameters, inputs, false);
    return this.backend.compile(graph, { logits });
  }
}

const paths = (folder: string) => ({
  settings: join(folder, "lookahead.json"),
  weights: join(folder, "weights.safetensors"),
  tokenizer: join(folder, "tokenizer.json"),
});

/** Writes settings, weights and tokenizer; settings last, so that a folder with settings is complete. */
export function saveLookahead(
  folder: string,
  settings: LookaheadSettings,
  parameters: Parameters,
  tokenizerJson: Uint8Array,
): void {
  mkdirSync(folder, { recursive: true });
  const files = paths(folder);
  saveParameters(files.weights, parameters, { format: settings.format, variant: settings.variant });
  writeFileAtomic(files.tokenizer, tokenizerJson);
  writeFileAtomic(files.settings, `${JSON.stringify(settings, null, 2)}\n`);
}

/**
 * Loads what {@link saveLookahead} wrote.
 *
 * @throws {TuttiError} ROUTER_INVALID naming file and field; TOKENIZER_MISMATCH when tokenizer.json is not the
 *   one the model was trained with; SAFETENSORS_INVALID or WEIGHTS_MISMATCH for the weights
 */
export function loadLookahead(
  folder: string,
  name: string,
  backend: Backend = createOrtBackend({ threads: 1 }),
): LookaheadRouter {
  const files = paths(folder);
  const settings = readSettings(files.settings);
  const tokenizer = loadTokenizer(files.tokenizer);
  if (tokenizer.sha256 !== settings.tokenizerSha256) {
    throw new TuttiError(
      "TOKENIZER_MISMATCH",
      `${files.tokenizer}: sha256 is ${tokenizer.sha256}, the router was trained with ${settings.tokenizerSha256}`,
      {
        details: { path: files.tokenizer },
        hint: "copy the router's whole folder; its tokenizer belongs to its weights",
      },
    );
  }
  const parameters = loadParameters(files.weights);
  checkParameters(lookaheadSpecs(settings), parameters, files.weights);
  return new LookaheadRouter(name, settings, parameters, tokenizer, backend);
}

function readSettings(path: string): LookaheadSettings {
  const json = readJsonFile(path, CONFIGURATION_LIMITS, (problem, cause) => {
    return new TuttiError("ROUTER_INVALID", `${path}: ${problem}`, {
      cause,
      details: { path },
      hint: "give the folder that `tutti router train --out` wrote",
    });
  });
  const parsed = settingsSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new TuttiError("ROUTER_INVALID", `${path}: ${issue.path.join(".")}: ${issue.message}`, {
      details: { path, field: issue.path.join(".") },
      hint: "the file was changed by hand or written by another version; train the router again",
    });
  }
  const { variant, candidates, candidateTokenIds } = parsed.data;
  const expected = variant === "mlc" ? 0 : candidates.length;
  if (candidateTokenIds.length !== expected) {
    throw new TuttiError(
      "ROUTER_INVALID",
      `${path}: candidateTokenIds has ${candidateTokenIds.length} ids, expected ${expected}`,
      { details: { path, field: "candidateTokenIds" }, hint: "train the router again" },
    );
  }
  if (isSeparate(parsed.data) && parsed.data.tokens.mask === undefined) {
    throw new TuttiError("ROUTER_INVALID", `${path}: tokens.mask is missing, separate prediction needs it`, {
      details: { path, field: "tokens.mask" },
      hint: "train the router again",
    });
  }
  return parsed.data;
}
