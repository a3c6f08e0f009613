/** One hostile file: how it is made, through which door it is opened, and how it must be refused. */
import type { ErrorCode } from "../../../src/support/errors.ts";
import type { Base } from "./base.ts";

export interface Place {
  /** Valid files, to be copied. */
  readonly base: Base;
  /** An empty folder of the case's own. */
  readonly folder: string;
}

export interface HostileCase {
  readonly name: string;
  readonly run: (place: Place) => unknown;
  /** The codes that make sense; empty where the content may be taken, and nothing else but a typed error thrown. */
  readonly codes: readonly ErrorCode[];
  /** Each must occur in the message: the file, and the tensor, key or number. */
  readonly mentions: readonly string[];
  /** Seconds of CPU time. @default 2 */
  readonly seconds?: number;
}

/** What the process that ran a case says of it. */
export interface CaseReport {
  readonly name: string;
  readonly outcome: "taken" | "refused" | "untyped";
  /** Code and message, or name and message of an error that is none of ours. */
  readonly code: string;
  readonly message: string;
  readonly cpuSeconds: number;
  /** By how much the case raised the most memory that the process ever held. */
  readonly grownBytes: number;
}
