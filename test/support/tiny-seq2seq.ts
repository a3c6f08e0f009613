/** The recorded tiny encoder-decoders: their models, parameters and inputs. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createSeq2SeqModel, type Seq2SeqModel } from "../../src/models/index.ts";
import type { Parameters } from "../../src/nn/index.ts";
import { FIXTURES, Fixture, fixtureJson } from "./fixtures.ts";

interface Recorded {
  readonly description: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The same as transformers 5 writes it. */
  readonly savedConfig: Readonly<Record<string, unknown>>;
  readonly optimizer: {
    readonly learningRate: number;
    readonly maxGradientNorm: number;
    readonly steps: number;
    readonly groups: readonly { readonly weightDecay: number; readonly parameters: string[] }[];
  } | null;
}

export const SEQ2SEQ_CASES: readonly string[] = readdirSync(join(FIXTURES, "seq2seq"))
  .filter((file) => file.endsWith(".safetensors"))
  .map((file) => file.slice(0, -".safetensors".length));

/** 0, 1, 2, ... */
export const iota = (count: number): Int32Array => Int32Array.from({ length: count }, (_, index) => index);

export class Seq2SeqCase {
  readonly name: string;
  readonly recorded: Recorded;
  readonly fixture: Fixture;
  readonly model: Seq2SeqModel;
  readonly parameters: Parameters;

  constructor(name: string) {
    this.name = name;
    this.recorded = fixtureJson<Recorded>(`seq2seq/${name}.json`);
    this.fixture = new Fixture(`seq2seq/${name}.safetensors`);
    this.model = createSeq2SeqModel(this.recorded.config);
    this.parameters = this.copyParameters();
  }

  copyParameters(): Parameters {
    return Object.fromEntries(
      this.fixture.names("param.").map((name) => [name, this.fixture.float(`param.${name}`)]),
    );
  }

  /** Values of source rows that are tokens. */
  readonly atSources = (data: ArrayLike<number>): number[] =>
    this.where(data, this.fixture.values("attention_mask"), (mask) => mask === 1);

  /** Values of target rows that have a label. */
  readonly atTargets = (data: ArrayLike<number>): number[] =>
    this.where(data, this.fixture.values("labels"), (label) => label >= 0);

  private where(
    data: ArrayLike<number>,
    rows: readonly number[],
    isKept: (value: number) => boolean,
  ): number[] {
    const width = data.length / rows.length;
    return Array.from(data).filter((_, flat) => isKept(rows[Math.floor(flat / width)]!));
  }
}
