/** `tutti model list`: what the cache holds, and whether it is whole. */
import { Command } from "commander";
import {
  type CachedModel,
  type DamagedFile,
  hubSettings,
  listCachedModels,
  removeDamaged,
  verifyCachedModel,
} from "../../hub/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { printResult, say } from "../io.ts";
import { createProgress } from "../progress.ts";

interface Flags {
  readonly verify?: boolean;
  readonly repair?: boolean;
  readonly json?: boolean;
}

export function modelListCommand(): Command {
  return new Command("list")
    .summary("list the models in the cache")
    .option("--verify", "read every file and compare its checksum")
    .option("--repair", "also remove damaged files, so that the next pull fetches them again")
    .option("--json", "machine-readable")
    .action(async (flags: Flags) => {
      const { cacheFolder } = hubSettings();
      const models = listCachedModels({ cacheFolder });
      const damaged = flags.verify || flags.repair ? await verify(models) : undefined;
      if (flags.json) {
        const rows = models.map((model, index) => ({
          ...model,
          ...(damaged && { damaged: damaged[index] }),
        }));
        printResult(JSON.stringify(rows, null, 2));
      } else {
        say(`${models.length} models in ${cacheFolder}`);
        for (const [index, model] of models.entries()) printResult(lineOf(model, damaged?.[index]));
      }
      if (damaged) report(models, damaged, flags.repair === true);
    });
}

function lineOf(
  { repository, commit, revisions, files }: CachedModel,
  damaged?: readonly DamagedFile[],
): string {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const at = [...revisions, commit.slice(0, 12)].join(" ");
  const state = damaged === undefined ? "" : damaged.length === 0 ? "  whole" : `  ${damaged.length} damaged`;
  return `hf:${repository}  ${at}  ${files.length} files  ${(bytes / 1e6).toFixed(1)} MB${state}`;
}

async function verify(models: readonly CachedModel[]): Promise<DamagedFile[][]> {
  const total = models.reduce((sum, { files }) => sum + files.length, 0);
  const progress = createProgress(process.stderr, { label: "verifying", total, unit: "files" });
  let done = 0;
  const damaged: DamagedFile[][] = [];
  for (const model of models) {
    damaged.push(await verifyCachedModel(model, (name) => progress.update(done++, name)));
  }
  progress.finish();
  return damaged;
}

function report(
  models: readonly CachedModel[],
  damaged: readonly DamagedFile[][],
  isRepaired: boolean,
): void {
  for (const [index, model] of models.entries()) {
    for (const { name, problem } of damaged[index]!) say(`hf:${model.repository} ${name}: ${problem}`);
    if (isRepaired) removeDamaged(model, damaged[index]!);
  }
  const count = damaged.flat().length;
  if (count === 0) return;
  throw new TuttiError(
    "FILE_CORRUPT",
    `${count} files of the cache are damaged${isRepaired ? "; they were removed" : ""}`,
    {
      hint: isRepaired ? "pull these models again" : "run it with --repair, then pull these models again",
    },
  );
}
