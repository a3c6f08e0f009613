import { describe, expect, test } from "vitest";
import { canonicalJson, judgementKey, promptKey, responseKey, selectionKey } from "./keys.ts";

const PROMPT = promptKey({ messages: [{ role: "user", content: "2 + 2?" }], reference: { answer: "4" } });
const RESPONSE = {
  promptKey: PROMPT,
  model: "smol",
  modelRevision: "abc",
  template: "chatml",
  parameters: { temperature: 0.8, top_p: 0.95 },
  seedIndex: 0,
};

test("canonical JSON does not depend on the order of members and leaves undefined ones out", () => {
  expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: true })).toBe(
    '{"a":true,"b":[1,{"c":"x","d":null}]}',
  );
  const given = { b: 1, a: undefined } as unknown as { b: number };
  expect(canonicalJson(given)).toBe('{"b":1}');
});

describe("keys", () => {
  test("are stable across releases", () => {
    expect(PROMPT).toBe("6b4f59bf82dfe50b8739df6500e6dc5f");
    expect(responseKey(RESPONSE)).toBe("9b4bfc1469d5812b88c721eb2d28f609");
  });

  test("say the same of the same work, whatever the order of the parameters", () => {
    const turned = { ...RESPONSE, parameters: { top_p: 0.95, temperature: 0.8 } };
    expect(responseKey(turned)).toBe(responseKey(RESPONSE));
  });

  test("differ with everything that identifies a row", () => {
    const changed = [
      { promptKey: "other" },
      { model: "other" },
      { modelRevision: "other" },
      { template: "other" },
      { parameters: { temperature: 0.7, top_p: 0.95 } },
      { seedIndex: 1 },
    ].map((change) => responseKey({ ...RESPONSE, ...change }));
    expect(new Set([...changed, responseKey(RESPONSE)]).size).toBe(changed.length + 1);
    const one = { responseKey: "a", judge: "j", judgeVersion: "1" };
    const judged = [one, { ...one, rivalKey: "b" }, { ...one, judgeVersion: "2" }].map(judgementKey);
    expect(new Set(judged).size).toBe(3);
    const selection = { selector: "best", options: {}, promptKey: PROMPT, responseKey: "a" };
    expect(selectionKey(selection)).not.toBe(selectionKey({ ...selection, rejectedKey: "b" }));
  });

  test("tell the same words with another reference apart", () => {
    const messages = [{ role: "user", content: "2 + 2?" }] as const;
    expect(promptKey({ messages })).not.toBe(PROMPT);
  });
});
