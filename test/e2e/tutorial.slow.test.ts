/**
 * The commands of docs/tutorial.md, in order and as they stand there, with tiny random models in place of the two real ones: prompts are
 * imported, sampled, judged, a router is trained, evaluated, explained and served, and what it answered is found in the store.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/judged/index.ts";
import { type Finished, finish, ROOT, start, tutti } from "../support/command.ts";
import { writeModelFolder } from "../support/model-folder.ts";
import { collect } from "../support/store-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-tutorial-"));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SIZE = {
  vocab_size: 600,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 1024,
  initializer_range: 0.4,
  tie_word_embeddings: true,
};

/** Two small random decoders, known by the names of the tutorial's models. */
beforeAll(() => {
  writeFileSync(at("plain.jinja"), "{% for m in messages %}{{ m.content }}\n{% endfor %}");
  const lines = ["smollm2", "gemma3"].flatMap((name, seed) => [
    `  - name: ${name}`,
    "    provider: local",
    `    path: ${writeModelFolder(at(name), { model_type: "llama", ...SIZE }, seed)}`,
    "    chatTemplateFile: plain.jinja",
    "    pricing: { inputCostUsdPerMillionTokens: 1, outputCostUsdPerMillionTokens: 2 }",
  ]);
  writeFileSync(at("pool.yaml"), `models:\n${lines.join("\n")}\n`);
});

/** What a page tells to type, a command each; continued lines are one. */
function commandsOf(page: string): string[] {
  const blocks = [...readFileSync(join(ROOT, page), "utf8").matchAll(/^```sh\n([\s\S]*?)^```/gm)];
  return blocks
    .flatMap(([, block]) => block!.replaceAll("\\\n", " ").split("\n"))
    .map((line) => line.trim())
    .filter((line) => line.startsWith("npx tutti "));
}

const SMALLER: readonly (readonly [RegExp, string])[] = [
  [/runs\//g, `${folder}/`],
  [/examples\/tutorial\/pool\.yaml/g, at("pool.yaml")],
  [/--max-tokens 128/g, "--max-tokens 12"],
  [/--port 8080/g, "--port 0"],
];
function smaller(command: string): string[] {
  const text = SMALLER.reduce(
    (result, [pattern, replacement]) => result.replace(pattern, replacement),
    command.replace(/^npx tutti /, ""),
  );
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!);
}

/** Serves, asks the gateway once, and ends it as Ctrl-C does. */
async function serveAndAsk(args: readonly string[]): Promise<Finished> {
  const child = start(...args);
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = finish(child);
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stderr!.on("data", (chunk) => {
      text += String(chunk);
      const found = /listening on (\S+) /.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(({ stderr }) => reject(new Error(stderr)));
  });
  const response = await fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "tutti/auto",
      messages: [{ role: "user", content: "Write a few words about a storm." }],
      max_tokens: 12,
    }),
  });
  expect(response.status).toBe(200);
  expect(["smollm2", "gemma3"]).toContain(response.headers.get("x-tutti-model"));
  child.kill("SIGINT");
  return await ended;
}

test("every command of the tutorial works, in the order of the page", { timeout: 600_000 }, async () => {
  const commands = commandsOf("docs/tutorial.md").map(smaller);
  const names = commands.map(([first, second]) =>
    /^(data|router|pool)$/.test(first!) ? `${first} ${second}` : first,
  );
  const steps = ["data import", "sample", "judge", "router train", "router eval", "serve"];
  expect(names).toEqual(expect.arrayContaining(steps));
  for (const [index, args] of commands.entries()) {
    const { code, stdout, stderr } = await (names[index] === "serve" ? serveAndAsk(args) : tutti(...args));
    expect(code, `tutti ${args.join(" ")}\n${stdout}\n${stderr}`).toBe(0);
  }
  const store = await openStore(at("tutorial.db"));
  const { prompts, responses, responsesByStatus } = await store.stats();
  const served = await collect(store.responses({ sources: ["gateway"] }));
  const verified = await collect(store.judgements({ judges: ["verifier"] }));
  await store.close();
  expect(served.length).toBe(1);
  expect(prompts).toBeGreaterThanOrEqual(184);
  expect(responses).toBe(2 * 184 + 1);
  expect(responsesByStatus.error ?? 0).toBe(0);
  expect(verified.length).toBe(2 * 184);
  expect(new Set(verified.map(({ score }) => score))).toEqual(new Set([0, 1]));
});
