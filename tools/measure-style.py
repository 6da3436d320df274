#!/usr/bin/env python3
"""Measures names, types, comments and shape of the Rust code; run it from the repository's root.

Usage:
    tools/measure-style.py                 print the table
    tools/measure-style.py --json          print the figures as JSON, to compare two commits
    tools/measure-style.py --per-package   print the figures of each package
    tools/measure-style.py --list WHAT     print file:line of each finding; WHAT is one of
                                           one-word-types, one-word-functions, duplicates, archaic, questions,
                                           errors, long-files, strings, cycles
    tools/measure-style.py --check         fail when a figure misses its aim

Product code is `crates/*/src` and `services/*/src` without test modules; comments count there too.
The code is read as tokens (comments, strings and char literals are told apart), not compiled.
"""
import argparse
import collections
import json
import pathlib
import re
import statistics
import sys

ARCHAIC = ["whoever", "whom", "whomever", "nobody", "somebody", "anew", "is to be", "are to be", "was to be",
           "of which", "whatever", "whichever"]
# The words of the first measurement, so that figures can be compared with earlier ones.
ARCHAIC_STRICT = ["whoever", "whom", "nobody", "anew", "is to be"]
AIMS = {  # figure: (comparison, aim)
    "type names of one word, %": ("<", 20.0),
    "function names of one word, %": ("<", 45.0),
    "archaic words per 1,000 comment lines": ("<", 5.0),
    "string fields, %": ("<", 15.0),
    "type names used more than once": ("<=", 0),
    "sites of `error = %error`": ("<=", 0),
}
FILE_LINES = 400
# sea-orm wants these names in each module of a table.
GENERATED = {"Model", "Relation"}

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*)
    |(?P<block>/\*.*?\*/)
    |(?P<raw>b?r(?P<hashes>\#*)".*?"(?P=hashes))
    |(?P<string>b?c?"(?:\\.|[^"\\])*")
    |(?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]+\}|.)|[^'\\\n])')""",
    re.X | re.S,
)
FN = re.compile(r"\bfn\s+([A-Za-z_][A-Za-z0-9_]*)")
TYPE = re.compile(r"\b(struct|enum|trait|union|type)\s+([A-Z][A-Za-z0-9_]*)")
IMPL_FOR = re.compile(r"\bimpl\b(?:\s*<[^{;]*?>)?[^{;]*?\bfor\b[^{;]*\{")
FIELD = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?(r#)?([a-z_][a-z0-9_]*)\s*:\s*(.+?),?\s*$")
STRINGY = re.compile(r"\b(String|str)\b")
LOG_ERROR = re.compile(r"\b(?:error|err|e|cause|failure|reason)\s*=\s*%\s*[\w.&()]+|(?<![\w=])%\s*(?:error|err|e)\b(?=\s*[,)])")
CFG_TEST = re.compile(r"#\[cfg\((?:all\()?test\b[^\]]*\]")
QUESTION = re.compile(r"^\s*//[/!]\s*(What|Who|Whom|Whose|Whether|How|Where|When|Why|Which)\b")
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")


class Source:
    """One file: its code without comments and strings, its comments, and its lines of product code."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        out, comments, at = [], [], 0
        for match in TOKEN.finditer(text):
            out.append(text[at:match.start()])
            token = match.group()
            if match.group("comment") or match.group("block"):
                for number, line in enumerate(token.split("\n")):
                    comments.append((text.count("\n", 0, match.start()) + 1 + number, line))
                out.append(blank(token))
            elif match.group("char"):
                out.append("' '" + " " * (len(token) - 3))
            else:
                out.append('"' + blank(token[1:-1]) + '"')
            at = match.end()
        out.append(text[at:])
        self.code = drop_tests("".join(out))
        dropped = {i + 1 for i, (a, b) in enumerate(zip("".join(out).split("\n"), self.code.split("\n"))) if a != b}
        self.comments = [(line, text) for line, text in comments if line not in dropped]
        self.dropped = dropped
        self.lines = text.count("\n") - len(dropped)

    def line(self, offset):
        return self.code.count("\n", 0, offset) + 1


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def block_end(code, at):
    """Returns the offset behind the braces that open at or after `at`, or behind a `;` before them."""
    depth, i = 0, at
    for match in re.finditer(r"[{};]", code[at:]):
        c = match.group()
        if c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth <= 0:
                return at + match.end()
        elif depth == 0:
            return at + match.end()
    return len(code)


