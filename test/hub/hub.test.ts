/** The hub client against a server that speaks the hub's protocol, with faults. */
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type HubReference,
  type HubSettings,
  hubSettings,
  listCachedModels,
  type PullOptions,
  parseModelReference,
  pullModel,
  removeDamaged,
  resolveModel,
  verifyCachedModel,
} from "../../src/hub/index.ts";
import { TuttiError } from "../../src/support/errors.ts";
import {
  COMMIT,
  type Fault,
  type HubServer,
  REPOSITORY,
  sendFile,
  sendPart,
  sha256,
  startHub,
} from "./hub-server.ts";

const bytes = (length: number, seed: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 17 + (index >> 8)) & 255));
const WEIGHTS = bytes(300_000, 1);
const FILES = {
  "config.json": { content: Buffer.from('{"model_type":"llama"}\n') },
  "tokenizer.json": { content: bytes(2_000, 2) },
  "1_Pooling/config.json": { content: Buffer.from("{}") },
  "model.safetensors": { content: WEIGHTS, isLarge: true },
  "pytorch_model.bin": { content: bytes(500, 3), isLarge: true },
  "README.md": { content: Buffer.from("# Tiny\n") },
};
const NEEDED = ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"];
const REFERENCE = parseModelReference(`hf:${REPOSITORY}`) as HubReference;
const TOKEN = "hf_very_secret_token";

let hub: HubServer;
let settings: HubSettings;
beforeEach(async () => {
  hub = await startHub(FILES);
  settings = {
    endpoint: hub.endpoint,
    token: TOKEN,
    cacheFolder: mkdtempSync(join(tmpdir(), "tutti-hub-")),
    isOffline: false,
    retries: 3,
    firstRetrySeconds: 0.01,
    stallSeconds: 1,
  };
});
afterEach(async () => {
  await hub.close();
  rmSync(settings.cacheFolder, { recursive: true });
});

const pull = (options: Omit<PullOptions, "settings"> = {}, reference = REFERENCE) =>
  pullModel(reference, { settings, ...options });

async function errorOf(action: Promise<unknown>): Promise<TuttiError> {
  const error = await action.then(
    () => expect.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  if (!TuttiError.is(error)) throw error;
  expect(JSON.stringify([error.message, error.hint, error.details, error.stack])).not.toContain(TOKEN);
  return error;
}

const storageRequests = () => hub.seen.filter(({ host }) => host === "storage");

describe("pulling", () => {
  test("what a model needs, checked and named as Python's cache does", async () => {
    const { path, files, commit, downloadedBytes } = await pull();
    expect(commit).toBe(COMMIT);
    expect([...files].sort()).toEqual(NEEDED);
    for (const name of NEEDED) {
      expect(FILES[name as keyof typeof FILES].content.equals(readFileSync(join(path, name))), name).toBe(
        true,
      );
    }
    expect(downloadedBytes).toBe(
      NEEDED.reduce((sum, name) => sum + FILES[name as keyof typeof FILES].content.length, 0),
    );
    const folder = join(settings.cacheFolder, "models--band--tiny");
    expect(path).toBe(join(folder, "snapshots", COMMIT));
    expect(readFileSync(join(folder, "refs/main"), "utf8")).toBe(COMMIT);
    expect(lstatSync(join(path, "model.safetensors")).isSymbolicLink()).toBe(true);
    expect(readdirSync(join(folder, "blobs"))).toContain(sha256(WEIGHTS));
  });

  test("again fetches nothing", async () => {
    await pull();
    hub.seen.length = 0;
    expect((await pull()).downloadedBytes).toBe(0);
    expect(hub.seen.map(({ path }) => path)).toEqual([`/api/models/${REPOSITORY}/revision/main?blobs=true`]);
  });

  test("sends the token to the hub and to no other host", async () => {
    await pull();
    expect(
      hub.seen
        .filter(({ host }) => host === "hub")
        .every(({ authorization }) => authorization === `Bearer ${TOKEN}`),
    ).toBe(true);
    expect(storageRequests().length).toBe(1);
    expect(storageRequests()[0]!.authorization).toBeUndefined();
  });

  test("reports bytes that only grow, up to the total", async () => {
    const reports: number[] = [];
    let total = 0;
    await pull({
      onProgress: ({ bytesDone, bytesTotal }) => {
        reports.push(bytesDone);
        total = bytesTotal;
      },
    });
    expect(reports).toEqual([...reports].sort((a, b) => a - b));
    expect(reports.at(-1)).toBe(total);
  });

  test("two at once: one fetches, the other waits", async () => {
    const waits: string[] = [];
    const [first, second] = await Promise.all([
      pull({ onWait: () => waits.push("first") }),
      pull({ onWait: () => waits.push("second") }),
    ]);
    expect(waits.length).toBe(1);
    expect(first.path).toBe(second.path);
    expect(storageRequests().length).toBe(1);
  });

  test("a lock of a process that is gone is taken over", async () => {
    await pull();
    const lock = join(settings.cacheFolder, ".locks/models--band--tiny/tutti.lock");
    writeFileSync(lock, "999999999");
    await pull();
    expect(existsSync(lock)).toBe(false);
  });

  test("one file of many; several GGUF files must be chosen from", async () => {
    await hub.close();
    hub = await startHub({
      "a/tiny.Q4_0.gguf": { content: bytes(50, 5), isLarge: true },
      "tiny.Q8_0.gguf": { content: bytes(90, 6), isLarge: true },
    });
    settings = { ...settings, endpoint: hub.endpoint };
    const error = await errorOf(pull());
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.hint).toContain("hf:band/tiny/a/tiny.Q4_0.gguf");
    const path = await resolveModel(`hf:${REPOSITORY}/a/tiny.Q4_0.gguf`, { settings });
    expect(readFileSync(path)).toEqual(bytes(50, 5));
    const missing = await errorOf(resolveModel(`hf:${REPOSITORY}/a/tiny.Q4_1.gguf`, { settings }));
    expect(missing.code).toBe("HUB_NOT_FOUND");
    expect(missing.hint).toContain("a/tiny.Q4_0.gguf");
  });
});

