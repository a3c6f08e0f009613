/** Checks one parsed row against the judged-record format, field by field. */
import type { RecordPlace } from "./place.ts";
import { describeReceived, fieldError } from "./place.ts";
import type { JudgedRecord } from "./record.ts";

const ROLES = ["system", "user", "assistant"];

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(object: Fields, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function checkName(row: Fields, field: string, place: RecordPlace, hint: string): void {
  const value = own(row, field);
  if (typeof value === "string" && value.trim() !== "") return;
  throw fieldError(place, {
    field,
    received: describeReceived(value),
    expected: "a string that is not blank",
    hint,
  });
}

function checkMessage(message: unknown, field: string, place: RecordPlace): void {
  if (!isObject(message)) {
    throw fieldError(place, {
      field,
      received: describeReceived(message),
      expected: "a chat message with role and content",
      hint: 'write every message as {"role": "user", "content": "..."}',
    });
  }
  const role = own(message, "role");
  if (typeof role !== "string" || !ROLES.includes(role)) {
    throw fieldError(place, {
      field: `${field}.role`,
      received: describeReceived(role),
      expected: `one of ${ROLES.join(", ")}`,
      hint: "map other roles to one of these",
    });
  }
  const content = own(message, "content");
  if (typeof content !== "string") {
    throw fieldError(place, {
      field: `${field}.content`,
      received: describeReceived(content),
      expected: "a string",
      hint: "join the text parts of a message into one string; other media are not supported",
    });
  }
}

export function checkPrompt(row: Fields, place: RecordPlace): void {
  const prompt = own(row, "prompt");
  const blank = {
    field: "prompt",
    received: describeReceived(prompt),
    expected: "text or chat messages that are not blank",
    hint: "give the text that was sent to every candidate, or leave the row out",
  };
  if (typeof prompt === "string") {
    if (prompt.trim() === "") throw fieldError(place, blank);
    return;
  }
  if (!Array.isArray(prompt) || prompt.length === 0) throw fieldError(place, blank);
  for (const [index, message] of prompt.entries()) checkMessage(message, `prompt[${index}]`, place);
  if (prompt.every((message) => message.content.trim() === "")) {
    throw fieldError(place, { ...blank, received: "messages without text" });
  }
}

function checkSample(sample: unknown, field: string, place: RecordPlace): asserts sample is Fields {
  if (!isObject(sample)) {
    throw fieldError(place, {
      field,
      received: describeReceived(sample),
      expected: "an object with response and score",
      hint: 'write every candidate as {"response": "...", "score": 0.5}',
    });
  }
  const response = own(sample, "response");
  if (typeof response !== "string") {
    throw fieldError(place, {
      field: `${field}.response`,
      received: describeReceived(response),
      expected: "a string",
      hint: "give the full text the model wrote; an empty answer is an empty string",
    });
  }
  const score = own(sample, "score");
  if (typeof score !== "number" || !Number.isFinite(score)) {
    throw fieldError(place, {
      field: `${field}.score`,
      received: describeReceived(score),
      expected: "a finite number",
      hint: "judge the response again, or leave the whole row out; a score is never guessed",
    });
  }
}

function checkCandidate(candidate: unknown, field: string, place: RecordPlace): void {
  checkSample(candidate, field, place);
  const tokens = own(candidate, "tokens");
  if (tokens !== undefined && !(typeof tokens === "number" && Number.isFinite(tokens) && tokens >= 0)) {
    throw fieldError(place, {
      field: `${field}.tokens`,
      received: describeReceived(tokens),
      expected: "a number of at least 0, or no such field",
      hint: "leave the field out where the count is not known",
    });
  }
  const samples = own(candidate, "samples");
  if (samples === undefined) return;
  if (!Array.isArray(samples) || samples.length === 0) {
    throw fieldError(place, {
      field: `${field}.samples`,
      received: describeReceived(samples),
      expected: "a list of at least one sampled answer, or no such field",
      hint: 'write every sample as {"response": "...", "score": 0.5}',
    });
  }
  for (const [index, sample] of samples.entries()) checkSample(sample, `${field}.samples[${index}]`, place);
}

/** Path of one candidate inside a row. */
export function candidateField(name: string): string {
  return `candidates[${JSON.stringify(name)}]`;
}

/**
 * The value as a record, unchanged, extra fields included.
 *
 * @throws {TuttiError} RECORD_INVALID naming file, line and field
 */
export function validateRecord(value: unknown, place: RecordPlace): JudgedRecord {
  if (!isObject(value)) {
    throw fieldError(place, {
      field: "(row)",
      received: describeReceived(value),
      expected: "a JSON object with id, benchmark, prompt and candidates",
      hint: "write one object per line; a file that is one big JSON list must be split into lines",
    });
  }
  checkName(value, "id", place, "give every row an id of its own, as a string");
  checkName(value, "benchmark", place, "name the benchmark or data source the prompt comes from");
  checkPrompt(value, place);
  const split = own(value, "split");
  if (split !== undefined && typeof split !== "string") {
    throw fieldError(place, {
      field: "split",
      received: describeReceived(split),
      expected: "a string, or no such field",
      hint: "leave the field out where there is no split",
    });
  }
  const candidates = own(value, "candidates");
  if (!isObject(candidates) || Object.keys(candidates).length === 0) {
    throw fieldError(place, {
      field: "candidates",
      received: describeReceived(candidates),
      expected: "an object from model name to response and score",
      hint: "rows with prompts only cannot be used: sample and judge responses first",
    });
  }
  for (const [name, candidate] of Object.entries(candidates)) {
    checkCandidate(candidate, candidateField(name), place);
  }
  return value as unknown as JudgedRecord;
}
