/**
 * Reads a final answer, LaTeX or plain, as an expression: recursive descent over tokens, bounded in depth and length. Tolerant
 * where people are (implicit products, mixed numbers, units), never guessing: what is no mathematics is `text`.
 */
import type { Constant, Expression, RelationOperator } from "./expression.ts";
import { functionArity, isFunctionName } from "./functions.ts";
import { normalisedAnswer } from "./normalise.ts";
import { type CommaReading, type Token, tokenize } from "./tokens.ts";

/** Longer answers are compared as words. */
export const MAX_ANSWER_LENGTH = 4000;
const MAX_DEPTH = 60;

const RELATIONS: Readonly<Record<string, RelationOperator>> = {
  "=": "=",
  "==": "=",
  "<": "<",
  ">": ">",
  "<=": "<=",
  ">=": ">=",
  "!=": "!=",
  le: "<=",
  ge: ">=",
  ne: "!=",
  in: "in",
  approx: "=",
  equiv: "=",
};
const SET_OPERATORS: Readonly<Record<string, "union" | "intersection" | "difference">> = {
  cup: "union",
  cap: "intersection",
  setminus: "difference",
};
const CONSTANTS: Readonly<Record<string, Constant>> = {
  pi: "pi",
  infty: "infinity",
  infinity: "infinity",
  inf: "infinity",
};
const CLOSERS: Readonly<Record<string, string>> = {
  "(": ")]",
  "[": "])",
  "\\{": "\\}",
  "{": "}",
  langle: "rangle",
  lfloor: "rfloor",
  lceil: "rceil",
};
const SEPARATOR_WORDS = /^[\s,;]*(?:and|or)?[\s,;]*$/i;

/** Not the grammar of an answer: the caller takes the words instead. */
class NotMathematics extends Error {}

class Parser {
  private at = 0;
  private depth = 0;
  private barDepth = 0;
  /** Words that were taken for units and left out. */
  readonly units: string[] = [];
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  whole(): Expression {
    const expression = this.list();
    if (this.at < this.tokens.length) throw new NotMathematics();
    return expression;
  }

