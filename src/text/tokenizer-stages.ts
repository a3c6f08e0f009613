/**
 * What the stages of a tokenizer.json may ask for. The library takes them as they are: a cut of length 0 would never end,
 * thirty replacements of one character by two would make a text a billion times as long.
 */
import { isJsonObject } from "../support/json.ts";
import { shown } from "../support/show.ts";
import { isKnownPattern } from "./gguf/pre-tokenizers.ts";

type Section = Readonly<Record<string, unknown>>;

/** How many times as long as the text its normalised or decoded form may be. */
const MAXIMUM_GROWTH = 64;
const MAXIMUM_STAGES = 64;
const MAXIMUM_PREFIX = 1024;
const MAXIMUM_PATTERN = 16_384;
const MAXIMUM_TEMPLATE = 64;
/** A byte beyond ASCII becomes a character of two bytes. */
const BYTE_LEVEL_GROWTH = 2;

const NESTED = ["normalizers", "pretokenizers", "decoders", "processors"];

/** A section and all those inside it; what is no object in a list is given too, for the caller to refuse. */
export function stagesOf(section: unknown): unknown[] {
  if (!isJsonObject(section)) return section === null ? [] : [section];
  const inner = NESTED.flatMap((key) => (Array.isArray(section[key]) ? (section[key] as unknown[]) : []));
  return [section, ...inner.flatMap(stagesOf)];
}

function checkPattern({ type, pattern }: Section): string | undefined {
  const { Regex: regex, String: text } = isJsonObject(pattern) ? pattern : {};
  const source = regex ?? text;
  if (typeof source !== "string")
    return `${type} has pattern ${shown(pattern)}, expected {"String": ...} or {"Regex": ...}`;
  if (source.length > MAXIMUM_PATTERN)
    return `${type} has a pattern of ${source.length} characters, more than the ${MAXIMUM_PATTERN} allowed`;
  return undefined;
}

function checkStage(stage: Section): string | undefined {
  const { type, content, prepend, length, str_rep: spaces } = stage;
  if (type === "Split" || type === "Replace") {
    const problem = checkPattern(stage);
    if (problem !== undefined) return problem;
  }
  if (type === "Replace" && content !== undefined && typeof content !== "string")
    return `Replace has content ${shown(content)}, expected a string`;
  if (type === "Prepend" && !(typeof prepend === "string" && prepend.length <= MAXIMUM_PREFIX))
    return `Prepend has ${shown(prepend)}, expected a string of at most ${MAXIMUM_PREFIX} characters`;
  if (type === "FixedLength" && !(Number.isInteger(length) && (length as number) > 0))
    return `FixedLength has length ${shown(length)}, expected a positive integer`;
  if (type === "Metaspace" && spaces !== undefined && typeof spaces !== "string")
    return `Metaspace has str_rep ${shown(spaces)}, expected a string`;
  return undefined;
}

/** At most how many times as long a stage makes a text. */
function growthOf({ type, content, pattern, str_rep: spaces }: Section): number {
  if (type === "ByteLevel") return BYTE_LEVEL_GROWTH;
  // An empty suffix or space mark is found between all characters.
  if (type === "BPEDecoder") return 2;
  if (type === "Metaspace") return Math.max(2, String(spaces ?? "").length);
  if (type !== "Replace") return 1;
  const text = isJsonObject(pattern) ? pattern.String : undefined;
  const added = String(content ?? "").length;
  // A regular expression may match nothing, everywhere.
  return typeof text === "string" && text !== "" ? Math.max(1, added / text.length) : 1 + added;
}

/** A post-processor puts tokens around a text, which it may name once. */
function checkTemplate(stage: Section, isToken: (token: string) => boolean): string | undefined {
  const { type, single } = stage;
  if (type === "BertProcessing" || type === "RobertaProcessing") {
    for (const key of ["cls", "sep"]) {
      const [token] = Array.isArray(stage[key]) ? (stage[key] as unknown[]) : [];
      if (typeof token !== "string" || !isToken(token))
        return `${type} has ${key} ${shown(stage[key])}, expected a token of the vocabulary and its id`;
    }
    return undefined;
  }
  if (type !== "TemplateProcessing") return undefined;
  if (!Array.isArray(single) || single.length > MAXIMUM_TEMPLATE || !single.every(isJsonObject))
    return `TemplateProcessing has single ${shown(single)}, expected a list of at most ${MAXIMUM_TEMPLATE} parts`;
  const parts = single as readonly Section[];
  if (parts.filter((part) => "Sequence" in part).length > 1)
    return "TemplateProcessing names the text more than once";
  for (const { SpecialToken: special } of parts) {
    if (special === undefined) continue;
    const id = isJsonObject(special) ? special.id : undefined;
    if (typeof id !== "string" || !isToken(id))
      return `TemplateProcessing adds ${shown(id)}, which is no token of the vocabulary`;
  }
  return undefined;
}

/**
 * What is wrong with the stages of a tokenizer.json, or undefined.
 *
 * @param isToken whether the vocabulary or the added tokens have it
 */
export function checkStages(json: Section, isToken: (token: string) => boolean): string | undefined {
  for (const key of ["normalizer", "pre_tokenizer", "decoder", "post_processor"]) {
    const stages = stagesOf(json[key] ?? null);
    if (stages.length > MAXIMUM_STAGES)
      return `section ${key} has ${stages.length} stages, more than the ${MAXIMUM_STAGES} allowed`;
    let growth = 1;
    for (const stage of stages) {
      if (!isJsonObject(stage)) return `section ${key} has a stage ${shown(stage, 40)}, expected an object`;
      const problem = checkStage(stage) ?? checkTemplate(stage, isToken);
      if (problem !== undefined) return `section ${key}: ${problem}`;
      growth *= growthOf(stage);
    }
    if (growth > MAXIMUM_GROWTH)
      return `section ${key} could make a text ${growth} times as long, more than the ${MAXIMUM_GROWTH} allowed`;
  }
  return undefined;
}

/** The section with contents of replacements taken as they are: the library would read "$1" as a reference. */
export function withLiteralContent<T>(section: T): T {
  if (Array.isArray(section)) return section.map(withLiteralContent) as T;
  if (!isJsonObject(section)) return section;
  const copy: Record<string, unknown> = { ...section };
  for (const key of NESTED) if (Array.isArray(copy[key])) copy[key] = withLiteralContent(copy[key]);
  if (copy.type === "Replace" && typeof copy.content === "string")
    copy.content = copy.content.replaceAll("$", "$$$$");
  return copy as T;
}

/** Whether a stage has a regular expression that nobody here has looked at, which may take time without end. */
export function hasUnknownPattern(json: Section): boolean {
  return ["normalizer", "pre_tokenizer", "decoder"]
    .flatMap((key) => stagesOf(json[key] ?? null))
    .some((stage) => {
      const pattern = isJsonObject(stage) ? stage.pattern : undefined;
      const regex = isJsonObject(pattern) ? pattern.Regex : undefined;
      return regex !== undefined && !isKnownPattern(String(regex));
    });
}
