/** Scheduling with a decoder whose next token depends on every token that its slot holds, so that a wrong copy shows. */
import { expect, test } from "vitest";
import type { CausalModel } from "../models/index.ts";
import { commonBeginning } from "./common-beginning.ts";
import { BatchScheduler } from "./scheduler.ts";
import type { SlotDecoder } from "./slot-decoder.ts";

const VOCABULARY = 50;

function rememberingDecoder(): SlotDecoder & { tokensRead: number } {
  const slots: number[][] = [];
  const hold = (slot: number, start: number, ids: Iterable<number>): number => {
    expect(slots[slot]?.length ?? 0).toBeGreaterThanOrEqual(start);
    slots[slot] = [...(slots[slot] ?? []).slice(0, start), ...ids];
    return slots[slot].reduce((hash, id) => (hash * 31 + id) % 1_000_003, 7) % VOCABULARY;
  };
  const logitsOf = (tokens: readonly number[]): Float32Array => {
    const logits = new Float32Array(tokens.length * VOCABULARY);
    for (const [row, token] of tokens.entries()) logits[row * VOCABULARY + token] = 1;
    return logits;
  };
  const decoder = {
    model: undefined as unknown as CausalModel,
    contextLength: 4096,
    tokensRead: 0,
    cache: {
      save: (slot: number, tokens: number) => {
        const saved = slots[slot]!.slice(0, tokens);
        return (to: number) => {
          slots[to] = [...saved];
        };
      },
      copy: (from: number, to: number, tokens: number) => {
        slots[to] = slots[from]!.slice(0, tokens);
      },
      clear: () => {
        slots.length = 0;
      },
    },
    readSource: async () => {},
    extend: async (slot: number, start: number, ids: Int32Array, wanted: ArrayLike<number>) => {
      decoder.tokensRead += ids.length;
      const token = hold(slot, start, ids);
      return logitsOf(wanted.length > 0 ? [token] : []);
    },
    step: async (ids: Int32Array, starts: Int32Array) =>
      logitsOf([...ids].map((id, slot) => hold(slot, starts[slot]!, [id]))),
    dispose: async () => {},
  };
  return decoder;
}

interface Wish {
  readonly ids: Int32Array;
  readonly samples: number;
  readonly tokens: number;
}

/** The tokens of every sample. */
function ask(scheduler: BatchScheduler, { ids, samples, tokens }: Wish): Promise<number[][]> {
  const answers: number[][] = Array.from({ length: samples }, () => []);
  return new Promise((resolve, reject) =>
    scheduler.submit({
      prompt: { sources: [], ids },
      samples,
      next: (sample, logits) => {
        if (answers[sample]!.length === tokens + sample) return undefined;
        answers[sample]!.push(logits.indexOf(1));
        return answers[sample]!.at(-1);
      },
      isAborted: () => false,
      end: (error) => (error === undefined ? resolve(answers) : reject(error)),
    }),
  );
}

const SHOTS = Array.from({ length: 700 }, (_, place) => (place * 17) % VOCABULARY);
/** Questions behind the same examples, some behind half of them, one asked twice, some of their own. */
const WISHES: readonly Wish[] = Array.from({ length: 24 }, (_, index) => ({
  ids: Int32Array.from([...SHOTS.slice(0, index % 3 === 0 ? 350 : 700), (index % 7) + 1, 3, index % 5]),
  samples: 1 + (index % 3),
  tokens: 1 + ((index * 5) % 13),
})).concat([{ ids: Int32Array.of(1, 2, 3), samples: 2, tokens: 9 }]);

test.each([1, 2, 5, 16])("%i at once: answers are those of each prompt alone", async (maxBatch) => {
  const decoder = rememberingDecoder();
  const scheduler = new BatchScheduler(decoder, maxBatch);
  const together = await Promise.all(WISHES.map((wish) => ask(scheduler, wish)));
  const read = decoder.tokensRead;
  decoder.tokensRead = 0;
  for (const [index, wish] of WISHES.entries()) {
    await scheduler.idle();
    expect(together[index]).toEqual(await ask(scheduler, wish));
  }
  const all = WISHES.reduce((sum, { ids }) => sum + ids.length, 0);
  expect(decoder.tokensRead).toBe(all);
  // One at a time has nobody to take from; many read little but the questions.
  if (maxBatch === 1) expect(read).toBe(all);
  if (maxBatch === 16) expect(read).toBeLessThan(0.2 * all);
});

test("the longest common beginning in whole parts, but for the last token", () => {
  const of = (...ids: number[]): Int32Array => Int32Array.from(ids);
  const shots = SHOTS.slice(0, 30);
  const held = [of(1, 2), of(...shots.slice(0, 20), 49, 49), of(...shots, 4, 5, 6), of(...shots, 4)];
  expect(commonBeginning(of(...shots, 4, 5, 9), held, 1)).toEqual({ index: 2, tokens: 32 });
  expect(commonBeginning(of(...shots, 4, 5, 6), held, 1)).toEqual({ index: 2, tokens: 32 });
  expect(commonBeginning(of(...shots, 4, 5, 6), held, 8)).toEqual({ index: 2, tokens: 32 });
  expect(commonBeginning(of(...shots, 4, 5, 9), held, 10)).toEqual({ index: 2, tokens: 30 });
  expect(commonBeginning(of(...shots.slice(0, 20)), held, 10)).toEqual({ index: 1, tokens: 10 });
  expect(commonBeginning(of(...shots.slice(0, 16)), held, 16).tokens).toBe(0);
  expect(commonBeginning(of(3), held, 1).tokens).toBe(0);
  expect(commonBeginning(of(...shots), [], 1).tokens).toBe(0);
});
