import { expect, test } from "vitest";
import { isLasting, outcomeKey, RecentOutcomes } from "./outcome-cache.ts";
import { DEFAULT_PROGRAM_LIMITS, type Program, type ProgramOutcome } from "./program.ts";

const program: Program = { language: "python", code: "x = 1", tests: ["assert x"] };
const passed: ProgramOutcome = { verdict: "passed", passed: 1, total: 1, output: "", seconds: 0.1 };

test("the key depends on everything that the outcome does", () => {
  const key = outcomeKey(program, DEFAULT_PROGRAM_LIMITS, "1");
  expect(outcomeKey({ ...program }, { ...DEFAULT_PROGRAM_LIMITS }, "1")).toBe(key);
  const others = [
    outcomeKey({ ...program, code: "x = 2" }, DEFAULT_PROGRAM_LIMITS, "1"),
    outcomeKey({ ...program, language: "javascript" }, DEFAULT_PROGRAM_LIMITS, "1"),
    outcomeKey({ ...program, tests: ["assert x", ""] }, DEFAULT_PROGRAM_LIMITS, "1"),
    outcomeKey({ ...program, entryPoint: "x" }, DEFAULT_PROGRAM_LIMITS, "1"),
    outcomeKey({ ...program, setup: "x" }, DEFAULT_PROGRAM_LIMITS, "1"),
    outcomeKey(program, { ...DEFAULT_PROGRAM_LIMITS, timeSeconds: 1 }, "1"),
    outcomeKey(program, DEFAULT_PROGRAM_LIMITS, "2"),
  ];
  expect(new Set([key, ...others]).size).toBe(others.length + 1);
});

test("the outcome that was not asked for longest goes first", async () => {
  const cache = new RecentOutcomes(2);
  await cache.set("a", passed);
  await cache.set("b", passed);
  await cache.get("a");
  await cache.set("c", passed);
  expect(await cache.get("a")).toBe(passed);
  expect(await cache.get("b")).toBeUndefined();
  expect(await cache.get("c")).toBe(passed);
});

test("what depends on the machine is not kept", () => {
  expect(isLasting(passed)).toBe(true);
  expect(isLasting({ ...passed, verdict: "timeout" })).toBe(false);
  const died = { type: "ProcessDied", message: "" };
  expect(isLasting({ ...passed, verdict: "error", failure: died })).toBe(false);
});
