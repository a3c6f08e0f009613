/** Light tuning of a pretrained backbone: its last layers learn, what lies below them stays as it is. */
import { createCausalModel, createEncoderModel } from "../../models/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { lookaheadSpecs } from "./model.ts";
import type { LookaheadSettings } from "./settings.ts";

/** The number of the layer that a parameter belongs to, as every family of checkpoints writes it. */
const LAYER = /(?:^|\.)(?:layers?|h)\.(\d+)\./;
const EMBEDDING = /(?:^|\.)(?:embeddings|embed_tokens|wte|wpe)\./;

/**
 * Parameters of the last `layers` layers and of everything above them: final norm and heads. Embeddings stay, those of
 * the candidates' identifiers included, so no gradient has to pass the layers below.
 *
 * @throws {TuttiError} INVALID_ARGUMENT when the backbone has fewer layers
 */
export function tunedParameters(settings: LookaheadSettings, layers: number): string[] {
  const create = settings.variant === "clm" ? createCausalModel : createEncoderModel;
  const { config } = create(settings.backbone);
  if (layers > config.numLayers) {
    throw new TuttiError(
      "INVALID_ARGUMENT",
      `${layers} layers are to be tuned, expected at most the backbone's ${config.numLayers}`,
      { hint: "leave the number out to train the whole backbone" },
    );
  }
  return Object.keys(lookaheadSpecs(settings)).filter((name) => {
    const layer = LAYER.exec(name)?.[1];
    return layer === undefined ? !EMBEDDING.test(name) : Number(layer) >= config.numLayers - layers;
  });
}
