/** What a pool file may say. Editors know it by assets/pool.schema.json, which is made from here. */
import { z } from "zod";
import { policySchema } from "./policy-config.ts";

/** Node's own HTTP client gives up on a silent connection after five minutes, so longer limits would not hold. */
const LONGEST_TIMEOUT_MS = 300_000;

const costSchema = z.number().nonnegative().finite();

const pricingSchema = z.strictObject({
  inputCostUsdPerMillionTokens: costSchema.describe("US dollars for a million prompt tokens"),
  outputCostUsdPerMillionTokens: costSchema.describe("US dollars for a million generated tokens"),
});

const latencySchema = z.strictObject({
  timeToFirstTokenMs: z.number().nonnegative().finite(),
  tokensPerSecond: z.number().positive().finite(),
});

const limitsSchema = z.strictObject({
  concurrency: z.int().positive().optional().describe("calls under way at once"),
  requestsPerMinute: z.int().positive().optional().describe("calls begun in any 60 seconds"),
  tokensPerMinute: z.int().positive().optional().describe("tokens of prompts and answers in any 60 seconds"),
});

const commonFields = {
  name: z.string().min(1).describe("name that clients and routers use"),
  upstreamModel: z
    .string()
    .min(1)
    .optional()
    .describe("name of the model at the provider, or of the candidate in recorded files; default: name"),
  pricing: pricingSchema
    .optional()
    .describe("may be left out for local models, and where assets/model-prices.json lists the model"),
  contextWindowTokens: z.int().positive().optional().describe("longest prompt plus answer, in tokens"),
  latency: latencySchema.optional().describe("speed until the gateway has measured it"),
  supportsTools: z.boolean().optional().describe("false keeps requests with tools away"),
  supportsImages: z.boolean().optional().describe("false keeps requests with images away"),
  supportsSeed: z.boolean().optional().describe("false keeps `tutti sample` from sending a seed"),
  parameters: z
    .record(z.string(), z.json())
    .optional()
    .describe("fields of every request that does not set them itself, such as temperature or max_tokens"),
  revision: z
    .string()
    .min(1)
    .optional()
    .describe("which state of the model answers, where the name does not say; part of every sample's key"),
};

const remoteFields = {
  apiKeyEnv: z.string().optional().describe("name of the environment variable that holds the API key"),
  apiKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe("file that holds the API key and nothing else, relative to the pool file"),
  timeoutMs: z
    .int()
    .positive()
    .max(LONGEST_TIMEOUT_MS)
    .default(120_000)
    .describe("longest wait for an answer, or in a stream for its next part, in milliseconds"),
  totalTimeoutMs: z
    .int()
    .positive()
    .default(600_000)
    .describe("longest time for all attempts and the waits between them, in milliseconds"),
  maxAttempts: z
    .int()
    .positive()
    .max(20)
    .default(4)
    .describe("the first one included; 1 tries nothing again"),
  limits: limitsSchema.optional().describe("what one process may ask of the model"),
};

const openAiCompatibleSchema = z.strictObject({
  ...commonFields,
  provider: z.literal("openai-compatible"),
  baseUrl: z.string().describe("where /chat/completions is found, usually ending in /v1"),
  ...remoteFields,
  continuationScoring: z
    .literal("prompt_logprobs")
    .optional()
    .describe("how the server scores a given continuation: prompt_logprobs for vLLM"),
});

const anthropicSchema = z.strictObject({
  ...commonFields,
  provider: z.literal("anthropic"),
  baseUrl: z.string().default("https://api.anthropic.com").describe("where /v1/messages is found"),
  ...remoteFields,
});

const localSchema = z.strictObject({
  ...commonFields,
  provider: z.literal("local"),
  path: z
    .string()
    .min(1)
    .describe("folder or .gguf file, relative to the pool file, or hf:ORG/NAME[@REVISION][/FILE.gguf]"),
  weightBits: z.literal([32, 8, 4]).optional().describe("bits of the weight matrices in memory; default: 32"),
  threads: z.int().positive().optional().describe("threads inside one operator; default: 2"),
  maxBatch: z.int().positive().max(1024).optional().describe("sequences that run at once; default: 16"),
  executionProvider: z.enum(["cpu", "webgpu", "cuda"]).optional().describe("what computes; default: cpu"),
  chatTemplateFile: z
    .string()
    .min(1)
    .optional()
    .describe("Jinja file in place of the model's own chat template, relative to the pool file"),
});

const replaySchema = z.strictObject({ ...commonFields, provider: z.literal("replay") });

const modelSchema = z.discriminatedUnion("provider", [
  openAiCompatibleSchema,
  anthropicSchema,
  localSchema,
  replaySchema,
]);

export const poolSchema = z.strictObject({
  models: z.array(modelSchema).min(1),
  replay: z
    .strictObject({
      files: z
        .array(z.string().min(1))
        .min(1)
        .describe("judged-record files, .jsonl or .jsonl.gz, relative to the pool file"),
    })
    .optional()
    .describe("where models with provider replay find their recorded responses"),
  policy: policySchema.optional().describe("how tutti/auto chooses; without one, by the router's scores"),
});

/** Allowed keys, for suggestions; of a model those of all providers. */
export const POOL_KEYS = {
  top: Object.keys(poolSchema.shape),
  replay: ["files"],
  pricing: Object.keys(pricingSchema.shape),
  latency: Object.keys(latencySchema.shape),
  limits: Object.keys(limitsSchema.shape),
  model: [...new Set(modelSchema.options.flatMap((option) => Object.keys(option.shape)))],
} as const;

/** The JSON Schema (draft 2020-12) of a pool file as it is written, defaults left out. */
export function poolJsonSchema(): Record<string, unknown> {
  return {
    $id: "https://tutti.invalid/pool.schema.json",
    title: "Tutti pool file",
    ...z.toJSONSchema(poolSchema, { io: "input" }),
  };
}
