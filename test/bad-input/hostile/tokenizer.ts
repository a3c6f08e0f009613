/** tokenizer.json: vocabularies, merges, added tokens, stages, patterns without end, and JSON. */
import { join } from "node:path";
import { convertModel, describeModel, openModelFiles } from "../../../src/models/index.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { shown } from "../../../src/support/show.ts";
import { loadTokenizer } from "../../../src/text/index.ts";
import { type Json, json } from "./base.ts";
import { copyOf, nested, put, replaced } from "./bytes.ts";
import type { HostileCase, Place } from "./case.ts";
import { NO_FILES, standIn, withoutPermission } from "./places.ts";

const NAME = "tokenizer.json";
const INVALID: readonly ErrorCode[] = ["TOKENIZER_INVALID"];
const TEXT = `${"a".repeat(40)}! Hello, world: 123 <|endoftext|> ${" ".repeat(50)}é`;

function use(path: string, text = TEXT): void {
  const tokenizer = loadTokenizer(path);
  const { ids } = tokenizer.encode(text);
  if (ids.some((id) => tokenizer.token(id) === undefined)) throw new Error("an id without a token");
  tokenizer.decode(ids);
  tokenizer.decode([...ids, -1, 1e9, 0.5, Number.NaN]);
}

/** The valid file after `harm` was done to its content. */
function harmed(
  name: string,
  harm: (content: Json, model: Json) => void,
  ...mentions: string[]
): HostileCase {
  return {
    name,
    run: (place) => {
      const content = json(join(place.base.model, NAME));
      harm(content, content.model as Json);
      use(put(place, NAME, JSON.stringify(content)));
    },
    codes: INVALID,
    mentions: [NAME, ...mentions],
  };
}

const set = (section: "model" | "content", key: string, value: unknown, ...mentions: string[]): HostileCase =>
  harmed(
    `${section === "model" ? "model." : ""}${key}: ${shown(value, 70)}`,
    (content, model) => {
      (section === "model" ? model : content)[key] = value;
    },
    ...mentions,
  );

const vocabulary = (name: string, harm: (vocabulary: Record<string, unknown>) => void): HostileCase =>
  harmed(`vocabulary: ${name}`, (_, model) => harm(model.vocab as Json), "model.vocab");

const MODELS: readonly HostileCase[] = [
  ...[null, [], "BPE", 5, {}].map((value) => set("content", "model", value, "model")),
  ...[undefined, "Evil", "constructor", 5, null].map((value) => set("model", "type", value, "model.type")),
  ...[null, [], "a", 5, {}].map((value) => set("model", "vocab", value, "model.vocab")),
  ...[-1, 1.5, 1e300, 2 ** 53, 2 ** 22, "7", null, [7], {}].map((id) =>
    vocabulary(`an id ${JSON.stringify(id)}`, (vocab) => {
      vocab.evil = id;
    }),
  ),
  vocabulary("one id twice", (vocab) => {
    vocab.evil = 7;
  }),
  {
    ...vocabulary("an id far away, which leaves a hole", (vocab) => {
      vocab.evil = 2 ** 22 - 1;
    }),
    codes: [],
  },
];

const MERGES: readonly HostileCase[] = [
  ...[undefined, null, "a b", {}, 5].map((value) => set("model", "merges", value, "model.merges")),
  ...[
    5,
    null,
    [],
    ["a"],
    ["a", "b", "c"],
    ["a", 5],
    {},
    "a",
    "a b c",
    "",
    " ",
    "evil b",
    ["a", "evil"],
    ["evil", "a"],
  ].map((merge) => set("model", "merges", [merge], "model.merges[0]")),
];

const token = (changes: object): object => ({ id: 600, content: "<new>", special: true, ...changes });