  private peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead];
  }

  private is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.text === text && (token.kind === "symbol" || token.kind === "command");
  }

  private accept(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) throw new NotMathematics();
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new NotMathematics();
    const result = read();
    this.depth--;
    return result;
  }

  private atSeparator(): boolean {
    const token = this.peek();
    if (token === undefined) return false;
    return token.kind === "text" ? SEPARATOR_WORDS.test(token.text) : this.is(",") || this.is(";");
  }

  private list(): Expression {
    return this.nested(() => {
      const items = [this.relation()];
      while (this.atSeparator()) {
        while (this.atSeparator()) this.at++;
        items.push(this.relation());
      }
      return items.length === 1 ? items[0]! : { kind: "list", items };
    });
  }

  private relation(): Expression {
    const sides = [this.setOperation()];
    const operators: RelationOperator[] = [];
    for (;;) {
      const token = this.peek();
      const operator = token && token.kind !== "text" ? RELATIONS[token.text] : undefined;
      if (operator === undefined) break;
      this.at++;
      operators.push(operator);
      sides.push(this.setOperation());
    }
    return operators.length === 0 ? sides[0]! : { kind: "relation", operators, sides };
  }

  private setOperation(): Expression {
    const first = this.ratio();
    const token = this.peek();
    const operator = token?.kind === "command" ? SET_OPERATORS[token.text] : undefined;
    if (operator === undefined) return first;
    const parts = [first];
    while (this.accept(token!.text)) parts.push(this.ratio());
    return { kind: "set-operation", operator, parts };
  }

  private ratio(): Expression {
    const items = [this.sum()];
    while (this.accept(":")) items.push(this.sum());
    return items.length === 1 ? items[0]! : { kind: "ratio", items };
  }

  private sum(): Expression {
    const terms: Expression[] = [];
    for (;;) {
      let sign: "+" | "-" | "either" = "+";
      let hasSign = false;
      for (; ; hasSign = true) {
        if (this.accept("-")) sign = sign === "+" ? "-" : "+";
        else if (this.accept("pm") || this.accept("mp")) sign = "either";
        else if (!this.accept("+")) break;
      }
      if (terms.length > 0 && !hasSign) break;
      const term = this.product();
      terms.push(sign === "+" ? term : { kind: sign === "-" ? "negative" : "either-sign", of: term });
    }
    return terms.length === 1 ? terms[0]! : { kind: "sum", terms };
  }

  private product(): Expression {
    let value: Expression | undefined;
    for (;;) {
      if (value !== undefined && this.accept("/")) {
        value = { kind: "quotient", numerator: value, denominator: this.signedFactor() };
      } else if (value !== undefined && this.accept("div")) {
        value = { kind: "quotient", numerator: value, denominator: this.signedFactor() };
      } else if (value !== undefined && (this.accept("*") || this.accept("cdot") || this.accept("times"))) {
        value = times(value, this.signedFactor());
      } else if (value !== undefined && this.takesUnit()) {
        this.unit();
      } else if (value === undefined || this.startsFactor()) {
        const start = this.peek();
        const factor = this.factor();
        value = value === undefined ? factor : this.joined(value, factor, start);
      } else {
        return value;
      }
    }
  }

  /** A mixed number where a whole number meets a proper fraction, otherwise a product. */
  private joined(left: Expression, right: Expression, start: Token | undefined): Expression {
    if (
      right.kind === "percent" &&
      isProperFraction(right.of) &&
      left.kind === "number" &&
      start?.text === "frac"
    ) {
      return { kind: "percent", of: this.joined(left, right.of, start) };
    }
    const isMixed =
      left.kind === "number" &&
      /^\d+$/.test(left.digits) &&
      ((start?.text === "frac" && isProperFraction(right)) ||
        (right.kind === "number" && this.isSlashFraction(right)));
    if (!isMixed) {
      if (left.kind === "number" && right.kind === "number") throw new NotMathematics();
      return times(left, right);
    }
    if (right.kind === "quotient") return { kind: "sum", terms: [left, right] };
    this.expect("/");
    return {
      kind: "sum",
      terms: [left, { kind: "quotient", numerator: right, denominator: this.factor() }],
    };
  }

  /** 3 1/2: the number just read and what follows it. */
  private isSlashFraction(numerator: Expression): boolean {
    const denominator = this.peek(1);
    return (
      numerator.kind === "number" &&
      /^\d+$/.test(numerator.digits) &&
      this.is("/") &&
      denominator?.kind === "number" &&
      /^\d+$/.test(denominator.text) &&
      Number(numerator.digits) < Number(denominator.text)
    );
  }

  private signedFactor(): Expression {
    if (this.accept("-")) return { kind: "negative", of: this.signedFactor() };
    if (this.accept("+")) return this.signedFactor();
    return this.factor();
  }

  private takesUnit(): boolean {
    const token = this.peek();
    return token?.kind === "text" && !SEPARATOR_WORDS.test(token.text);
  }

  /** Words after a value, with their power and further units: cm^2, miles per hour, m/s. */
  private unit(): void {
    this.units.push(this.peek()!.text.trim());
    this.at++;
    if (this.accept("^")) this.argument();
    while (this.is("/") && this.peek(1)?.kind === "text") {
      this.at++;
      this.units.push(`/ ${this.peek()!.text.trim()}`);
      this.at++;
      if (this.accept("^")) this.argument();
    }
  }

  private startsFactor(): boolean {
    const token = this.peek();
    if (token === undefined || token.kind === "text") return false;
    if (token.kind === "number" || token.kind === "variable") return true;
    if (token.kind === "symbol") {
      if (token.text === "|") return this.barDepth === 0;
      return token.text === "(" || token.text === "[" || token.text === "{" || token.text === "\\{";
    }
    return (
      !(token.text in RELATIONS) &&
      !(token.text in SET_OPERATORS) &&
      !["pm", "mp", "cdot", "times", "div", "end", "rangle", "rfloor", "rceil", "newline"].includes(
        token.text,
      )
    );
  }

  private factor(): Expression {
    return this.nested(() => {
      let value = this.primary();
      for (;;) {
        if (this.accept("^") || this.accept("**")) value = this.raised(value);
        else if (this.accept("!")) value = { kind: "call", name: "factorial", args: [value] };
        else if (this.accept("%")) value = { kind: "percent", of: value };
        else if (this.is("_") && value.kind === "number") {
          this.at++;
          value = { kind: "based", digits: value.digits, base: this.subscriptText() };
        } else if (this.is("'") && value.kind === "variable") {
          this.at++;
          value = { kind: "variable", name: `${value.name}'` };
        } else return value;
      }
    });
  }

  private raised(base: Expression): Expression {
    if (this.isDegree()) return base;
    return { kind: "power", base, exponent: this.argument() };
  }

  /** ^\circ and ^{\circ}, taken as a unit. */
  private isDegree(): boolean {
    const length = this.is("circ") ? 1 : this.is("{") && this.is("circ", 1) && this.is("}", 2) ? 3 : 0;
    if (length === 0) return false;
    this.at += length;
    this.units.push("degrees");
    if (this.is("C") || (this.peek()?.kind === "variable" && /^[CF]$/.test(this.peek()!.text))) this.at++;
    return true;
  }

  /** What a command or ^ takes: a group in braces, or one digit or sign as TeX does. */
  private argument(): Expression {
    if (this.accept("{")) {
      const inner = this.list();
      this.expect("}");
      return inner;
    }
    const token = this.peek();
    if (token?.kind === "number") {
      // \frac12 takes one digit; 2^10 in plain text means all of them.
      this.at++;
      return { kind: "number", digits: token.text };
    }
    return this.signedPrimary();
  }

  private signedPrimary(): Expression {
    if (this.accept("-")) return { kind: "negative", of: this.argument() };
    return this.nested(() => this.primary());
  }

  private subscriptText(): string {
    if (!this.accept("{")) {
      const token = this.peek();
      if (token === undefined) throw new NotMathematics();
      this.at++;
      return token.text;
    }
    let text = "";
    while (!this.is("}")) {
      const token = this.peek();
      if (token === undefined) throw new NotMathematics();
      text += token.text.trim();
      this.at++;
    }
    this.at++;
    return text;
  }

  private primary(): Expression {
    const token = this.peek();
    if (token === undefined || token.kind === "text") throw new NotMathematics();
    this.at++;
    if (token.kind === "number") return this.number(token.text);
    if (token.kind === "variable") {
      if (token.text === "e" || token.text === "i") {
        if (!this.is("_")) return { kind: "constant", name: token.text };
      }
      return this.variable(token.text);
    }
    const closers = CLOSERS[token.text];
    if (closers !== undefined) return this.bracketed(token.text, closers);
    if (token.kind === "symbol") {
      if (token.text === "|") return this.absolute();
      throw new NotMathematics();
    }
    return this.command(token.text);
  }

  private number(digits: string): Expression {
    if (this.is("overline") || this.is("bar") || this.is("dot")) {
      if (!digits.includes(".")) return { kind: "number", digits };
      this.at++;
      const repeating = this.argument();
      if (repeating.kind !== "number" || !/^\d+$/.test(repeating.digits)) throw new NotMathematics();
      return { kind: "number", digits, repeating: repeating.digits };
    }
    return { kind: "number", digits };
  }

  private variable(name: string): Expression {
    if (!this.accept("_")) return { kind: "variable", name };
    return { kind: "variable", name: `${name}_${this.subscriptText()}` };
  }

  private bracketed(open: string, closers: string): Expression {
    if (open === "\\{" && this.accept("\\}")) return { kind: "group", open: "{", close: "}", items: [] };
    if (open === "{" && this.accept("}")) return this.primary();
    const bars = this.barDepth;
    this.barDepth = 0;
    const inner = this.list();
    this.barDepth = bars;
    const close = [")", "]", "\\}", "}", "rangle", "rfloor", "rceil"].find(
      (text) => closers.includes(text) && this.is(text),
    );
    if (close === undefined) throw new NotMathematics();
    this.at++;
    if (open === "{") return inner;
    if (open === "lfloor" || open === "lceil") {
      return { kind: "call", name: open === "lfloor" ? "floor" : "ceil", args: [inner] };
    }
    const items = inner.kind === "list" ? inner.items : [inner];
    if (open === "\\{") return { kind: "group", open: "{", close: "}", items };
    if (items.length === 1) return inner;
    if (open === "langle") return { kind: "group", open: "(", close: ")", items };
    return { kind: "group", open, close, items };
  }

  private absolute(): Expression {
    this.barDepth++;
    const inner = this.sum();
    this.barDepth--;
    this.expect("|");
    return { kind: "call", name: "abs", args: [inner] };
  }

  private command(name: string): Expression {
    if (name === "frac") return this.fraction();
    if (name === "sqrt") return this.root();
    if (name === "begin") return this.environment();
    if (name === "emptyset") return { kind: "group", open: "{", close: "}", items: [] };
    const constant = CONSTANTS[name];
    if (constant !== undefined) return { kind: "constant", name: constant };
    if (
      name === "overline" ||
      name === "bar" ||
      name === "vec" ||
      name === "hat" ||
      name === "overrightarrow"
    ) {
      return this.argument();
    }
    if (isFunctionName(name)) return this.call(name);
    return this.variable(`\\${name}`);
  }

  /** \frac{a}{b}, \frac12 and \frac{1}2. */
  private fraction(): Expression {
    const token = this.peek();
    if (token?.kind === "number" && /^\d{2}$/.test(token.text)) {
      this.at++;
      const [numerator, denominator] = [...token.text].map((digits) => ({ kind: "number", digits }) as const);
      return { kind: "quotient", numerator: numerator!, denominator: denominator! };
    }
    if (token?.kind === "number" && /^\d{3,}$/.test(token.text)) {
      throw new NotMathematics();
    }
    const numerator = this.argument();
    const denominator = this.argument();
    return { kind: "quotient", numerator, denominator };
  }

  private root(): Expression {
    if (this.accept("[")) {
      const degree = this.sum();
      this.expect("]");
      return { kind: "call", name: "root", args: [this.argument(), degree] };
    }
    return { kind: "call", name: "sqrt", args: [this.argument()] };
  }

  /** A function and its argument: in brackets, or the factors that follow up to the next sum, as in \sin 2x. */
  private call(name: string): Expression {
    let exponent: Expression | undefined;
    let base: Expression | undefined;
    for (;;) {
      if (this.accept("^")) exponent = this.argument();
      else if (name === "log" && this.accept("_")) base = this.argument();
      else break;
    }
    const args = functionArity(name) === "list" ? this.argumentsOf() : [this.functionArgument()];
    let value: Expression = { kind: "call", name, args: base === undefined ? args : [...args, base] };
    if (exponent !== undefined) value = { kind: "power", base: value, exponent };
    return value;
  }

  private argumentsOf(): readonly Expression[] {
    if (!this.is("(") && !this.is("{")) throw new NotMathematics();
    const items: Expression[] = [];
    while (items.length < 2 && (this.is("(") || this.is("{"))) {
      const close = this.is("(") ? ")" : "}";
      this.at++;
      const inner = this.list();
      this.expect(close);
      items.push(...(inner.kind === "list" ? inner.items : [inner]));
      if (close === ")") break;
    }
    return items;
  }

  private functionArgument(): Expression {
    if (this.is("(") || this.is("{") || this.is("[") || this.is("|"))
      return this.nested(() => this.primary());
    let value = this.factor();
    while (this.startsFactor() && !this.is("(") && !this.startsFunction())
      value = times(value, this.factor());
    return value;
  }

  private startsFunction(): boolean {
    const token = this.peek();
    return token?.kind === "command" && isFunctionName(token.text);
  }

  /** \begin{pmatrix} a & b \\ c & d \end{pmatrix} and its like. */
  private environment(): Expression {
    const name = this.subscriptText();
    if (!/matrix|^array$/.test(name)) throw new NotMathematics();
    if (name === "array" && this.is("{")) this.subscriptText();
    const rows: Expression[][] = [[]];
    while (!this.is("end")) {
      rows.at(-1)!.push(this.relation());
      if (this.accept("newline")) {
        if (!this.is("end")) rows.push([]);
      } else if (!this.accept("&") && !this.is("end")) throw new NotMathematics();
    }
    this.at++;
    this.subscriptText();
    const width = rows[0]!.length;
    if (rows.some((row) => row.length !== width)) throw new NotMathematics();
    const matrix: Expression = { kind: "matrix", rows };
    return name === "vmatrix" ? { kind: "call", name: "det", args: [matrix] } : matrix;
  }
}

