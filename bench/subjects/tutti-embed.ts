/** Tutti's side of the embedding benchmarks. */
import { loadEmbeddingModel, TextEmbedder } from "../../src/embed/index.ts";
import { answerRounds, type EmbedMode, MODEL_FOLDER, requireFolder } from "../embed-work.ts";

const [mode, bits, , threads = "2"] = process.argv.slice(2) as [EmbedMode, "32" | "8", string, string?];
const folder = requireFolder(MODEL_FOLDER, "npx tsx tools/fetch-models.ts minilm");
const embedder = await TextEmbedder.create(
  loadEmbeddingModel(folder, { weightBits: bits === "8" ? 8 : 32 }),
  {
    threads: Number(threads),
  },
);

await answerRounds(mode, (texts) => embedder.embed(texts), bits === "8" ? 0.999 : 0.9999);
