/**
 * What tests in JavaScript assert with, as source for the isolate. It takes hold of every built-in function that it needs before
 * the program runs, so nothing that the program replaces later changes what it says.
 */
export const ASSERTIONS = `
(() => {
  const { is, getPrototypeOf, prototype: { toString, hasOwnProperty } } = Object;
  const { apply, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { freeze, defineProperty } = Object;
  const { isArray } = Array;
  const { stringify } = JSON;
  const CreatedMap = Map, CreatedSet = Set, CreatedDate = Date, CreatedRegExp = RegExp, CreatedError = Error;
  const CreatedString = String, CreatedWeakMap = WeakMap;
  const mapKeys = Map.prototype.keys, mapGet = Map.prototype.get, mapHas = Map.prototype.has;
  const setValues = Set.prototype.values, setHas = Set.prototype.has, getTime = Date.prototype.getTime;
  const mapSize = getOwnPropertyDescriptor(Map.prototype, "size").get;
  const setSize = getOwnPropertyDescriptor(Set.prototype, "size").get;
  const nextOfMap = getPrototypeOf(new Map().keys()).next, nextOfSet = getPrototypeOf(new Set().values()).next;
  const test = RegExp.prototype.test, source = RegExp.prototype.toString, slice = String.prototype.slice;

  class AssertionError extends Error {}
  defineProperty(AssertionError.prototype, "name", { value: "AssertionError" });
  const shown = (value) => {
    try { return apply(slice, stringify(value) ?? CreatedString(value), [0, 120]); } catch { return "?"; }
  };
  const fail = (message, fallback) => {
    if (message instanceof CreatedError) throw message;
    throw new AssertionError(message === undefined ? fallback : CreatedString(message));
  };
  const members = (iterator, next) => {
    const found = [];
    for (let step = apply(next, iterator, []); !step.done; step = apply(next, iterator, [])) found[found.length] = step.value;
    return found;
  };
  const isDate = (value) => { try { apply(getTime, value, []); return true; } catch { return false; } };
  const isMap = (value) => { try { apply(mapSize, value, []); return true; } catch { return false; } };
  const isSet = (value) => { try { apply(setSize, value, []); return true; } catch { return false; } };

  const equalMembers = (a, b, strict, depth) => {
    const keysOfA = ownKeys(a), keysOfB = ownKeys(b);
    if (keysOfA.length !== keysOfB.length) return false;
    for (let i = 0; i < keysOfA.length; i++) {
      const key = keysOfA[i];
      if (!apply(hasOwnProperty, b, [key]) || !equal(a[key], b[key], strict, depth + 1)) return false;
    }
    return true;
  };
  const hasEqual = (list, wanted, strict, depth) => {
    for (let i = 0; i < list.length; i++) if (equal(list[i], wanted, strict, depth)) return true;
    return false;
  };
  const equalSets = (a, b, strict, depth) => {
    if (apply(setSize, a, []) !== apply(setSize, b, [])) return false;
    const ofA = members(apply(setValues, a, []), nextOfSet), ofB = members(apply(setValues, b, []), nextOfSet);
    for (let i = 0; i < ofA.length; i++)
      if (!apply(setHas, b, [ofA[i]]) && !hasEqual(ofB, ofA[i], strict, depth + 1)) return false;
    return true;
  };
  const equalMaps = (a, b, strict, depth) => {
    if (apply(mapSize, a, []) !== apply(mapSize, b, [])) return false;
    const keys = members(apply(mapKeys, a, []), nextOfMap);
    for (let i = 0; i < keys.length; i++)
      if (!apply(mapHas, b, [keys[i]]) || !equal(apply(mapGet, a, [keys[i]]), apply(mapGet, b, [keys[i]]), strict, depth + 1))
        return false;
    return true;
  };
  const equal = (a, b, strict, depth) => {
    if (strict ? is(a, b) : a == b || is(a, b)) return true;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (depth > 500) throw new AssertionError("values nest too deeply to be compared");
    if (strict && getPrototypeOf(a) !== getPrototypeOf(b)) return false;
    if (isArray(a) !== isArray(b)) return false;
    if (isDate(a) || isDate(b)) return isDate(a) && isDate(b) && is(apply(getTime, a, []), apply(getTime, b, []));
    if (isMap(a) || isMap(b)) return isMap(a) && isMap(b) && equalMaps(a, b, strict, depth);
    if (isSet(a) || isSet(b)) return isSet(a) && isSet(b) && equalSets(a, b, strict, depth);
    if (a instanceof CreatedRegExp) return b instanceof CreatedRegExp && apply(source, a, []) === apply(source, b, []);
    return equalMembers(a, b, strict, depth);
  };

  const assert = (value, message) => { if (!value) fail(message, "the value is " + shown(value)); };
  const comparison = (holds, word) => (actual, expected, message) => {
    if (!holds(actual, expected)) fail(message, shown(actual) + " " + word + " " + shown(expected));
  };
  const thrown = (action) => { try { action(); } catch (error) { return { error }; } };
  const fits = (error, expected) => {
    if (expected === undefined || typeof expected === "string") return true;
    if (expected instanceof CreatedRegExp) return apply(test, expected, [CreatedString(error)]);
    return typeof expected !== "function" || error instanceof expected || expected(error) === true;
  };
  assert.ok = assert;
  assert.equal = comparison((a, b) => a == b || is(a, b), "!=");
  assert.notEqual = comparison((a, b) => !(a == b || is(a, b)), "==");
  assert.strictEqual = comparison((a, b) => is(a, b), "!==");
  assert.notStrictEqual = comparison((a, b) => !is(a, b), "===");
  assert.deepEqual = comparison((a, b) => equal(a, b, false, 0), "is not deeply equal to");
  assert.notDeepEqual = comparison((a, b) => !equal(a, b, false, 0), "is deeply equal to");
  assert.deepStrictEqual = comparison((a, b) => equal(a, b, true, 0), "is not deeply equal to");
  assert.notDeepStrictEqual = comparison((a, b) => !equal(a, b, true, 0), "is deeply equal to");
  assert.throws = (action, expected, message) => {
    const caught = thrown(action);
    if (!caught) fail(message, "nothing was thrown");
    if (!fits(caught.error, expected)) fail(message, "another error was thrown: " + shown(CreatedString(caught.error)));
  };
  assert.doesNotThrow = (action, message) => {
    const caught = thrown(action);
    if (caught) fail(typeof message === "string" ? message : undefined, CreatedString(caught.error));
  };
  assert.rejects = async (action, expected, message) => {
    let caught;
    try { await (typeof action === "function" ? action() : action); } catch (error) { caught = { error }; }
    if (!caught) fail(message, "nothing was rejected");
    if (!fits(caught.error, expected)) fail(message, "rejected with another error");
  };
  assert.fail = (message) => fail(message, "failed");
  assert.AssertionError = AssertionError;
  assert.strict = assert;

  const roots = [Object, Array, String, Number, Boolean, Symbol, Map, Set, Date, RegExp, Promise, Error, Function, Math, JSON, Reflect];
  const before = [];
  const remember = (owner) => {
    const keys = ownKeys(owner);
    for (let i = 0; i < keys.length; i++) {
      const { value, get } = getOwnPropertyDescriptor(owner, keys[i]);
      if (typeof (value ?? get) === "function") before[before.length] = [owner, keys[i], value ?? get];
    }
  };
  for (const root of roots) { remember(root); if (root.prototype) remember(root.prototype); }
  remember(globalThis);
  const tampering = () => {
    for (let i = 0; i < before.length; i++) {
      const [owner, key, value] = before[i];
      const now = getOwnPropertyDescriptor(owner, key);
      if (!now || (now.value ?? now.get) !== value) return CreatedString(key);
    }
    return "";
  };
  freeze(assert);
  freeze(AssertionError);
  freeze(AssertionError.prototype);
  return { assert, tampering, isAssertion: (error) => error instanceof AssertionError };
})()
`;
