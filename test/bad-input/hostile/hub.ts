/** The model hub: what a server may answer, and what may lie in the cache that Python and others write too. */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type HubReference,
  type HubSettings,
  listCachedModels,
  parseModelReference,
  pullModel,
  removeDamaged,
  verifyCachedModel,
} from "../../../src/hub/index.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { shown } from "../../../src/support/show.ts";
import { COMMIT, type Fault, type HubServer, REPOSITORY, startHub } from "../../hub/hub-server.ts";
import { nested } from "./bytes.ts";
import type { HostileCase } from "./case.ts";
import { NO_FILES, standIn } from "./places.ts";

const REFERENCE = parseModelReference(`hf:${REPOSITORY}`) as HubReference;
const REPOSITORY_FOLDER = "models--band--tiny";
const FILES = {
  "config.json": { content: Buffer.from('{"model_type":"llama"}\n') },
  "model.safetensors": { content: Buffer.alloc(2_000), isLarge: true },
};
const ANSWER: readonly ErrorCode[] = ["HUB_ANSWER_INVALID"];

/** Pulls from a server of its own after `harm` was done to it or to the cache. */
const pulling = (
  name: string,
  harm: (hub: HubServer, settings: HubSettings) => void | Promise<void>,
  codes: readonly ErrorCode[],
  ...mentions: string[]
): HostileCase => ({
  name,
  run: async ({ folder }) => {
    const hub = await startHub(FILES);
    const settings: HubSettings = {
      endpoint: hub.endpoint,
      token: undefined,
      cacheFolder: join(folder, "cache"),
      isOffline: false,
      retries: 0,
      firstRetrySeconds: 0.01,
      stallSeconds: 1,
    };
    try {
      await harm(hub, settings);
      await pullModel(REFERENCE, { settings });
      const outside = readdirSync(folder).filter((entry) => entry !== "cache");
      if (outside.length > 0) throw new Error(`wrote ${outside.join(", ")} beside the cache`);
    } finally {
      await hub.close();
    }
  },
  codes,
  mentions,
});

const file = (changes: object): object => ({
  rfilename: "model.safetensors",
  size: 1,
  blobId: "0".repeat(40),
  ...changes,
});

const answer = (name: string, value: unknown, ...mentions: string[]): HostileCase =>
  pulling(
    `answer: ${name}`,
    (hub) => {
      hub.describe = () => value;
    },
    ANSWER,
    ...mentions,
  );

const NAMES = [
  "../outside",
  "../../outside.safetensors",
  "/etc/passwd",
  "a/../../b",
  "a\\..\\..\\b",
  "C:\\evil",
  "C:evil",
  "\\\\server\\share",
  "a\0b",
  "a\nb",
  "",
  ".",
  "..",
  "a//b",
  "./a",
  "a/.",
  "a/",
  "a.",
  "a ",
  "nul",
  "NUL.safetensors",
  "a/con.json",
  "com1.txt",
  "a*b",
  "a|b",
  `${"a/".repeat(1_000)}b`,
  5,
  null,
  ["a"],
  { a: 1 },
];

const ANSWERS: readonly HostileCase[] = [
  ...NAMES.map((rfilename) =>
    answer(`a file named ${shown(rfilename, 50)}`, { sha: COMMIT, siblings: [file({ rfilename })] }),
  ),
  ...[null, [], "text", 5, {}].map((value) => answer(JSON.stringify(value), value, "sha")),
  ...[undefined, null, 5, "main", "../../x", "0".repeat(39), "g".repeat(40), COMMIT.toUpperCase()].map(
    (sha) => answer(`commit ${shown(sha)}`, { sha, siblings: [] }, "sha"),
  ),
  ...[null, {}, "a", 5].map((siblings) =>
    answer(`files ${JSON.stringify(siblings)}`, { sha: COMMIT, siblings }, "siblings"),
  ),
  ...[null, 5, "a", []].map((sibling) =>
    answer(`file ${JSON.stringify(sibling)}`, { sha: COMMIT, siblings: [sibling] }),
  ),
  ...[undefined, null, -1, 0.5, 1e300, "5", 2 ** 53].map((size) =>
    answer(`size ${shown(size)}`, { sha: COMMIT, siblings: [file({ size })] }, "size"),
  ),
  ...[undefined, 5, "../../../x", "0".repeat(39), "0".repeat(64), "g".repeat(40)].map((blobId) =>
    answer(`checksum ${shown(blobId)}`, { sha: COMMIT, siblings: [file({ blobId })] }, "checksum"),
  ),
  ...[{ sha256: "../../x" }, { sha256: 5 }, { sha256: "0".repeat(40) }].map((lfs) =>
    answer(`large file ${JSON.stringify(lfs)}`, { sha: COMMIT, siblings: [file({ lfs })] }, "checksum"),
  ),
];

