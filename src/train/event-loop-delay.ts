/** How long the event loop was held up: what a server that trains beside its work would feel. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 10;

export class EventLoopDelay {
  private readonly histogram: IntervalHistogram;

  constructor() {
    this.histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.histogram.enable();
  }

  /** The longest hold-up since the last call, in seconds, beyond the timer's own 10 ms. */
  takeLongestSeconds(): number {
    const seconds = Math.max(0, this.histogram.max / 1e9 - RESOLUTION_MS / 1e3);
    this.histogram.reset();
    return seconds;
  }

  stop(): void {
    this.histogram.disable();
  }
}
