/** The report of a fusion run as one self-contained page. */
import { type CountBar, countPlot } from "../../plots/count-plot.ts";
import { linePlot } from "../../plots/line-plot.ts";
import { contents, renderPage } from "../../plots/page.ts";
import { type DataTable, dataTable, figure, grid, numbersOf, section } from "../../plots/parts.ts";
import { escapeHtml, shown, shownInterval, signed } from "../../plots/svg.ts";
import type { Coverage } from "./coverage.ts";
import type { FuseReport, TrainingCurve } from "./report.ts";
import { isOwn, measureSections, measuresOf, namesOf } from "./report-measures.ts";
import type { DomainSelection } from "./select-stage.ts";

interface Shares {
  readonly rows: number;
  readonly chosen: { readonly sourceShares: Readonly<Record<string, number>> };
  readonly drops: Readonly<Record<string, number>>;
}

const sharesOf = (report: unknown): Shares => report as Shares;

function sourcesSection(domains: Readonly<Record<string, DomainSelection>>): string {
  const parts = Object.entries(domains).map(([domain, { sft, pairs }]) => {
    const sides = [
      ["answers", sharesOf(sft)] as const,
      ...(pairs ? [["pairs", sharesOf(pairs)] as const] : []),
    ];
    const names = new Set(sides.flatMap(([, { chosen }]) => Object.keys(chosen.sourceShares)));
    const bars: CountBar[] = [...names].map((label) => ({
      label,
      count: Math.round(
        sides.reduce((sum, [, { rows, chosen }]) => sum + rows * (chosen.sourceShares[label] ?? 0), 0),
      ),
    }));
    const table: DataTable = {
      heads: ["source", ...sides.map(([side, { rows }]) => `of ${rows} ${side}`)],
      rows: [...names].map((source) => [
        source,
        ...sides.map(([, { chosen }]) => `${shown(100 * (chosen.sourceShares[source] ?? 0))}%`),
      ]),
    };
    return `<h3>${escapeHtml(domain)}</h3>${figure(countPlot(`Sources, ${domain}`, bars))}${dataTable(table)}`;
  });
  return section(
    "Whose answers are learned",
    "Rows of the training sets whose chosen answer is the source's.",
    parts.join(""),
  );
}

function coverageSection(domains: Readonly<Record<string, DomainSelection>>): string {
  const covered = Object.entries(domains).flatMap(([domain, { coverage }]) =>
    coverage === null ? [] : [[domain, coverage as unknown as Coverage] as const],
  );
  if (covered.length === 0) return "";
  const percent = (share: number | undefined): string => `${shown(100 * (share ?? 0))}%`;
  const tables = covered.map(([domain, { prompts, sources, accuracies, joint }]) => {
    const best = Math.max(0, ...Object.values(sources));
    const table: DataTable = {
      heads: ["source", "prompts with a correct answer", "answers that are correct"],
      rows: [
        ...Object.keys(sources).map((source) => [
          source,
          percent(sources[source]),
          percent(accuracies[source]),
        ]),
        ["all together", percent(joint), ""],
        ["all together − best source", percent(joint - best), ""],
      ],
    };
    return `<h3>${escapeHtml(domain)} <span class="soft">${prompts} prompts</span></h3>${dataTable(table)}`;
  });
  return section(
    "What the sources know together",
    "On the training prompts. Where all together cover no more than the best source, there is little to fuse.",
    tables.join(""),
  );
}

const PROMPTS_OF = "prompts of ";

/** Every drop of the run: what, why, how many. */
function dropRows({ prompts, select, sft, dpo, sample }: FuseReport["stages"]): string[][] {
  const rows: string[][] = [];
  const add = (stage: string, what: string, drops: unknown): void => {
    for (const [reason, count] of Object.entries((drops ?? {}) as Record<string, number>))
      rows.push([stage, what, reason, String(count)]);
  };
  for (const [domain, { drops }] of Object.entries(prompts.domains))
    add("prompts", `prompts of ${domain}`, drops);
  for (const [domain, { models }] of Object.entries(sample.domains)) {
    for (const [model, { statuses }] of Object.entries(models)) {
      const { ok: _, ...others } = statuses;
      add("sample", `answers of ${model} to ${domain}`, others);
    }
  }
  for (const [domain, one] of Object.entries(select.domains)) {
    add("select", `prompts of ${domain}`, one.drops);
    add("select", `prompts of ${domain}, imitated`, one.moved);
    add("select", `answers of ${domain}, to imitate`, sharesOf(one.sft).drops);
    if (one.pairs) add("select", `answers and pairs of ${domain}, to prefer`, sharesOf(one.pairs).drops);
  }
  add("sft", "rows", sft.dropped);
  if (dpo) add("dpo", "rows", dpo.dropped);
  return rows;
}

