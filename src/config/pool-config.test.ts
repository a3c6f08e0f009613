import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadPoolConfig } from "./pool-config.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-pool-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(content: string | Uint8Array) {
  const path = join(folder, "pool.yaml");
  writeFileSync(path, content);
  return loadPoolConfig(path);
}

const PRICING = "    pricing: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 }";
const LIVE = `models:
  - name: live
    provider: openai-compatible
    baseUrl: http://127.0.0.1:8000/v1
${PRICING}
`;
const REPLAY = `models:
  - name: recorded
    provider: replay
${PRICING}
replay:
  files: [answers.jsonl.gz, /elsewhere/more.jsonl]
`;

describe("a good pool file", () => {
  it("fills in defaults and resolves paths against the file", () => {
    expect(load(LIVE)).toEqual({
      models: [
        {
          name: "live",
          provider: "openai-compatible",
          baseUrl: "http://127.0.0.1:8000/v1",
          pricing: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 },
          timeoutMs: 120_000,
          totalTimeoutMs: 600_000,
          maxAttempts: 4,
        },
      ],
    });
    expect(load(REPLAY).replay).toEqual({
      files: [join(folder, "answers.jsonl.gz"), "/elsewhere/more.jsonl"],
    });
  });

  it("says what a model can do, how fast it is, and how to choose", () => {
    const abilities = {
      contextWindowTokens: 4096,
      latency: { timeToFirstTokenMs: 0, tokensPerSecond: 40.5 },
      supportsTools: false,
      supportsImages: true,
    };
    const policy = {
      choose: "budget",
      budget: { usd: 5, periodSeconds: 86_400, requestsPerPeriod: 1000 },
      strict: true,
      deny: ["live"],
      abstain: { model: "live", marginBelow: 0.02 },
    };
    const { models } = load(LIVE);
    expect(load(JSON.stringify({ models: [{ ...models[0], ...abilities }], policy }))).toEqual({
      models: [{ ...models[0], ...abilities }],
      policy,
    });
  });

  it("may be JSON", () => {
    expect(load(JSON.stringify(load(LIVE)))).toEqual(load(LIVE));
  });
});

