import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const ENGINE = ["support", "tensor", "graph"];
const RUNNING = [...ENGINE, "onnx", "runtime"];
const MODELS = [...ENGINE, "nn", "losses", "optim", "weights", "text", "models"];
const TRAINING = [...MODELS, ...RUNNING, "train"];

/** Folder -> folders it may import from; itself is implied. An edge added here is an architecture decision. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  support: [],
  tensor: ["support"],
  text: ["support", "tensor"],
  statistics: ["support", "tensor"],
  plots: ["support"],
  weights: ["support", "tensor"],
  graph: ["support", "tensor"],
  onnx: ENGINE,
  runtime: RUNNING,
  nn: ENGINE,
  losses: ENGINE,
  optim: ENGINE,
  models: MODELS,
  train: TRAINING,
  export: [...MODELS, "onnx"],
  hub: ["support"],
  generate: [...MODELS, ...RUNNING],
  embed: [...MODELS, ...RUNNING],
  config: ["support"],
  judged: ["support", "text", "tensor", "statistics", "plots"],
  pool: [...MODELS, ...RUNNING, "judged", "generate"],
  judges: [...MODELS, ...RUNNING, "statistics", "judged", "pool", "generate"],
  routing: [...TRAINING, "statistics", "plots", "embed", "export", "generate", "judged", "pool", "judges"],
  trainers: [...TRAINING, "generate", "judged"],
  fusion: [...TRAINING, "statistics", "plots", "generate", "judged", "pool", "judges", "trainers"],
  gateway: ["support", "config", "judged", "pool", "judges", "routing"],
  cli: [
    ...TRAINING,
    "statistics",
    "plots",
    "hub",
    "generate",
    "embed",
    "export",
    "judged",
    "pool",
    "judges",
    "config",
    "routing",
    "trainers",
    "fusion",
    "gateway",
  ],
};

/** Third-party package -> the only folders that may import it. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  "onnxruntime-node": ["runtime"],
  hono: ["gateway"],
  "@hono/node-server": ["gateway"],
  zod: ["config", "gateway", "judges", "routing"],
  yaml: ["config"],
  ajv: ["judges"],
  "complex.js": ["judges"],
  eld: ["judges"],
  "fraction.js": ["judges"],
  re2js: ["judges"],
  commander: ["cli"],
  libsql: ["judged"],
  pg: ["judged"],
  "@huggingface/tokenizers": ["text"],
  "@huggingface/jinja": ["text"],
  pyodide: ["judges"],
  "quickjs-emscripten-core": ["judges"],
  "@jitl/quickjs-wasmfile-release-sync": ["judges"],
  amaro: ["judges"],
  hyparquet: ["judged"],
  "hyparquet-writer": ["judged"],
};

const SRC = join(import.meta.dirname, "../../src");
const SPECIFIER = /(?:\bfrom|\bimport)\s*\(?\s*"([^"\n]+)"/g;

const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && file.includes("/"),
);

function specifiersOf(file: string): string[] {
  return [...readFileSync(join(SRC, file), "utf8").matchAll(SPECIFIER)].map((match) => match[1]!);
}

test("folders import downwards only", () => {
  const offences: string[] = [];
  for (const file of sources) {
    const from = file.slice(0, file.indexOf("/"));
    for (const specifier of specifiersOf(file).filter((name) => name.startsWith("."))) {
      const [to = ""] = relative(SRC, join(SRC, dirname(file), specifier)).split("/");
      if (to !== from && !ALLOWED[from]?.includes(to)) offences.push(`${file} -> ${to}`);
    }
  }
  expect(sources.length).toBeGreaterThan(100);
  expect(offences).toEqual([]);
});

test("every third-party package has an owner", () => {
  const offences: string[] = [];
  for (const file of sources) {
    const from = file.slice(0, file.indexOf("/"));
    for (const specifier of specifiersOf(file)) {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) continue;
      const name = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      if (!OWNERS[name]?.includes(from)) offences.push(`${file} -> ${name}`);
    }
  }
  expect(offences).toEqual([]);
});

test("library code never writes to the console and never swallows an error", () => {
  const offences = sources
    .filter((file) => !file.startsWith("cli/"))
    .filter((file) => /\bconsole\.|catch *(\([a-z]*\))? *\{ *\}/.test(readFileSync(join(SRC, file), "utf8")));
  expect(offences).toEqual([]);
});