const isProperFraction = (expression: Expression): boolean =>
  expression.kind === "quotient" &&
  expression.numerator.kind === "number" &&
  expression.denominator.kind === "number" &&
  /^\d+$/.test(expression.numerator.digits) &&
  Number(expression.numerator.digits) < Number(expression.denominator.digits);

const times = (left: Expression, right: Expression): Expression =>
  left.kind === "product"
    ? { kind: "product", factors: [...left.factors, right] }
    : { kind: "product", factors: [left, right] };

export interface ParsedAnswer {
  readonly expression: Expression;
  /** Words that were taken for units and left out. */
  readonly units: readonly string[];
}

/** Reads an answer that {@link normalisedAnswer} has gone over. */
export function parseAnswer(normalised: string, commas: CommaReading = "thousands"): ParsedAnswer {
  const words: ParsedAnswer = { expression: { kind: "text", text: normalised }, units: [] };
  if (normalised.length > MAX_ANSWER_LENGTH) return words;
  const parser = new Parser(withoutPreamble(tokenize(normalised, commas)));
  try {
    return { expression: parser.whole(), units: parser.units };
  } catch (error) {
    if (error instanceof NotMathematics) return words;
    throw error;
  }
}

/** Without "about" and its like in front. */
function withoutPreamble(tokens: readonly Token[]): readonly Token[] {
  const [first] = tokens;
  const isPreamble =
    (first?.kind === "text" &&
      /^(?:about|approximately|approx|around|roughly|exactly)$/i.test(first.text.trim())) ||
    (first?.kind === "command" && first.text === "approx") ||
    (first?.kind === "symbol" && first.text === "=");
  return isPreamble && tokens.length > 1 ? tokens.slice(1) : tokens;
}

/** The answer as it came, read: normalised, then parsed. */
export const readAnswer = (answer: string, commas?: CommaReading): ParsedAnswer =>
  parseAnswer(normalisedAnswer(answer), commas);
