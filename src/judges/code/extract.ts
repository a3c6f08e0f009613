/** From an answer in prose to the program it means. Pure. */
import type { CodeLanguage } from "./program.ts";
import type { CodeReference } from "./reference.ts";

/** How the code was found: in a fenced block, as the whole answer, as the body that the prompt's function lacked. */
export type ExtractionForm = "block" | "whole" | "body";

export interface ExtractedCode {
  readonly code: string;
  readonly form: ExtractionForm;
}

export interface CodeBlock {
  /** As written after the fence, in lower case. */
  readonly tag: string;
  readonly code: string;
}

const TAGS: Readonly<Record<CodeLanguage, ReadonlySet<string>>> = {
  python: new Set(["python", "py", "python3", "python2", "py3"]),
  javascript: new Set(["javascript", "js", "jsx", "node", "mjs", "ecmascript"]),
  typescript: new Set(["typescript", "ts", "tsx", "mts"]),
};

/** A line that only code begins with. */
const CODE_LINES: Readonly<Record<CodeLanguage, RegExp>> = {
  python:
    /^[ \t]*(?:(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[^\n]*:|import[ \t]+\w|from[ \t]+[\w.]+[ \t]+import\b|@\w|return\b)/m,
  javascript:
    /^[ \t]*(?:export[ \t]+)?(?:(?:async[ \t]+)?function\b|class[ \t]+\w|(?:const|let|var)[ \t]+\w|import\b|return\b)/m,
  typescript:
    /^[ \t]*(?:export[ \t]+)?(?:(?:async[ \t]+)?function\b|class[ \t]+\w|(?:const|let|var|type|interface|enum)[ \t]+\w|import\b|return\b)/m,
};

const OPENING = /^(.*?)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`~]*$/;
const BODY_INDENT = "    ";

/** Fenced blocks in order. A block that the answer's end cuts off counts with what there is of it. */
export function codeBlocks(text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let fence: string | undefined;
  let tag = "";
  let indent = 0;
  let lines: string[] = [];
  const finish = (): void => {
    blocks.push({ tag: tag.toLowerCase(), code: withoutIndent(lines, indent) });
    fence = undefined;
  };
  for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
    if (fence === undefined) {
      const opened = OPENING.exec(line);
      if (opened) [fence, tag, lines, indent] = [opened[2]!, opened[3]!, [], indentOf(opened[1]!)];
      continue;
    }
    const end = line.indexOf(fence);
    const closes = end >= 0 && line.slice(end).replaceAll(fence[0]!, "").trim() === "";
    if (!closes) {
      lines.push(line);
      continue;
    }
    if (line.slice(0, end).trim() !== "") lines.push(line.slice(0, end));
    finish();
  }
  if (fence !== undefined && lines.some((line) => line.trim() !== "")) finish();
  return blocks;
}

/** Columns before a fence that stands on a line of its own. */
function indentOf(before: string): number {
  return before.trim() === "" ? before.length : 0;
}

/** Blocks in lists are indented with their fence, all of their lines; what they are indented more is the code's own. */
function withoutIndent(lines: readonly string[], columns: number): string {
  const filled = lines.filter((line) => line.trim() !== "");
  const shared = Math.min(columns, ...filled.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(shared)).join("\n");
}

/** Whether code gives the name a value at its top level. */
export function defines(code: string, name: string, language: CodeLanguage): boolean {
  const word = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern =
    language === "python"
      ? `^(?:(?:async[ \\t]+)?def|class)[ \\t]+${word}\\b|^${word}[ \\t]*(?::[^=\\n]+)?=[^=]|^from[ \\t].*\\bimport\\b.*\\b${word}\\b`
      : `^(?:export[ \\t]+)?(?:default[ \\t]+)?(?:async[ \\t]+)?(?:function\\*?|class|const|let|var)[ \\t]+${word}\\b|^${word}[ \\t]*=[^=]`;
  return new RegExp(pattern, "m").test(code);
}

/**
 * The program that an answer means, or undefined where it holds no code.
 *
 * Of fenced blocks, those in the right language come first, then those in no stated one, then the others; among them the first
 * that defines the entry point, or the first. Without a block the whole answer is code if it looks like it. Code that defines the
 * entry point follows `prefix`, whose imports and helpers stay in force; code that does not is the body which `prefix` lacks.
 */
export function extractProgram(text: string, reference: CodeReference): ExtractedCode | undefined {
  const { language, entryPoint, prefix } = reference;
  const block = chosenBlock(codeBlocks(text), reference);
  if (block === undefined && !looksLikeCode(text, language, prefix)) return undefined;
  const code = block ?? text.replaceAll("\r\n", "\n");
  const form = block === undefined ? "whole" : "block";
  if (prefix === undefined) return { code, form };
  if (entryPoint === undefined || defines(code, entryPoint, language))
    return { code: joined(prefix, code), form };
  return { code: joined(prefix, language === "python" ? indented(code) : code), form: "body" };
}

function chosenBlock(
  blocks: readonly CodeBlock[],
  { language, entryPoint }: CodeReference,
): string | undefined {
  const filled = blocks.filter(({ code }) => code.trim() !== "");
  const own = filled.filter(({ tag }) => TAGS[language].has(tag));
  const untagged = filled.filter(({ tag }) => tag === "");
  const ranked = own.length > 0 ? own : untagged.length > 0 ? untagged : filled;
  const defining =
    entryPoint === undefined
      ? undefined
      : [ranked, filled].flat().find(({ code }) => defines(code, entryPoint, language));
  return (defining ?? ranked[0])?.code;
}

/** Prose is no program. After a prefix anything indented may be its body. */
function looksLikeCode(text: string, language: CodeLanguage, prefix: string | undefined): boolean {
  if (text.trim() === "") return false;
  return CODE_LINES[language].test(text) || (prefix !== undefined && /^[ \t]+\S/.test(text));
}

/** `from __future__` must stand first, also when the answer says it. */
function joined(prefix: string, code: string): string {
  const future = /^from[ \t]+__future__[ \t]+import[^\n]*\n?/gm;
  const head = (code.match(future) ?? []).join("");
  return `${head}${prefix.trimEnd()}\n${code.replace(future, "")}\n`;
}

function indented(code: string): string {
  const first = code.split("\n").find((line) => line.trim() !== "") ?? "";
  if (/^[ \t]/.test(first)) return code;
  return code
    .split("\n")
    .map((line) => (line.trim() === "" ? line : BODY_INDENT + line))
    .join("\n");
}
