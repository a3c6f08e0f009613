/**
 * Continuous batching: prompts are read one after another, in chunks between the steps of those already running; every
 * step makes one token of each running sequence, and sequences leave when they are done. Samples of one prompt share
 * its reading, and a prompt that begins as that of a running sequence does is read from there on. Running sequences hold the slots 0 .. n-1, a prompt being read the slot n.
 */
import { commonBeginning } from "./common-beginning.ts";
import { PROMPT_PART_TOKENS, type Prompt, PromptReading, type SlotDecoder } from "./slot-decoder.ts";

/** A prompt and what becomes of the logits behind it. */
export interface Job {
  readonly prompt: Prompt;
  readonly samples: number;
  /** Chooses the next token of a sample; undefined when the sample needs no more. May overwrite the logits. */
  next(sample: number, logits: Float32Array): number | undefined;
  /** Whether nobody wants the rest. */
  isAborted(): boolean;
  /** Called once, when no sample goes on; with what went wrong, if something did. */
  end(error?: unknown): void;
}

interface Sequence {
  readonly job: Job;
  readonly sample: number;
  /** Chosen, not yet read. */
  token: number;
  /** Tokens in the cache. */
  length: number;
}

/** The job whose prompt is being read or whose samples are being started. */
interface Admission {
  readonly job: Job;
  readonly reading: PromptReading;
  /** After the last token of the prompt. */
  logits: Float32Array | undefined;
  /** Puts the prompt into a slot again. */
  restore: ((slot: number) => void) | undefined;
  nextSample: number;
}

interface ExclusiveTask {
  run(slot: number): Promise<void>;
}

export class BatchScheduler {
  private readonly decoder: SlotDecoder;
  private readonly maxBatch: number;
  private readonly waiting: Job[] = [];
  private readonly tasks: ExclusiveTask[] = [];
  private readonly running: Sequence[] = [];
  private readonly unfinished = new Map<Job, number>();
  private admission: Admission | undefined;
  private isWorking = false;
  private loop: Promise<void> = Promise.resolve();

  constructor(decoder: SlotDecoder, maxBatch: number) {
    this.decoder = decoder;
    this.maxBatch = maxBatch;
  }

  submit(job: Job): void {
    this.waiting.push(job);
    this.unfinished.set(job, job.samples);
    this.wake();
  }

