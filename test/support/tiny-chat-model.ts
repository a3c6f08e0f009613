/** A tiny random decoder with a chat template, quick enough to train in tests. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeModelFolder } from "./model-folder.ts";

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 1024,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  initializer_range: 0.2,
  tie_word_embeddings: true,
};
const TEMPLATE =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** Writes the model's folder, with more in its configuration where given; returns its path. */
export function writeTinyChatModel(
  path: string,
  seed: number,
  config: Readonly<Record<string, unknown>> = {},
): string {
  writeModelFolder(path, { ...CONFIG, ...config }, seed);
  writeFileSync(join(path, "chat_template.jinja"), TEMPLATE);
  return path;
}
