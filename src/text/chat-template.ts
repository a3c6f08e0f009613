/** Chat templates: the Jinja text that models ship to say how a conversation is laid out for them. */
import { messageOf, TuttiError } from "../support/errors.ts";
import { gatherFacts, type TemplateFacts } from "./template-facts.ts";
import { BoundedInterpreter } from "./template-interpreter.ts";
import { Environment, parse, type TemplateNode, type TemplateScope, tokenize } from "./template-library.ts";
import { inputCharacters } from "./template-values.ts";

export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
}

export interface ChatTemplateOptions {
  /** Ends with the opening of the assistant's turn, for a model to go on from. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** What `bos_token` stands for in the template. Default empty. */
  readonly bosToken?: string;
  /** What `eos_token` stands for in the template. Default empty. */
  readonly eosToken?: string;
  /** Further names that a template may ask for, such as `tools`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** The longest templates of released models have about 30 thousand. */
export const MAXIMUM_TEMPLATE_CHARACTERS = 1 << 18;
/** The library's patterns look at a run of white space once from each of its characters. */
const LONG_WHITE_SPACE = /\s{257}/;
/** What a template may make: so much, and so many times what it was given. See template-interpreter.ts. */
const BASE_BUDGET = 1 << 24;
const BUDGET_PER_CHARACTER = 64;
const MAXIMUM_RANGE = 100_000;
const SHOWN_MESSAGE = 500;

interface ParsedTemplate {
  readonly template: string;
  readonly program: TemplateNode;
  readonly facts: TemplateFacts;
}

/** The last one: conversations of a model are laid out one after another. */
let latest: ParsedTemplate | undefined;

function parseTemplate(template: string): ParsedTemplate {
  if (latest?.template === template) return latest;
  if (template.length > MAXIMUM_TEMPLATE_CHARACTERS)
    throw new Error(
      `has ${template.length} characters, more than the ${MAXIMUM_TEMPLATE_CHARACTERS} allowed`,
    );
  if (LONG_WHITE_SPACE.test(template)) throw new Error("has more than 256 white space characters in a row");
  const program = parse(tokenize(template, { lstrip_blocks: true, trim_blocks: true }));
  latest = { template, program, facts: gatherFacts(program) };
  return latest;
}

/** Python's range, with a bound on its length. */
function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const count = Math.ceil((stop - start) / step);
  if (count > MAXIMUM_RANGE) throw new Error(`range() of more than ${MAXIMUM_RANGE} numbers`);
  return count > 0 ? Array.from({ length: count }, (_, index) => start + index * step) : [];
}

const SHORT_MONTH = new Intl.DateTimeFormat("en-US", { month: "short" });
const LONG_MONTH = new Intl.DateTimeFormat("en-US", { month: "long" });
const DATE_PARTS: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getFullYear()),
  m: (date) => String(date.getMonth() + 1).padStart(2, "0"),
  d: (date) => String(date.getDate()).padStart(2, "0"),
  b: (date) => SHORT_MONTH.format(date),
  B: (date) => LONG_MONTH.format(date),
  H: (date) => String(date.getHours()).padStart(2, "0"),
  M: (date) => String(date.getMinutes()).padStart(2, "0"),
  "%": () => "%",
};

/** Python's strftime of the present moment, as far as templates use it. */
function strftimeNow(format: string): string {
  const now = new Date();
  return String(format).replace(/%([YmdbBHM%])/g, (_, part: string) => DATE_PARTS[part]!(now));
}

function raise(message: unknown): never {
  throw new Error(String(message));
}

function createScope(variables: Readonly<Record<string, unknown>>): TemplateScope {
  const scope = new Environment();
  const globals = {
    false: false,
    true: true,
    none: null,
    False: false,
    True: true,
    None: null,
    raise_exception: raise,
    range,
    strftime_now: strftimeNow,
    ...variables,
  };
  for (const [name, value] of Object.entries(globals)) scope.set(name, value);
  return scope;
}

const shortened = (text: string): string =>
  text.length > SHOWN_MESSAGE ? `${text.slice(0, SHOWN_MESSAGE)}...` : text;

/**
 * Lays out a conversation. A template can neither hang nor take memory without bound: what it makes is limited to some
 * sixteen million characters and 64 for each that it was given.
 *
 * @param template Jinja as found in `chat_template` of a tokenizer_config.json
 * @throws {TuttiError} CHAT_TEMPLATE_INVALID when the template cannot be parsed, fails, takes too long, or refuses the
 *   messages (for instance two user turns in a row, or a system message that the model does not know)
 */
export function renderChatTemplate(
  template: string,
  messages: readonly TemplateMessage[],
  options: ChatTemplateOptions = {},
): string {
  let parsed: ParsedTemplate;
  try {
    parsed = parseTemplate(template);
  } catch (cause) {
    const problem = shortened(messageOf(cause));
    throw new TuttiError("CHAT_TEMPLATE_INVALID", `chat template cannot be parsed: ${problem}`, {
      cause,
      hint: "copy chat_template from the model's tokenizer_config.json without changes",
    });
  }
  const variables = {
    bos_token: options.bosToken ?? "",
    eos_token: options.eosToken ?? "",
    ...options.variables,
    messages,
    add_generation_prompt: options.addGenerationPrompt ?? false,
  };
  try {
    const budget = BASE_BUDGET + BUDGET_PER_CHARACTER * inputCharacters(variables);
    const interpreter = new BoundedInterpreter(createScope(variables), parsed.facts, budget);
    return interpreter.run(parsed.program).value as string;
  } catch (cause) {
    const roles = messages.map(({ role }) => role);
    throw new TuttiError(
      "CHAT_TEMPLATE_INVALID",
      `chat template failed on messages of roles [${roles.join(", ")}]: ${shortened(messageOf(cause))}`,
      { cause, details: { roles }, hint: "check that the model takes these roles in this order" },
    );
  }
}
