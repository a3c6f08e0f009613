/**
 * Templates come with models, from anyone. The library runs them without any bound: a loop over `range(10**9)`, a string
 * doubled thirty times or a list that holds itself by name would end the process. Here every step and everything that is
 * made is paid for from a budget, most of it before it is made, so that the same template and messages always end alike.
 */

import type { TemplateFacts } from "./template-facts.ts";
import {
  Interpreter,
  type TemplateNode,
  type TemplateScope,
  type TemplateValue,
} from "./template-library.ts";
import {
  type Argument,
  applicationPrice,
  ITEM,
  ITERATION,
  LOOKED_AT,
  PLACE,
  STEP,
  searchPrice,
  writingPrice,
} from "./template-prices.ts";
import { childrenOf, lengthOf } from "./template-values.ts";

/** A value in hand, and a node that stands for it: operands are worked out, priced, and then given to the library. */
interface Held {
  readonly value: TemplateValue;
  readonly node: TemplateNode;
}

interface HeldArgument extends Argument, Held {}

/** Nodes whose text is not new. */
const LOOK_UPS = ["Identifier", "Held", "StringLiteral", "MemberExpression"];
/** Filters that take their arguments as they are written. */
const LITERAL_ARGUMENTS = ["selectattr", "rejectattr"];

export class BoundedInterpreter extends Interpreter {
  #budget: number;
  readonly #facts: TemplateFacts;
  /** Functions that were looked up as members. */
  readonly #methods = new WeakSet<TemplateValue>();

  /** @param budget characters that may be made, steps and other things by their prices */
  constructor(scope: TemplateScope, facts: TemplateFacts, budget: number) {
    super(scope);
    this.#facts = facts;
    this.#budget = budget;
  }

  #pay(price: number): void {
    this.#budget -= price;
    // Written so that NaN is refused.
    if (!(this.#budget >= 0)) throw new Error("it takes too many steps or makes too much text");
  }

  override evaluate(node: TemplateNode | undefined, scope: TemplateScope): TemplateValue {
    this.#pay(STEP);
    const result = this.#evaluate(node, scope);
    if (node === undefined) return result;
    if (typeof result.value === "string")
      this.#pay(result.value.length * (LOOK_UPS.includes(node.type) ? LOOKED_AT : 1));
    else if (this.#facts.written.has(node)) this.#pay(writingPrice(result, this.#budget));
    return result;
  }

  #evaluate(node: TemplateNode | undefined, scope: TemplateScope): TemplateValue {
    switch (node?.type) {
      case "Held":
        return node.value as TemplateValue;
      case "Identifier":
        return this.#lookUp(node, scope);
      case "For":
        return this.#loop(node, scope);
      case "Macro":
        this.#pay(STEP * (this.#facts.sizes.get(node) ?? 0));
        return this.#library(node, scope);
      case "CallStatement":
        return this.#callBlock(node, scope);
      case "FilterStatement": {
        const operand = heldNode(this.#library({ type: "Program", body: node.body }, scope));
        return this.#filter({ type: "FilterExpression", operand, filter: node.filter }, scope);
      }
      case "ArrayLiteral":
      case "TupleLiteral":
      case "ObjectLiteral":
        return this.#literal(node, scope);
      case "BinaryExpression":
        return this.#binary(node, scope);
      case "FilterExpression":
        return this.#filter(node, scope);
      case "CallExpression":
        return this.#call(node, scope);
      case "MemberExpression":
        return this.#member(node, scope);
      default:
        return this.#library(node, scope);
    }
  }

  #library(node: TemplateNode | undefined, scope: TemplateScope): TemplateValue {
    return super.evaluate(node, scope);
  }

  #hold(node: unknown, scope: TemplateScope): Held {
    const value = this.evaluate(node as TemplateNode, scope);
    return { value, node: heldNode(value) };
  }

