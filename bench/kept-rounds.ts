/** The rounds measured so far, kept in a file where one is given: a line for each, appended as it is measured. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { Measured } from "./result.ts";
import type { Measurement } from "./subject-process.ts";

/** A line without a measurement begins a subject. */
interface Line {
  readonly subject: string;
  readonly figures?: Readonly<Record<string, number>>;
  readonly measurement?: Measurement;
}

export class KeptRounds {
  private readonly bySubject = new Map<string, Measured>();
  private readonly path: string | undefined;

  constructor(path?: string) {
    this.path = path;
    if (path === undefined || !existsSync(path)) return;
    // What a kill cut short has no end of line.
    for (const line of readFileSync(path, "utf8").split("\n").slice(0, -1))
      this.take(JSON.parse(line) as Line);
  }

  roundsOf(subject: string): number {
    return this.bySubject.get(subject)?.rounds.length ?? 0;
  }

  begin(subject: string, figures: Readonly<Record<string, number>>): void {
    this.keep({ subject, figures });
  }

  add(subject: string, measurement: Measurement): void {
    this.keep({ subject, measurement });
  }

  /** Subjects with at least one round. */
  measured(): ReadonlyMap<string, Measured> {
    return new Map([...this.bySubject].filter(([, { rounds }]) => rounds.length > 0));
  }

  private keep(line: Line): void {
    if (this.path !== undefined) appendFileSync(this.path, `${JSON.stringify(line)}\n`);
    this.take(line);
  }

  private take({ subject, figures, measurement }: Line): void {
    const before = this.bySubject.get(subject) ?? { rounds: [], peakRssBytes: 0, figures: {} };
    const known = figures ? { ...before, figures } : before;
    this.bySubject.set(
      subject,
      measurement
        ? {
            ...known,
            rounds: [...known.rounds, measurement.seconds],
            peakRssBytes: Math.max(known.peakRssBytes, measurement.peakRssBytes),
            ...(measurement.cells && { cells: [...(known.cells ?? []), measurement.cells] }),
          }
        : known,
    );
  }
}
