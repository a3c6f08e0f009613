/** FuseChat-3.0 from prompts to report: the stages in order, each one done once. Source: arXiv 2503.04222. */
import { join } from "node:path";
import type { JsonObject } from "../../judged/index.ts";
import { TuttiError } from "../../support/errors.ts";
import { linkFolder } from "../../support/link-folder.ts";
import { runStage, type Stage, type StageResult } from "../stage-runner.ts";
import type { FuseContext, StageName } from "./context.ts";
import { dpoStage } from "./dpo-stage.ts";
import { evaluateStage } from "./evaluate-stage.ts";
import { judgeStage } from "./judge-stage.ts";
import { judgingInputs } from "./judging.ts";
import { promptsStage } from "./prompts-stage.ts";
import { type FinishedStages, REPORT_JSON, REPORT_PAGE, reportStage } from "./report.ts";
import { sampleStage } from "./sample-stage.ts";
import { selectStage } from "./select-stage.ts";
import { sftStage } from "./sft-stage.ts";
import { modelFolder } from "./training.ts";

export interface FusedModel {
  /** The fused model, after DPO, or after SFT where no domain gives pairs: `model` in the folder, a link to that stage's. */
  readonly model: string;
  readonly page: string;
  readonly json: string;
  readonly stages: FinishedStages;
}

/**
 * Runs the whole pipeline in `context.folder`. Stopped or killed anywhere, the same call goes on where it was; with other settings
 * it redoes the stages that depend on them.
 *
 * @throws {TuttiError} INTERRUPTED, and what the stages throw
 */
export async function runFuseChat(context: FuseContext): Promise<FusedModel> {
  const { folder, events, signal, settings } = context;
  const run = async <Result extends JsonObject>(
    name: StageName,
    stage: Stage<Result> | Promise<Stage<Result>>,
  ): Promise<StageResult<Result>> => {
    throwIfAborted(signal);
    events.onStage?.(name, "begins");
    try {
      const finished = await runStage(folder, await stage);
      events.onStage?.(name, finished.wasDone ? "was-done" : "done");
      return finished;
    } catch (failure) {
      if (!TuttiError.is(failure)) throwIfAborted(signal);
      throw failure;
    }
  };
  // Judges that do not exist are said before anything is paid for.
  await judgingInputs(context, settings.domains);
  const prompts = await run("prompts", promptsStage(context));
  const sample = await run("sample", sampleStage(context, prompts));
  const judge = await run("judge", judgeStage(context, prompts, sample));
  const select = await run("select", selectStage(context, prompts, sample, judge));
  const sft = await run("sft", sftStage(context, select));
  const hasPairs = settings.domains.some(({ pairs }) => pairs.choose !== "none");
  const dpo = hasPairs ? await run("dpo", dpoStage(context, select, sft)) : undefined;
  const evaluate = await run("evaluate", evaluateStage(context, { prompts, sft, dpo }));
  const stages: FinishedStages = { prompts, sample, judge, select, sft, ...(dpo && { dpo }), evaluate };
  await run("report", reportStage(context, stages));
  const model = join(folder, "model");
  linkFolder(modelFolder((dpo ?? sft).folder), model);
  return {
    model,
    page: join(folder, REPORT_PAGE),
    json: join(folder, REPORT_JSON),
    stages,
  };
}

function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new TuttiError("INTERRUPTED", "stopped; the same command goes on where it stopped");
}
