/** Last stage: everything that came of a run, as JSON and as a page. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../judged/index.ts";
import { writeFileAtomic } from "../../support/atomic-file.ts";
import { version } from "../../support/version.ts";
import { readMetrics, trainingPaths } from "../../train/index.ts";
import type { Stage, StageResult } from "../stage-runner.ts";
import type { FuseContext } from "./context.ts";
import { type EvaluateResult, systemsOf } from "./evaluate-stage.ts";
import type { JudgeResult } from "./judge-stage.ts";
import type { Systems } from "./measures.ts";
import type { PromptsResult } from "./prompts-stage.ts";
import { renderFuseReport } from "./report-page.ts";
import type { SampleResult } from "./sample-stage.ts";
import type { SelectResult } from "./select-stage.ts";
import type { TrainedModel } from "./training.ts";

/** What all stages before the report have come to. */
export interface FinishedStages {
  readonly prompts: StageResult<PromptsResult>;
  readonly sample: StageResult<SampleResult>;
  readonly judge: StageResult<JudgeResult>;
  readonly select: StageResult<SelectResult>;
  readonly sft: StageResult<TrainedModel>;
  readonly dpo?: StageResult<TrainedModel> | undefined;
  readonly evaluate: StageResult<EvaluateResult>;
}

export interface TrainingCurve {
  readonly title: string;
  readonly axis: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

export interface FuseReport {
  readonly format: "tutti-fuse-report-1";
  readonly tutti: string;
  readonly name: string;
  readonly settings: JsonObject;
  readonly systems: Systems;
  readonly stages: {
    readonly prompts: PromptsResult;
    readonly sample: SampleResult;
    readonly judge: JudgeResult;
    readonly select: SelectResult;
    readonly sft: TrainedModel;
    readonly dpo?: TrainedModel;
    readonly evaluate: EvaluateResult;
  };
  readonly curves: readonly TrainingCurve[];
  /** Stage -> digest of its result. */
  readonly digests: Readonly<Record<string, string>>;
  /** SHA-256 of the weights by name. */
  readonly models: Readonly<Record<string, string>>;
}

export interface ReportResult extends JsonObject {
  readonly page: string;
  readonly json: string;
}

export const REPORT_PAGE = "report.html";
export const REPORT_JSON = "report.json";
const MOST_POINTS = 400;

const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

/** At most a few hundred points of a run, evenly taken. */
function curvesOf(name: string, stageFolder: string): TrainingCurve[] {
  const lines = readMetrics(trainingPaths(join(stageFolder, "training")).metricsPath);
  const every = Math.max(1, Math.ceil(lines.length / MOST_POINTS));
  const some = lines.filter((_, index) => index % every === 0);
  const curve = (what: string, of: (line: (typeof lines)[number]) => number | undefined): TrainingCurve[] => {
    const points = some.flatMap((line) => {
      const value = of(line);
      return value === undefined ? [] : [[line.step, value] as const];
    });
    return points.length === 0 ? [] : [{ title: `${name}: ${what}`, axis: what, points }];
  };
  return [
    ...curve("loss", ({ loss }) => loss),
    ...curve("reward margin", ({ metrics }) => metrics["rewards/margins"]),
  ];
}

function reportOf({ settings }: FuseContext, stages: FinishedStages): FuseReport {
  const { prompts, sample, judge, select, sft, dpo, evaluate } = stages;
  const all = [prompts, sample, judge, select, sft, ...(dpo ? [dpo] : []), evaluate];
  return {
    format: "tutti-fuse-report-1",
    tutti: version,
    name: settings.name,
    settings: JSON.parse(JSON.stringify(settings)) as JsonObject,
    systems: systemsOf({ settings }, dpo !== undefined),
    stages: {
      prompts: prompts.result,
      sample: sample.result,
      judge: judge.result,
      select: select.result,
      sft: sft.result,
      ...(dpo && { dpo: dpo.result }),
      evaluate: evaluate.result,
    },
    curves: [...curvesOf("SFT", sft.folder), ...(dpo ? curvesOf("DPO", dpo.folder) : [])],
    digests: Object.fromEntries(all.map(({ name, digest }) => [name, digest])),
    models: {
      "weights after SFT": sft.result.weights,
      ...(dpo && { "weights after DPO": dpo.result.weights }),
    },
  };
}

export function reportStage(context: FuseContext, stages: FinishedStages): Stage<ReportResult> {
  const paths = { page: join(context.folder, REPORT_PAGE), json: join(context.folder, REPORT_JSON) };

  const isWritten = (path: string, digest: string): boolean =>
    existsSync(path) && sha256(readFileSync(path)) === digest;
  return {
    name: "report",
    inputs: {
      tutti: version,
      settings: JSON.parse(JSON.stringify(context.settings)) as JsonObject,
      results: Object.values(stages).map((stage) => (stage as StageResult<JsonObject>).digest),
    },
    isIntact: (result) => isWritten(paths.page, result.page) && isWritten(paths.json, result.json),
    async run() {
      const report = reportOf(context, stages);
      const page = renderFuseReport(report);
      const json = `${JSON.stringify(report, null, 1)}\n`;
      writeFileAtomic(paths.json, json);
      writeFileAtomic(paths.page, page);
      return { page: sha256(page), json: sha256(json) };
    },
  };
}
