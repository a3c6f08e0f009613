import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFuseConfig } from "./fuse-config.ts";
import { fuseJsonSchema } from "./fuse-schema.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tutti-fuse-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function load(content: string) {
  const path = join(folder, "fuse.yaml");
  writeFileSync(path, content);
  return loadFuseConfig(path);
}

const HEAD = `pool: pool.yaml
sources: [{ model: a }, { model: b }]
target: { model: models/small }
`;
const DOMAIN = `domains:
  - name: sums
    prompts: [sums.jsonl]
    samples: 5
`;
const SCORED = `${HEAD}${DOMAIN}    scorer: reward.yaml
`;
const VERIFIED = `${SCORED}    verifier: mathematics
`;

it("the schema file for editors is the one that fuse files are checked with", () => {
  const file = join(import.meta.dirname, "../../assets/fuse.schema.json");
  const written: unknown = JSON.parse(readFileSync(file, "utf8"));
  expect(written, "run: npx tsx tools/write-fuse-schema.ts").toEqual(
    JSON.parse(JSON.stringify(fuseJsonSchema())),
  );
});

describe("a good fuse file", () => {
  it("has the paper's values where it says nothing", () => {
    const { sft, dpo, domains, target, pool, evaluation } = load(SCORED);
    expect([pool, target.model]).toEqual([join(folder, "pool.yaml"), join(folder, "models/small")]);
    expect(sft).toMatchObject({ epochs: 3, batch: 128, maxTokens: 2048, warmup: 0.1, schedule: "cosine" });
    expect(sft.learningRate).toBe(5e-6);
    expect(dpo).toMatchObject({
      ...{ epochs: 1, batch: 128, maxTokens: 2048, warmup: 0.1, schedule: "cosine", learningRate: 8e-7 },
      ...{ loss: "sigmoid", beta: 10, lengthNormalised: true },
      ...{ checkpointEvery: 100, keep: "better-of-last-two" },
    });
    expect(evaluation).toEqual({
      samples: 1,
      parameters: { temperature: 0, max_tokens: 1024 },
      resamples: 1000,
    });
    expect(domains[0]).toMatchObject({
      prompts: [join(folder, "sums.jsonl")],
      sources: [
        { model: "a", samples: 5 },
        { model: "b", samples: 5 },
      ],
      sft: { choose: "best", promptShare: 0.4 },
      pairs: {
        ...{ choose: "same-source", leastGap: 0.01, mostGap: 0.1, sources: "largest-gap" },
        ...{ verified: false, unpaired: "drop" },
      },
      holdout: { share: 0.05 },
    });
  });

  it("chooses correct answers first where there is a verifier", () => {
    expect(load(VERIFIED).domains[0]).toMatchObject({
      sft: { choose: "correct-then-best", promptShare: 0.4 },
      pairs: { verified: true, unpaired: "sft", leastGap: 0.01, mostGap: 0.1 },
    });
    // The scores of a verifier alone are 0 and 1.
    const alone = load(VERIFIED.replace("    scorer: reward.yaml\n", ""));
    expect(alone.domains[0]!.pairs).toMatchObject({ leastGap: 0, mostGap: null, verified: true });
  });

  it("takes the first answer, and no pairs, where there is no judge", () => {
    expect(load(HEAD + DOMAIN).domains[0]).toMatchObject({
      sft: { choose: "first", promptShare: 1 },
      pairs: { choose: "none" },
    });
  });

  it("takes beta and learning rates of the target it is like, and beta that fits the normalisation", () => {
    const like = (name: string) => SCORED.replace("models/small", `models/small, like: ${name}`);
    const qwen = load(like("qwen-2.5-7b"));
    expect([qwen.sft.learningRate, qwen.dpo.learningRate]).toEqual([2e-6, 3e-7]);
    expect(qwen.dpo).toMatchObject({ beta: 0.01, lengthNormalised: false });
    expect(load(`${like("qwen-2.5-7b")}dpo: { lengthNormalised: true }\n`).dpo.beta).toBe(10);
    expect(load(`${SCORED}dpo: { lengthNormalised: false }\n`).dpo.beta).toBe(0.01);
    expect(load(`${SCORED}dpo: { beta: 3 }\n`).dpo.beta).toBe(3);
  });

  it("may give a source another number of samples", () => {
    const { sources } = load(`${SCORED}    sources: [{ model: b, samples: 2 }, a]\n`).domains[0]!;
    expect(sources).toEqual([
      { model: "a", samples: 5 },
      { model: "b", samples: 2 },
    ]);
  });
});

