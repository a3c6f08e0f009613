/** List prices and context windows of well-known models: a dated data file. */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { TuttiError } from "../support/errors.ts";
import { CONFIGURATION_LIMITS, readJsonFile } from "../support/json.ts";

const count = z.int().positive();
const listingSchema = z.strictObject({
  host: z.string().describe("of the base URL that the price belongs to"),
  model: z.string(),
  inputCostUsdPerMillionTokens: z.number().nonnegative(),
  outputCostUsdPerMillionTokens: z.number().nonnegative(),
  contextWindowTokens: count,
  modalities: z.array(z.enum(["text", "image", "audio", "video"])).min(1),
});
const fileSchema = z.strictObject({
  asOf: z.iso.date(),
  source: z.string(),
  models: z.array(listingSchema),
});

export type ModelListing = z.output<typeof listingSchema>;
export type ModelPrices = z.output<typeof fileSchema>;

const FILE = fileURLToPath(new URL("../../assets/model-prices.json", import.meta.url));
let prices: ModelPrices | undefined;

/** The shipped list. @throws {TuttiError} CONFIG_INVALID when the installed file is damaged */
export function modelPrices(): ModelPrices {
  if (prices !== undefined) return prices;
  const refuse = (problem: string, cause?: unknown) =>
    new TuttiError("CONFIG_INVALID", `${FILE} ${problem}`, { cause, hint: "install Tutti again" });
  const parsed = fileSchema.safeParse(readJsonFile(FILE, CONFIGURATION_LIMITS, refuse));
  if (!parsed.success) throw refuse(`is no list of prices: ${parsed.error.message}`, parsed.error);
  prices = parsed.data;
  return prices;
}

/** The listing of a model at a base URL: the same name at another host is another offer. */
export function listedModel(baseUrl: string, model: string): ModelListing | undefined {
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).hostname : undefined;
  return modelPrices().models.find((listing) => listing.host === host && listing.model === model);
}
