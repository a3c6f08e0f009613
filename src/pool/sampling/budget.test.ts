import { describe, expect, test } from "vitest";
import { RandomStream } from "../../tensor/random.ts";
import { Budget, type Reservation } from "./budget.ts";

const cost = (usd: number, tokens = 0) => ({ usd, tokens });

test("waits for calls under way before it says no", async () => {
  const budget = new Budget({ usd: 1 });
  const first = await budget.reserve(cost(0.8));
  let second: Reservation | undefined | "waiting" = "waiting";
  const reserving = budget.reserve(cost(0.5)).then((got) => {
    second = got;
  });
  await Promise.resolve();
  expect(second).toBe("waiting");
  first!.settle(cost(0.1));
  await reserving;
  expect(second).toBeDefined();
});

test("says no when even nothing under way leaves room", async () => {
  const budget = new Budget({ usd: 1 }, cost(0.9));
  expect(await budget.reserve(cost(0.2))).toBeUndefined();
  expect(await budget.reserve(cost(0.1))).toBeDefined();
});

test("counts tokens beside dollars", async () => {
  const budget = new Budget({ usd: 100, tokens: 10 });
  expect(await budget.reserve(cost(1, 11))).toBeUndefined();
  expect(await budget.reserve(cost(1, 10))).toBeDefined();
});

test("without limits everything fits", async () => {
  const budget = new Budget({});
  (await budget.reserve(cost(1e9, 1e12)))!.settle(cost(1e9, 1e12));
  expect(await budget.reserve(cost(1e9, 1e12))).toBeDefined();
  expect(budget.spent).toEqual(cost(1e9, 1e12));
});

describe("many calls at once", () => {
  test.each([1, 2, 3, 4, 5])(
    "never pass the limit, and leave less than one call of it (seed %i)",
    async (seed) => {
      const random = new RandomStream({ seed, stream: 0 });
      const budget = new Budget({ usd: 5 });
      const worker = async (): Promise<void> => {
        for (;;) {
          const most = 0.02;
          const reservation = await budget.reserve(cost(most));
          if (reservation === undefined) return;
          await new Promise((resolve) => setTimeout(resolve, random.nextUniform() * 2));
          reservation.settle(cost(most * random.nextUniform()));
          expect(budget.spent.usd).toBeLessThanOrEqual(5);
        }
      };
      await Promise.all(Array.from({ length: 16 }, worker));
      expect(budget.spent.usd).toBeGreaterThan(5 - 0.02);
    },
  );
});