function dropsSection(stages: FuseReport["stages"]): string {
  const rows = dropRows(stages);
  const isOfPrompts = ([, what]: readonly string[]): boolean => what!.startsWith(PROMPTS_OF);
  const prompts = rows.filter(isOfPrompts);
  const bars = prompts.map(([, what, reason, count]) => ({
    label: `${what!.slice(PROMPTS_OF.length)}: ${reason}`,
    count: Number(count),
  }));
  const table: DataTable = { heads: ["stage", "what", "reason", "count"], rows };
  return section(
    "What was left out, and why",
    "Drawn: prompts; those that give no pair and are imitated instead are marked. The table has answers and pairs too.",
    (bars.length > 0 ? figure(countPlot("Prompts left out", bars)) : "") + numbersOf(table),
  );
}

function trainingSection({ stages, curves }: FuseReport): string {
  const runs = [["SFT", stages.sft] as const, ...(stages.dpo ? [["DPO", stages.dpo] as const] : [])];
  const table: DataTable = {
    heads: ["stage", "examples", "cut", "steps", "loss at the end", "held-out loss", "kept step"],
    rows: runs.map(([name, { examples, cut, steps, training, held, keptStep }]) => [
      name,
      String(examples),
      String(cut),
      String(steps),
      shown(training.loss as number, 4),
      shown(held?.loss as number | undefined, 4),
      keptStep === null ? "last" : String(keptStep),
    ]),
  };
  const plots = curves.map(({ title, axis, points }: TrainingCurve) => ({
    heading: escapeHtml(title),
    plot: linePlot(title, [{ label: title, points }], { x: "step", y: axis }),
  }));
  const warnings = runs.flatMap(([, { warnings }]) => warnings);
  const told = warnings.map((warning) => `<li class="bad">${escapeHtml(warning)}</li>`).join("");
  return section(
    "Training",
    "Means over the last tenth of the steps.",
    `${dataTable(table) + grid(plots)}<ul>${told}</ul>`,
  );
}

function lineageSection({ digests, models }: FuseReport): string {
  const table: DataTable = {
    heads: ["", "SHA-256"],
    rows: [
      ...Object.entries(models).map(([name, digest]) => [name, digest]),
      ...Object.entries(digests).map(([stage, digest]) => [`result of stage ${stage}`, digest]),
    ],
  };
  return section("What the model is made of", "Equal digests, equal results.", dataTable(table));
}

const DEFINITIONS = [
  "Verifiable: percent of a system's answers that the domain's verifier calls correct, a prompt's answers averaged first.",
  "Judged: the scores of the domain's scorer, which knows nothing of right or wrong and can be fooled. The scorer also chose the training data, so gains on it are partly gains at pleasing it.",
  "Differences are paired: both systems on the same held-out prompts. Intervals: 95% percentile bootstrap over prompts; they hold the luck of the prompts, not that of training with another seed.",
  "The best source is the one with the highest value on these very prompts, which favours it a little.",
];

function headline({ stages, systems }: FuseReport): string {
  const name = namesOf(systems);
  const final = systems.dpo ?? systems.sft;
  const sentences = measuresOf(stages.evaluate.verifiable).flatMap(({ domain, differences }) =>
    differences
      .filter(({ of, against }) => of === final && (against === systems.start || !isOwn(systems, against)))
      .map(
        ({ against, value, interval }) =>
          `<li>${escapeHtml(domain)}: ${escapeHtml(signed(value))} points over ${escapeHtml(name(against))}, interval ${escapeHtml(shownInterval(interval))}</li>`,
      ),
  );
  if (sentences.length === 0) return "";
  return `<div class="headline"><p class="lead">${escapeHtml(name(final))} on verifiable prompts</p><ul>${sentences.join("")}</ul></div>`;
}

export function renderFuseReport(report: FuseReport): string {
  const { name, stages, systems } = report;
  const sections = [
    ...measureSections(stages.evaluate, systems),
    sourcesSection(stages.select.domains),
    coverageSection(stages.select.domains),
    dropsSection(stages),
    trainingSection(report),
    lineageSection(report),
  ].filter((part) => part !== "");
  const { sft, pairs } = stages.select;
  return renderPage({
    title: `Fusion: ${name}`,
    subtitle: `${(report.settings.sources as readonly unknown[]).length} sources, ${sft.rows} answers imitated, ${pairs.rows} pairs`,
    body: [
      headline(report),
      contents(sections),
      ...sections,
      `<footer><h2>How the numbers are defined</h2><ul>${DEFINITIONS.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul></footer>`,
    ].join("\n"),
  });
}
