/** What files of one data set say of each other's rows: questions are asked in one file and answered in the next. */
import { createHash } from "node:crypto";
import { KeyTable } from "../key-table.ts";
import { describeReceived, fieldError, placeError, type RecordPlace } from "../place.ts";
import type { JsonObject, PromptRow } from "../store/rows.ts";
import type { Fields } from "./fields.ts";

/** A question as later files need it. */
export interface Question {
  readonly id: string;
  readonly turns: readonly string[];
  readonly domain: string;
  readonly prompt: PromptRow;
}

/** A request as the file with its answers needs it. */
export interface AskedRequest {
  readonly promptKey: string;
  readonly model: string;
  readonly parameters: JsonObject;
  readonly seedIndex: number;
}

const digest = (parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);

export class References {
  private readonly seen = new KeyTable();
  private readonly files: string[] = [];
  private readonly questions = new Map<string, Question>();
  private readonly answers = new Map<string, string>();
  private readonly requests = new Map<string, AskedRequest>();
  private readonly samples = new Map<string, number>();

  /** Refuses what tells rows of a kind apart when it comes a second time. @throws {TuttiError} DATASET_INVALID */
  once(kind: string, parts: readonly string[], place: RecordPlace, field: string): void {
    if (this.files.at(-1) !== place.file) this.files.push(place.file);
    const known = this.seen.add(digest([kind, ...parts]), place.line, this.files.length - 1);
    if (known === undefined) return;
    const [line, file] = this.seen.values(known);
    throw placeError(
      "DATASET_INVALID",
      place,
      `field ${field}: received ${parts.map((part) => JSON.stringify(part)).join(", ")} again (first at ${this.files[file]}:${line}), expected every one once`,
      { hint: "remove the repeated row, or check whether the same file was given twice" },
    );
  }

  addQuestion(benchmark: string, question: Question): void {
    this.questions.set(`${benchmark}\n${question.id}`, question);
  }

  /** @throws {TuttiError} RECORD_INVALID where no file before had the question */
  question(benchmark: string, row: Fields, field: string): Question {
    const id = row.identifier(field);
    const found = this.questions.get(`${benchmark}\n${id}`);
    if (found !== undefined) return found;
    throw fieldError(row.place, {
      field,
      received: describeReceived(row.get(field)),
      expected: `a question of the files read so far (${this.questions.size})`,
      hint: "name the question file in the same command: answers and judgements only hold ids",
    });
  }

  addAnswer(benchmark: string, parts: readonly string[], responseKey: string): void {
    this.answers.set(digest([benchmark, ...parts]), responseKey);
  }

  /** Key of an answer, by question, model and turn. @throws {TuttiError} RECORD_INVALID where no file before had it */
  answer(
    benchmark: string,
    parts: readonly [question: string, model: string, turn: string],
    row: Fields,
  ): string {
    const found = this.answers.get(digest([benchmark, ...parts]));
    if (found !== undefined) return found;
    const [question, model, turn] = parts;
    throw fieldError(row.place, {
      field: "(row)",
      received: `a verdict on turn ${turn} of ${JSON.stringify(model)} to question ${JSON.stringify(question)}`,
      expected: `an answer of the files read so far (${this.answers.size})`,
      hint: "name the model's answer file in the same command: judgements do not hold the answers",
    });
  }

  addRequest(id: string, request: AskedRequest): void {
    this.requests.set(id, request);
  }

  request(id: string): AskedRequest | undefined {
    return this.requests.get(id);
  }

  /** 0, 1, 2, ... for requests that ask the same again. */
  nextSample(parts: readonly string[]): number {
    const key = digest(parts);
    const sample = this.samples.get(key) ?? 0;
    this.samples.set(key, sample + 1);
    return sample;
  }
}
