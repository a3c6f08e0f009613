/** Optimisers by name. */
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { type AdafactorOptions, createAdafactor } from "./adafactor.ts";
import { type AdamWOptions, createAdamW } from "./adamw.ts";
import { type AdamW8BitOptions, createAdamW8Bit } from "./adamw-8bit.ts";
import { createLion, type LionOptions } from "./lion.ts";
import { createMuon, type MuonOptions, type Orthogonalize } from "./muon.ts";
import type { Optimizer, ParameterGroup, Tensors } from "./optimizer.ts";
import { createSgd, type SgdOptions } from "./sgd.ts";

/** Which algorithm and its constants; learning rates and weight decay belong to the parameter groups. */
export type OptimizerSettings =
  | ({ readonly kind: "adamw" } & AdamWOptions)
  | ({ readonly kind: "adamw-8bit" } & AdamW8BitOptions)
  | ({ readonly kind: "sgd" } & SgdOptions)
  | ({ readonly kind: "lion" } & LionOptions)
  | ({ readonly kind: "adafactor" } & AdafactorOptions)
  | ({ readonly kind: "muon" } & MuonOptions);

export const OPTIMIZER_KINDS = ["adamw", "adamw-8bit", "sgd", "lion", "adafactor", "muon"] as const;

/**
 * An optimiser with fresh state for the parameters of `groups`.
 *
 * @param orthogonalize what Muon runs {@link newtonSchulz} with; the others never call it
 * @throws {TuttiError} INVALID_ARGUMENT for an unknown kind, a constant out of range, a name in two groups
 */
export function createOptimizer(
  settings: OptimizerSettings,
  groups: readonly ParameterGroup[],
  parameters: Tensors,
  orthogonalize: Orthogonalize,
): Optimizer {
  switch (settings.kind) {
    case "adamw":
      return createAdamW(groups, parameters, settings);
    case "adamw-8bit":
      return createAdamW8Bit(groups, parameters, settings);
    case "sgd":
      return createSgd(groups, parameters, settings);
    case "lion":
      return createLion(groups, parameters, settings);
    case "adafactor":
      return createAdafactor(groups, parameters, settings);
    case "muon":
      return createMuon(groups, parameters, orthogonalize, settings);
    default: {
      const received = String((settings as { kind: unknown }).kind);
      throw new TuttiError(
        "INVALID_ARGUMENT",
        `optimiser must be one of ${OPTIMIZER_KINDS.join(", ")}, received ${received}`,
        { hint: didYouMean(received, OPTIMIZER_KINDS) },
      );
    }
  }
}
