/** Chosen against best: a table whose cells are shaded by their share of the row. */

import { section } from "../../plots/parts.ts";
import { escapeHtml, shown } from "../../plots/svg.ts";
import type { ChoiceConfusion, RouterAnalysis } from "../evaluation/index.ts";

/** Beyond these the models with least traffic are put together. */
const MAX_MODELS = 10;
const SHADES = 5;

export function confusionSection({ confusion, models, served }: RouterAnalysis): string {
  const own = confusion[served];
  if (own === undefined || own.counts.length === 0) return "";
  const { names, counts } = gathered(models, own);
  const total = counts.flat().reduce((sum, count) => sum + count, 0);
  if (total === 0) return "";
  const right = counts.reduce((sum, row, index) => sum + row[index]!, 0);
  const heads = names.map((name) => `<th scope="col">${escapeHtml(name)}</th>`);
  const rows = names.flatMap((name, chosen) => {
    const row = counts[chosen]!;
    const sum = row.reduce((a, b) => a + b, 0);
    if (sum === 0) return [];
    const cells = row.map((count, best) => {
      const share = count / sum;
      const kind = best === chosen ? "right" : "wrong";
      const shade = Math.min(SHADES, Math.ceil(share * SHADES));
      return `<td class="${kind} shade${shade}">${shown(100 * share, 0)}%<span class="soft">${shown(count, 0)}</span></td>`;
    });
    return [`<tr><th scope="row">${escapeHtml(name)}</th>${cells.join("")}<td>${shown(sum, 0)}</td></tr>`];
  });
  const undecided =
    own.undecided > 0 ? ` ${own.undecided} prompts on which all models did equally well are left out.` : "";
  return section(
    "When it chose one model, which was best?",
    `${served} took a model that no other beat on ${shown((100 * right) / total, 0)}% of ${shown(total, 0)} prompts (diagonal). Rows are the models chosen, columns the best ones; prompts with several best models that were not chosen are shared out among them.${undecided}`,
    `<div class="scroll"><table class="confusion"><thead><tr><th scope="col">chosen \\ best</th>${heads.join("")}<th scope="col">prompts</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`,
  );
}

function gathered(
  models: readonly string[],
  { counts }: ChoiceConfusion,
): { names: readonly string[]; counts: readonly (readonly number[])[] } {
  if (models.length <= MAX_MODELS) return { names: models, counts };
  const weight = models.map((_, index) =>
    counts.reduce(
      (sum, row, chosen) => sum + row[index]! + (chosen === index ? row.reduce((a, b) => a + b) : 0),
      0,
    ),
  );
  const kept = models
    .map((_, index) => index)
    .sort((a, b) => weight[b]! - weight[a]!)
    .slice(0, MAX_MODELS - 1);
  const place = models.map((_, index) => (kept.includes(index) ? kept.indexOf(index) : kept.length));
  const merged = Array.from({ length: MAX_MODELS }, () => new Array<number>(MAX_MODELS).fill(0));
  for (const [chosen, row] of counts.entries())
    for (const [best, count] of row.entries()) merged[place[chosen]!]![place[best]!]! += count;
  return {
    names: [...kept.map((index) => models[index]!), `${models.length - kept.length} other models`],
    counts: merged,
  };
}
