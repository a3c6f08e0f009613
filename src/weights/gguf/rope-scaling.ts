/**
 * Rotary scaling. GGUF names linear and yarn scaling in metadata and stores what llama3 scaling divides each frequency
 * by as the tensor `rope_freqs.weight`; config.json states the parameters.
 */
import type { TensorFacts } from "./architecture.ts";
import {
  type Config,
  float32,
  numberField,
  requiredNumber,
  text,
  textField,
  uint32,
  unsupported,
} from "./fields.ts";
import type { GgufMetadata, GgufValue } from "./metadata.ts";

export const ROPE_FREQUENCIES = "rope_freqs.weight";

/** Keys below "<architecture>." that say how positions are scaled. */
export const ROPE_SCALING_KEYS: readonly string[] = [
  "rope.scaling.type",
  "rope.scaling.factor",
  "rope.scaling.original_context_length",
  "rope.scaling.finetuned",
  "rope.scaling.yarn_beta_fast",
  "rope.scaling.yarn_beta_slow",
];

/** The rotary section of a config.json: `rope_parameters` of transformers 5, or the older keys. */
export function ropeOf(config: Config): { readonly theta: number; readonly scaling: Config | undefined } {
  const parameters = config.rope_parameters as Config | undefined;
  if (parameters) {
    const isScaled = parameters.rope_type !== undefined && parameters.rope_type !== "default";
    return { theta: requiredNumber(parameters, "rope_theta"), scaling: isScaled ? parameters : undefined };
  }
  const scaling = (config.rope_scaling ?? undefined) as Config | undefined;
  const theta = config.rope_theta === undefined ? 10_000 : requiredNumber(config, "rope_theta");
  return { theta, scaling: scaling?.rope_type === "default" ? undefined : scaling };
}

/**
 * What llama3 scaling divides the frequency of each of the D/2 pairs by: 1 for short wavelengths, `factor` for long
 * ones, between the two in the middle.
 *
 * Source: Llama 3.1, https://github.com/meta-llama/llama-models
 */
export function llama3Divisors(scaling: Config, theta: number, headWidth: number): Float32Array {
  const factor = requiredNumber(scaling, "factor");
  const low = requiredNumber(scaling, "low_freq_factor");
  const high = requiredNumber(scaling, "high_freq_factor");
  const original = requiredNumber(scaling, "original_max_position_embeddings");
  return Float32Array.from({ length: headWidth / 2 }, (_, pair) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * pair) / headWidth);
    if (wavelength < original / high) return 1;
    if (wavelength > original / low) return factor;
    const smooth = (original / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** Parameters of every llama3-scaled model released so far, but for the factor. */
const LLAMA3 = {
  rope_type: "llama3",
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

/** The parameters whose divisors a file holds. */
function llama3Scaling(path: string, divisors: Float32Array, theta: number, headWidth: number): Config {
  const scaling = { ...LLAMA3, factor: divisors.reduce((largest, divisor) => Math.max(largest, divisor), 1) };
  const isWholeHead = divisors.length === headWidth / 2;
  const expected = isWholeHead ? llama3Divisors(scaling, theta, headWidth) : new Float32Array(0);
  const isKnown =
    isWholeHead &&
    divisors.every((divisor, pair) => Math.abs(divisor - expected[pair]!) <= 1e-4 * expected[pair]!);
  if (isKnown) return scaling;
  throw unsupported(path, ROPE_FREQUENCIES, [...divisors.subarray(0, 8)], "the divisors of llama3 scaling");
}

/** `rope_scaling` of config.json; null when positions are not scaled. */
export function readRopeScaling(
  path: string,
  architecture: string,
  metadata: GgufMetadata,
  tensors: TensorFacts,
  rope: { readonly theta: number; readonly headWidth: number },
): Config | null {
  if (tensors.has(ROPE_FREQUENCIES)) {
    return llama3Scaling(path, tensors.read(ROPE_FREQUENCIES), rope.theta, rope.headWidth);
  }
  const key = `${architecture}.rope.scaling`;
  const type = textField(path, metadata, `${key}.type`) ?? "none";
  const factor = numberField(path, metadata, `${key}.factor`);
  if (type === "none" || (type === "linear" && factor === 1)) return null;
  if (type === "linear") return { rope_type: "linear", factor };
  if (type !== "yarn") throw unsupported(path, `${key}.type`, type, '"none", "linear" or "yarn"');
  const optional: Record<string, number | undefined> = {
    original_max_position_embeddings: numberField(path, metadata, `${key}.original_context_length`),
    beta_fast: numberField(path, metadata, `${key}.yarn_beta_fast`),
    beta_slow: numberField(path, metadata, `${key}.yarn_beta_slow`),
  };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined);
  return { rope_type: "yarn", factor, ...Object.fromEntries(given) };
}

/** Metadata below "<architecture>."; llama3 scaling has none, its divisors are a tensor. */
export function writeRopeScaling(scaling: Config | undefined): [string, GgufValue][] {
  const type = scaling?.rope_type ?? scaling?.type;
  if (scaling === undefined || type === "llama3") return [];
  if (type !== "linear" && type !== "yarn") {
    throw unsupported("config.json", "rope_scaling", scaling, 'of type "linear", "yarn" or "llama3"');
  }
  const fields: [string, GgufValue][] = [
    ["rope.scaling.type", text(type)],
    ["rope.scaling.factor", float32(requiredNumber(scaling, "factor"))],
  ];
  if (type === "linear") return fields;
  const known = [
    "type",
    "rope_type",
    "rope_theta",
    "factor",
    "original_max_position_embeddings",
    "beta_fast",
    "beta_slow",
  ];
  const other = Object.keys(scaling).find((key) => !known.includes(key) && scaling[key] !== null);
  if (other !== undefined)
    throw unsupported("config.json", `rope_scaling.${other}`, scaling[other], "absent");
  fields.push([
    "rope.scaling.original_context_length",
    uint32(requiredNumber(scaling, "original_max_position_embeddings")),
  ]);
  for (const beta of ["beta_fast", "beta_slow"]) {
    if (typeof scaling[beta] === "number") fields.push([`rope.scaling.yarn_${beta}`, float32(scaling[beta])]);
  }
  return fields;
}