const ADDED: readonly HostileCase[] = [
  ...["a", {}, 5].map((value) => set("content", "added_tokens", value, "added_tokens")),
  ...[null, 5, {}, { id: -1 }, { id: 1e9 }, { id: 2.5 }, { id: "600" }, { content: "" }, { content: 5 }].map(
    (change) =>
      set(
        "content",
        "added_tokens",
        [
          typeof change === "object" && change !== null && Object.keys(change).length > 0
            ? token(change)
            : change,
        ],
        "added_tokens[0]",
      ),
  ),
  set("content", "added_tokens", [token({ id: 50 })], "<new>"),
  set("content", "added_tokens", [token({}), token({ content: "<other>" })], "600"),
  set("content", "added_tokens", [token({ content: "a".repeat(5_000) })], "5000"),
  set(
    "content",
    "added_tokens",
    Array.from({ length: 1_000 }, (_, index) =>
      token({ id: 600 + index, content: `${index}${"x".repeat(900)}` }),
    ),
    "characters",
  ),
  set(
    "content",
    "added_tokens",
    Array.from({ length: 70_000 }, (_, index) => token({ id: 600 + index, content: `<${index}>` })),
    "70000",
  ),
];

const stage = (section: string, value: unknown, ...mentions: string[]): HostileCase =>
  set("content", section, value, section, ...mentions);
const sequence = (list: string, ...stages: readonly unknown[]): object => ({
  type: "Sequence",
  [list]: stages,
});
const many = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);
const doubled = { type: "Replace", pattern: { String: "a" }, content: "aa" };
const everywhere = { type: "Replace", pattern: { Regex: "" }, content: "x".repeat(1_000) };

function deep(levels: number): object {
  let value: object = { type: "NFC" };
  for (let level = 0; level < levels; level++) value = sequence("normalizers", value);
  return value;
}