/** Name, content, line, field, message, hint. */
const faults: readonly [
  string,
  string | Uint8Array,
  number | undefined,
  string | undefined,
  RegExp,
  RegExp?,
][] = [
  ["empty", "", 1, "top level", /received null, expected an object/],
  ["a list", "- 1", 1, "top level", /received an array, expected an object/],
  ["no models", "{}", 1, "models", /missing, expected an array/],
  ["an empty list of models", "models: []", 1, "models", /at least 1 element/],
  ["bad indentation", "models:\n  - name: a\n bad: 1\n", 3, undefined, /not valid YAML/],
  ["an open quote", 'models: "', 1, undefined, /not valid YAML/],
  ["a key twice", `${LIVE}models: []\n`, 6, undefined, /not valid YAML: Map keys must be unique/],
  ["two documents", `${LIVE}---\n${LIVE}`, undefined, undefined, /not valid YAML/],
  ["an unknown tag", "models: !secret x", 1, undefined, /not valid YAML: Unresolved tag/],
  ["broken UTF-8", Uint8Array.of(0x61, 0xff), undefined, undefined, /not valid UTF-8/],
  [
    "an alias bomb",
    `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [${"*a,".repeat(20)}]\nc: &c [${"*b,".repeat(20)}]\nd: [${"*c,".repeat(20)}]\n`,
    undefined,
    undefined,
    /could not expand/,
  ],
  [
    "an unknown key",
    `${LIVE}replays: {}\n`,
    6,
    "replays",
    /unknown key \(did you mean "replay"\?\), expected one of models, replay/,
  ],
  [
    "an unknown key of a model",
    LIVE.replace("baseUrl", "baseURI"),
    4,
    "models[0].baseURI",
    /unknown key \(did you mean "baseUrl"\?\)/,
  ],
  [
    "a misspelt key of a model",
    LIVE.replace("    baseUrl", "    timeout: 5\n    baseUrl"),
    4,
    "models[0].timeout",
    /did you mean "timeoutMs"\?/,
  ],
  [
    "an unknown price",
    LIVE.replace("{ input", "{ cached: 1, input"),
    5,
    "models[0].pricing.cached",
    /unknown key, expected one of inputCost/,
  ],
  ["no price", LIVE.replace(PRICING, ""), 2, "models[0].pricing", /missing, expected an object/],
  [
    "a negative price",
    LIVE.replace("Tokens: 1", "Tokens: -1"),
    5,
    "models[0].pricing.inputCostUsdPerMillionTokens",
    /received -1, expected a number >= 0/,
  ],
  [
    "an infinite price",
    LIVE.replace("Tokens: 1", "Tokens: .inf"),
    5,
    "models[0].pricing.inputCostUsdPerMillionTokens",
    /received Infinity/,
  ],
  [
    "a price in words",
    LIVE.replace("Tokens: 1", "Tokens: cheap"),
    5,
    "models[0].pricing.inputCostUsdPerMillionTokens",
    /received the string "cheap", expected a number/,
  ],
  [
    "no name",
    LIVE.replace("name: live", "upstreamModel: x"),
    2,
    "models[0].name",
    /missing, expected a string/,
  ],
  ["a numeric name", LIVE.replace("live", "3"), 2, "models[0].name", /received 3, expected a string/],
  [
    "a reserved name",
    LIVE.replace("live", "tutti/auto"),
    2,
    "models[0].name",
    /names under "tutti\/" are reserved/,
  ],
  [
    "a name with white space",
    LIVE.replace("live", '"live "'),
    2,
    "models[0].name",
    /no white space at either end/,
  ],
  [
    "a name twice",
    LIVE + LIVE.replace("models:\n", ""),
    6,
    "models[1].name",
    /"live" is already the name of models\[0\]/,
  ],
  [
    "no provider",
    LIVE.replace("    provider: openai-compatible\n", ""),
    2,
    "models[0].provider",
    /missing, expected "openai-compatible" or "anthropic" or "local" or "replay"/,
  ],
  [
    "an unknown provider",
    LIVE.replace("openai-compatible", "openai"),
    3,
    "models[0].provider",
    /received the string "openai", expected "openai-compatible" or "anthropic" or "local" or "replay"/,
  ],
  [
    "a relative URL",
    LIVE.replace("http://127.0.0.1:8000", "localhost"),
    4,
    "models[0].baseUrl",
    /absolute http or https URL/,
    /http:\/\/127/,
  ],
  ["another scheme", LIVE.replace("http:", "file:"), 4, "models[0].baseUrl", /absolute http or https URL/],
  ["a query", LIVE.replace("/v1", "/v1?key=sk-123"), 4, "models[0].baseUrl", /without query/],
  [
    "a password in the URL",
    LIVE.replace("127", "me:sk-123@127"),
    4,
    "models[0].baseUrl",
    /without user name and password/,
  ],
  [
    "a timeout of zero",
    LIVE.replace("    baseUrl", "    timeoutMs: 0\n    baseUrl"),
    4,
    "models[0].timeoutMs",
    /> 0/,
  ],
  [
    "a timeout beyond Node's own",
    LIVE.replace("    baseUrl", "    timeoutMs: 300001\n    baseUrl"),
    4,
    "models[0].timeoutMs",
    /<= 300000/,
  ],
  [
    "a fraction of a token",
    LIVE.replace("    baseUrl", "    contextWindowTokens: 1.5\n    baseUrl"),
    4,
    "models[0].contextWindowTokens",
    /received 1.5, expected an integer/,
  ],
  [
    "a speed of zero",
    LIVE.replace("    baseUrl", "    latency: { timeToFirstTokenMs: 1, tokensPerSecond: 0 }\n    baseUrl"),
    4,
    "models[0].latency.tokensPerSecond",
    /received 0, expected a number > 0/,
  ],
  [
    "half a speed",
    LIVE.replace("    baseUrl", "    latency: { tokensPerSecond: 3 }\n    baseUrl"),
    4,
    "models[0].latency.timeToFirstTokenMs",
    /missing, expected a number/,
  ],
  [
    "a misspelt ability",
    LIVE.replace("    baseUrl", "    supportTools: false\n    baseUrl"),
    4,
    "models[0].supportTools",
    /did you mean "supportsTools"\?/,
  ],
  [
    "an ability in words",
    LIVE.replace("    baseUrl", "    supportsImages: maybe\n    baseUrl"),
    4,
    "models[0].supportsImages",
    /received the string "maybe", expected/,
  ],
  [
    "an unknown choice",
    `${LIVE}policy: { choose: cheap }\n`,
    6,
    "policy.choose",
    /received the string "cheap", expected "best-quality" or/,
  ],
  [
    "a bar in percent",
    `${LIVE}policy:\n  choose: cheapest\n  qualityBar: 80\n`,
    8,
    "policy.qualityBar",
    /received 80, expected a number <= 1/,
  ],
  [
    "a misspelt key of a budget",
    `${LIVE}policy:\n  choose: budget\n  budget: { usd: 1, periodSecond: 1, requestsPerPeriod: 1 }\n`,
    8,
    "policy.budget.periodSecond",
    /did you mean "periodSeconds"\?/,
  ],
  [
    "replay without recordings",
    REPLAY.slice(0, REPLAY.indexOf("replay:\n")),
    3,
    "models[0].provider",
    /no replay section/,
    /replay: \{ files/,
  ],
  ["no replay files", REPLAY.replace(/\[.*\]/, "[]"), 6, "replay.files", /at least 1 element/],
  [
    "a base URL for a replay model",
    REPLAY.replace("    provider", "    baseUrl: x\n    provider"),
    3,
    "models[0].baseUrl",
    /unknown key/,
  ],
  ...["apiKey", "api_key", "key", "token", "secret", "password", "authorization"].map(
    (key): [string, string, number, string, RegExp, RegExp] => [
      `a secret under ${key}`,
      LIVE.replace("    baseUrl", `    ${key}: sk-123\n    baseUrl`),
      4,
      `models[0].${key}`,
      /secrets are never written in the pool file/,
      /environment variable .* apiKeyEnv: MY_PROVIDER_API_KEY/,
    ],
  ),
  [
    "a secret in place of a variable",
    LIVE.replace("    baseUrl", "    apiKeyEnv: sk-123\n    baseUrl"),
    4,
    "models[0].apiKeyEnv",
    /expected the name of an environment variable/,
    /apiKeyEnv/,
  ],
];

describe("a bad pool file", () => {
  it.each(faults)("%s", (_name, content, line, field, message, hint) => {
    let failure: unknown;
    try {
      load(content);
    } catch (thrown) {
      failure = thrown;
    }
    expect(failure).toMatchObject({ code: "POOL_INVALID", message: expect.stringMatching(message) });
    const {
      message: text,
      details,
      hint: advice,
    } = failure as { message: string; details: object; hint?: string };
    expect(text).toContain(join(folder, "pool.yaml"));
    expect(details).toMatchObject({
      path: join(folder, "pool.yaml"),
      ...(line === undefined ? {} : { line }),
      ...(field === undefined ? {} : { field }),
    });
    if (field !== undefined) expect(text).toContain(`:${line}: ${field}: `);
    if (hint !== undefined) expect(advice).toMatch(hint);
    expect(JSON.stringify(failure) + text + advice).not.toContain("sk-123");
  });

  it("that is not there", () => {
    expect(() => loadPoolConfig(join(folder, "missing.yaml"))).toThrow(
      expect.objectContaining({ code: "FILE_NOT_FOUND", message: expect.stringContaining("missing.yaml") }),
    );
  });
});
