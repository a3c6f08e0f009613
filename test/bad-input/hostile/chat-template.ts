/** Chat templates: loops without end, text without bound, ways out of the template, and what cannot be parsed. */
import { join } from "node:path";
import { openModelFiles } from "../../../src/models/index.ts";
import type { ErrorCode } from "../../../src/support/errors.ts";
import { encodeConversation, loadTokenizer, renderChatTemplate } from "../../../src/text/index.ts";
import { copyOf, replaced } from "./bytes.ts";
import type { HostileCase } from "./case.ts";
import { standIn } from "./places.ts";

const INVALID: readonly ErrorCode[] = ["CHAT_TEMPLATE_INVALID"];
const MESSAGES = [
  { role: "user", content: "Hello" },
  { role: "assistant", content: "Hello!" },
];

const refused = (name: string, template: string | (() => string), ...mentions: string[]): HostileCase => ({
  name,
  run: () => renderChatTemplate(typeof template === "function" ? template() : template, MESSAGES),
  codes: INVALID,
  mentions: ["template", ...mentions],
});

/** A template that may be laid out, and must give this and nothing of the program around it. */
const harmless = (name: string, template: string, expected: string): HostileCase => ({
  name,
  run: () => {
    const text = renderChatTemplate(template, MESSAGES);
    if (text !== expected)
      throw new Error(`gave ${JSON.stringify(text)}, expected ${JSON.stringify(expected)}`);
  },
  codes: [],
  mentions: [],
});

const namespace = (start: string, times: number, step: string, end: string): string =>
  `{% set ns = namespace(x=${start}) %}{% for i in range(${times}) %}{% set ns.x = ${step} %}{% endfor %}${end}`;
const tree = (end: string): string => namespace("[1]", 40, "[ns.x, ns.x]", end);
const LONG = "{% set a = range(50000)|join('x') %}";

const LOOPS: readonly HostileCase[] = [
  refused("range(10**9)", "{% for i in range(10**9) %}x{% endfor %}", "range()"),
  refused("range backwards", "{{ range(0, -10**9, -1)|length }}", "range()"),
  refused("range of step 0", "{{ range(0, 10, 0) }}", "range()"),
  refused("range of tiny steps", "{{ range(0, 1, 0.000000001) }}", "range()"),
  refused("range to infinity", "{{ range(1/0) }}", "range()"),
  refused(
    "two loops",
    "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
    "steps",
  ),
  refused(
    "two loops of nothing",
    "{% for i in range(3000) %}{% for j in range(3000) %}{% endfor %}{% endfor %}",
  ),
  refused("five loops", `${"{% for i in range(99) %}".repeat(5)}${"{% endfor %}".repeat(5)}`),
  refused("a loop that throws nothing away", namespace("[1]", 100_000, "[ns.x, loop]", "")),
  refused("a macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"),
  refused("a macro that calls itself twice", "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}"),
  refused(
    "two macros that call each other",
    "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
  ),
  refused(
    "a call block that calls itself",
    "{% macro f() %}{% call f() %}{% endcall %}{% endmacro %}{{ f() }}",
  ),
  refused(
    "macros defined again and again",
    () => `{% for i in range(60000) %}{% macro f() %}${"{{ x }}".repeat(20_000)}{% endmacro %}{% endfor %}`,
  ),
  refused("names that are not there", "{% for i in range(60000) %}{{ a }}{{ b }}{{ c }}{{ d }}{% endfor %}"),
  refused("dates", "{% for i in range(60000) %}{{ strftime_now('%B%B%B%B%B%B%B%B%B%B%B%B') }}{% endfor %}"),
  refused(
    "sorting",
    `${LONG}{% set l = [a, a, a, a, a, a, a, a] %}{% for i in range(60000) %}{% set y = l|sort %}{% endfor %}`,
  ),
  refused(
    "looking for what repeats",
    namespace("'a'", 20, "ns.x + ns.x", "{{ ('b' + ns.x) in (ns.x + ns.x) }}"),
  ),
];