  /** Without the exception by which the library finds out that there is no such name. */
  #lookUp({ value: name }: TemplateNode, scope: TemplateScope): TemplateValue {
    for (let place: TemplateScope | undefined = scope; place; place = place.parent) {
      const value = place.variables.get(name as string);
      if (value !== undefined) return value;
      this.#pay(1);
    }
    return this.#library(undefined, scope);
  }

  /** Lists never change, namespaces do: with one inside, a list could come to hold itself. */
  #literal(node: TemplateNode, scope: TemplateScope): TemplateValue {
    const value = this.#library(node, scope);
    const children = childrenOf(value) ?? [];
    if (children.some(({ type }) => type === "NamespaceValue"))
      throw new Error("a namespace cannot be put into a list or an object");
    this.#pay(ITEM * children.length);
    return value;
  }

  #loop(node: TemplateNode, scope: TemplateScope): TemplateValue {
    const over = node.iterable as TemplateNode;
    const isSelective = over.type === "SelectExpression";
    const items = this.#hold(isSelective ? over.lhs : over, scope);
    this.#pay(ITERATION * lengthOf(items.value));
    return this.#library(
      { ...node, iterable: isSelective ? { ...over, lhs: items.node } : items.node },
      scope,
    );
  }

  #binary(node: TemplateNode, scope: TemplateScope): TemplateValue {
    const operator = (node.operator as { readonly value: string }).value;
    // The right side may not be wanted.
    if (operator === "and" || operator === "or") return this.#library(node, scope);
    const left = this.#hold(node.left, scope);
    const right = this.#hold(node.right, scope);
    if (operator === "in" || operator === "not in") {
      this.#pay(searchPrice(right.value, lengthOf(left.value)));
    } else if (Array.isArray(left.value.value) && Array.isArray(right.value.value)) {
      this.#pay(PLACE * (lengthOf(left.value) + lengthOf(right.value)));
    } else {
      // Beside a string, or joined by ~, a list is written out.
      for (const { value } of [left, right]) this.#pay(writingPrice(value, this.#budget));
    }
    return this.#library({ ...node, left: left.node, right: right.node }, scope);
  }

  #filter(node: TemplateNode, scope: TemplateScope): TemplateValue {
    const operand = this.#hold(node.operand, scope);
    const filter = node.filter as TemplateNode;
    const isCall = filter.type === "CallExpression";
    const name = String((isCall ? (filter.callee as TemplateNode) : filter).value);
    const args =
      isCall && !LITERAL_ARGUMENTS.includes(name) ? this.#arguments(filter.args, scope) : undefined;
    this.#pay(applicationPrice(name, operand.value, args ?? [], this.#budget));
    const applied = args ? { ...filter, args: args.map((argument) => argument.node) } : filter;
    return this.#library({ ...node, operand: operand.node, filter: applied }, scope);
  }

  /** Arguments by position come before those by name, as the library evaluates them. */
  #arguments(args: unknown, scope: TemplateScope): readonly HeldArgument[] {
    const nodes = args as readonly TemplateNode[];
    const isNamed = ({ type }: TemplateNode): boolean => type.startsWith("Keyword");
    return [...nodes.filter((node) => !isNamed(node)), ...nodes.filter(isNamed)].map((node): HeldArgument => {
      if (node.type === "KeywordArgumentExpression") {
        const held = this.#hold(node.value, scope);
        const name = String((node.key as TemplateNode).value);
        return { value: held.value, node: { ...node, value: held.node }, name };
      }
      if (!node.type.endsWith("SpreadExpression")) return { ...this.#hold(node, scope), name: "" };
      const held = this.#hold(node.argument, scope);
      this.#pay(ITEM * lengthOf(held.value));
      return { value: held.value, node: { ...node, argument: held.node }, name: "" };
    });
  }

  #call(node: TemplateNode, scope: TemplateScope): TemplateValue {
    const args = this.#arguments(node.args, scope);
    const callee = this.#callee(node.callee as TemplateNode, args, scope);
    const result = this.#library({ ...node, callee, args: args.map((argument) => argument.node) }, scope);
    if (Array.isArray(result.value)) this.#pay(ITEM * lengthOf(result));
    return result;
  }

  /** What is called, in hand: a macro or a function, or a method together with what it is applied to. */
  #callee(callee: TemplateNode, args: readonly HeldArgument[], scope: TemplateScope): TemplateNode {
    if (callee.type !== "MemberExpression") {
      const { value, node } = this.#hold(callee, scope);
      if (this.#methods.has(value)) throw new Error("a method cannot be kept and called later");
      return node;
    }
    const object = this.#hold(callee.object, scope);
    const property = callee.computed ? this.#hold(callee.property, scope) : undefined;
    const name = String(property ? property.value.value : (callee.property as TemplateNode).value);
    this.#pay(applicationPrice(name, object.value, args, this.#budget));
    return { ...callee, object: object.node, ...(property && { property: property.node }) };
  }

  /** A call block hands its arguments to the library at once: of methods it would not be known what they make. */
  #callBlock(node: TemplateNode, scope: TemplateScope): TemplateValue {
    this.#pay(STEP * (this.#facts.sizes.get(node) ?? 0));
    const call = node.call as TemplateNode;
    const callee = this.#hold(call.callee, scope);
    if (this.#methods.has(callee.value)) throw new Error("a call block must call a macro");
    return this.#library({ ...node, call: { ...call, callee: callee.node } }, scope);
  }

  #member(node: TemplateNode, scope: TemplateScope): TemplateValue {
    const object = this.#hold(node.object, scope);
    const isSlice = (node.property as TemplateNode).type === "SliceExpression";
    if (isSlice) this.#pay(2 * PLACE * lengthOf(object.value));
    const value = this.#library({ ...node, object: object.node }, scope);
    if (value.type === "FunctionValue") this.#methods.add(value);
    return value;
  }
}

function heldNode(value: TemplateValue): TemplateNode {
  return { type: "Held", value };
}