describe("faults that pass", () => {
  const once = (fault: Fault): Fault => {
    let isDone = false;
    return (request, response) => {
      if (isDone) return false;
      isDone = true;
      return fault(request, response);
    };
  };
  const ends = async (): Promise<void> => {
    const { path } = await pull();
    expect(WEIGHTS.equals(readFileSync(join(path, "model.safetensors")))).toBe(true);
  };

  test("a dropped connection is taken up where it broke", async () => {
    let drops = 0;
    hub.faults.storage = (request, response) => {
      if (drops++ >= 4) return false;
      sendPart(request, response, WEIGHTS, 50_000);
      return true;
    };
    await ends();
    const starts = storageRequests().map(({ range }) => Number(/\d+/.exec(range ?? "0")![0]));
    expect(starts).toEqual([0, 50_000, 100_000, 150_000, 200_000]);
  });

  test("a server that ignores ranges", async () => {
    let drops = 0;
    hub.faults.storage = (request, response) => {
      delete request.headers.range;
      if (drops++ === 0) sendPart(request, response, WEIGHTS, 50_000);
      else sendFile(request, response, WEIGHTS);
      return true;
    };
    await ends();
  });

  test("429 with Retry-After is waited for", async () => {
    hub.faults.hub = once((_, response) => {
      response.writeHead(429, { "retry-after": "1" }).end();
      return true;
    });
    const startedAt = performance.now();
    await ends();
    expect(performance.now() - startedAt).toBeGreaterThan(950);
  });

  test("503, then a reset connection", async () => {
    hub.faults.hub = once((_, response) => {
      response.writeHead(503).end("busy");
      return true;
    });
    hub.faults.storage = once((request) => {
      request.socket.destroy();
      return true;
    });
    await ends();
  });

  test("a stalled connection is given up and taken up again", async () => {
    hub.faults.storage = once((_, response) => {
      response.writeHead(200, { "content-length": WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 1000));
      return true;
    });
    await ends();
    expect(storageRequests().at(-1)!.range).toBe("bytes=1000-");
  });

  test("content with the wrong checksum is fetched once more", async () => {
    hub.faults.storage = once((request, response) => {
      sendFile(request, response, Buffer.concat([WEIGHTS.subarray(1), Buffer.of(0)]));
      return true;
    });
    await ends();
    expect(storageRequests().length).toBe(2);
  });

  test("what an earlier process left half done is gone on with, whatever it is", async () => {
    const blob = join(settings.cacheFolder, "models--band--tiny/blobs", sha256(WEIGHTS));
    await pull();
    rmSync(blob);
    writeFileSync(`${blob}.incomplete`, WEIGHTS.subarray(0, 70_000));
    hub.seen.length = 0;
    await ends();
    expect(storageRequests().map(({ range }) => range)).toEqual(["bytes=70000-"]);
    rmSync(blob);
    writeFileSync(`${blob}.incomplete`, bytes(80_000, 9));
    await ends();
    rmSync(blob);
    writeFileSync(`${blob}.incomplete`, Buffer.alloc(WEIGHTS.length + 1));
    await ends();
  });

  test("Ctrl-C keeps what is there", async () => {
    const controller = new AbortController();
    hub.faults.storage = once((_, response) => {
      response.writeHead(200, { "content-length": WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 1000), () => setTimeout(() => controller.abort(), 20));
      return true;
    });
    expect((await errorOf(pull({ signal: controller.signal }))).code).toBe("INTERRUPTED");
    await ends();
    expect(storageRequests().at(-1)!.range).toBe("bytes=1000-");
  });
});

