/** What the experiment with real models does to them, on a tiny one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { askByExample, askChat, imitate, openChatModel, prefer } from "../../examples/fusion-real/models.ts";
import { createOrtBackend } from "../../src/runtime/index.ts";
import { directPreference } from "../../src/trainers/index.ts";
import { writeModelFolder } from "../support/model-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-fusion-real-"));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = {
  model_type: "llama",
  vocab_size: 1024,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  initializer_range: 0.2,
  tie_word_embeddings: true,
};
const path = writeModelFolder(join(folder, "base"), CONFIG, 3);
writeFileSync(join(path, "chat_template.jinja"), "{% for m in messages %}{{ m.content + '\n' }}{% endfor %}");
const backend = createOrtBackend({ threads: 1 });
const questions = ["red", "blue", "green"].map((text, index) => ({
  id: text,
  family: index,
  text,
  answer: String(index),
  solution: String(index),
}));

test("adapters are trained into copies, by imitation and then by preference; stopped stages are read back", async () => {
  const base = openChatModel(path);
  const [name] = Object.keys(base.parameters).filter((parameter) => parameter.includes("q_proj"));
  const before = base.parameters[name!]!.data.slice();
  const losses: number[] = [];
  const stage = (stageName: string, steps: number) => ({
    folder: join(folder, stageName),
    seed: 1,
    steps,
    batch: 2,
    learningRate: 1e-2,
    backend,
    onStep: (_: number, loss: number) => losses.push(loss),
  });
  const solved = questions.map((question) => ({
    id: question.id,
    question,
    answer: `it is ${question.answer}`,
  }));
  const taught = await imitate(base, solved, stage("sft", 20));
  expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
  expect(base.parameters[name!]!.data).toEqual(before);
  expect(taught.parameters[name!]!.data).not.toEqual(before);

  losses.length = 0;
  const again = await imitate(base, solved, stage("sft", 20));
  expect(losses).toEqual([]);
  expect(again.parameters[name!]!.data).toEqual(taught.parameters[name!]!.data);

  const pairs = questions.map((question) => ({
    id: question.id,
    question,
    chosen: `it is ${question.answer}`,
    rejected: "it is 7",
  }));
  const objective = directPreference({ loss: "sigmoid", beta: 1, isLengthNormalised: true });
  const aligned = await prefer(taught, pairs, objective, stage("dpo", 8));
  // The policy begins as its reference.
  expect(losses[0]).toBeCloseTo(Math.log(2), 3);
  expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  expect(aligned.parameters[name!]!.data).not.toEqual(taught.parameters[name!]!.data);
}, 240_000);

test("chat models and models that continue examples give as many answers as asked for", async () => {
  let answered = 0;
  const asking = { temperature: 1, samples: 2, seed: 1 };
  const chat = await askChat(openChatModel(path), questions, asking, () => answered++);
  const shown = await askByExample(path, questions.slice(0, 1), questions.slice(1), asking, () => answered++);
  expect([...chat, ...shown].map(({ length }) => length)).toEqual([2, 2, 2, 2, 2]);
  expect(answered).toBe(5);
  expect(shown.flat().every((text) => !text.includes("\n"))).toBe(true);
}, 240_000);
