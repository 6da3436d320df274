#!/usr/bin/env python3
"""Renames types all over the workspace by resolving paths, not by text: enum variants, strings and columns stay.

    tools/renaming/rename_types.py TABLE [--root DIR] [--only PACKAGE[,PACKAGE]] [--write] [--report]

TABLE is tab-separated: package, file (below src, without .rs), old, new. Without --write it only counts.
Use it from the repository's root; then `cargo fmt --all` and build. --report lists what could not be resolved.
`--functions` takes a table of functions instead: it renames definitions, paths `module::name(` and plain calls of
the module itself; method calls are only renamed when no other type of the workspace has a method of the old name.
"""
import argparse
import collections
import pathlib
import re
import sys

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*)|(?P<block>/\*.*?\*/)|(?P<raw>b?r(?P<hashes>\#*)".*?"(?P=hashes))
    |(?P<string>b?c?"(?:\\.|[^"\\])*")|(?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]+\}|.)|[^'\\\n])')""",
    re.X | re.S)
TYPE = re.compile(r"\b(struct|enum|trait|union|type)\s+([A-Z]\w*)")
IMPL_FOR = re.compile(r"\bimpl\b(?:\s*<[^{;]*?>)?[^{;]*?\bfor\b[^{;]*\{")
TRAIT = re.compile(r"\btrait\s+[A-Z]\w*[^{;]*\{")
USE = re.compile(r"\buse\s+([^;]+);")
INLINE = re.compile(r"\bmod\s+(\w+)\s*\{")
ATTRIBUTE_STRING = re.compile(r"\b(?:default|with|serialize_with|deserialize_with|skip_serializing_if|from|into|try_from|"
                              r"remote|bound)\s*=\s*$")


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def end_of(code, opening):
    depth = 0
    for m in re.finditer(r"[{}]", code[opening:]):
        depth += 1 if m.group() == "{" else -1
        if depth == 0:
            return opening + m.end()
    return len(code)


class File:
    def __init__(self, path, root, module, text):
        self.path, self.root, self.module, self.text = path, root, module, text
        parts, at, self.comments, self.strings = [], 0, [], []
        for m in TOKEN.finditer(text):
            parts.append(text[at:m.start()])
            if m.group("comment") or m.group("block"):
                self.comments.append((m.start(), m.end()))
            elif m.group("string"):
                self.strings.append((m.start(), m.end()))
            parts.append(blank(m.group()))
            at = m.end()
        parts.append(text[at:])
        code = self.code = "".join(parts)
        self.impls = [(m.start(), end_of(code, m.end() - 1)) for m in IMPL_FOR.finditer(code)]
        self.impls += [(m.start(), end_of(code, m.end() - 1)) for m in TRAIT.finditer(code)]
        self.inline = [(m.start(), end_of(code, m.end() - 1), m.group(1)) for m in INLINE.finditer(code)]
        self.enums = []
        for m in re.finditer(r"\benum\s+[A-Z]\w*[^{;]*\{", code):
            self.enums.append((m.end() - 1, end_of(code, m.end() - 1)))
        self.defs = {}
        for m in TYPE.finditer(code):
            if m.group(1) == "type" and any(a < m.start() < b for a, b in self.impls):
                continue
            self.defs[m.group(2)] = m.start(2)
        self.uses = {}  # name: segments
        self.globs = []
        self.leaves = []  # (start, end, segments, name)
        self.use_spans = []
        for m in USE.finditer(code):
            self.use_spans.append((m.start(), m.end()))
            depth = sum(1 for a, b, _ in self.inline if a < m.start() < b)
            for segments, alias, start, end in tree(m.group(1), m.start(1)):
                for _ in range(depth):
                    if segments[:1] == ["super"]:
                        segments = segments[1:] if len(segments) > 1 and segments[1] == "super" else ["self"] + segments[1:]
                if segments[-1] == "*":
                    self.globs.append(segments[:-1])
                    continue
                if segments[-1] == "self":
                    segments = segments[:-1]
                self.uses.setdefault(alias or segments[-1], segments)
                self.leaves.append((start, end, segments))


def tree(text, offset):
    """Yields (segments, alias, start, end) of the leaves of a use tree."""
    def parse(start, end, prefix):
        part = text[start:end]
        brace = part.find("{")
        if brace < 0:
            m = re.match(r"\s*((?:::)?\s*[\w:*\s#]+?)(?:\s+as\s+(\w+))?\s*$", part)
            if not m:
                return
            raw = m.group(1)
            segments = [s.strip() for s in raw.split("::") if s.strip()]
            name_at = start + m.start(1) + raw.rstrip().rfind(segments[-1]) if segments else start
            if segments:
                yield prefix + segments, m.group(2), offset + name_at, offset + name_at + len(segments[-1])
            return
        head = [s.strip() for s in part[:brace].split("::") if s.strip()]
        depth, at = 0, start + brace + 1
        for i in range(start + brace, end):
            c = text[i]
            if c == "{":
                depth += 1
            elif c == "}":
                depth -= 1
                if depth == 0:
                    yield from parse(at, i, prefix + head)
                    return
            elif c == "," and depth == 1:
                yield from parse(at, i, prefix + head)
                at = i + 1
    yield from parse(0, len(text), [])