describe("faults that do not pass", () => {
  const always =
    (status: number): Fault =>
    (_, response) => {
      response.writeHead(status).end();
      return true;
    };

  test.each([
    [401, "HUB_REFUSED", /HF_TOKEN/],
    [403, "HUB_REFUSED", /terms/],
    [404, "HUB_NOT_FOUND", /organisation/],
    [400, "HUB_FAILED", /HF_ENDPOINT/],
    [500, "HUB_FAILED", /later/],
  ] as const)("status %i", async (status, code, hint) => {
    hub.faults.hub = always(status);
    const error = await errorOf(pull());
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(hint);
    expect(hub.seen.length).toBe(status === 500 ? settings.retries + 1 : 1);
  });

  test("always the wrong content", async () => {
    hub.faults.storage = (request, response) => {
      sendFile(request, response, bytes(WEIGHTS.length, 8));
      return true;
    };
    const error = await errorOf(pull());
    expect(error.code).toBe("HUB_CHECKSUM_MISMATCH");
    expect(error.details.expected).toBe(sha256(WEIGHTS));
    const blobs = readdirSync(join(settings.cacheFolder, "models--band--tiny/blobs"));
    expect(blobs.filter((name) => name.startsWith(sha256(WEIGHTS)))).toEqual([]);
  });

  test("a connection that always breaks at once", async () => {
    hub.faults.storage = (request, response) => {
      sendPart(request, response, WEIGHTS, 0);
      return true;
    };
    const error = await errorOf(pull());
    expect(error.code).toBe("HUB_UNREACHABLE");
    expect(error.hint).toContain("kept");
  });

  test("nobody listens", async () => {
    settings = { ...settings, endpoint: "http://127.0.0.1:9", retries: 1 };
    const error = await errorOf(pull());
    expect(error.code).toBe("HUB_UNREACHABLE");
    expect(error.message).toContain("127.0.0.1:9");
  });

  test.each(["../outside", "/etc/passwd", "a/../../b", "a\\b", "a\u0000b", "C:evil", "", "a//b", "./a"])(
    "a file named %j",
    async (rfilename) => {
      hub.describe = () => ({ sha: COMMIT, siblings: [{ rfilename, size: 1, blobId: "0".repeat(40) }] });
      expect((await errorOf(pull())).code).toBe("HUB_ANSWER_INVALID");
      expect(readdirSync(settings.cacheFolder)).toEqual([]);
    },
  );

  test.each([
    ["no JSON", undefined],
    ["no commit", { siblings: [] }],
    ["a commit that is a path", { sha: "../../x", siblings: [] }],
    ["no files", { sha: COMMIT }],
    ["no checksum", { sha: COMMIT, siblings: [{ rfilename: "config.json", size: 1 }] }],
    [
      "a checksum that is a path",
      { sha: COMMIT, siblings: [{ rfilename: "a", size: 1, blobId: "../../../x" }] },
    ],
    ["a negative size", { sha: COMMIT, siblings: [{ rfilename: "a", size: -1, blobId: "0".repeat(40) }] }],
    ["null for a file", { sha: COMMIT, siblings: [null] }],
  ])("%s", async (_, answer) => {
    hub.describe = () => answer;
    expect((await errorOf(pull())).code).toBe("HUB_ANSWER_INVALID");
  });

  test("no weights that can be read", async () => {
    hub.describe = () => ({
      sha: COMMIT,
      siblings: [{ rfilename: "pytorch_model.bin", size: 1, blobId: "0".repeat(40) }],
    });
    expect((await errorOf(pull())).code).toBe("MODEL_CONFIG_UNSUPPORTED");
  });
});

