/**
 * The part of the judge that runs inside the interpreter. It lives in a namespace of its own, with builtins of its own, and no
 * frame of it is ever below a frame of the program, so the program has no way to it: the host runs program and tests
 * statement by statement and sees from the return value of each whether it raised.
 *
 * `prepare` runs before the program and may trust everything. `bind` and `tampering` run after it: they use no module, look up
 * no key that is not a plain string, and call nothing that the program could have made. `describe` does call the
 * exception's own methods; it runs when the verdict stands.
 */
export const HARNESS = String.raw`
import ast, builtins, json, sys, types

real_builtins = builtins.__dict__
pristine = dict(real_builtins)
FIELD = "\x1f"
TEXT_LIMIT = 300

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)

def contains_assert(node):
    return any(isinstance(inner, ast.Assert) for inner in ast.walk(node))

def asserts(node):
    return not isinstance(node, DEFINITIONS) and contains_assert(node)

def own_nodes(nodes):
    """Nodes of a function's body, without those of functions inside of it."""
    for node in nodes:
        yield node
        if not isinstance(node, (*DEFINITIONS, ast.Lambda)):
            yield from own_nodes(ast.iter_child_nodes(node))

BOUND_TO_FUNCTION = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Nonlocal, ast.Global)

def unrolled(check, entry_point):
    """check(candidate) as statements, each a step; as one call where the body only makes sense as a function."""
    takes = check.args
    only_one = len(takes.args) == 1 and not (takes.posonlyargs or takes.kwonlyargs or takes.vararg or takes.kwarg)
    if not only_one or any(isinstance(node, BOUND_TO_FUNCTION) for node in own_nodes(check.body)):
        return [(check, False), (ast.parse(f"check({entry_point})").body[0], True)]
    candidate = ast.parse(f"{takes.args[0].arg} = {entry_point}").body[0]
    return [(check, False), (candidate, False), *((node, asserts(node)) for node in check.body)]

def steps_of(module, entry_point):
    steps = []
    for node in module.body:
        if entry_point and isinstance(node, ast.FunctionDef) and node.name == "check":
            steps.extend(unrolled(node, entry_point))
        else:
            steps.append((node, asserts(node)))
    if any(is_test for _, is_test in steps):
        return steps
    return [(node, isinstance(node, ast.Expr)) for node, _ in steps]

def prepare(text):
    """Compiles program and tests; answers with JSON: the steps, or what does not compile."""
    global program_code, setup_code, import_codes, step_codes, program_names, tests_names
    global entry_point, used_names, own_names, watched
    request = json.loads(text)
    entry_point = request.get("entryPoint")
    imports, steps, watched = [], [], []
    try:
        for source in request["tests"]:
            for node, is_test in steps_of(ast.parse(source, "tests.py"), entry_point):
                if isinstance(node, IMPORTS):
                    imports.append(node)
                else:
                    shown = ast.get_source_segment(source, node) or ast.unparse(node)
                    steps.append((node, is_test, shown[:TEXT_LIMIT]))
        if not any(is_test for _, is_test, _ in steps):
            return json.dumps({"problem": "invalid_tests", "type": "NoTests", "message": "nothing is tested"})
        import_codes = [compile_statement(node) for node in imports]
        step_codes = [compile_statement(node) for node, _, _ in steps]
        setup_code = compile(request.get("setup") or "", "setup.py", "exec", dont_inherit=True)
    except Exception as error:
        return problem("invalid_tests", error)
    inner_nodes = [inner for node, _, _ in steps for inner in ast.walk(node)]
    names = [inner for inner in inner_nodes if isinstance(inner, ast.Name)]
    used_names = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    own_names = {name.id for name in names if not isinstance(name.ctx, ast.Load)}
    own_names |= {inner.name for inner in inner_nodes if isinstance(inner, DEFINITIONS)}
    try:
        program_code = compile(request["code"], "answer.py", "exec", dont_inherit=True)
    except (Exception, MemoryError) as error:
        return problem("syntax", error, sum(is_test for _, is_test, _ in steps))
    program = types.ModuleType("answer")
    sys.modules["answer"] = program
    program_names = program.__dict__
    program_names["__builtins__"] = builtins
    tests_names = {"__name__": "tests", "__builtins__": dict(pristine)}
    return json.dumps({"steps": [[is_test, shown] for _, is_test, shown in steps]})

def problem(word, error, total=0):
    message = (getattr(error, "msg", None) or str(error))[:TEXT_LIMIT]
    line = getattr(error, "lineno", None)
    return json.dumps({"problem": word, "type": type(error).__name__, "message": message, "line": line, "total": total})

def compile_statement(node):
    return compile(ast.Module([node], []), "tests.py", "exec", dont_inherit=True)

def watch():
    """Remembers what the modules that the tests imported look like."""
    for value in tests_names.values():
        if type(value) is types.ModuleType:
            watched.append((value.__name__, value.__dict__, dict(value.__dict__)))

def bind():
    """
    Makes the program's names those of the tests. Names of builtins stay what they are, unless the tests test the
    program's function of that name.
    """
    global allowed_shadows
    made = [key for key, _ in program_names.items() if type(key) is str]
    plain = [key for key in made if key in used_names and key not in pristine]
    allowed_shadows = {entry_point} if entry_point is not None else {key for key in used_names if not plain}
    for key, value in program_names.items():
        if type(key) is not str or key[:2] == "__" or key in tests_names:
            continue
        if key not in pristine or key in allowed_shadows:
            tests_names[key] = value

def changed(names, before):
    for key, value in names.items():
        if type(key) is not str or key not in before or before[key] is not value:
            return str(key) if type(key) is str else "?"
    for key in before:
        if key not in names:
            return key
    return None

def tampering():
    """What the program replaced of the things that tests rely on, or an empty text."""
    for name, names, before in [("builtins", real_builtins, pristine), *watched]:
        if name == "builtins":
            names = {key: value for key, value in names.items() if type(key) is not str or key != "_"}
            before = {key: value for key, value in before.items() if key != "_"}
        found = changed(names, before)
        if found is not None:
            return f"{name}.{found}"
    found = changed(tests_names["__builtins__"], pristine)
    if found is not None:
        return f"builtins.{found} of the tests"
    for key in used_names:
        if key in pristine and key in tests_names and key not in allowed_shadows and key not in own_names:
            return f"{key} of the tests"
    return ""

def describe(error):
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "answer.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    return FIELD.join([type(error).__name__, str(line), str(error)[:TEXT_LIMIT]])
`;

/** Imported once, before the first program, so that no program waits for them. */
export const WARM_MODULES = [
  "typing collections collections.abc math cmath re itertools functools operator string heapq bisect copy random",
  "datetime time decimal fractions statistics json hashlib enum dataclasses abc contextlib io os sys queue unicodedata",
  "textwrap numbers array struct base64 calendar inspect traceback types warnings weakref",
]
  .join(" ")
  .split(" ");