const STAGES: readonly HostileCase[] = [
  ...["normalizer", "pre_tokenizer", "decoder", "post_processor"].flatMap((section) => [
    stage(section, 5),
    stage(section, []),
    stage(section, "NFC"),
    stage(section, {}),
    stage(section, { type: 5 }),
    set("content", section, { type: "Evil" }, "Evil"),
    set("content", section, { type: "constructor" }),
  ]),
  stage("normalizer", deep(20), "deeply"),
  stage("normalizer", sequence("normalizers", 5)),
  set("content", "normalizer", { type: "Sequence", normalizers: 5 }),
  stage("normalizer", sequence("normalizers", ...many(40, doubled)), "times as long"),
  stage("normalizer", sequence("normalizers", ...many(4, everywhere)), "times as long"),
  stage("normalizer", sequence("normalizers", ...many(200, { type: "NFC" })), "201 stages"),
  stage("normalizer", { type: "Prepend", prepend: "x".repeat(1_000_000) }, "Prepend"),
  stage("normalizer", { type: "Prepend" }, "Prepend"),
  stage("normalizer", { type: "Replace", content: "x" }, "Replace"),
  stage("normalizer", { type: "Replace", pattern: { Evil: 1 }, content: "x" }, "Replace"),
  stage("normalizer", { type: "Replace", pattern: { String: "a" }, content: 5 }, "Replace"),
  {
    ...stage("normalizer", { type: "Replace", pattern: { String: "a" }, content: "$`$'" }),
    codes: [],
  },
  stage("pre_tokenizer", { type: "FixedLength", length: 0 }, "FixedLength"),
  stage("pre_tokenizer", { type: "FixedLength", length: -1 }, "FixedLength"),
  stage("pre_tokenizer", { type: "FixedLength", length: 1e-9 }, "FixedLength"),
  stage("pre_tokenizer", { type: "Metaspace", str_rep: "▁".repeat(100_000) }, "times as long"),
  stage("pre_tokenizer", { type: "Split", behavior: "Isolated" }, "Split"),
  stage("pre_tokenizer", { type: "Split", pattern: { Regex: 5 }, behavior: "Isolated" }, "Split"),
  stage("pre_tokenizer", { type: "Split", pattern: { Regex: "a".repeat(100_000) } }, "100000"),
  set("content", "pre_tokenizer", { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" }),
  set("content", "pre_tokenizer", { type: "Split", pattern: { Regex: "[z-a]" }, behavior: "Isolated" }),
  stage("pre_tokenizer", sequence("pretokenizers", ...many(30, { type: "ByteLevel" })), "times as long"),
  stage("decoder", sequence("decoders", ...many(40, doubled)), "times as long"),
  set("content", "decoder", sequence("decoders", null)),
  stage("post_processor", { type: "TemplateProcessing", single: 5 }, "single"),
  stage("post_processor", { type: "TemplateProcessing", single: [null] }, "single"),
  stage(
    "post_processor",
    { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<evil>", type_id: 0 } }] },
    "<evil>",
  ),
  ...([60, 100_000] as const).map(
    (times): HostileCase => ({
      ...stage(
        "post_processor",
        { type: "TemplateProcessing", single: many(times, { Sequence: { id: "A", type_id: 0 } }) },
        times === 60 ? "more than once" : "single",
      ),
      name: `post_processor: the text ${times} times`,
    }),
  ),
  stage("post_processor", { type: "BertProcessing", sep: ["[EVIL]", 1], cls: ["a", 1] }, "[EVIL]"),
];

/** Patterns that go back over what they have read again and again. */
const ENDLESS = [
  "(a+)+$",
  "(a|aa)+$",
  "(a|a)*$",
  "(.*a){25}$",
  "(a*)*b",
  "([a-z]+)*[0-9]$",
  "(?:a?){40}a{40}b",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
];
const PATTERNS: readonly HostileCase[] = [
  ...ENDLESS.map(
    (regex): HostileCase => ({
      ...stage("pre_tokenizer", {
        type: "Split",
        pattern: { Regex: regex },
        behavior: "Isolated",
        invert: false,
      }),
      mentions: [NAME],
      // Whether a pattern is slow on this text is the engine's business; that it ends is ours.
      codes: [],
    }),
  ),
  {
    name: "a pattern without end is broken off and named",
    run: (place) => {
      const content = json(join(place.base.model, NAME));
      content.pre_tokenizer = { type: "Split", pattern: { Regex: "(a|aa)+$" }, behavior: "Isolated" };
      use(put(place, NAME, JSON.stringify(content)), `${"a".repeat(60)}!`);
    },
    codes: INVALID,
    mentions: [NAME, "no end"],
  },
  {
    name: "a normalizer's pattern without end",
    run: (place) => {
      const content = json(join(place.base.model, NAME));
      content.normalizer = { type: "Replace", pattern: { Regex: "(a|aa)+$" }, content: "" };
      use(put(place, NAME, JSON.stringify(content)), `${"a".repeat(60)}!`);
    },
    codes: INVALID,
    mentions: [NAME, "no end"],
  },
  {
    name: "a decoder's pattern without end",
    run: (place) => {
      const content = json(join(place.base.model, NAME));
      content.decoder = { type: "Replace", pattern: { Regex: "(a|aa)+$" }, content: "" };
      (content.model as Json).vocab = { [`${"a".repeat(60)}!`]: 0, b: 1 };
      (content.model as Json).merges = [];
      content.added_tokens = [];
      loadTokenizer(put(place, NAME, JSON.stringify(content))).decode([0]);
    },
    codes: INVALID,
    mentions: [NAME, "no end"],
  },
];

const WORD_PIECE: Json = { type: "WordPiece", unk_token: "[UNK]", vocab: { "[UNK]": 0, a: 1 } };
const UNIGRAM: Json = {
  type: "Unigram",
  unk_id: 0,
  vocab: [
    ["<unk>", 0],
    ["a", -1],
  ],
};

/** A small tokenizer of another kind. */
const other = (model: Json, changes: Json, ...mentions: string[]): HostileCase => ({
  name: `${String(model.type)}: ${shown(changes, 80)}`,
  run: (place) => use(put(place, NAME, JSON.stringify({ model: { ...model, ...changes } }))),
  codes: INVALID,
  mentions: [NAME, ...mentions],
});

const OTHER_MODELS: readonly HostileCase[] = [
  other(WORD_PIECE, { unk_token: "[EVIL]" }, "unk_token"),
  other(WORD_PIECE, { unk_token: "constructor" }, "unk_token"),
  other(WORD_PIECE, { unk_token: null }, "unk_token"),
  other(WORD_PIECE, { max_input_chars_per_word: 1e9 }, "max_input_chars_per_word"),
  other(WORD_PIECE, { max_input_chars_per_word: -1 }, "max_input_chars_per_word"),
  other(WORD_PIECE, { continuing_subword_prefix: 5 }, "continuing_subword_prefix"),
  ...[[], [5], [["a"]], [["a", "b"]], [[5, 1]], [["a", null]], "a", {}].map((vocab) =>
    other(UNIGRAM, { vocab }, "model.vocab"),
  ),
  other(UNIGRAM, { unk_id: 5 }, "unk_id"),
  other(UNIGRAM, { unk_id: -1 }, "unk_id"),
  other(UNIGRAM, { unk_id: 0.5 }, "unk_id"),
  other(UNIGRAM, { unk_id: null }, "no id"),
  other(
    UNIGRAM,
    {
      vocab: [
        ["<unk>", 0],
        ["a".repeat(3_000_000), -1],
      ],
    },
    "characters",
  ),
  {
    ...other(UNIGRAM, {
      vocab: Array.from({ length: 1_500 }, (_, index) => ["a".repeat(index + 1), -index]),
    }),
    name: "Unigram: pieces that all begin alike",
    run: (place: Place) => {
      const vocab = Array.from({ length: 1_500 }, (_, index) => ["a".repeat(index + 1), -index]);
      const path = put(place, NAME, JSON.stringify({ model: { ...UNIGRAM, vocab } }));
      use(path, "a".repeat(3_000));
    },
    mentions: [NAME, "no end"],
  },
];

const content = (name: string, value: () => string | Uint8Array): HostileCase => ({
  name: `content: ${name}`,
  run: (place) => use(put(place, NAME, value())),
  codes: INVALID,
  mentions: [NAME],
});

const CONTENTS: readonly HostileCase[] = [
  content("null", () => "null"),
  content("a list", () => "[]"),
  content("a number", () => "5"),
  content("not JSON", () => "{model}"),
  content("cut", () => '{"model":{"type":"BPE","vocab":{"a'),
  content("not UTF-8", () => Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
  content("a million lists in one another", () => `{"model":${nested(1_000_000)}}`),
  content("five million numbers", () => `{"model":[${"1,".repeat(5_000_000)}1]}`),
  content("a model called __proto__", () => '{"__proto__":{"model":{"type":"BPE"}}}'),
  ...Object.entries(NO_FILES).map(
    ([kind, make]): HostileCase => ({
      name: `instead of the file: ${kind}`,
      run: ({ folder }) => use(make(join(folder, NAME))),
      codes: INVALID,
      mentions: [NAME],
    }),
  ),
  {
    name: "a file that may not be read",
    run: (place) => {
      const path = put(place, NAME, "{}");
      withoutPermission(path, () => use(path));
    },
    codes: INVALID,
    mentions: [NAME, "EACCES"],
  },
  {
    name: "describing a model with a pipe for a tokenizer",
    run: (place) => {
      const folder = copyOf(place, place.base.model);
      standIn("a pipe without a writer", folder, NAME);
      describeModel(openModelFiles(folder));
    },
    codes: INVALID,
    mentions: [NAME],
  },
  {
    name: "converting a model with a damaged tokenizer",
    run: (place) => {
      const folder = replaced(place, place.base.model, NAME, '{"model":{}}');
      convertModel(folder, join(place.folder, "converted.gguf"), { format: "gguf", dtype: "F16" });
    },
    codes: INVALID,
    mentions: [NAME, "model.type"],
  },
];

export const CASES: readonly HostileCase[] = [
  ...MODELS,
  ...MERGES,
  ...ADDED,
  ...STAGES,
  ...PATTERNS,
  ...OTHER_MODELS,
  ...CONTENTS,
];
