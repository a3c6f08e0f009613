/** What the judge's process and its workers say to each other. */
import type { Program, ProgramLimits, ProgramOutcome } from "../program.ts";
import type { InterpreterImage } from "../python/interpreter.ts";

/** TypeScript runs where JavaScript runs. */
export type WorkerLanguage = "python" | "javascript";

export type ToWorker =
  | {
      readonly kind: "start";
      readonly language: WorkerLanguage;
      readonly limits: ProgramLimits;
      readonly image?: InterpreterImage;
    }
  | { readonly kind: "run"; readonly program: Program };

export type FromWorker =
  | { readonly kind: "ready"; readonly image?: InterpreterImage }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "progress"; readonly passed: number; readonly total: number }
  | {
      readonly kind: "outcome";
      readonly outcome: ProgramOutcome;
      /** Whether this process has done its duty: its memory has grown, or its stack overflowed. */
      readonly isSpent: boolean;
    };
