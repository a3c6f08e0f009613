/** Model arguments of commands: paths as they are, hf: references fetched first, with progress. */
import { type PulledModel, parseModelReference, pullModel } from "../hub/index.ts";
import { interruptSignal, say } from "./io.ts";
import { createProgress } from "./progress.ts";

export const MODEL_ARGUMENT =
  "hf:ORG/NAME[@REVISION][/FILE.gguf], a folder with config.json, tokenizer.json and safetensors, or a .gguf file";

const MEGABYTE = 1e6;

/** Fetches a model of the hub, telling of it on stderr. */
export async function pullWithProgress(reference: Parameters<typeof pullModel>[0]): Promise<PulledModel> {
  let progress: ReturnType<typeof createProgress> | undefined;
  const pulled = await pullModel(reference, {
    signal: interruptSignal("stopping; what was downloaded is kept"),
    onWait: () => say(`waiting for another process that fetches ${reference.repository}`),
    onProgress: ({ bytesDone, bytesTotal, file }) => {
      progress ??= createProgress(process.stderr, {
        label: reference.repository,
        total: Math.ceil(bytesTotal / MEGABYTE),
        unit: "MB",
      });
      progress.update(Math.floor(bytesDone / MEGABYTE), file);
    },
  });
  if (pulled.downloadedBytes > 0) progress?.finish();
  return pulled;
}

/** The path of a model. */
export async function modelPath(reference: string): Promise<string> {
  const parsed = parseModelReference(reference);
  return parsed.kind === "path" ? parsed.path : (await pullWithProgress(parsed)).path;
}
