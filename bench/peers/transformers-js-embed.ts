/**
 * The side of transformers.js, which is no dependency of Tutti: install it anywhere (`npm install
 * @huggingface/transformers@4.3.1`) and name that folder in TUTTI_TRANSFORMERS_JS. It brings an ONNX Runtime of its own.
 * It has no batches: a call embeds what it is given, padded to the longest text, 32 texts in the order given.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  answerRounds,
  CALL_TEXTS,
  type EmbedMode,
  missing,
  ONNX_FOLDER,
  requireFolder,
} from "../embed-work.ts";

/** The parts of transformers.js that are used. */
type Extractor = (
  texts: readonly string[],
  options: object,
) => Promise<{ readonly dims: readonly number[]; readonly data: Float32Array }>;
interface TransformersJs {
  readonly env: { localModelPath: string; allowRemoteModels: boolean };
  pipeline(task: string, model: string, options: object): Promise<Extractor>;
}

async function load(): Promise<TransformersJs> {
  const folder = process.env.TUTTI_TRANSFORMERS_JS ?? process.cwd();
  try {
    const entry = createRequire(join(folder, "package.json")).resolve("@huggingface/transformers");
    return (await import(pathToFileURL(entry).href)) as TransformersJs;
  } catch {
    return missing(
      `@huggingface/transformers is not installed in ${folder}: npm install it in some folder and set TUTTI_TRANSFORMERS_JS to that`,
    );
  }
}

const [mode, , threads = "2"] = process.argv.slice(2) as [EmbedMode, string, string?];
const folder = requireFolder(ONNX_FOLDER, "python bench/peers/export_minilm_onnx.py");
const { env, pipeline } = await load();
env.localModelPath = dirname(folder);
env.allowRemoteModels = false;
const extract = await pipeline("feature-extraction", "all-MiniLM-L6-v2-onnx", {
  dtype: "fp32",
  device: "cpu",
  session_options: { intraOpNumThreads: Number(threads), interOpNumThreads: 1 },
});

await answerRounds(
  mode,
  async (texts) => {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += CALL_TEXTS) {
      const part = texts.slice(start, start + CALL_TEXTS);
      const { dims, data } = await extract(part, { pooling: "mean", normalize: true });
      const width = dims[1]!;
      for (let row = 0; row < part.length; row++) vectors.push(data.slice(row * width, (row + 1) * width));
    }
    return vectors;
  },
  0.9999,
);