def drop_tests(code):
    at = 0
    while match := CFG_TEST.search(code, at):
        end = block_end(code, match.end())
        code = code[:match.start()] + blank(code[match.start():end]) + code[end:]
        at = end
    return code


def is_test(path):
    parts = path.parts
    return ("tests" in parts or "benches" in parts or "examples" in parts or path.name == "tests.rs"
            or path.stem.endswith("_tests") or path.stem.endswith("_test"))


def load(root):
    texts = {}
    for path in sorted([*root.glob("crates/**/*.rs"), *root.glob("services/**/*.rs")]):
        path = path.relative_to(root)
        if "target" not in path.parts:
            texts[path] = (root / path).read_text(encoding="utf-8")
    for_tests = {module for path, text in texts.items() for module in test_modules(path, text)}
    product, tests = [], []
    for path, text in texts.items():
        inside = len(path.parts) > 2 and path.parts[2] == "src"
        if inside and not is_test(path) and path.with_suffix("") not in for_tests:
            product.append(Source(path, text))
        else:
            tests.append((path, text))
    return product, tests


def test_modules(path, text):
    """Returns the paths, without `.rs`, of the modules that a file declares for tests only."""
    folder = path.parent if path.stem in ("lib", "main") else path.with_suffix("")
    return [folder / name for name in re.findall(r"#\[cfg\(test\)\]\s*mod (\w+);", text)]


def words_of(name):
    return WORDS.findall(name.replace("_", " "))


def depth_at(code):
    """Returns for each line its depth of braces at its start."""
    depths, depth = [], 0
    for line in code.split("\n"):
        depths.append(depth)
        depth += line.count("{") - line.count("}")
    return depths


def trait_impl_spans(code):
    return [(m.start(), block_end(code, m.end() - 1)) for m in IMPL_FOR.finditer(code)]


def measure(product):
    found = collections.defaultdict(list)  # what: [(file, line, text)]
    types, functions, own_functions, lengths, fields, strings = [], [], [], [], 0, 0
    structs = newtypes = 0
    comment_lines = archaic = strict = questions = 0
    lines = sum(s.lines for s in product)
    pattern = re.compile(r"\b(" + "|".join(ARCHAIC) + r")\b", re.I)
    strict_pattern = re.compile(r"\b(" + "|".join(ARCHAIC_STRICT) + r")\b", re.I)
    for source in product:
        code, path = source.code, str(source.path)
        spans = trait_impl_spans(code)
        inside_trait_impl = lambda at: any(a <= at < b for a, b in spans)
        for match in TYPE.finditer(code):
            kind, name = match.groups()
            if kind == "type" and (inside_trait_impl(match.start()) or in_trait(code, match.start())):
                continue
            line = source.line(match.start())
            types.append((name, path, line))
            if len(words_of(name)) == 1:
                found["one-word-types"].append((path, line, f"{kind} {name}"))
            if kind == "struct":
                structs += 1
                rest = code[match.end():]
                tuple_struct = re.match(r"\s*(?:<[^>]*>)?\s*\(([^;{]*)\)\s*(?:where[^;]*)?;", rest)
                if tuple_struct and "," not in tuple_struct.group(1).strip().rstrip(","):
                    newtypes += 1
                body_start = re.match(r"[^;{(]*\{", rest)
                if body_start:
                    start = match.end() + body_start.end() - 1
                    body = code[start + 1:block_end(code, start) - 1]
                    for text in split_fields(body):
                        text = re.sub(r"#\[[^\]]*\]", "", text).strip()
                        field = FIELD.match(re.sub(r"\s+", " ", text))
                        if field:
                            fields += 1
                            if is_string(field.group(3)):
                                strings += 1
                                found["strings"].append((path, line, f"{name}.{field.group(2)}: {field.group(3)}"))
        for match in FN.finditer(code):
            name = match.group(1)
            line = source.line(match.start())
            end = block_end(code, match.end())
            if "{" in code[match.end():end]:
                lengths.append((code.count("\n", match.start(), end) + 1, path, line, name))
            one = len(name.strip("_").split("_")) == 1
            functions.append(name)
            if not inside_trait_impl(match.start()):
                own_functions.append(name)
                if one:
                    found["one-word-functions"].append((path, line, name))
        for line, text in source.comments:
            comment_lines += 1
            hits = pattern.findall(text)
            archaic += len(hits)
            strict += len(strict_pattern.findall(text))
            if hits:
                found["archaic"].append((path, line, text.strip()))
            if QUESTION.match(text):
                questions += 1
                found["questions"].append((path, line, text.strip()))
        for match in LOG_ERROR.finditer(code):
            found["errors"].append((path, source.line(match.start()), match.group()))
        if source.text.count("\n") > FILE_LINES:
            found["long-files"].append((path, source.text.count("\n"), ""))
    by_name = collections.defaultdict(list)
    for name, path, line in types:
        by_name[name].append((path, line))
    duplicates = {n: p for n, p in by_name.items() if len(p) > 1 and n not in GENERATED}
    for name, places in sorted(duplicates.items(), key=lambda x: (-len(x[1]), x[0])):
        for path, line in places:
            found["duplicates"].append((path, line, name))
    lengths.sort()
    only = [x[0] for x in lengths]
    unwraps = sum(len(re.findall(r"\.(?:unwrap|expect)\(", s.code)) for s in product)
    share = lambda part, whole: round(100 * part / whole, 1) if whole else 0.0
    figures = {
        "files": len(product),
        "lines of product code": lines,
        "functions": len(lengths),
        "functions, median lines": int(statistics.median(only)) if only else 0,
        "functions, 99th percentile": only[int(len(only) * 0.99)] if only else 0,
        "functions, longest": only[-1] if only else 0,
        "files over 400 lines": len(found["long-files"]),
        "unwrap or expect per 1,000 lines": round(1000 * unwraps / lines, 2) if lines else 0,
        "types": len(types),
        "type names of one word, %": share(len(found["one-word-types"]), len(types)),
        "function names of one word, %": share(
            sum(1 for f in functions if len(f.strip("_").split("_")) == 1), len(functions)),
        "the same without those that a trait names, %": share(len(found["one-word-functions"]), len(own_functions)),
        "type names used more than once": len(duplicates),
        "types that share their name": sum(len(p) for p in duplicates.values()),
        "struct fields": fields,
        "string fields, %": share(strings, fields),
        "newtypes among structs, %": share(newtypes, structs),
        "comment lines": comment_lines,
        "comment lines per 1,000 lines": round(1000 * comment_lines / lines) if lines else 0,
        "archaic words per 1,000 comment lines": round(1000 * archaic / comment_lines, 1) if comment_lines else 0,
        "of these, those of the first measurement": round(1000 * strict / comment_lines, 1) if comment_lines else 0,
        "comments that begin What/Who/Whether/How per 1,000": round(1000 * questions / comment_lines, 1)
        if comment_lines else 0,
        "sites of `error = %error`": len(found["errors"]),
    }
    return figures, found, lengths


