/**
 * Agreement of the mathematics judge with the correctness that judged-record files record, and every disagreement with the reason
 * for it. Files are judged records with `reference` and `extracted`; the shipped GSM8K and MATH rows by default.
 *
 *     npx tsx examples/judge-agreement.ts [--peer VERDICTS.json] [--result FILE.json] [FILE.jsonl.gz ...]
 *
 * VERDICTS.json is what bench/peers/math_verify_judge.py --verdicts wrote over the responses that --responses FILE.json writes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type GradedResponse, gradedResponses, SHIPPED } from "../bench/judge-work.ts";
import type { JsonObject, PromptRow, ResponseRow } from "../src/judged/index.ts";
import { createMathematicsJudge } from "../src/judges/index.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: "string" },
    result: { type: "string" },
    responses: { type: "string" },
  },
});
const responses = await gradedResponses(positionals.length > 0 ? positionals : SHIPPED);
if (values.responses !== undefined) {
  writeFileSync(values.responses, JSON.stringify(responses));
  process.exit(0);
}
const peer = values.peer && (JSON.parse(readFileSync(values.peer, "utf8")) as readonly boolean[]);
if (peer && peer.length !== responses.length) {
  throw new Error(`--peer has ${peer.length} verdicts, expected ${responses.length}`);
}

interface Disagreement {
  readonly category: string;
  readonly id: string;
  readonly model: string;
  readonly benchmark: string;
  readonly recorded: boolean;
  readonly verdict: string;
  readonly rule: string;
  readonly reference: string;
  readonly extracted: string;
}

/** Categories where the record is wrong come first in the table; the last two are for people to decide. */
function categoryOf(item: GradedResponse, score: number | null, explanation: JsonObject): string {
  const { rule, place, units, read } = explanation as {
    rule?: string;
    place?: string;
    units?: readonly string[];
    read?: { reference: string; answer: string };
  };
  if (score !== 1) {
    return item.recorded && place === undefined
      ? "recorded correct, but the response states no answer"
      : "recorded correct, but what the response states differs";
  }
  if (place !== "boxed") return "answer stated without a box, missed by the record";
  if (units || /\\(?:text|mbox)|[€£°%]|\\%|\\circ/.test(item.reference + String(explanation.extracted))) {
    return "unit, currency, degree, per cent or words beside the value";
  }
  if (rule === "choice" || rule === "same_words") return "choice letter or words in another spelling";
  if (rule === "members" || rule === "items" || rule === "vector")
    return "same members in another order or spelling";
  if (rule === "same_text") return "same text up to LaTeX spelling";
  if (read?.answer === "relation" || read?.reference === "relation")
    return "equation whose value is the reference";
  if (rule === "symbolic_exact" && [read?.reference, read?.answer].every(isFraction)) {
    return "equal number: fraction, decimal or unreduced fraction";
  }
  return "equal formula in another form";
}

const isFraction = (kind: string | undefined): boolean =>
  kind !== undefined && ["number", "quotient", "negative", "sum"].includes(kind);

const judge = createMathematicsJudge();
const sets = new Map<string, { responses: number; agreed: number; peerAgreed: number; bothSame: number }>();
const disagreements: Disagreement[] = [];
for (const [index, item] of responses.entries()) {
  const { score, verdict, explanation } = await judge.judge(
    {
      id: item.id,
      messages: [{ role: "user", content: item.question }],
      reference: { answer: item.reference },
    } as unknown as PromptRow,
    { text: item.response } as unknown as ResponseRow,
  );
  const set = sets.get(item.benchmark) ?? { responses: 0, agreed: 0, peerAgreed: 0, bothSame: 0 };
  sets.set(item.benchmark, set);
  set.responses++;
  if (peer) {
    if (peer[index] === item.recorded) set.peerAgreed++;
    if (peer[index] === (score === 1)) set.bothSame++;
  }
  if ((score === 1) === item.recorded) {
    set.agreed++;
    continue;
  }
  disagreements.push({
    category: categoryOf(item, score, explanation),
    id: item.id,
    model: item.model,
    benchmark: item.benchmark,
    recorded: item.recorded,
    verdict,
    rule: String(explanation.rule ?? ""),
    reference: item.reference,
    extracted: String(explanation.extracted ?? ""),
  });
}

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(2)} %`;
const out = (line: string): boolean => process.stdout.write(`${line}\n`);
out(
  `| set | responses | agreement with the record |${peer ? " math-verify with the record | both the same |" : ""}`,
);
out(`|---|---|---|${peer ? "---|---|" : ""}`);
for (const [name, { responses: count, agreed, peerAgreed, bothSame }] of sets) {
  const beside = peer ? ` ${percent(peerAgreed, count)} | ${percent(bothSame, count)} |` : "";
  out(`| ${name} | ${count} | ${percent(agreed, count)} |${beside}`);
}
const counts = new Map<string, number>();
for (const { category } of disagreements) counts.set(category, (counts.get(category) ?? 0) + 1);
out("\n| disagreement | responses | example: reference, extracted |\n|---|---|---|");
for (const [category, count] of [...counts].sort((a, b) => b[1] - a[1])) {
  const { reference, extracted } = disagreements.find((one) => one.category === category)!;
  const example = `\`${reference}\`, \`${extracted.slice(0, 60)}\``
    .replaceAll("|", "\\|")
    .replaceAll("\n", " ");
  out(`| ${category} | ${count} | ${example} |`);
}
if (values.result !== undefined) {
  writeFileSync(
    values.result,
    `${JSON.stringify({ sets: Object.fromEntries(sets), categories: Object.fromEntries(counts), disagreements }, null, 1)}\n`,
  );
}
