/** The reference's log-probabilities of every response, computed once and kept in a file. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { concat, reshape } from "../../graph/functions.ts";
import { type CausalModel, causalLogProbabilities } from "../../models/index.ts";
import type { HalfParameters, Parameters } from "../../nn/parameters.ts";
import type { Backend } from "../../runtime/index.ts";
import { TuttiError } from "../../support/errors.ts";
import type { HostTensor } from "../../tensor/host-tensor.ts";
import { frozenDigest } from "../../train/frozen.ts";
import { ForwardSteps } from "../forward-steps.ts";
import { groupFeeds, rowInputs, sumsByResponse, targetInputs } from "../rows/group-feeds.ts";
import { planRows } from "../rows/group-plans.ts";
import { checkGroups, checkPositions, groupTokens, type PromptResponses } from "../rows/prompt-responses.ts";
import { ReferenceFile, ROWS_PER_BLOCK } from "./reference-file.ts";

export interface ReferenceOptions {
  /** Folder of the file, which is named after the hashes of model and data. */
  readonly folder: string;
  readonly paddingId: number;
  readonly tokensPerRow: number;
  readonly rowsPerBatch: number;
  /** @default true */
  readonly sharesPrompt?: boolean;
  /** The model's frozen matrices in half precision, where `parameters` lacks them. */
  readonly half?: HalfParameters;
  readonly onProgress?: (done: number, total: number) => void;
  /** Aborting stops after the current block, which is kept. */
  readonly signal?: AbortSignal;
}

/** SHA-256 over the tokens of prompts and responses, in order. */
export function dataDigest(groups: readonly PromptResponses[]): string {
  const hash = createHash("sha256");
  for (const { promptIds, responses } of groups) {
    for (const ids of [promptIds, ...responses]) {
      hash.update(`${ids.length}\n`);
      hash.update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
    }
  }
  return hash.digest("hex");
}

/** SHA-256 over what the model computes with: its kind, its configuration as it was read, its weights. */
async function modelDigest(
  { modelType, config }: CausalModel,
  weights: Readonly<Record<string, HostTensor>>,
): Promise<string> {
  return createHash("sha256")
    .update(JSON.stringify([modelType, config, await frozenDigest(weights)]))
    .digest("hex");
}

const HASH_CHARACTERS = 16;

/**
 * Opens the file of this model and these groups, and computes what it lacks: nothing when it is complete, the rest when an
 * earlier run was stopped. Close it when done.
 *
 * @param parameters of the reference model: the model before training, whatever is trained of it
 * @throws {TuttiError} DATASET_INVALID for groups that are unlike each other; INVALID_ARGUMENT when one is longer than a row,
 *   or than the model has positions; NON_FINITE; INTERRUPTED after an abort; what {@link ReferenceFile} throws
 */
export async function computeReference(
  model: CausalModel,
  parameters: Parameters,
  groups: readonly PromptResponses[],
  backend: Backend,
  options: ReferenceOptions,
): Promise<ReferenceFile> {
  const columns = groups[0]?.responses.length ?? 0;
  checkGroups(groups, columns);
  checkPositions(model.config, groups);
  const { sharesPrompt = true, tokensPerRow, rowsPerBatch, half, onProgress, signal } = options;
  const own = Object.fromEntries(Object.entries(parameters).filter(([name]) => name in model.specs));
  const key = {
    model: await modelDigest(model, { ...own, ...half }),
    data: dataDigest(groups),
    rows: groups.length,
    columns,
  };
  const name = `reference-${key.model.slice(0, HASH_CHARACTERS)}-${key.data.slice(0, HASH_CHARACTERS)}.bin`;
  const file = new ReferenceFile(join(options.folder, name), key);
  const lengths = groups.map((group) => groupTokens(group, sharesPrompt));
  const steps = forwardSteps(model, columns, backend, half);
  try {
    while (!file.isComplete) {
      if (signal?.aborted) throw interrupted(file);
      const first = file.rowsDone;
      const rows = file.blockRows(first / ROWS_PER_BLOCK);
      const members = Array.from({ length: rows }, (_, index) => first + index);
      const values = new Float32Array(rows * columns);
      for (const plan of planRows(members, lengths, tokensPerRow, rowsPerBatch)) {
        const made = groupFeeds(groups, plan, { paddingId: options.paddingId, sharesPrompt });
        const { sums } = await steps.run(made.bucket, made.feeds, own);
        for (const [place, index] of made.members.entries()) {
          for (let column = 0; column < columns; column++)
            values[(index - first) * columns + column] = sums!.data[column * made.bucket.groups + place]!;
        }
      }
      file.append(values);
      onProgress?.(file.rowsDone, groups.length);
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  } finally {
    await steps.dispose();
  }
}

/** `sums` [columns, groups]: log-probabilities of whole responses. */
function forwardSteps(
  model: CausalModel,
  columns: number,
  backend: Backend,
  half: HalfParameters | undefined,
): ForwardSteps {
  return new ForwardSteps(
    {
      specs: model.specs,
      ...(half && { half }),
      build(graph, parameters, bucket) {
        const sizes = bucket as { batch: number; tokens: number; targets: number; groups: number };
        const hidden = model.decoder(parameters, rowInputs(graph, sizes, model.config.maxPositions));
        const { responses, ...targets } = targetInputs(graph, sizes);
        const logProbabilities = causalLogProbabilities(model, parameters, hidden, targets);
        const sums = sumsByResponse(logProbabilities, responses, sizes.groups, columns);
        return {
          sums: concat(
            sums.map((sum) => reshape(sum, [1, sizes.groups])),
            0,
          ),
        };
      },
    },
    backend,
  );
}

const interrupted = (file: ReferenceFile): TuttiError =>
  new TuttiError(
    "INTERRUPTED",
    `stopped after ${file.rowsDone} of ${file.key.rows} prompts; nothing is lost`,
    {
      hint: "run the same command again to go on",
    },
  );
