import { describe, expect, it } from "vitest";
import { readEventStream, type ServerSentEvent } from "./event-stream.ts";

async function read(text: string | Uint8Array, cuts: readonly number[] = []): Promise<ServerSentEvent[]> {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  async function* chunks() {
    let start = 0;
    for (const cut of [...cuts, bytes.length]) {
      yield bytes.subarray(start, cut);
      start = cut;
    }
  }
  const events: ServerSentEvent[] = [];
  for await (const event of readEventStream(chunks())) events.push(event);
  return events;
}

const message = (data: string) => ({ event: "message", data });

describe("readEventStream", () => {
  it.each([
    ["nothing", "", []],
    ["one event", "data: a\n\n", [message("a")]],
    ["lines of one event", "data: a\ndata:  b\ndata\ndata:c\n\n", [message("a\n b\n\nc")]],
    ["a named event", "event: error\ndata: a\n\ndata: b\n\n", [{ event: "error", data: "a" }, message("b")]],
    ["comments and other fields", ": ping\nid: 1\nretry: 5\nfoo: x\ndata: a\n\n", [message("a")]],
    ["events without data", "event: ping\n\n\n\ndata: a\n\n", [message("a")]],
    ["CR LF and CR", "data: a\r\n\r\ndata: b\r\rdata: c\n\n", [message("a"), message("b"), message("c")]],
    ["a byte order mark", "\ufeffdata: a\n\n", [message("a")]],
    ["an event that the end cuts off", "data: a\n\ndata: b", [message("a"), message("b")]],
    ["a name that belongs to an empty event", "event: x\n\ndata: a\n\n", [message("a")]],
  ])("reads %s", async (_name, text, expected) => {
    expect(await read(text)).toEqual(expected);
  });

  it("gives the same events wherever the bytes are cut", async () => {
    const bytes = Buffer.from(
      "\ufeff: x\r\ndata: na\u00efve \u{1f469}\r\ndata: \u6f22\r\n\r\nevent: e\rdata: b\r\rdata: c\n\n",
    );
    const whole = await read(bytes);
    expect(whole).toEqual([message("na\u00efve \u{1f469}\n\u6f22"), { event: "e", data: "b" }, message("c")]);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second += 3) {
        expect(await read(bytes, [first, second])).toEqual(whole);
      }
    }
  });

  it("refuses an event that never ends", async () => {
    async function* endless() {
      const chunk = Buffer.from("data: ".padEnd(1 << 20, "x"));
      for (;;) yield chunk;
    }
    const consume = async () => {
      for await (const _event of readEventStream(endless()));
    };
    await expect(consume()).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
  });

  it("takes time in proportion to the length of a line that comes in many pieces", async () => {
    const bytes = Buffer.from(`data: ${"x".repeat(2_000_000)}\n\n`);
    const cuts = Array.from({ length: 20_000 }, (_, index) => (index + 1) * 100);
    const startedMs = performance.now();
    const [event] = await read(bytes, cuts);
    expect(event!.data.length).toBe(2_000_000);
    // Joining after every piece would copy 20 GB.
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
