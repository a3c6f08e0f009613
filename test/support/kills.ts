/** Processes that work on one job, each killed by `kill -9` at a random moment and followed by another. */
import { fork } from "node:child_process";
import { expect, onTestFinished } from "vitest";
import { RandomStream } from "../../src/tensor/random.ts";

export interface KillPlan {
  readonly args: readonly string[];
  /** At once. */
  readonly processes: number;
  readonly kills: number;
}

/** A kill falls within so many milliseconds after the process took up its work. */
const LEAST_LIFE_MS = 30;
const LIFE_MS = 400;

/** Runs a script, which sends a message when it takes up its work, until it has ended by itself in every place. */
export async function killedAtRandom(script: string, { args, processes, kills }: KillPlan): Promise<void> {
  const random = new RandomStream({ seed: 7, stream: 0 });
  let killed = 0;
  const place = async (): Promise<void> => {
    for (;;) {
      const child = fork(script, args, {
        execArgv: ["--import", "tsx"],
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      await Promise.race([new Promise((resolve) => child.once("message", resolve)), ended]);
      const isVictim = killed < kills;
      if (isVictim) {
        killed++;
        setTimeout(() => child.kill("SIGKILL"), LEAST_LIFE_MS + LIFE_MS * random.nextUniform());
      }
      if ((await ended) === 0) return;
      expect(isVictim).toBe(true);
    }
  };
  await Promise.all(Array.from({ length: processes }, place));
  expect(killed).toBe(kills);
}
