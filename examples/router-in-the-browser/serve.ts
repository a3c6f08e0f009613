/**
 * Serves this folder, an exported router and the two packages that it needs.
 *
 *     npx tsx examples/router-in-the-browser/serve.ts EXPORT [PORT]
 *
 * Any web server that serves static files does as well: the page asks for `export/` and `packages/` beside itself.
 */
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const HERE = import.meta.dirname;
const PACKAGES = join(HERE, "../../node_modules");
const SERVED_PACKAGES = ["@huggingface/tokenizers", "onnxruntime-web"];

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** The file behind a path; undefined outside of what is served. */
function fileOf(exported: string, pathname: string): string | undefined {
  const path = normalize(decodeURIComponent(pathname)).slice(1);
  if (path.includes("..") || path.includes("\0")) return undefined;
  if (path.startsWith("export/")) return join(exported, path.slice("export/".length));
  if (path.startsWith("packages/")) {
    const name = path.slice("packages/".length);
    return SERVED_PACKAGES.some((served) => name.startsWith(`${served}/`)) ? join(PACKAGES, name) : undefined;
  }
  return join(HERE, path === "" ? "index.html" : path);
}

export interface ExampleServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @param port 0 takes a free one */
export async function serveExample(exported: string, port: number): Promise<ExampleServer> {
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const file = fileOf(exported, pathname);
    if (file === undefined || !statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end(`not found: ${pathname}\n`);
      return;
    }
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "cache-control": "no-cache",
      // Threads of WebAssembly need memory that is shared, which browsers allow to isolated pages only.
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] === import.meta.filename) {
  const [exported, port = "8080"] = process.argv.slice(2);
  if (exported === undefined) {
    console.error("usage: serve.ts EXPORT [PORT]");
    process.exit(2);
  }
  const { url } = await serveExample(exported, Number(port));
  console.log(`${url}: the page with the router in ${exported}; Ctrl-C stops`);
}
