/** How many steps of a run warm up. */
import type { PrepareEvents } from "./prepared-run.ts";
import type { RunSettings } from "./settings.ts";

/** As transformers counts them, but that one step at least is not among them: the first step of a warm-up changes nothing. */
export const warmupSteps = (share: number, totalSteps: number): number =>
  Math.min(Math.ceil(share * totalSteps), totalSteps - 1);

/** Runs of fewer steps are worth a word. */
const FEW_STEPS = 10;

/** Of short runs whose warm-up takes a good part of them. */
export function warnOfFewSteps(
  totalSteps: number,
  { warmupShare }: Pick<RunSettings, "warmupShare">,
  { onWarning }: PrepareEvents,
): void {
  const warmup = warmupSteps(warmupShare, totalSteps);
  if (totalSteps >= FEW_STEPS || warmup === 0) return;
  onWarning?.(
    `${totalSteps} steps in all, of which ${warmup} warm up, the first with a rate of 0: ` +
      "take a smaller batch, more epochs, or no warm-up",
  );
}
