/** Whether the rows of a data set fit together, and to what is in the store already. */

import { KeyTable } from "../key-table.ts";
import { placeError, type RecordPlace } from "../place.ts";
import type { JudgementRow, ResponseRow } from "../store/rows.ts";
import type { JudgedStore, StoreTable } from "../store/store.ts";
import type { RowGroup } from "./format.ts";

/** FNV-1a of the UTF-16 code units, 32 bits. */
export function textDigest(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

const NEEDED_AT_ONCE = 512;

interface Needed {
  readonly key: string;
  readonly place: RecordPlace;
}

/** Keys that no file held: the store has to. */
class NeededRows {
  private readonly table: StoreTable;
  private readonly store: Pick<JudgedStore, "existing"> | undefined;
  private open: Needed[] = [];

  constructor(table: StoreTable, store: Pick<JudgedStore, "existing"> | undefined) {
    this.table = table;
    this.store = store;
  }

  async add(needed: Needed): Promise<void> {
    this.open.push(needed);
    if (this.open.length >= NEEDED_AT_ONCE) await this.check();
  }

  async check(): Promise<void> {
    const open = this.open;
    this.open = [];
    if (open.length === 0) return;
    const known = await this.store?.existing(
      this.table,
      open.map(({ key }) => key),
    );
    const missing = open.find(({ key }) => !known?.has(key));
    if (missing === undefined) return;
    throw placeError(
      "DATASET_INVALID",
      missing.place,
      `the row belongs to ${this.table.slice(0, -1)} ${missing.key}, which is neither in the files nor in the store`,
      { hint: "import the file that holds it too, in the same command or before" },
    );
  }
}

/** Takes a data set's rows one group at a time. Keeps 16 bytes a row. */
export class DatasetCheck {
  readonly prompts = new KeyTable();
  readonly responses = new KeyTable();
  readonly judgements = new KeyTable();
  private readonly neededPrompts: NeededRows;
  private readonly neededResponses: NeededRows;

  constructor(store?: Pick<JudgedStore, "existing">) {
    this.neededPrompts = new NeededRows("prompts", store);
    this.neededResponses = new NeededRows("responses", store);
  }

  /** @throws {TuttiError} DATASET_INVALID: one key with two contents, a row that belongs to nothing */
  async add({ place, prompts, responses, judgements, selections = [] }: RowGroup): Promise<void> {
    for (const { key } of prompts) this.prompts.add(key, place.line);
    for (const row of responses) {
      this.once(this.responses, row, `${row.status}\n${row.text}`, "answer of the same sampling", place);
      if (!this.prompts.has(row.promptKey)) await this.neededPrompts.add({ key: row.promptKey, place });
    }
    for (const row of judgements) {
      this.once(
        this.judgements,
        row,
        `${row.score}\n${row.verdict}`,
        "verdict of the same judge on the same answer",
        place,
      );
      for (const key of [row.responseKey, row.rivalKey]) {
        if (key !== undefined && !this.responses.has(key)) await this.neededResponses.add({ key, place });
      }
    }
    for (const { promptKey } of selections) {
      if (!this.prompts.has(promptKey)) await this.neededPrompts.add({ key: promptKey, place });
    }
  }

  async finish(): Promise<void> {
    await this.neededPrompts.check();
    await this.neededResponses.check();
  }

  private once(
    table: KeyTable,
    row: ResponseRow | JudgementRow,
    content: string,
    what: string,
    place: RecordPlace,
  ): void {
    const digest = textDigest(content);
    const known = table.add(row.key, place.line, digest);
    if (known === undefined) return;
    const [line, first] = table.values(known);
    if (first === digest) return;
    throw placeError(
      "DATASET_INVALID",
      place,
      `received another ${what} than in line ${line}, expected one`,
      {
        hint: "number the samples, name the judges apart (--judge, --judge-version), or remove one of the two",
      },
    );
  }
}