  /** Runs `action` between two steps, with a slot of its own that nobody else uses meanwhile. */
  exclusive<T>(action: (slot: number) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.tasks.push({ run: async (slot) => action(slot).then(resolve, reject) });
      this.wake();
    });
  }

  /** Resolves when nothing is left to do. */
  async idle(): Promise<void> {
    while (this.isWorking) await this.loop;
  }

  private wake(): void {
    if (this.isWorking) return;
    this.isWorking = true;
    this.loop = this.work();
  }

  private async work(): Promise<void> {
    // Requests made in the same turn of the event loop start together.
    await Promise.resolve();
    while (this.waiting.length + this.tasks.length + this.running.length > 0 || this.admission) {
      try {
        this.dropAborted();
        await this.admit();
        await this.step();
      } catch (error) {
        this.failAll(error);
      }
    }
    this.decoder.cache.clear();
    // In the same turn as the check above: whoever comes later starts a new loop.
    this.isWorking = false;
  }

  /** One task, or one part of the next prompt; then as many samples as there is room for. */
  private async admit(): Promise<void> {
    if (!this.admission) {
      const task = this.tasks.shift();
      if (task) return task.run(this.running.length);
      if (this.running.length >= this.maxBatch) return;
      const job = this.waiting.shift();
      if (!job) return;
      const reading = new PromptReading(this.decoder, job.prompt, this.copyBeginning(job.prompt));
      this.admission = { job, reading, logits: undefined, restore: undefined, nextSample: 0 };
    }
    const { admission } = this;
    if (!admission.logits) await this.readPart(admission);
    if (admission.logits) this.startSamples(admission, admission.logits);
  }

  /** Puts the beginning that a prompt shares with a running one into its slot. @returns how many tokens that is */
  private copyBeginning({ ids }: Prompt): number {
    const { running } = this;
    const shared = commonBeginning(
      ids,
      running.map(({ job }) => job.prompt.ids),
      PROMPT_PART_TOKENS,
    );
    if (shared.tokens > 0) this.decoder.cache.copy(shared.index, running.length, shared.tokens);
    return shared.tokens;
  }

  private async readPart(admission: Admission): Promise<void> {
    const { job, reading } = admission;
    const slot = this.running.length;
    admission.logits = await reading.next(slot);
    if (admission.logits && job.samples > 1) {
      admission.restore = this.decoder.cache.save(slot, reading.held);
    }
  }

  private startSamples(admission: Admission, logits: Float32Array): void {
    const { job, restore } = admission;
    const length = admission.reading.held;
    while (admission.nextSample < job.samples && this.running.length < this.maxBatch) {
      const sample = admission.nextSample++;
      const slot = this.running.length;
      const token = this.next(job, sample, job.samples === 1 ? logits : Float32Array.from(logits));
      if (this.admission !== admission) return;
      if (token === undefined) continue;
      restore?.(slot);
      this.running.push({ job, sample, token, length });
    }
    if (admission.nextSample === job.samples) this.admission = undefined;
  }

  private async step(): Promise<void> {
    const { running } = this;
    if (running.length === 0) return;
    const logits = await this.decoder.step(
      Int32Array.from(running, ({ token }) => token),
      Int32Array.from(running, ({ length }) => length),
    );
    const width = logits.length / running.length;
    const leaving = new Set<Sequence>();
    for (const [row, sequence] of [...running].entries()) {
      sequence.length++;
      if (!this.unfinished.has(sequence.job)) continue;
      const rowLogits = logits.subarray(row * width, (row + 1) * width);
      const token = this.next(sequence.job, sequence.sample, rowLogits);
      if (token === undefined) leaving.add(sequence);
      else sequence.token = token;
    }
    this.leave((sequence) => leaving.has(sequence) || !this.unfinished.has(sequence.job));
  }

  /** The job's choice; a job that fails ends, the others go on. */
  private next(job: Job, sample: number, logits: Float32Array): number | undefined {
    try {
      const token = job.next(sample, logits);
      if (token === undefined) this.finishSample(job);
      return token;
    } catch (error) {
      this.end(job, error);
      return undefined;
    }
  }

  private finishSample(job: Job): void {
    const left = this.unfinished.get(job)! - 1;
    if (left === 0) this.end(job);
    else this.unfinished.set(job, left);
  }

  private end(job: Job, error?: unknown): void {
    if (!this.unfinished.delete(job)) return;
    if (this.admission?.job === job) this.admission = undefined;
    job.end(error);
  }

  private dropAborted(): void {
    for (const job of [...this.unfinished.keys()]) if (job.isAborted()) this.end(job);
    const kept = this.waiting.filter((job) => this.unfinished.has(job));
    this.waiting.splice(0, this.waiting.length, ...kept);
    this.leave(({ job }) => !this.unfinished.has(job));
  }

  /** Takes sequences out; the last ones move into the free slots. */
  private leave(isLeaving: (sequence: Sequence) => boolean): void {
    const { running } = this;
    const { cache } = this.decoder;
    for (let slot = running.length - 1; slot >= 0; slot--) {
      if (!isLeaving(running[slot]!)) continue;
      const last = running.pop()!;
      if (slot < running.length) {
        cache.copy(running.length, slot, last.length);
        running[slot] = last;
      }
      // A prompt being read follows the running sequences; of one that has been read a copy is kept elsewhere.
      const { admission } = this;
      if (admission?.reading.isBegun && !admission.logits) {
        cache.copy(running.length + 1, running.length, admission.reading.held);
      }
    }
  }

  private failAll(error: unknown): void {
    this.running.length = 0;
    this.waiting.length = 0;
    this.admission = undefined;
    for (const job of [...this.unfinished.keys()]) this.end(job, error);
  }
}
