/** What a merged model was made from: for programs (merge.json) and for people (README.md). */
import { version } from "../../support/version.ts";
import type { MergeSettings } from "./methods.ts";

export interface HashedFile {
  readonly name: string;
  readonly sha256: string;
}

export interface ModelLineage {
  readonly name: string;
  /** Absent for the base, and where the method takes none. */
  readonly weight?: number;
  readonly files: readonly HashedFile[];
}

export interface Lineage {
  readonly settings: MergeSettings;
  readonly base: ModelLineage;
  readonly models: readonly ModelLineage[];
  readonly dtypes: readonly string[];
  readonly tensors: number;
  readonly parameters: number;
  /** Taken from the base as they are. */
  readonly copiedFiles: readonly string[];
  readonly notes: readonly string[];
}

/** The content of merge.json. */
export const lineageJson = (lineage: Lineage): string =>
  `${JSON.stringify({ tutti: version, ...lineage }, null, 2)}\n`;

const SENTENCES: Readonly<Record<MergeSettings["method"], string>> = {
  linear: "the weighted mean of the models",
  "task-arithmetic": "the base plus the weighted sum of the models' task vectors",
  ties: "TIES: task vectors trimmed, signs elected, agreeing values merged",
  "dare-ties": "DARE with sign election: task vectors dropped at random and rescaled, agreeing values merged",
  "dare-linear": "DARE: task vectors dropped at random and rescaled, then added up",
  sce: "SCE: the entries that vary most selected, weights calculated from them, minority signs erased",
  varm: "VaRM: weights of each tensor by variation ratio",
  slerp: "SLERP: along the arc from the base to the model",
};

const table = (head: readonly string[], rows: readonly (readonly unknown[])[]): string[] => [
  `| ${head.join(" | ")} |`,
  `|${head.map(() => "---|").join("")}`,
  ...rows.map((cells) => `| ${cells.map(String).join(" | ")} |`),
];

const fileRows = (role: string, { name, weight, files }: ModelLineage): unknown[][] =>
  files.map((file) => [`${role}: ${name}`, weight ?? "", file.name, `\`${file.sha256}\``]);

/** Markdown with the front matter that model hubs read. @param name of the merged model */
export function mergeCard(name: string, lineage: Lineage): string {
  const { settings, base, models, dtypes, tensors, parameters, copiedFiles, notes } = lineage;
  const { method, ...parametersOfMethod } = settings;
  return [
    "---",
    `base_model: ${JSON.stringify([base.name, ...models.map((model) => model.name)])}`,
    "base_model_relation: merge",
    "library_name: transformers",
    `tags: [tutti, merge, ${method}]`,
    "---",
    "",
    `# ${name}`,
    "",
    `Made by Tutti ${version} with \`tutti fuse merge --method ${method}\`: ${SENTENCES[method]}.`,
    "",
    "## Made from",
    "",
    ...table(
      ["model", "weight", "file", "SHA-256"],
      [...fileRows("base", base), ...models.flatMap((model) => fileRows("model", model))],
    ),
    "",
    "## Parameters",
    "",
    ...table(
      ["", ""],
      [
        ["method", method],
        ...Object.entries(parametersOfMethod),
        ["numbers", `${parameters} in ${tensors} tensors, stored as ${dtypes.join(", ")}`],
        ["from the base as they are", ["config.json", ...copiedFiles].join(", ")],
      ],
    ),
    "",
    ...(notes.length > 0 ? ["## Notes", "", ...notes.map((note) => `- ${note}`), ""] : []),
  ].join("\n");
}
