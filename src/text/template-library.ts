/** The parts of the template library that are used; its own declarations do not resolve under Node's module rules. */
import * as library from "@huggingface/jinja";

/** A node of a parsed template. */
export interface TemplateNode {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A value: strings, numbers, truth values as they are, lists as arrays, objects and namespaces as maps. */
export interface TemplateValue {
  readonly type: string;
  readonly value: unknown;
}

export interface TemplateScope {
  readonly parent?: TemplateScope | undefined;
  readonly variables: Map<string, TemplateValue>;
  set(name: string, value: unknown): TemplateValue;
}

export interface TemplateInterpreter {
  evaluate(node: TemplateNode | undefined, scope: TemplateScope): TemplateValue;
  run(program: TemplateNode): TemplateValue;
}

interface Library {
  readonly Environment: new () => TemplateScope;
  readonly Interpreter: new (scope: TemplateScope) => TemplateInterpreter;
  tokenize(
    template: string,
    options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean },
  ): unknown;
  parse(tokens: unknown): TemplateNode;
}

export const { Environment, Interpreter, parse, tokenize }: Library = library as unknown as Library;
