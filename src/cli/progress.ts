/** Progress of long work: one redrawn line with bar, rate and time left on a terminal, plain lines elsewhere. */

export interface ProgressOptions {
  readonly label: string;
  readonly total: number;
  /** Plural, such as "steps". */
  readonly unit: string;
  /** Milliseconds; for tests. */
  readonly clock?: () => number;
}

export interface Progress {
  update(done: number, note?: string): void;
  finish(note?: string): void;
}

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5_000;
const BAR_WIDTH = 24;
const NARROWEST_BAR = 8;
/** Between the parts of a line, and of a note. */
const NOTE_GAP = "  ";

/** "2h 05m", "3m 20s", "12s" */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const pad = (value: number): string => String(value).padStart(2, "0");
  if (hours > 0) return `${hours}h ${pad(minutes)}m`;
  return minutes > 0 ? `${minutes}m ${pad(whole % 60)}s` : `${whole}s`;
}

/** What a line of progress says; empty texts say nothing. */
interface ProgressState {
  readonly label: string;
  /** Plural. */
  readonly unit: string;
  readonly done: number;
  readonly total: number;
  /** Units a second. */
  readonly rate: string;
  readonly left: string;
  /** The most important first. */
  readonly notes: readonly string[];
}

/**
 * The line in at most `width` characters: where there is too little room the bar becomes shorter, then goes, the unit of the rate goes,
 * then the last of the notes. Without a width there is no bar, and all is said.
 */
export function progressLine(
  { label, unit, done, total, rate, left, notes }: ProgressState,
  width: number | undefined,
): string {
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
  const said = (rateUnit: string, count: number): string =>
    [percent, `${done}/${total} ${unit}`, rate && `${rate}${rateUnit}`, left, ...notes.slice(0, count)]
      .filter((part) => part !== "")
      .join(NOTE_GAP);
  const whole = said(` ${unit}/s`, notes.length);
  if (width === undefined) return `${label} ${whole}`;
  const barWidth = Math.min(BAR_WIDTH, width - `${label}  ${whole}`.length);
  if (barWidth >= NARROWEST_BAR) {
    const filled = Math.round(share * barWidth);
    return `${label} ${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${whole}`;
  }
  const shorter = [
    whole,
    ...Array.from(notes, (_, index) => said("/s", notes.length - index)),
    said("/s", 0),
  ];
  return `${label} ${shorter.find((text) => label.length + 1 + text.length <= width) ?? shorter.at(-1)}`;
}

/** A line that is too long in spite of all ends in an ellipsis. */
const shortened = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Terminals whose cursor stands at the end of a bar. */
const openLines = new Set<OutputStream>();

/** Moves below an unfinished bar, so that what is written next does not run into it. */
export function leaveProgressLine(stream: OutputStream): void {
  if (openLines.delete(stream)) stream.write("\n");
}

/** `stream` is usually process.stderr, so that results on stdout stay clean. */
export function createProgress(
  stream: OutputStream,
  { label, total, unit, clock = () => performance.now() }: ProgressOptions,
): Progress {
  const startedMs = clock();
  const isTerminal = stream.isTTY === true;
  let first: { readonly done: number; readonly atMs: number } | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;

  const line = (done: number, note: string): string => {
    const nowMs = clock();
    // The rate counts from the first update: a resumed job did not do its earlier steps just now.
    const elapsedSeconds = (nowMs - (first?.atMs ?? startedMs)) / 1000;
    const rate = elapsedSeconds > 0 ? (done - (first?.done ?? 0)) / elapsedSeconds : 0;
    const rateText = rate >= 10 ? rate.toFixed(0) : rate.toFixed(1);
    return progressLine(
      {
        ...{ label, unit, done, total },
        rate: rate > 0 ? rateText : "",
        left: rate > 0 && done < total ? `${formatDuration((total - done) / rate)} left` : "",
        notes: note.split(NOTE_GAP),
      },
      isTerminal ? (stream.columns ?? 80) - 1 : undefined,
    );
  };
  const draw = (text: string): void => {
    stream.write(isTerminal ? `\r\u001b[2K${shortened(text, (stream.columns ?? 80) - 1)}` : `${text}\n`);
  };
  return {
    update(done, note = "") {
      const nowMs = clock();
      if (first === undefined) first = { done, atMs: nowMs };
      if (nowMs - drawnMs < (isTerminal ? REDRAW_MS : PLAIN_LINE_MS)) return;
      drawnMs = nowMs;
      draw(line(done, note));
      if (isTerminal) openLines.add(stream);
    },
    finish(note = "") {
      const seconds = (clock() - startedMs) / 1000;
      draw(`${label}: ${total} ${unit} in ${formatDuration(seconds)}${note === "" ? "" : `  ${note}`}`);
      if (isTerminal) stream.write("\n");
      openLines.delete(stream);
    },
  };
}