class Workspace:
    def __init__(self, root):
        self.files, self.modules, self.libraries, self.packages = [], {}, {}, {}
        for manifest in sorted([*root.glob("crates/*/Cargo.toml"), *root.glob("services/*/Cargo.toml"),
                                *root.glob("fuzz/Cargo.toml")]):
            package = manifest.parent.relative_to(root)
            name = re.search(r'^name = "([^"]+)"', manifest.read_text(), re.M).group(1).replace("-", "_")
            self.packages[str(package)] = name
            self.libraries[name] = (str(package), ())
            for path in sorted(manifest.parent.rglob("*.rs")):
                inner = path.relative_to(manifest.parent)
                if "target" in inner.parts or (str(package) == "fuzz" and inner.parts[0] not in ("fuzz_targets", "src")):
                    continue
                key, module = place(str(package), inner)
                file = File(path, key, module, path.read_text(encoding="utf-8"))
                file.package = str(package)
                file.stem = str(pathlib.Path(*inner.parts[1:]).with_suffix("")) if inner.parts[0] == "src" else str(inner)
                self.files.append(file)
                self.modules[(key, module)] = file

    def target_of(self, file, segments, seen=frozenset()):
        """Resolves a path to ("module", root, module), ("type", file, name) or None."""
        if not segments or (file.path, tuple(segments)) in seen:
            return None
        seen = seen | {(file.path, tuple(segments))}
        root, module, rest = file.root, file.module, list(segments)
        first = rest.pop(0)
        if first == "crate":
            here = (root, ())
        elif first == "self":
            here = (root, module)
        elif first == "super":
            here = (root, module[:-1])
            while rest[:1] == ["super"]:
                rest.pop(0)
                here = (root, here[1][:-1])
        else:
            here = None
            if (root, module + (first,)) in self.modules:
                here = (root, module + (first,))
            elif first in file.uses and file.uses[first] != list(segments):
                base = self.target_of(file, file.uses[first], seen)
                if base and base[0] == "module":
                    here = base[1:]
                elif base and not rest:
                    return base
                else:
                    return base if not rest else None
            elif first in self.libraries and first != self.packages.get(file.root):
                here = self.libraries[first]
            elif first[:1].isupper() and not rest:
                return self.find(self.modules[(root, module)], first, seen)
            else:
                for glob in file.globs:
                    base = self.target_of(file, glob, seen)
                    if base and base[0] == "module" and (base[1], base[2] + (first,)) in self.modules:
                        here = (base[1], base[2] + (first,))
                if here is None:
                    return None
        while rest:
            segment = rest.pop(0)
            if (here[0], here[1] + (segment,)) in self.modules:
                here = (here[0], here[1] + (segment,))
                continue
            holder = self.modules.get(here)
            if holder is None:
                return None
            found = self.find(holder, segment, seen)
            if not rest:
                return found
            if found and found[0] == "module":
                here = found[1:]
                continue
            return None
        return ("module",) + here

    def find(self, file, name, seen):
        if name in file.defs:
            return ("type", file, name)
        if name in file.uses:
            return self.target_of(file, file.uses[name], seen)
        for glob in file.globs:
            base = self.target_of(file, glob, seen)
            if base and base[0] == "module" and base[1:] in self.modules:
                other = self.modules[base[1:]]
                if other is not file:
                    found = self.find(other, name, seen | {(other.path, name, "glob")}) if (
                        other.path, name, "glob") not in seen else None
                    if found:
                        return found
        return None


def place(package, inner):
    """The crate root and the module path of a file."""
    parts = inner.parts
    if parts[0] == "src":
        rest = list(parts[1:])
        if rest[0] == "bin":
            return f"{package}#{'/'.join(rest)}", ()
        if rest == ["main.rs"]:
            return f"{package}#main", ()
        if rest == ["lib.rs"]:
            return package, ()
        rest[-1] = rest[-1][:-3]
        if rest[-1] == "mod":
            rest.pop()
        return package, tuple(rest)
    rest = list(parts)
    if len(rest) == 2:
        return f"{package}#{'/'.join(rest)}", ()
    if rest[2] == "main.rs":
        return f"{package}#{rest[0]}/{rest[1]}", ()
    if rest[-1] == "mod.rs" and len(rest) == 3:
        return f"{package}#{rest[0]}/{rest[1]}", ()
    tail = rest[2:]
    tail[-1] = tail[-1][:-3]
    return f"{package}#{rest[0]}/{rest[1]}", tuple(tail)


