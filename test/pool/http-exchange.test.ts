/** Exchanges over HTTP against real servers: packed answers, connections that end, bodies that are too long. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { brotliCompressSync, createGzip, gzipSync } from "node:zlib";
import { expect, it, onTestFinished } from "vitest";
import { exchange, type HttpRequest, readText } from "../../src/pool/http-exchange.ts";

async function serve(listener: RequestListener): Promise<{ server: Server; origin: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const asking = (url: string, fields: Partial<HttpRequest> = {}): HttpRequest => ({
  ...{ method: "POST", url, headers: { "content-type": "application/json" }, body: "{}" },
  signal: new AbortController().signal,
  ...fields,
});

it.each([
  ["gzip", gzipSync],
  ["br", brotliCompressSync],
])("%s is unpacked, and asked for", async (encoding, pack) => {
  const { origin } = await serve(({ headers }, response) => {
    expect(headers["accept-encoding"]).toContain(encoding);
    response.writeHead(200, { "content-encoding": encoding }).end(pack("größer"));
  });
  const { status, body } = await exchange(asking(origin));
  expect([status, await readText(body, 100)]).toEqual([200, { text: "größer", isComplete: true }]);
});

it("parts of a packed stream come as they are sent", async () => {
  const { origin } = await serve((_request, response) => {
    const packed = createGzip();
    packed.pipe(response.writeHead(200, { "content-encoding": "gzip" }));
    packed.write("first");
    packed.flush();
  });
  const { body } = await exchange(asking(origin));
  for await (const part of body) {
    expect(String(part)).toBe("first");
    return;
  }
});

it("damaged packing is an error, and so is an answer that ends too early", async () => {
  const { origin } = await serve((request, response) => {
    if (request.url === "/damaged")
      response.writeHead(200, { "content-encoding": "gzip" }).end("no gzip at all");
    else {
      response.writeHead(200, { "content-length": "100" }).write("cut");
      setTimeout(() => response.destroy(), 20);
    }
  });
  const read = async (path: string) => readText((await exchange(asking(origin + path))).body, 1000);
  await expect(read("/damaged")).rejects.toThrow("incorrect header check");
  await expect(read("/cut")).rejects.toThrow();
});

it("reading stops at the limit", async () => {
  const { origin } = await serve((_request, response) => {
    response.writeHead(200);
    const more = (): void => {
      if (!response.destroyed && response.write("x".repeat(1000))) setImmediate(more);
      else response.once("drain", more);
    };
    more();
  });
  const { body } = await exchange(asking(origin));
  const { text, isComplete } = await readText(body, 10_000);
  expect(isComplete).toBe(false);
  expect(text.length).toBeLessThanOrEqual(10_000);
  expect(body.destroyed).toBe(true);
});

it("a kept connection that the server closed meanwhile is replaced", async () => {
  let connections = 0;
  const { server, origin } = await serve((request, response) => {
    request.resume().on("end", () => response.end("here"));
  });
  server.on("connection", (socket) => {
    connections++;
    // The first one is dropped at the first byte of its second request.
    if (connections > 1) return;
    let requests = 0;
    socket.prependListener("data", () => {
      if (++requests > 1) socket.resetAndDestroy();
    });
  });
  const ask = async () => (await readText((await exchange(asking(origin, { body: "" }))).body, 100)).text;
  expect(await ask()).toBe("here");
  await wait(10);
  expect(await ask()).toBe("here");
  expect(connections).toBe(2);
});

it("an abort ends the exchange, before the answer and in its middle", async () => {
  const { origin } = await serve((request, response) => {
    if (request.url === "/begun") response.writeHead(200).write("begun");
  });
  for (const path of ["/silent", "/begun"]) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 30);
    const read = exchange(asking(origin + path, { signal: controller.signal })).then(({ body }) =>
      readText(body, 100),
    );
    await expect(read).rejects.toThrow();
  }
});