/** Answers with these bytes, over and over if asked to. */
const sends =
  (content: () => string | Buffer, times = 1): Fault =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const chunk = content();
    let sent = 0;
    const more = (): void => {
      while (sent++ < times) {
        if (!response.write(chunk)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
    return true;
  };

const body = (name: string, fault: Fault, codes: readonly ErrorCode[] = ANSWER): HostileCase =>
  pulling(
    `body: ${name}`,
    (hub) => {
      hub.faults.hub = fault;
    },
    codes,
  );

const BODIES: readonly HostileCase[] = [
  body(
    "nothing",
    sends(() => ""),
  ),
  body(
    "a page",
    sends(() => "<html>sign in</html>"),
  ),
  body(
    "not UTF-8",
    sends(() => Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
  ),
  body(
    "100,000 lists in one another",
    sends(() => nested(100_000)),
  ),
  body(
    "two million values",
    sends(() => `[${"1,".repeat(2_000_000)}1]`),
  ),
  body(
    "a gigabyte",
    sends(() => " ".repeat(1_000_000), 1_000),
  ),
  body(
    "a redirect to a file",
    (_, response) => {
      response.writeHead(302, { location: "file:///etc/passwd" }).end();
      return true;
    },
    ["HUB_UNREACHABLE"],
  ),
  body(
    "redirects in a circle",
    (request, response) => {
      response.writeHead(302, { location: request.url }).end();
      return true;
    },
    ["HUB_UNREACHABLE"],
  ),
  body(
    "a length that is never sent",
    (_, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("{");
      setTimeout(() => response.destroy(), 50);
      return true;
    },
    ["HUB_UNREACHABLE", "HUB_ANSWER_INVALID"],
  ),
];

const offline = (name: string, harm: (repository: string) => void): HostileCase => ({
  name: `cache: ${name}`,
  run: async ({ folder }) => {
    const cacheFolder = join(folder, "cache");
    const repository = join(cacheFolder, REPOSITORY_FOLDER);
    mkdirSync(join(repository, "refs"), { recursive: true });
    mkdirSync(join(repository, "snapshots", COMMIT), { recursive: true });
    writeFileSync(join(repository, "refs/main"), COMMIT);
    harm(repository);
    const settings: HubSettings = {
      endpoint: "http://127.0.0.1:9",
      token: undefined,
      cacheFolder,
      isOffline: true,
      retries: 0,
      firstRetrySeconds: 0.01,
      stallSeconds: 1,
    };
    for (const model of listCachedModels({ cacheFolder })) await verifyCachedModel(model);
    await pullModel(REFERENCE, { settings });
  },
  codes: ["HUB_OFFLINE"],
  mentions: [REPOSITORY],
});

const CACHES: readonly HostileCase[] = [
  ...[
    "",
    "main",
    "../../../../etc",
    `${COMMIT}0`,
    COMMIT.toUpperCase(),
    "0".repeat(40),
    "x".repeat(1_000_000),
  ].map((content) =>
    offline(`a reference to ${shown(content, 50)}`, (repository) =>
      writeFileSync(join(repository, "refs/main"), content),
    ),
  ),
  ...Object.keys(NO_FILES).map((kind) =>
    offline(`instead of a reference: ${kind}`, (repository) => standIn(kind, repository, "refs/main")),
  ),
  ...["a pipe without a writer", "an empty file", "a link to itself"].map((kind) =>
    offline(`instead of the snapshots: ${kind}`, (repository) => standIn(kind, repository, "snapshots")),
  ),
  ...["a pipe without a writer", "an empty file"].map(
    (kind): HostileCase => ({
      name: `instead of the cache: ${kind}`,
      run: ({ folder }) => {
        const cacheFolder = NO_FILES[kind]!(join(folder, "cache"));
        if (listCachedModels({ cacheFolder }).length > 0) throw new Error("found models in it");
      },
      codes: [],
      mentions: [],
    }),
  ),
  {
    name: "damage outside of the cache is left alone",
    run: async ({ folder }) => {
      const blobs = join(folder, "elsewhere/blobs");
      const outside = join(blobs, "0".repeat(40));
      mkdirSync(blobs, { recursive: true });
      writeFileSync(outside, "of somebody else");
      const snapshot = join(folder, "cache", REPOSITORY_FOLDER, "snapshots", COMMIT);
      mkdirSync(snapshot, { recursive: true });
      symlinkSync(outside, join(snapshot, "config.json"));
      for (const model of listCachedModels({ cacheFolder: join(folder, "cache") })) {
        await verifyCachedModel(model);
        removeDamaged(model, [{ name: "config.json", problem: "said to be damaged" }]);
      }
      if (!existsSync(outside)) throw new Error("removed a file outside of the cache");
    },
    codes: [],
    mentions: [],
  },
];

const lock = (kind: string, content?: string): HostileCase =>
  pulling(
    `lock: ${content === undefined ? kind : shown(content, 40)}`,
    (_, { cacheFolder }) => {
      const path = join(cacheFolder, ".locks", REPOSITORY_FOLDER, "tutti.lock");
      mkdirSync(dirname(path), { recursive: true });
      rmSync(path, { force: true });
      if (content === undefined) NO_FILES[kind]!(path);
      else writeFileSync(path, content);
    },
    content === undefined ? ["FILE_CORRUPT"] : [],
    ...(content === undefined ? ["tutti.lock"] : []),
  );

const LOCKS: readonly HostileCase[] = [
  ...["a folder", "a pipe without a writer", "an endless device", "a terabyte of holes"].map((kind) =>
    lock(kind),
  ),
  ...["not a number", "-1", "0", "1e999", "999999999"].map((content) => lock("", content)),
];

export const CASES: readonly HostileCase[] = [...ANSWERS, ...BODIES, ...CACHES, ...LOCKS];
