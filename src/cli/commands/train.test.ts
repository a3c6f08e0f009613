import { expect, test } from "vitest";
import { trainCommand } from "./train.ts";

const refusals: readonly (readonly [string, string])[] = [
  ["dpo --desirable-weight 1", "--desirable-weight means nothing with --loss sigmoid"],
  ["dpo --loss ipo --undesirable-weight 2", "--undesirable-weight means nothing with --loss ipo"],
  ["dpo --loss simpo --reference-dir refs", "--reference-dir means nothing with --loss simpo"],
  ["dpo --loss orpo --reference-dir refs", "--reference-dir means nothing with --loss orpo"],
  ["dpo --loss kto --length-normalised", "--length-normalised means nothing with --loss kto"],
  ["dpo --source-share 0,0.1", "--source-share means nothing with --loss sigmoid"],
  ["sft --lora-alpha 8", "--lora-alpha means nothing without --lora-rank"],
  ["sft --eval-every 5", "--eval-every means nothing without --eval"],
  ["sft --eval-judge mathematics", "--eval-judge means nothing without --eval-prompts"],
  ["dpo --eval-max-tokens 5", "--eval-max-tokens means nothing without --eval-prompts"],
  ["dpo --eval-prompts x.jsonl", "--eval-prompts needs --eval-judge, received none"],
  ["reward --loss regression --centring 0.01", "--centring means nothing with --loss regression"],
];

test.each(refusals)("%s is refused: it would change nothing", async (flags, message) => {
  const needed = ["--model", "nowhere", "--data", "nothing.jsonl", "--out", "out"];
  const run = trainCommand().parseAsync([...flags.split(" "), ...needed], { from: "user" });
  await expect(run).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message });
});

test.each(["0,0.1,1", "0,", "0.1,2", "-1"])("--source-share %s is refused", async (share) => {
  const flags = ["dpo", "--loss", "wrpo", "--model", "nowhere", "--data", "nothing.jsonl", "--out", "out"];
  const run = trainCommand().parseAsync([...flags, `--source-share=${share}`], { from: "user" });
  await expect(run).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/^--source-share is /),
  });
});
