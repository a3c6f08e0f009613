/** Flat YAML of other trainers' configuration files. */

export type ConfigValue = string | number | boolean | readonly (string | Readonly<Record<string, string>>)[];

/** Python's YAML reads 5e-6 as text: numbers that small have to have a point. */
function numberText(value: number): string {
  const text = String(value);
  return /e/.test(text) && !text.includes(".") ? text.replace("e", ".0e") : text;
}

const valueText = (value: ConfigValue): string =>
  typeof value === "number" ? numberText(value) : JSON.stringify(value);

/** One line a setting; text in JSON's quotes, which YAML reads too. */
export function configText(heading: string, values: Readonly<Record<string, ConfigValue>>): string {
  const lines = Object.entries(values).map(([name, value]) => `${name}: ${valueText(value)}`);
  return `${heading
    .split("\n")
    .map((line) => `# ${line}\n`)
    .join("")}${lines.join("\n")}\n`;
}