/** Name, content, line, field, message. */
const faults: readonly [string, string, number, string, RegExp][] = [
  ["no target", SCORED.replace(/target.*\n/, ""), 1, "target", /missing, expected an object/],
  ["a misspelt key", `${SCORED}dop: {}\n`, 9, "dop", /did you mean "dpo"\?/],
  ["a misspelt rule", `${SCORED}    pairs: { leastgap: 1 }\n`, 9, "domains[0].pairs.leastgap", /leastGap/],
  [
    "an unknown source",
    `${SCORED}    sources: [c]\n`,
    9,
    "domains[0].sources[0]",
    /"c", expected one of the sources: a, b/,
  ],
  [
    "a source twice",
    SCORED.replace("model: b", "model: a"),
    2,
    "sources[1].model",
    /already the model of sources\[0\]/,
  ],
  [
    "a source twice in a domain",
    `${SCORED}    sources: [a, { model: a, samples: 9 }]\n`,
    9,
    "domains[0].sources[1]",
    /"a" is named twice/,
  ],
  [
    "no prompt left for pairs",
    `${SCORED}    sft: { promptShare: 1 }\n`,
    9,
    "domains[0].sft.promptShare",
    /leaves no prompt to give pairs/,
  ],
  [
    "a rule that does not look at what is right",
    `${SCORED}    verifier: mathematics\n    pairs: { choose: shortest-above-mean, verified: true }\n`,
    10,
    "domains[0].pairs.verified",
    /does not look at/,
  ],
  [
    "a rule without its judge",
    `${HEAD}${DOMAIN}    sft: { choose: best }\n`,
    8,
    "domains[0].sft.choose",
    /without a scorer/,
  ],
  [
    "pairs without a judge",
    `${HEAD}${DOMAIN}    pairs: { choose: same-source }\n`,
    8,
    "domains[0].pairs.choose",
    /without a scorer or verifier/,
  ],
  [
    "pairs of one sample",
    SCORED.replace("samples: 5", "samples: 1\n    pairs: { choose: same-source }"),
    8,
    "domains[0].pairs.choose",
    /at least 2 samples/,
  ],
  [
    "verified pairs without a verifier",
    `${SCORED}    pairs: { verified: true }\n`,
    9,
    "domains[0].pairs.verified",
    /without a verifier/,
  ],
  [
    "a window upside down",
    `${SCORED}    pairs: { leastGap: 0.2 }\n`,
    9,
    "domains[0].pairs.mostGap",
    /at least the leastGap of 0.2/,
  ],
  ["a broken pattern", `${SCORED}    exclude: ["("]\n`, 9, "domains[0].exclude[0]", /no regular expression/],
  [
    "two ways to hold out",
    `${SCORED}    holdout: { share: 0.1, files: [x] }\n`,
    9,
    "domains[0].holdout.files",
    /beside a share/,
  ],
];

describe("a bad fuse file", () => {
  it.each(faults)("%s", (_name, content, line, field, message) => {
    let failure: unknown;
    try {
      load(content);
    } catch (thrown) {
      failure = thrown;
    }
    expect(failure).toMatchObject({ code: "CONFIG_INVALID", details: { line, field } });
    expect((failure as Error).message).toMatch(message);
  });
});
