/** An exported router in a browser: onnxruntime-web and the tokenizers package, nothing of Tutti. Copy it where you need it. */
import { Tokenizer } from "@huggingface/tokenizers";
import * as ort from "onnxruntime-web";

const hex = (buffer) =>
  [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

/** The manifest of a folder, after its digest was compared. */
async function openManifest(folder) {
  const text = new TextDecoder().decode(await fetched(`${folder}/manifest.json`));
  const manifest = JSON.parse(text);
  const at = text.lastIndexOf(manifest.digest);
  const unsigned = text.slice(0, at) + "0".repeat(64) + text.slice(at + 64);
  const found = await sha256(new TextEncoder().encode(unsigned));
  if (found !== manifest.digest) throw new Error(`manifest.json was changed: its digest is ${found}`);
  return manifest;
}

/** A file of the manifest, after its length and hash were compared. */
async function openFile(folder, manifest, name) {
  const { bytes, sha256: expected } = manifest.files.find((file) => file.name === name);
  const content = await fetched(`${folder}/${name}`);
  if (content.byteLength !== bytes || (await sha256(content)) !== expected) {
    throw new Error(`${name} was changed`);
  }
  return content;
}

/** Token ids of a prompt, by the manifest's rule. */
function promptIds(rule, tokenizer, prompt) {
  const whole = rule.textBefore + prompt;
  const text = rule.isLowerCased ? whole.replaceAll("Σ", "σ").toLowerCase() : whole;
  const { ids } = tokenizer.encode(text, { add_special_tokens: false });
  if (ids.length === 0) return rule.idsOfEmptyText;
  const room = Math.max(0, rule.maxTokens - rule.idsBefore.length - rule.idsAfter.length);
  const from = rule.keeps === "last" ? Math.max(0, ids.length - room) : 0;
  return [...rule.idsBefore, ...ids.slice(from, from + room), ...rule.idsAfter];
}

/**
 * Opens the folder of `tutti router export` at a URL.
 *
 * @param {string} folder
 * @returns a router: `scores(prompt)` gives `{ scores, tokens }`, one score per candidate, higher is better
 */
export async function openRouter(folder) {
  const manifest = await openManifest(folder);
  const tokenizerJson = JSON.parse(
    new TextDecoder().decode(await openFile(folder, manifest, manifest.tokenizer)),
  );
  const tokenizer = new Tokenizer(tokenizerJson, {});
  const model = await openFile(folder, manifest, manifest.model);
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const int64 = (values) => new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
  return {
    manifest,
    candidates: manifest.candidates,
    async scores(prompt) {
      const ids = promptIds(manifest.tokenization, tokenizer, prompt);
      // A row without any token is a row of padding.
      const isEmpty = ids.length === 0;
      const { scores } = await session.run({
        input_ids: int64(isEmpty ? [manifest.tokenization.padId] : ids),
        attention_mask: int64(isEmpty ? [0] : ids.map(() => 1)),
      });
      return { scores: [...scores.data], tokens: ids.length };
    },
  };
}
