/** The leaderboard as one self-contained page. */
import { forestPlot } from "../../plots/forest-plot.ts";
import { contents, renderPage } from "../../plots/page.ts";
import { dataTable, figure, section } from "../../plots/parts.ts";
import { escapeHtml } from "../../plots/svg.ts";
import type { Board, Leaderboard } from "./leaderboard.ts";
import { boardTable } from "./table.ts";

function boardSection(board: Board, { baseline }: Leaderboard): string {
  const isControlled = board.styleEffects !== undefined;
  const plot = forestPlot(
    `Ratings, ${board.domain}`,
    board.rows.map(({ model, rank, rating, controlled }) => {
      const { value, interval } = controlled ?? rating;
      return { label: model, value, interval, stands: rank === 1 };
    }),
    {
      digits: 0,
      references: [{ at: 1000, name: baseline ?? "mean" }],
      axis: isControlled ? "rating with style taken out" : "rating, 400 points are odds of ten to one",
    },
  );
  const lead = `${board.prompts} prompts. Models whose interval lies below no other's share the first rank.`;
  return section(board.domain, lead, figure(plot) + dataTable(boardTable(board)) + effectsOf(board));
}

function effectsOf({ styleEffects }: Board): string {
  if (styleEffects === undefined) return "";
  const rows = Object.entries(styleEffects).map(
    ([
      feature,
      {
        value,
        interval: [low, high],
      },
    ]) => [feature, value.toFixed(3), `[${low.toFixed(3)}, ${high.toFixed(3)}]`],
  );
  return `<h3>What the judge likes besides the content</h3>${dataTable({ heads: ["feature", "effect in nats", "95% interval"], rows })}`;
}

const definitions = ({ samples, control, baseline }: Leaderboard): string[] => [
  "Win rate: share of the battles that a model won, ties half.",
  `Rating: Bradley-Terry strength on Elo's scale; ${baseline === undefined ? "the mean is 1000" : `${baseline} is 1000`}. Elo: Elo's own rule, the median over random orders of the battles.`,
  ...(control.length > 0
    ? [
        `Style-controlled: the same with the effect of ${control.join(", ")} estimated beside the strengths and taken out.`,
      ]
    : []),
  `Intervals: 95% percentile bootstrap over prompts, ${samples} resamples. Rank: one plus the number of models whose interval lies wholly above.`,
  "Intervals hold the luck of the prompts, not the mistakes of the judge.",
];

export function renderLeaderboard(board: Leaderboard, title: string): string {
  const sections = board.boards.map((each) => boardSection(each, board));
  const notes = definitions(board).map((item) => `<li>${escapeHtml(item)}</li>`);
  return renderPage({
    title,
    body: [
      board.boards.length > 1 ? contents(sections) : "",
      ...sections,
      `<footer><h2>How the numbers are defined</h2><ul>${notes.join("")}</ul></footer>`,
    ].join("\n"),
  });
}
