/** Leave to call, shared by processes of one store, in both databases. */
import { expect, it } from "vitest";
import { fitting } from "../../src/judged/store/shared-limits.ts";
import { describeStores } from "../support/stores.ts";

describeStores((place) => {
  it("no more calls get leave than a minute allows, whoever asks", async () => {
    const processes = [await place.open(), await place.open(), await place.open()];
    const limits = { callsPerMinute: 10 };
    const asked = Array.from({ length: 12 }, (_, turn) =>
      processes[turn % processes.length]!.limits.take("account", [1, 1, 1], limits),
    );
    const taken = await Promise.all(asked);
    expect(taken.reduce((sum, { calls }) => sum + calls, 0)).toBe(10);
    for (const { waitMs } of taken.filter(({ calls }) => calls === 0)) {
      expect(waitMs).toBeGreaterThan(50_000);
      expect(waitMs).toBeLessThan(61_000);
    }
    expect((await processes[0]!.limits.take("another", [1], limits)).calls).toBe(1);
  });

  it("tokens count as expected until they are corrected", async () => {
    const { limits } = await place.open();
    const most = { tokensPerMinute: 1000 };
    const first = await limits.take("a", [600, 600], most);
    expect(first.calls).toBe(1);
    expect((await limits.take("a", [600], most)).calls).toBe(0);
    await limits.correct(first.grant, -400.5);
    expect((await limits.take("a", [600], most)).calls).toBe(1);
  });

  it("calls leave the count with the minute", async () => {
    const { limits } = await place.open();
    expect((await limits.take("a", [1], { callsPerMinute: 1 })).calls).toBe(1);
    expect((await limits.take("a", [1], { callsPerMinute: 1 })).calls).toBe(0);
    await place.sql("UPDATE call_leaves SET at_ms = at_ms - 40000");
    expect((await limits.take("a", [1], { callsPerMinute: 1 })).calls).toBe(0);
    await place.sql("UPDATE call_leaves SET at_ms = at_ms - 21000");
    expect((await limits.take("a", [1], { callsPerMinute: 1 })).calls).toBe(1);
  });
});

it("a call beyond the whole limit goes alone", () => {
  const limits = { tokensPerMinute: 100 };
  expect(fitting([], [500, 1], limits)).toEqual({ calls: 1, waitMs: 0 });
  expect(fitting([{ leftMs: 7, calls: 1, tokens: 5 }], [500], limits)).toEqual({ calls: 0, waitMs: 7 });
});

it("waits for as many as have to leave the minute, and no longer", () => {
  const counted = [10, 20, 30].map((leftMs) => ({ leftMs, calls: 1, tokens: 30 }));
  expect(fitting(counted, [10], { tokensPerMinute: 100 })).toEqual({ calls: 1, waitMs: 0 });
  expect(fitting(counted, [60], { tokensPerMinute: 100 })).toEqual({ calls: 0, waitMs: 20 });
  expect(fitting(counted, [1], { callsPerMinute: 3 })).toEqual({ calls: 0, waitMs: 10 });
});
