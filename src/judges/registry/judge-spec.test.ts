import { describe, expect, it } from "vitest";
import { TuttiError } from "../../support/errors.ts";
import { createJudge } from "./create-judge.ts";
import { type JudgeSpec, judgeSchema, judgingModels, parseJudge } from "./judge-spec.ts";

const codeOf = (action: () => unknown): string | undefined => {
  try {
    action();
  } catch (error) {
    if (TuttiError.is(error)) return error.code;
  }
  return undefined;
};

describe("parseJudge", () => {
  const cases: readonly [string, JudgeSpec][] = [
    ["mathematics", { judge: "mathematics" }],
    ["reward:models/rm", { judge: "reward", path: "models/rm" }],
    ["reward:hf:org/rm", { judge: "reward", path: "hf:org/rm" }],
    ["model:org/large:7b/rating", { judge: "model", model: "org/large:7b", rubric: "rating" }],
    [
      "code>reward:rm",
      { judge: "composite", verifier: { judge: "code" }, tieBreak: { judge: "reward", path: "rm" } },
    ],
  ];
  it.each(cases)("%s", (short, spec) => {
    expect(parseJudge(short)).toEqual(spec);
    expect(judgeSchema.parse(spec)).toEqual(spec);
  });

  const wrong = ["", "maths", "mathematics:", "reward", "reward:", "model:x", "model:/rating", "model:x/"];
  it.each([...wrong, "code>code>code", "code>"])("refuses %j", (short) => {
    expect(codeOf(() => parseJudge(short))).toBe("INVALID_ARGUMENT");
  });

  it("knows which models of the pool are asked", () => {
    expect(judgingModels(parseJudge("verifier>model:large/rating"))).toEqual(["large"]);
    expect(judgingModels(parseJudge("verifier"))).toEqual([]);
  });
});

describe("createJudge", () => {
  it("options that alter verdicts alter the version", async () => {
    const judge = await createJudge({ judge: "mathematics", form: "any" });
    expect([judge.name, judge.version]).toEqual(["mathematics", "1;form=any"]);
    const composite = await createJudge({
      judge: "composite",
      verifier: { judge: "constraints", score: "share" },
      tieBreak: { judge: "mathematics" },
      step: 0.5,
    });
    expect([composite.name, composite.version]).toEqual(["constraints>mathematics", "1;share>1>0.5"]);
  });

  it("says what is missing", async () => {
    await expect(createJudge(parseJudge("model:large/rating"))).rejects.toMatchObject({
      code: "UNKNOWN_CANDIDATE",
    });
    await expect(createJudge(parseJudge("reward:no/such/model"))).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
    });
  });
});