def in_trait(code, at):
    before = code[:at]
    for match in reversed(list(re.finditer(r"\btrait\s+[A-Z]\w*[^{;]*\{", before))):
        return block_end(code, match.end() - 1) > at
    return False


def is_string(kind):
    """A field that is text: String, &str, Option, Vec, Cow, Arc or Box of it, and maps to it."""
    return bool(re.fullmatch(r"(?:&\s*(?:'\w+\s+)?)?(?:std::\w+::)?(?:(?:Option|Vec|Cow|Arc|Box|Rc)\s*<\s*(?:'\w+,\s*)?)*"
                             r"(?:&\s*(?:'\w+\s+)?)?(?:String|str)(?:\s*>)*", kind.strip()))


def split_fields(body):
    depth, start = 0, 0
    for i, c in enumerate(body):
        if c in "<({[":
            depth += 1
        elif c in ")}]" or (c == ">" and body[i - 1] not in "-="):
            depth -= 1
        elif c == "," and depth == 0:
            yield body[start:i]
            start = i + 1
    if body[start:].strip():
        yield body[start:]


def cycles(product):
    """Returns for each package the share of its lines in cycles of top-level modules, and the arrows in them."""
    out = {}
    packages = collections.defaultdict(list)
    for source in product:
        packages["/".join(source.path.parts[:2])].append(source)
    for package, sources in sorted(packages.items()):
        modules = set()
        for source in sources:
            inner = source.path.parts[3:]
            modules.add(pathlib.Path(inner[0]).stem)
        modules -= {"lib", "main", "bin"}
        lines, arrows = collections.Counter(), collections.defaultdict(list)
        exports = root_exports(sources, modules)
        for source in sources:
            module = pathlib.Path(source.path.parts[3]).stem
            if module in ("lib", "main", "bin"):
                continue
            lines[module] += source.lines
            for match in re.finditer(r"\bcrate::(?:\{([^;]*?)\}\s*;|(\w+))", source.code):
                names = [match.group(2)] if match.group(2) else [
                    re.match(r"\s*(\w+)", part).group(1) for part in split_fields(match.group(1)) if part.strip()]
                for name in names:
                    name = name if name in modules else exports.get(name)
                    if name in modules and name != module:
                        arrows[(module, name)].append(f"{source.path}:{source.line(match.start())}")
            level = len(source.path.parts) - 4  # `super` so often is the crate's root
            for match in re.finditer(r"(?<!:)\bsuper::" + "super::" * level + r"(?:\{([^;]*?)\}\s*;|(\w+))", source.code):
                names = [match.group(2)] if match.group(2) else [
                    re.match(r"\s*(\w+)", part).group(1) for part in split_fields(match.group(1)) if part.strip()]
                for name in names:
                    name = name if name in modules else exports.get(name)
                    if name in modules and name != module:
                        arrows[(module, name)].append(f"{source.path}:{source.line(match.start())}")
        components = strongly_connected(modules, arrows)
        big = [c for c in components if len(c) > 1]
        total = sum(lines.values()) or 1
        out[package] = {
            "share": round(100 * sum(lines[m] for c in big for m in c) / total),
            "components": [sorted(c) for c in big],
            "arrows": {f"{a} -> {b}": places for (a, b), places in sorted(arrows.items())
                       if any(a in c and b in c for c in big)},
        }
    return out


