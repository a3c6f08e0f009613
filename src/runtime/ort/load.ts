/** Loading ONNX Runtime when it is first needed. */
import { messageOf, TuttiError } from "../../support/errors.ts";

export type Ort = typeof import("onnxruntime-node");

/** @throws {TuttiError} BACKEND_FAILED when there is no binary for this platform */
export async function loadOrt(): Promise<Ort> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw new TuttiError("BACKEND_FAILED", `onnxruntime-node could not be loaded: ${messageOf(cause)}`, {
      cause,
      hint: "run `npm ci`; prebuilt binaries exist for Linux x64/arm64, macOS arm64 and Windows x64/arm64",
    });
  }
}
