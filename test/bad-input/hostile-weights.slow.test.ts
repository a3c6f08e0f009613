/** Hostile weights: safetensors, their index, GGUF. */
import { checkGroup } from "./hostile/check-group.ts";
import { CASES as SAFETENSORS } from "./hostile/safetensors.ts";
import { CASES as INDEX } from "./hostile/safetensors-index.ts";

checkGroup("safetensors", SAFETENSORS);
checkGroup("safetensors-index", INDEX);
