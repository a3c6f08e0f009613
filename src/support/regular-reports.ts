/** Telling how long work goes, from time to time. */

const REPORT_MS = 500;

/**
 * Looks at the state of the work and reports it, until stopped. A look may take time, such as counting a long queue: looks are as far
 * apart as they are long, twenty times over. One that fails is left out: the work meets the same failure itself.
 *
 * @returns stops, after the last look
 */
export function reportRegularly<State>(
  look: () => Promise<State>,
  report: ((state: State) => void) | undefined,
): () => Promise<void> {
  if (report === undefined) return async () => undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let isStopped = false;
  const next = (delayMs: number): void => {
    timer = setTimeout(() => {
      const startedMs = performance.now();
      looking = look()
        .then(report, () => undefined)
        .then(() => {
          if (!isStopped) next(Math.max(REPORT_MS, 20 * (performance.now() - startedMs)));
        });
    }, delayMs);
  };
  next(0);
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await looking;
  };
}