def path_before(code, at):
    """The segments in front of a name, or None if they cannot be read."""
    segments = []
    while code[:at].rstrip().endswith("::"):
        head = code[:at].rstrip()[:-2].rstrip()
        m = re.search(r"(\w+)$", head)
        if not m:
            return None if not segments or head.endswith(">") else segments
        segments.insert(0, m.group(1))
        at = m.start()
    return segments


def is_variant(file, at, code):
    for a, b in file.enums:
        if a < at < b:
            depth = 0
            for c in code[a:at]:
                if c in "{([":
                    depth += 1
                elif c in "})]":
                    depth -= 1
            before = code[a:at].rstrip()
            return depth == 1 and (before[-1] in "{,]" or before[-1] == "}")
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--root", default=".")
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--report", action="store_true")
    a = parser.parse_args()
    only = set(filter(None, a.only.split(",")))
    new = {}
    for line in open(a.table):
        if line.strip() and not line.startswith("#"):
            package, stem, old, name = line.rstrip("\n").split("\t")[:4]
            if (not only or package in only) and old != name:
                new[(package, stem, old)] = name
    space = Workspace(pathlib.Path(a.root))
    wanted = {old for _, _, old in new}
    pattern = re.compile(r"\b(" + "|".join(sorted(wanted, key=len, reverse=True)) + r")\b")
    used, unresolved, changed = collections.Counter(), [], 0
    for file in space.files:
        code, edits = file.code, {}

        def consider(start, end, target):
            if target and target[0] == "type":
                name = new.get((target[1].package, target[1].stem, target[2]))
                if name:
                    edits[start] = (end, name)
                    used[(target[1].package, target[1].stem, target[2])] += 1
                return True
            return False

        for start, end, segments in file.leaves:
            if segments[-1] in wanted:
                consider(start, end, space.target_of(file, segments))
        for m in pattern.finditer(code):
            at = m.start()
            if at in edits or any(x < at < y for x, y in file.use_spans):
                # an upper-case segment inside a use tree: `use Kind::{A, B}`
                if at not in edits and re.match(r"\s*::", code[m.end():]):
                    consider(at, m.end(), space.target_of(file, [m.group()]) if not path_before(code, at) else
                             space.target_of(file, path_before(code, at) + [m.group()]))
                continue
            before = path_before(code, at)
            if before is None or any(s[:1].isupper() for s in before) or is_variant(file, at, code):
                continue
            if re.search(r"[<,]\s*$", code[:at]) and re.match(r"\s*=(?![=>])", code[m.end():]):
                continue
            if re.search(r"\btype\s+$", code[:at]) and any(x < at < y for x, y in file.impls):
                continue
            depth = sum(1 for x, y, _ in file.inline if x < at < y)
            if before[:1] == ["super"] and depth:
                before = (["self"] + before[1:]) if before[1:2] != ["super"] else before[1:]
            if not consider(at, m.end(), space.target_of(file, before + [m.group()])):
                target = space.target_of(file, before + [m.group()])
                if target is None and m.group() not in file.uses and not before:
                    unresolved.append(f"{file.path}:{code.count(chr(10), 0, at) + 1}: {m.group()}")
        for start, end in file.strings:
            if ATTRIBUTE_STRING.search(code[max(0, start - 60):start]):
                for m in pattern.finditer(file.text, start, end):
                    before = re.search(r"((?:\w+::)*)$", file.text[start + 1:m.start()]).group(1)
                    consider(m.start(), m.end(), space.target_of(file, [s for s in before.split("::") if s] + [m.group()]))
        for start, end in file.comments:
            for quoted in re.finditer(r"`([A-Za-z_][\w:]*)(?:\(\))?`", file.text[start:end]):
                words = quoted.group(1).split("::")
                offset = start + quoted.start(1)
                for i, word in enumerate(words):
                    if word in wanted:
                        consider(offset, offset + len(word), space.target_of(file, [w for w in words[:i]] + [word]))
                        break
                    offset += len(word) + 2
        if edits:
            text = file.text
            for start in sorted(edits, reverse=True):
                end, name = edits[start]
                text = text[:start] + name + text[end:]
            changed += 1
            if a.write:
                file.path.write_text(text, encoding="utf-8")
    for key, name in sorted(new.items()):
        if not used[key]:
            print(f"never found: {key} -> {name}", file=sys.stderr)
    if a.report:
        print("\n".join(unresolved))
    print(f"{sum(used.values())} places, {len(used)} of {len(new)} types, {changed} files, {len(unresolved)} unresolved",
          file=sys.stderr)


if __name__ == "__main__":
    main()