def root_exports(sources, modules):
    """Returns the names that the root of a crate takes from its modules: `crate::Name` uses the module of the name."""
    exports = {}
    for source in sources:
        if source.path.parts[3:] == ("lib.rs",):
            for match in re.finditer(r"\buse\s+(?:crate::|self::)?(\w+)::([^;]*);", source.code):
                if match.group(1) in modules:
                    exports.update((name, match.group(1)) for name in re.findall(r"\w+", match.group(2)))
    return exports


def strongly_connected(nodes, arrows):
    graph = collections.defaultdict(set)
    for a, b in arrows:
        graph[a].add(b)
    index, low, stack, on, out, counter = {}, {}, [], set(), [], [0]
    sys.setrecursionlimit(10000)

    def visit(v):
        index[v] = low[v] = counter[0]
        counter[0] += 1
        stack.append(v)
        on.add(v)
        for w in graph[v]:
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in on:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            component = set()
            while True:
                w = stack.pop()
                on.discard(w)
                component.add(w)
                if w == v:
                    break
            out.append(component)

    for v in sorted(nodes):
        if v not in index:
            visit(v)
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--per-package", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list")
    parser.add_argument("--root", default=".")
    arguments = parser.parse_args()
    root = pathlib.Path(arguments.root)
    product, tests = load(root)
    if not product:
        sys.exit("no Rust sources here: run it from the repository's root")
    figures, found, _ = measure(product)
    test_lines = sum(text.count("\n") for _, text in tests) + sum(len(s.dropped) for s in product)
    figures["tests : code"] = round(test_lines / figures["lines of product code"], 2)
    loops = cycles(product)
    for package, loop in loops.items():
        if loop["share"]:
            figures[f"in cycles of modules, {package}, %"] = loop["share"]
    if arguments.list == "cycles":
        print(json.dumps(loops, indent=1))
    elif arguments.list:
        for path, line, text in found[arguments.list]:
            print(f"{path}:{line}: {text}")
    elif arguments.json:
        print(json.dumps(figures, indent=1))
    elif arguments.per_package:
        names = sorted({"/".join(s.path.parts[:2]) for s in product})
        keys = ["lines of product code", "types", "type names of one word, %", "function names of one word, %",
                "string fields, %", "comment lines per 1,000 lines", "archaic words per 1,000 comment lines",
                "comments that begin What/Who/Whether/How per 1,000", "sites of `error = %error`"]
        print("package".ljust(24) + "  lines  types  1w-type%  1w-fn%  string%  comments  archaic  questions  %error")
        for name in names:
            part, _, _ = measure([s for s in product if str(s.path).startswith(name + "/")])
            row = [str(part[k]) for k in keys]
            widths = [7, 7, 10, 8, 9, 10, 9, 11, 8]
            print(name.ljust(24) + "".join(v.rjust(w) for v, w in zip(row, widths)))
    else:
        for key, value in figures.items():
            aim = AIMS.get(key)
            print(f"{key:58} {value:>10}" + (f"   aim {aim[0]} {aim[1]:g}" if aim else ""))
    if arguments.check:
        missed = [k for k, (op, aim) in AIMS.items() if not (figures[k] < aim if op == "<" else figures[k] <= aim)]
        if missed:
            sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
