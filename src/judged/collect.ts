/** Gathers validated rows into one dataset: the same candidates in every row, every id once. */
import { didYouMean } from "../support/did-you-mean.ts";
import { TuttiError } from "../support/errors.ts";
import type { RecordPlace } from "./place.ts";
import { fieldError, placeError } from "./place.ts";
import type { JudgedRecord } from "./record.ts";
import { candidateField, validateRecord } from "./validate.ts";

/** Records that can be compared with each other: every one holds every candidate. */
export interface JudgedDataset {
  readonly records: readonly JudgedRecord[];
  /** The order matters: ties between scores go to the earlier candidate. */
  readonly candidates: readonly string[];
}

function checkGivenCandidates(candidates: readonly string[]): void {
  const repeated = candidates.find((name, index) => candidates.indexOf(name) !== index);
  if (candidates.length > 0 && repeated === undefined) return;
  const received = repeated === undefined ? "an empty list" : `${JSON.stringify(repeated)} twice`;
  throw new TuttiError(
    "INVALID_ARGUMENT",
    `candidates: received ${received}, expected distinct model names`,
    {
      details: { candidates },
      hint: "leave the option out to take the candidates of the first row",
    },
  );
}

/** Takes rows one at a time and refuses the first that does not fit the ones before it. */
export class DatasetCollector {
  private readonly records: JudgedRecord[] = [];
  private readonly placeOfId = new Map<string, RecordPlace>();
  private candidates: readonly string[] | undefined;
  private candidatesFrom = "the candidates asked for";

  constructor(candidates?: readonly string[]) {
    if (candidates === undefined) return;
    checkGivenCandidates(candidates);
    this.candidates = [...candidates];
  }

  /** @throws {TuttiError} RECORD_INVALID, UNKNOWN_CANDIDATE, DATASET_INVALID (an id seen before) */
  add(value: unknown, place: RecordPlace): JudgedRecord {
    const record = validateRecord(value, place);
    const known = this.placeOfId.get(record.id);
    if (known !== undefined) {
      throw placeError(
        "DATASET_INVALID",
        place,
        `field id: received ${JSON.stringify(record.id)} again (first at ${known.file}:${known.line}), expected every id once`,
        { hint: "remove the repeated row, or check whether the same file was given twice" },
      );
    }
    this.placeOfId.set(record.id, place);
    this.checkCandidates(record, place);
    this.records.push(record);
    return record;
  }

  private checkCandidates(record: JudgedRecord, place: RecordPlace): void {
    const names = Object.keys(record.candidates);
    if (this.candidates === undefined) {
      this.candidates = names;
      this.candidatesFrom = `the candidates of the first row (${place.file}:${place.line})`;
      return;
    }
    const expected = `${this.candidatesFrom}: ${this.candidates.join(", ")}`;
    for (const name of names) {
      if (this.candidates.includes(name)) continue;
      const suggestion = didYouMean(name, this.candidates);
      throw fieldError(place, {
        code: "UNKNOWN_CANDIDATE",
        field: candidateField(name),
        received: `the candidate ${JSON.stringify(name)}`,
        expected,
        hint: suggestion || "every row must hold the same candidates; remove this one or add it to all rows",
      });
    }
    for (const name of this.candidates) {
      if (Object.hasOwn(record.candidates, name)) continue;
      throw fieldError(place, {
        field: candidateField(name),
        received: "nothing",
        expected,
        hint: "sample and judge the missing response, or leave the row out",
      });
    }
  }

  get size(): number {
    return this.records.length;
  }

  /** Everything added so far. */
  dataset(): JudgedDataset {
    return { records: this.records, candidates: this.candidates ?? [] };
  }
}
