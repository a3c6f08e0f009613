/** From a fuse file to what its stages work with: store, pool, judges, target. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type FuseConfig, loadFuseConfig } from "../config/index.ts";
import type { FuseContext, FuseEvents } from "../fusion/index.ts";
import { loadPool } from "../gateway/index.ts";
import { openStore } from "../judged/index.ts";
import type { Judge } from "../judges/index.ts";
import { createOrtBackend } from "../runtime/index.ts";
import { TuttiError } from "../support/errors.ts";
import { judgeDigest, openJudge } from "./judge-source.ts";
import { modelPath } from "./model-source.ts";

export const STORE_FILE = "store.db";

export interface OpenedFuse {
  readonly context: FuseContext;
  readonly config: FuseConfig;
  close(): Promise<void>;
}

/** @throws {TuttiError} as `loadFuseConfig`, `loadPool` and `openStore`; CONFIG_INVALID for a pool without a source */
export async function openFuse(
  configFile: string,
  folder: string,
  events: FuseEvents,
  signal: AbortSignal,
): Promise<OpenedFuse> {
  const config = loadFuseConfig(configFile);
  const models = config.sources.map(({ model }) => model);
  const pool = await loadPool(config.pool, { resolveModel: modelPath, models });
  const targetPath = await modelPath(config.target.model);
  mkdirSync(folder, { recursive: true });
  const store = await openStore(config.store ?? join(folder, STORE_FILE));
  const base = dirname(configFile);
  const context: FuseContext = {
    ...{ settings: config, folder, store, pool, targetPath, events, signal },
    openJudge: (named) => pointwiseJudge(named, config.pool, base),
    judgeDigest: (named) => judgeDigest(named, base),
    createBackend: () => createOrtBackend({ threads: config.threads }),
  };
  return {
    context,
    config,
    async close() {
      await store.close();
      await pool.close();
    },
  };
}

async function pointwiseJudge(named: string, poolFile: string, base: string): Promise<Judge> {
  const { judge, close } = await openJudge(named, poolFile, base);
  if ("judge" in judge) return { ...judge, close };
  await close();
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `the judge ${named} compares two answers, expected one that scores`,
    {
      hint: "use a rubric of the kind pointwise, such as rating",
    },
  );
}
