import { expect, test } from "vitest";
import { createProgress, formatDuration, leaveProgressLine, progressLine } from "./progress.ts";

function fakeStream(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 100, written, write: (text: string) => written.push(text) };
}

test("durations", () => {
  expect([5, 75, 3725].map(formatDuration)).toEqual(["5s", "1m 15s", "1h 02m"]);
});

test("a terminal gets one redrawn line with bar, rate and time left", () => {
  const stream = fakeStream(true);
  let nowMs = 0;
  const progress = createProgress(stream, { label: "train", total: 100, unit: "steps", clock: () => nowMs });
  progress.update(0);
  nowMs = 10_000;
  progress.update(20, "loss 1.5");
  nowMs = 10_050;
  progress.update(21);
  expect(stream.written).toHaveLength(2);
  expect(stream.written[1]).toContain("20/100 steps  2.0 steps/s  40s left  loss 1.5");
  expect(stream.written[1]).toContain("█");
  progress.finish();
  expect(stream.written.join("")).toMatch(/train: 100 steps in 10s\n$/);
});

test("what is said below an unfinished bar starts on a line of its own", () => {
  const stream = fakeStream(true);
  const progress = createProgress(stream, { label: "train", total: 2, unit: "steps" });
  leaveProgressLine(stream);
  expect(stream.written).toEqual([]);
  progress.update(1);
  leaveProgressLine(stream);
  leaveProgressLine(stream);
  expect(stream.written.slice(1)).toEqual(["\n"]);
});

test("elsewhere plain lines, at most one in five seconds, and a resumed job's rate counts only its own work", () => {
  const stream = fakeStream(false);
  let nowMs = 0;
  const progress = createProgress(stream, { label: "train", total: 100, unit: "steps", clock: () => nowMs });
  for (let step = 50; step <= 60; step++) {
    progress.update(step);
    nowMs += 1000;
  }
  expect(stream.written).toHaveLength(3);
  expect(stream.written[1]).toBe("train  55%  55/100 steps  1.0 steps/s  45s left\n");
});

test("a line fits its terminal, whatever it has to say, and drops the least important first", () => {
  const state = {
    ...{ label: "sampling", unit: "answers", done: 4_500, total: 10_000, rate: "12", left: "7m 38s left" },
    notes: ["$0.4213", "errors: 31 rate limited", "64 under way", "1234567 tokens"],
  };
  const said = (width: number | undefined) => progressLine(state, width);
  expect(said(160)).toMatch(
    /^sampling █{11}░{13} {2}45% {2}4500\/10000 answers {2}12 answers\/s {2}.*tokens$/,
  );
  expect(said(100)).toBe(
    "sampling  45%  4500/10000 answers  12/s  7m 38s left  $0.4213  errors: 31 rate limited  64 under way",
  );
  expect(said(90)).toMatch(/rate limited$/);
  expect(said(60)).toMatch(/7m 38s left$/);
  for (let width = 53; width < 200; width++) expect(said(width).length).toBeLessThanOrEqual(width);
  expect(said(undefined)).toMatch(/^sampling {2}45% {2}4500.*12 answers\/s.*1234567 tokens$/);
});
