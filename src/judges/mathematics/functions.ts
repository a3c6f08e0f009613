/** Functions that answers may contain. Arity "list": arguments in brackets; otherwise one, with or without them. */
const ARITIES: Readonly<Record<string, "one" | "list">> = {
  sin: "one",
  cos: "one",
  tan: "one",
  cot: "one",
  sec: "one",
  csc: "one",
  arcsin: "one",
  arccos: "one",
  arctan: "one",
  sinh: "one",
  cosh: "one",
  tanh: "one",
  log: "one",
  ln: "one",
  exp: "one",
  abs: "list",
  det: "one",
  gcd: "list",
  lcm: "list",
  max: "list",
  min: "list",
  binom: "list",
};

export const isFunctionName = (name: string): boolean => Object.hasOwn(ARITIES, name);

export const functionArity = (name: string): "one" | "list" => ARITIES[name] ?? "one";
