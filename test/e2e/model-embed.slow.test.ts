/** `tutti model embed` as a person runs it, on a tiny random model. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors } from "../../src/weights/index.ts";
import { PIPELINES, pipelineCase, writeCase } from "../embed/embedding-folders.ts";
import { COMMAND, finish, ROOT } from "../support/command.ts";
import { expectAllClose } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "tutti-embed-cli-"));
const model = join(folder, "model");
const recorded = pipelineCase("bert prompt");
beforeAll(() => writeCase(model, recorded));
afterAll(() => rmSync(folder, { recursive: true }));

const { texts } = PIPELINES;
const TOLERANCE = { absolute: 1e-5, relative: 1e-5 };

function start(...args: string[]): ChildProcess {
  const command = [...COMMAND, "model", "embed", model, "--threads", "1"];
  return spawn(process.execPath, [...command, ...args], { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] });
}

async function embed(args: readonly string[], input = "") {
  const child = start(...args);
  child.stdin?.end(input);
  return finish(child);
}

const linesOf = (stdout: string): { text: string; embedding: number[]; [key: string]: unknown }[] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("texts as arguments, as lines and as JSON lines give the same vectors as sentence-transformers", async () => {
  const one = await embed([texts[0]!, texts[3]!, "--prompt", "query"]);
  expect(one.code).toBe(0);
  expect(one.stderr).toMatch(/loading: \d+ tensors/);
  expect(one.stderr).toMatch(/mean pooling, 16 values, texts of 32 tokens/);
  expect(one.stderr).toMatch(/embedding: 2 texts/);
  const [first, second] = linesOf(one.stdout);
  expect(first!.text).toBe(texts[0]);
  expectAllClose(first!.embedding, recorded.embeddings[0]!, TOLERANCE, "first");
  expectAllClose(second!.embedding, recorded.embeddings[3]!, TOLERANCE, "second");

  const lines = await embed(["--prompt", "query"], `${texts.join("\n")}\n`);
  for (const [index, { embedding }] of linesOf(lines.stdout).entries())
    expectAllClose(embedding, recorded.embeddings[index]!, TOLERANCE, `line ${index}`);
  expect(linesOf(lines.stdout).length).toBe(texts.length);

  const file = join(folder, "given.jsonl.gz");
  const given = [JSON.stringify({ id: 7, passage: texts[3] }), "", JSON.stringify(texts[0])];
  writeFileSync(file, gzipSync(given.join("\n")));
  const json = await embed(["--input", file, "--field", "passage", "--prompt", "query"]);
  expect(linesOf(json.stdout)).toEqual([
    { id: 7, passage: texts[3], embedding: second!.embedding },
    { text: texts[0], embedding: first!.embedding },
  ]);
});

test("matrices for numpy and safetensors", async () => {
  const [npy, safetensors] = [join(folder, "out.npy"), join(folder, "out.safetensors")];
  const result = await embed([texts[0]!, "x", "--npy", npy, "--safetensors", safetensors, "--bits", "8"]);
  expect(result.stdout).toBe(`${npy}\n${safetensors}\n`);
  const bytes = readFileSync(npy);
  expect(bytes.toString("latin1")).toContain("'shape': (2, 16)");
  const { shape, data } = readSafetensors(safetensors).tensors.get("embeddings")!;
  expect(shape).toEqual([2, 16]);
  expect([
    ...new Float32Array(bytes.buffer.slice(bytes.byteOffset + 128, bytes.byteOffset + bytes.length)),
  ]).toEqual([...(data as Float32Array)]);
});

test("Ctrl-C ends the work", async () => {
  const file = join(folder, "many.txt");
  const lines = Array.from({ length: 400_000 }, (_, index) => `${index} the cello plays in the hall`);
  writeFileSync(file, lines.join("\n"));
  const child = start("--input", file, "--npy", join(folder, "never.npy"));
  const ended = finish(child);
  child.stderr!.on("data", (chunk) => String(chunk).includes("embedding") && child.kill("SIGINT"));
  const { code, stderr } = await ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(/INTERRUPTED: stopped after \d+ of 400000 texts/);
});

test("what goes wrong is said in a sentence", async () => {
  const cases: [string[], string, number, string][] = [
    [["x", "--bits", "16"], "", 2, "--bits"],
    [["x", "--prompt", "qery"], "", 2, "query"],
    [["--jsonl"], '{"text": 3}\n', 1, 'standard input:1: has no text under "text"'],
    [["--jsonl"], '"fine"\nnot json\n', 1, "standard input:2: is not JSON"],
    [["--input", join(folder, "none.txt")], "", 1, "FILE_NOT_FOUND"],
  ];
  for (const [args, input, code, words] of cases) {
    const result = await embed(args, input);
    expect(result.stderr).toContain(words);
    expect(result.code).toBe(code);
  }
});