const TEXTS: readonly HostileCase[] = [
  refused("a string doubled by +", namespace("'abcd'", 40, "ns.x + ns.x", "{{ ns.x }}")),
  refused("a string doubled by ~", namespace("'abcd'", 40, "ns.x ~ ns.x", "{{ ns.x }}")),
  refused(
    "a string doubled by a block",
    `{% set x = 'abcd' %}${"{% set x %}{{ x }}{{ x }}{% endset %}".repeat(40)}{{ x }}`,
  ),
  refused("a list doubled", namespace("[1]", 40, "ns.x + ns.x", "{{ ns.x|length }}")),
  refused("a string multiplied", "{{ 'a' * 1000000000 }}"),
  refused("a tree written out", tree("{{ ns.x }}")),
  refused("a tree as JSON", tree("{{ ns.x|tojson }}")),
  refused("a tree as a string", tree("{{ ns.x|string }}")),
  refused("a tree joined", tree("{{ ns.x|join(',') }}")),
  refused("a tree beside a string", tree("{{ ns.x ~ 'a' }}")),
  refused("a tree compared with a string", tree("{{ ns.x == 'a' }}")),
  refused("a tree sorted", tree("{{ ns.x|sort }}")),
  refused("an object that grows", namespace("{}", 40, "{'a': ns.x, 'b': ns.x}", "{{ ns.x|tojson }}")),
  refused("a namespace that holds itself", "{% set n = namespace(a=1) %}{% set n.a = n %}{{ n }}"),
  refused("a namespace in a list", "{% set n = namespace(a=1) %}{{ [n] }}", "namespace"),
  refused("replacing by a long text", `${LONG}{{ a.replace('x', a) }}`),
  refused("replacing nothing by a long text", `${LONG}{{ a.replace('', a) }}`),
  refused("replacing by a filter", `${LONG}{{ a|replace('x', a) }}`),
  refused("replacing in a filter block", `${LONG}{% filter replace('x', a) %}{{ a }}{% endfilter %}`),
  refused("a method kept for later", `${LONG}{% set f = a.replace %}{{ f('x', a) }}`, "method"),
  refused(
    "a method in a call block",
    `${LONG}{% set f = a.replace %}{% call f('x', a) %}{% endcall %}`,
    "macro",
  ),
  refused("joining with a long text", `${LONG}{{ range(50000)|join(a) }}`),
  refused("splitting into many parts", namespace("'a '", 22, "ns.x + ns.x", "{{ ns.x.split(' ')|length }}")),
  refused("indentation of a gigabyte", "{{ 'a\nb'|indent(1000000000) }}", "indentation"),
  refused("indentation of JSON of a gigabyte", "{{ [[[1]]]|tojson(indent=1000000000) }}", "indentation"),
  refused("separators of a megabyte", `${LONG}{{ range(90000)|tojson(separators=(a, a)) }}`),
  refused("a million arguments", namespace("[1]", 20, "ns.x + ns.x", "{{ range(*ns.x) }}")),
  refused("a refusal of a megabyte", `${LONG}{{ raise_exception(a) }}`),
];

