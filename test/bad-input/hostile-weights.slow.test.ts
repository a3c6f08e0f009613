/** Hostile weights: safetensors, their index, GGUF. */
import { checkGroup } from "./hostile/check-group.ts";
import { CASES as GGUF } from "./hostile/gguf.ts";
import { CASES as GGUF_MODEL } from "./hostile/gguf-model.ts";
import { CASES as SAFETENSORS } from "./hostile/safetensors.ts";
import { CASES as SAFETENSORS_INDEX } from "./hostile/safetensors-index.ts";

checkGroup("safetensors", SAFETENSORS);
checkGroup("safetensors-index", SAFETENSORS_INDEX);
checkGroup("gguf", GGUF);
checkGroup("gguf-model", GGUF_MODEL);
