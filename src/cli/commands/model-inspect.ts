/** `tutti model inspect`: what a model is and whether Tutti can compute it. */
import { Command } from "commander";
import { describeModel, type ModelDescription, openModelFiles } from "../../models/index.ts";
import { printable, printResult } from "../io.ts";
import { MODEL_ARGUMENT, modelPath } from "../model-source.ts";

interface Flags {
  readonly tensors?: boolean;
  readonly json?: boolean;
}

export function modelInspectCommand(): Command {
  return new Command("inspect")
    .summary("say what a model is: family, sizes, element types, tokenizer, support")
    .argument("<model>", MODEL_ARGUMENT)
    .option("--tensors", "list every tensor")
    .option("--json", "machine-readable")
    .action(async (model: string, flags: Flags) => {
      const path = await modelPath(model);
      const files = openModelFiles(path);
      try {
        const { tensors, ...description } = describeModel(files);
        if (flags.json) {
          printResult(JSON.stringify({ path, ...description, ...(flags.tensors && { tensors }) }, null, 2));
          return;
        }
        printResult(printable(tableOf(path, description)));
        if (!flags.tensors) return;
        for (const { name, type, shape } of tensors)
          printResult(printable(`${type.padEnd(6)} ${`[${shape}]`.padEnd(18)} ${name}`));
      } finally {
        files.close();
      }
    });
}

const count = (value: number | undefined): string =>
  value === undefined ? "not given" : value.toLocaleString("en-US");

function tableOf(path: string, description: Omit<ModelDescription, "tensors">): string {
  const { support, storedTypes, parameters } = description;
  const types = Object.entries(storedTypes)
    .sort(([, a], [, b]) => b - a)
    .map(
      ([type, elements]) =>
        `${type} ${((100 * elements) / parameters).toFixed(elements === parameters ? 0 : 1)}%`,
    );
  const rows: readonly (readonly [string, string])[] = [
    ["model", path],
    ["family", description.modelType],
    ["parameters", count(parameters)],
    ["stored as", types.join(", ")],
    ["layers", count(description.layers)],
    ["hidden size", count(description.hiddenSize)],
    ["vocabulary", count(description.vocabularySize)],
    ["context", `${count(description.contextTokens)} tokens`],
    ["tokenizer", description.tokenizer ?? "none"],
    ["chat template", description.hasChatTemplate ? "yes" : "no"],
    ["Tutti", SUPPORT[support.kind] ?? ""],
    ...(support.kind === "unsupported" ? ([["reason", support.reason]] as const) : []),
  ];
  return rows.map(([name, value]) => `${name.padEnd(14)} ${value}`).join("\n");
}

const SUPPORT: Readonly<Record<string, string>> = {
  decoder: "generates with it and trains it",
  encoder: "embeds with it and trains it",
  "encoder-decoder": "generates with it and trains it",
  unsupported: "cannot compute it",
};