describe("the cache", () => {
  test("serves without the network, on purpose or not", async () => {
    const { path } = await pull();
    hub.seen.length = 0;
    expect((await pullModel(REFERENCE, { settings: { ...settings, isOffline: true } })).path).toBe(path);
    expect(hub.seen).toEqual([]);
    settings = { ...settings, endpoint: "http://127.0.0.1:9", retries: 0 };
    expect((await pull()).path).toBe(path);
    const other = parseModelReference("hf:band/other") as HubReference;
    const error = await errorOf(pullModel(other, { settings: { ...settings, isOffline: true } }));
    expect(error.code).toBe("HUB_OFFLINE");
    expect(error.message).toContain("hf:band/other");
  });

  test("is listed, and damage is found and mended", async () => {
    expect(listCachedModels(settings)).toEqual([]);
    const { path } = await pull();
    const [model, ...others] = listCachedModels(settings);
    expect(others).toEqual([]);
    expect(model).toMatchObject({
      repository: REPOSITORY,
      commit: COMMIT,
      revisions: ["main"],
      folder: path,
    });
    expect(model!.files.map(({ name }) => name)).toEqual(NEEDED);
    expect(await verifyCachedModel(model!)).toEqual([]);
    writeFileSync(join(path, "model.safetensors"), WEIGHTS.subarray(1));
    rmSync(
      join(
        path,
        "../../blobs",
        lstatSync(path).isDirectory()
          ? readdirSync(join(path, "../../blobs")).find((name) => name.length === 40)!
          : "",
      ),
    );
    const damaged = await verifyCachedModel(model!);
    expect(damaged.length).toBe(2);
    removeDamaged(model!, damaged);
    await pull();
    expect(await verifyCachedModel(model!)).toEqual([]);
  });
});

describe("references", () => {
  test.each([
    ["hf:a/b", { repository: "a/b", revision: "main", file: undefined }],
    ["hf:a/b@v1.0", { repository: "a/b", revision: "v1.0", file: undefined }],
    ["hf:a/b@v1/x/y.gguf", { repository: "a/b", revision: "v1", file: "x/y.gguf" }],
    ["hf:HuggingFaceTB/SmolLM2-135M-Instruct", { repository: "HuggingFaceTB/SmolLM2-135M-Instruct" }],
  ])("%s", (text, expected) => {
    expect(parseModelReference(text)).toMatchObject({ kind: "hub", ...expected });
  });

  test.each(["./model", "/models/x.gguf", "hf", "C:\\models"])("%s is a path", (path) => {
    expect(parseModelReference(path)).toEqual({ kind: "path", path });
  });

  test.each([
    "",
    "hf:",
    "hf:a",
    "hf:/b",
    "hf:a/",
    "hf:../b",
    "hf:a/..",
    "hf:a/b@",
    "hf:a/b@x@y",
    "hf:a/b@../x",
    "hf:a/b/../c",
    "hf:a/b//c",
    "hf:a--b/c",
    "hf:a/b?x",
  ])("%j is refused", (text) => {
    expect(() => parseModelReference(text)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

describe("settings", () => {
  test("come from the environment that Hugging Face's libraries read", () => {
    const home = hubSettings({ HOME: "/root" });
    expect(home).toMatchObject({ endpoint: "https://huggingface.co", token: undefined, isOffline: false });
    expect(home.cacheFolder).toMatch(/huggingface[/\\]hub$/);
    const set = { HF_ENDPOINT: "http://mirror/", HF_TOKEN: " t ", HF_HOME: "/h", HF_HUB_OFFLINE: "1" };
    expect(hubSettings(set)).toMatchObject({
      endpoint: "http://mirror",
      token: "t",
      cacheFolder: join("/h", "hub"),
      isOffline: true,
    });
    expect(hubSettings({ ...set, HF_HUB_CACHE: "/c" }).cacheFolder).toBe("/c");
  });

  test.each(["mirror", "ftp://mirror", "https://user:secret@mirror", "https://mirror?x"])(
    "refuse %s",
    (endpoint) => {
      expect(() => hubSettings({ HF_ENDPOINT: endpoint })).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID" }),
      );
    },
  );
});
