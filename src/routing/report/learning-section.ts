/** Learning curves: what more examples bring, from a file that another command wrote. */
import { z } from "zod";
import { figure, legend, section } from "../../plots/parts.ts";
import {
  clipped,
  escapeHtml,
  line,
  linearScale,
  logScale,
  pixel,
  shown,
  shownInterval,
  svg,
  text,
} from "../../plots/svg.ts";
import { TuttiError } from "../../support/errors.ts";
import { CONFIGURATION_LIMITS, readJsonFile } from "../../support/json.ts";

const number = z.number().refine(Number.isFinite);

const schema = z.object({
  /** What the horizontal axis counts, such as "judged prompts of the new model". */
  unit: z.string().min(1),
  /** What the vertical axis measures. */
  measure: z.string().min(1),
  curves: z
    .array(
      z.object({
        name: z.string().min(1),
        points: z
          .array(
            z.object({
              examples: z.number().positive(),
              value: number,
              interval: z.tuple([number, number]).optional(),
            }),
          )
          .min(1),
      }),
    )
    .min(1)
    .max(10),
  /** Horizontal lines, such as full retraining. */
  references: z.array(z.object({ name: z.string().min(1), value: number })).optional(),
});

export type LearningCurves = z.output<typeof schema>;

/** @throws {TuttiError} FILE_NOT_FOUND, RECORD_INVALID naming file and field */
export function readLearningCurves(path: string): LearningCurves {
  const invalid = (problem: string, cause?: unknown) =>
    new TuttiError("RECORD_INVALID", `${path}: ${problem}`, {
      cause,
      details: { path },
      hint: 'expected {"unit", "measure", "curves": [{"name", "points": [{"examples", "value", "interval"?}]}], "references"?: [{"name", "value"}]}',
    });
  const parsed = schema.safeParse(readJsonFile(path, CONFIGURATION_LIMITS, invalid));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw invalid(`${issue.path.join(".")}: ${issue.message}`);
}

const WIDTH = 940;
const HEIGHT = 360;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 24, 30, 48];

export function learningSection(learning: LearningCurves | undefined): string {
  if (learning === undefined) return "";
  const { unit, measure, curves, references = [] } = learning;
  return section(
    "How many examples does it take?",
    `${sentence(measure)} against ${unit}${curves.some(({ points }) => points.some(({ interval }) => interval)) ? ", with 95% intervals" : ""}. Dashed lines are what to compare with.`,
    legend(curves.map(({ name }, index) => ({ mark: `m${index}`, label: name }))) +
      figure(learningPlot(learning), {
        heads: ["curve", unit, measure, "95% interval"],
        rows: [
          ...curves.flatMap(({ name, points }) =>
            points.map(({ examples, value, interval }) => [
              name,
              String(examples),
              shown(value, 2),
              interval ? shownInterval(interval, 2) : "–",
            ]),
          ),
          ...references.map(({ name, value }) => [name, "–", shown(value, 2), "–"]),
        ],
      }),
  );
}

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

function learningPlot({ unit, measure, curves, references = [] }: LearningCurves): string {
  const points = curves.flatMap((curve) => curve.points);
  const counts = points.map(({ examples }) => examples);
  const values = [
    ...points.flatMap(({ value, interval }) => [value, ...(interval ?? [])]),
    ...references.map(({ value }) => value),
  ];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = (high - low || 1) * 0.08;
  const x = logScale(Math.min(...counts) / 1.15, Math.max(...counts) * 1.15, LEFT, WIDTH - RIGHT);
  const y = linearScale(low - margin, high + margin, HEIGHT - BOTTOM, TOP);
  const ticks = [...new Set(counts)].sort((a, b) => a - b);
  const body = [
    ...y.ticks.map(
      (tick) =>
        line(LEFT, y(tick), WIDTH - RIGHT, y(tick), "grid") +
        text(LEFT - 8, y(tick) + 4, String(tick), 'class="tick" text-anchor="end"'),
    ),
    ...(ticks.length <= 12 ? ticks : x.ticks).map((tick) =>
      text(x(tick), HEIGHT - BOTTOM + 18, String(tick), 'class="tick" text-anchor="middle"'),
    ),
    text((LEFT + WIDTH) / 2, HEIGHT - 6, unit, 'class="tick" text-anchor="middle"'),
    text(0, 11, measure, 'class="tick"'),
    ...references.map(
      ({ name, value }) =>
        line(LEFT, y(value), WIDTH - RIGHT, y(value), "reference") +
        text(LEFT + 6, y(value) - 5, clipped(name, 60), 'class="tick"'),
    ),
    ...curves.map((curve, index) => {
      const moves = curve.points.map(
        ({ examples, value }, at) => `${at === 0 ? "M" : "L"}${pixel(x(examples))} ${pixel(y(value))}`,
      );
      const dots = curve.points.map(({ examples, value, interval }) => {
        const whisker = interval
          ? line(x(examples), y(interval[0]), x(examples), y(interval[1]), `whisker s${index}`)
          : "";
        const tooltip = `${curve.name}: ${shown(value, 2)} with ${examples}`;
        return `${whisker}<circle cx="${pixel(x(examples))}" cy="${pixel(y(value))}" r="4.5" class="dot m${index}"><title>${escapeHtml(tooltip)}</title></circle>`;
      });
      return `<path d="${moves.join("")}" class="cost-curve s${index}"/>${dots.join("")}`;
    }),
  ];
  const summary = curves
    .map(
      ({ name, points: own }) =>
        `${name} goes from ${shown(own[0]!.value, 2)} to ${shown(own.at(-1)!.value, 2)}`,
    )
    .join("; ");
  return svg(WIDTH, HEIGHT, `${measure} against ${unit}. ${summary}.`, body.join(""));
}
