/** Tables of model families by the `model_type` of config.json. */
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import { shown } from "../support/show.ts";
import type { HuggingFaceConfig } from "./config.ts";

/**
 * The row of the family that a config.json names.
 *
 * @throws {TuttiError} MODEL_CONFIG_UNSUPPORTED naming what is known
 */
export function familyOf<Row>(families: Readonly<Record<string, Row>>, config: HuggingFaceConfig): Row {
  const modelType = config.model_type;
  if (typeof modelType === "string" && Object.hasOwn(families, modelType)) return families[modelType]!;
  const known = Object.keys(families);
  throw new TuttiError(
    "MODEL_CONFIG_UNSUPPORTED",
    `config.json: "model_type" must be one of ${known.join(", ")}, found ${shown(modelType)}`,
    {
      details: { key: "model_type", received: shown(modelType) },
      hint: typeof modelType === "string" ? didYouMean(modelType, known) : "",
    },
  );
}
