/** From a fuse file to what its stages work with: store, pool, judges, target. */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type FuseConfig, loadFuseConfig } from "../config/index.ts";
import type { FuseContext, FuseEvents, PlanContext } from "../fusion/index.ts";
import { loadPool } from "../gateway/index.ts";
import { hubSettings, resolveModel } from "../hub/index.ts";
import { openStore } from "../judged/index.ts";
import type { Pool } from "../pool/index.ts";
import { createOrtBackend } from "../runtime/index.ts";
import { TuttiError } from "../support/errors.ts";
import { holdFolder } from "../support/hold-folder.ts";
import { judgeDigest, openPointwiseJudge } from "./judge-source.ts";
import { modelPath } from "./model-source.ts";

/** A plan asks nobody, so it needs no key. */
const ANY_SECRET = new Proxy<Record<string, string>>({}, { get: () => "unused" });

export const STORE_FILE = "store.db";

export interface OpenedFuse<Context> {
  readonly context: Context;
  readonly config: FuseConfig;
  close(): Promise<void>;
}

const sourcesOf = ({ sources }: FuseConfig): string[] => sources.map(({ model }) => model);

/** What a run and its plan have in common. */
const commonContext = (
  configFile: string,
  config: FuseConfig,
  folder: string,
  pool: Pool,
  resolveJudge: (reference: string) => Promise<string | undefined>,
) => {
  const base = dirname(configFile);
  const digests = new Map<string, Promise<string>>();
  return {
    ...{ settings: config, folder, pool },
    openJudge: (named: string) => openPointwiseJudge(named, config.pool, base),
    judgeDigest: (named: string) => {
      const digest = digests.get(named) ?? judgeDigest(named, base, resolveJudge);
      digests.set(named, digest);
      return digest;
    },
    createBackend: () => createOrtBackend({ threads: config.threads }),
  };
};

/** @throws {TuttiError} as `loadFuseConfig`, `loadPool`, `holdFolder` and `openStore` */
export async function openFuse(
  configFile: string,
  folder: string,
  events: FuseEvents,
  signal: AbortSignal,
): Promise<OpenedFuse<FuseContext>> {
  const config = loadFuseConfig(configFile);
  const pool = await loadPool(config.pool, { resolveModel: modelPath, models: sourcesOf(config) });
  const targetPath = await modelPath(config.target.model);
  mkdirSync(folder, { recursive: true });
  const letGo = await holdFolder(folder);
  const store = await openStore(config.store ?? join(folder, STORE_FILE));
  return {
    context: {
      ...commonContext(configFile, config, folder, pool, modelPath),
      ...{ store, targetPath, events, signal },
    },
    config,
    async close() {
      await store.close();
      await pool.close();
      await letGo();
    },
  };
}

/**
 * The same without making anything: no store where there is none, no model fetched.
 *
 * @throws {TuttiError} as `openFuse`
 */
export async function openFusePlan(
  configFile: string,
  folder: string,
  signal: AbortSignal,
): Promise<OpenedFuse<PlanContext>> {
  const config = loadFuseConfig(configFile);
  const pool = await loadPool(config.pool, {
    resolveModel: fetchedModel,
    models: sourcesOf(config),
    environment: ANY_SECRET,
  });
  const address = config.store ?? join(folder, STORE_FILE);
  const isThere = /^[a-z][a-z0-9+.-]+:/i.test(address) || existsSync(address);
  const store = isThere ? await openStore(address) : undefined;
  const targetPath = await fetchedIfAny(config.target.model);
  return {
    context: {
      ...commonContext(configFile, config, folder, pool, fetchedJudge),
      ...{ store, targetPath, events: {}, signal },
    },
    config,
    async close() {
      await store?.close();
      await pool.close();
    },
  };
}

/** A model that is on this machine. @throws {TuttiError} FILE_NOT_FOUND */
async function fetchedModel(reference: string): Promise<string> {
  const absent = (cause?: unknown) =>
    new TuttiError("FILE_NOT_FOUND", `the model ${reference} is not on this machine`, {
      cause,
      hint: "fetch it with `tutti model pull`: a plan fetches nothing",
    });
  try {
    const path = await resolveModel(reference, { settings: { ...hubSettings(), isOffline: true } });
    if (existsSync(path)) return path;
  } catch (failure) {
    throw TuttiError.is(failure) && failure.code === "HUB_OFFLINE" ? absent(failure) : failure;
  }
  throw absent();
}

async function fetchedIfAny(reference: string): Promise<string | undefined> {
  try {
    return await fetchedModel(reference);
  } catch (failure) {
    if (TuttiError.is(failure) && failure.code === "FILE_NOT_FOUND") return undefined;
    throw failure;
  }
}

/** Reward models of this machine have to be there; those of the hub may come later. */
const fetchedJudge = (reference: string): Promise<string | undefined> =>
  reference.startsWith("hf:") ? fetchedIfAny(reference) : fetchedModel(reference);