const WAYS_OUT: readonly HostileCase[] = [
  harmless("''.__class__", "[{{ ''.__class__ }}]", "[]"),
  harmless("''.constructor", "[{{ ''.constructor }}{{ ''['constructor'] }}]", "[]"),
  harmless("messages.constructor", "[{{ messages.constructor }}{{ messages.__proto__ }}]", "[]"),
  harmless("a message's prototype", "[{{ messages[0].__proto__ }}{{ messages[0]['toString'] }}]", "[]"),
  harmless("a function's constructor", "[{{ range.constructor }}{{ range.__globals__ }}]", "[]"),
  harmless("globals", "[{{ process }}{{ globalThis }}{{ require }}{{ self }}{{ this }}{{ module }}]", "[]"),
  harmless("import", "[{{ import }}{{ eval }}{{ Function }}]", "[]"),
  refused("calling a constructor", "{{ ''.constructor.constructor('return process')() }}"),
  refused("calling a function's constructor", "{{ range.constructor('return process')() }}"),
  refused("a walk through Python's classes", "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
  refused("writing into a message", "{% set messages[0].role = 'system' %}"),
  refused("writing into a prototype", "{% set n = messages[0] %}{% set n.__proto__ = 1 %}"),
  harmless(
    "a namespace's __proto__",
    "{% set n = namespace() %}{% set n.__proto__ = 'x' %}{{ n.polluted }}",
    "",
  ),
  refused("a function written out", "{{ range }}", "function"),
  refused("a function beside a string", "{{ raise_exception ~ '' }}", "function"),
  refused("a function in a list", "{{ [range] }}", "function"),
  refused("including a file", "{% include '/etc/passwd' %}"),
  refused("importing a file", "{% import '/etc/passwd' as x %}"),
  refused("extending a file", "{% extends '/etc/passwd' %}"),
];

const UNPARSABLE: readonly HostileCase[] = [
  refused("a block without an end", "{% for m in messages %}x", "parsed"),
  refused("an end without a block", "{% endfor %}", "parsed"),
  refused("an expression without an end", "{{ messages[0]", "parsed"),
  refused("a string without an end", "{{ 'abc", "parsed"),
  refused("a comment without an end", "{# abc", "parsed"),
  refused("an unknown statement", "{% evil %}", "parsed"),
  refused("100,000 brackets", () => `{{ ${"(".repeat(100_000)}1${")".repeat(100_000)} }}`, "parsed"),
  refused("60,000 times not", () => `{{ ${"not ".repeat(60_000)}1 }}`, "parsed"),
  refused(
    "100,000 lists in one another",
    () => `{{ ${"[".repeat(100_000)}${"]".repeat(100_000)} }}`,
    "parsed",
  ),
  refused(
    "10,000 conditions in one another",
    () => `${"{% if 1 %}".repeat(10_000)}${"{% endif %}".repeat(10_000)}`,
  ),
  refused("200,000 spaces", () => `${" ".repeat(200_000)}x`, "white space"),
  refused("a template of a megabyte", () => "x".repeat(1_000_000), "1000000"),
];

const FILE = "chat_template.jinja";
const FILES: readonly HostileCase[] = [
  ...["a folder", "a pipe without a writer", "an endless device", "a terabyte of holes"].map(
    (kind): HostileCase => ({
      name: `instead of ${FILE}: ${kind}`,
      run: (place) => {
        const folder = copyOf(place, place.base.model);
        standIn(kind, folder, FILE);
        openModelFiles(folder);
      },
      codes: INVALID,
      mentions: [FILE],
    }),
  ),
  {
    name: "a conversation laid out by a template without end",
    run: ({ base }) => {
      const tokenizer = loadTokenizer(join(base.model, "tokenizer.json"));
      encodeConversation(
        tokenizer,
        "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
        MESSAGES,
      );
    },
    codes: INVALID,
    mentions: ["steps"],
  },
  ...[5, {}, [{ name: "default" }], [null], [[]]].map(
    (value): HostileCase => ({
      name: `chat_template ${JSON.stringify(value)} in tokenizer_config.json`,
      run: (place) => {
        const config = JSON.stringify({ chat_template: value });
        const files = openModelFiles(replaced(place, place.base.model, "tokenizer_config.json", config));
        if (files.chatTemplate !== undefined) throw new Error("took it for a template");
        files.close();
      },
      codes: [],
      mentions: [],
    }),
  ),
];

export const CASES: readonly HostileCase[] = [...LOOPS, ...TEXTS, ...WAYS_OUT, ...UNPARSABLE, ...FILES];
