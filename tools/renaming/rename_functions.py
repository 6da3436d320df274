#!/usr/bin/env python3
"""Renames free functions all over the workspace by resolving paths; methods, locals and strings stay.

    tools/renaming/rename_functions.py TABLE [--root DIR] [--only PACKAGE,...] [--write] [--report]

TABLE is tab-separated: package, file (below src, without .rs), old, new. What cannot be decided (a function used as a
value where a local may have its name) is left and printed with --report; the compiler finds each of these.
"""
import argparse
import bisect
import collections
import pathlib
import re
import sys

import rename_types as rename
from rename_types import Workspace, end_of, path_before, ATTRIBUTE_STRING

FN = re.compile(r"\bfn\s+([a-z_]\w*)")
IMPL = re.compile(r"\bimpl\b[^{;]*\{|\btrait\s+[A-Z]\w*[^{;]*\{")


def prepare(file):
    code = file.code
    impls = [(m.start(), end_of(code, m.end() - 1)) for m in IMPL.finditer(code)
             if not re.search(r"[(,:>=&]\s*$", code[max(0, m.start() - 20):m.start()])
             and not re.search(r"->\s*$", code[max(0, m.start() - 20):m.start()])]
    file.functions = []
    for m in FN.finditer(code):
        stop = re.compile(r"[;{]").search(code, m.end())
        end = end_of(code, stop.start()) if stop and stop.group() == "{" else (stop.end() if stop else len(code))
        file.functions.append((m.start(), end, m.group(1), m.start(1)))
    file.free, file.inner = {}, []
    for start, end, name, at in file.functions:
        if any(a < start < b for a, b in impls):
            continue
        if any(a < start < b for a, b, _, _ in file.functions if a != start):
            continue
        inline = [(a, b) for a, b, _ in file.inline if a < start < b]
        if inline:
            file.inner.append((inline[-1], name))
        else:
            file.free.setdefault(name, []).append(at)
    # Macros that a file defines would hide what they call; nothing of ours does.
    for name, places in file.free.items():
        file.defs.setdefault(name, places[0])


def enclosing(file, at):
    best = None
    for start, end, name, _ in file.functions:
        if start <= at < end and (best is None or start > best[0]):
            best = (start, end)
    return best


def has_local(file, at, name):
    span = enclosing(file, at)
    if not span:
        return False
    text = file.code[span[0]:span[1]]
    word = re.escape(name)
    return bool(re.search(rf"\blet\s+(?:mut\s+)?{word}\b|\blet\s+[^=;]*\b{word}\b[^=;]*=|\bfor\s+[^{{;]*\b{word}\b[^{{;]*\bin\b"
                          rf"|\|[^|\n]*\b{word}\b[^|\n]*\||\b{word}\s*:\s*(?!:)|\b{word}\s*(?:@|=>)"
                          rf"|\b(?:Some|Ok|Err)\(\s*(?:mut\s+)?{word}\s*\)\s*(?:=|=>)|\([^()]*\b{word}\b[^()]*\)\s*=[^=]"
                          rf"|\{{[^{{}}]*\b{word}\b[^{{}}]*\}}\s*=", text))


def has_callable_local(file, at, name):
    """Whether a closure of this name may be what is called here; other locals cannot be called."""
    span = enclosing(file, at)
    if not span:
        return False
    text = file.code[span[0]:span[1]]
    word = re.escape(name)
    return bool(re.search(rf"\blet\s+(?:mut\s+)?{word}\s*(?::[^=;]+)?=\s*(?:async\s+|move\s+|&\s*)*\|"
                          rf"|\blet\s+(?:mut\s+)?{word}\s*=\s*StoreError::statement\("
                          rf"|\b{word}\s*:\s*(?:&\s*)?(?:mut\s+)?(?:impl|dyn|\(dyn|fn\b|[A-Z]\b)", text))


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
    for file in space.files:
        prepare(file)
        for (package, stem, old), name in new.items():
            if (package, stem) == (file.package, file.stem):
                if old not in file.free:
                    print(f"no such function: {package} {stem} {old}", file=sys.stderr)
                if name in file.free or name in file.uses:
                    print(f"clash: {package} {stem} {old} -> {name}", file=sys.stderr)
    wanted = {old for _, _, old in new}
    pattern = re.compile(r"\b(" + "|".join(sorted(wanted, key=len, reverse=True)) + r")\b")
    used, left, changed = collections.Counter(), [], 0
    for file in space.files:
        code, edits = file.code, {}

        def target(segments):
            found = space.target_of(file, segments)
            if found is None and len(segments) == 1:
                found = space.find(file, segments[0], frozenset())
            if found and found[0] == "module":
                # a module and a function may share a name: `mod quarantine; fn quarantine()`
                holder = space.modules.get((found[1], found[2][:-1])) if found[2] else None
                if holder is not None and found[2][-1] in getattr(holder, "free", {}):
                    return ("type", holder, found[2][-1])
            return found

        def consider(start, end, found):
            if found and found[0] == "type" and found[2] in found[1].free:
                key = (found[1].package, found[1].stem, found[2])
                if key in new:
                    edits[start] = (end, new[key])
                    used[key] += 1
                return True
            return False

        for start, end, segments in file.leaves:
            if segments[-1] in wanted:
                # `use module::name` may import a module and a function at once
                found = target(segments)
                consider(start, end, found)
        for name, places in file.free.items():
            key = (file.package, file.stem, name)
            if key in new:
                for at in places:
                    edits[at] = (at + len(name), new[key])
                    used[key] += 1
        for m in pattern.finditer(code):
            at, end, name = m.start(), m.end(), m.group()
            if at in edits or any(x < at < y for x, y in file.use_spans):
                continue
            previous = code[:at].rstrip()[-1:]
            if previous == "." and not code[:at].rstrip().endswith("..") or re.search(r"\b(?:fn|mod|let|mut)\s+$", code[max(0, at - 8):at]):
                continue
            if any(x < at < y and inner == name for (x, y), inner in file.inner):
                continue
            before = path_before(code, at)
            if before is None or any(s[:1].isupper() for s in before):
                continue
            rest = code[end:end + 3].lstrip()
            call = rest.startswith("(") or code[end:].lstrip().startswith("::<")
            depth = sum(1 for x, y, _ in file.inline if x < at < y)
            if before[:1] == ["super"] and depth:
                before = (["self"] + before[1:]) if before[1:2] != ["super"] else before[1:]
            if before:
                if rest.startswith("::") and not call:
                    continue  # a module of this name
                consider(at, end, target(before + [name]))
                continue
            found = target([name])
            if not (found and found[0] == "type" and found[2] in found[1].free):
                continue
            if (found[1].package, found[1].stem, found[2]) not in new:
                continue
            if rest.startswith("::") and not call:
                continue
            as_value = re.search(r"(?:\.\s*\w+|\b(?:get|post|put|patch|delete|from_fn|from_fn_with_state|validate|with))\(\s*$",
                                 code[max(0, at - 60):at]) and rest.startswith(")")
            as_value = as_value or re.search(r"value_parser\s*=\s*$|serde\(.*=\s*$", code[max(0, at - 40):at])
            if (call and not has_callable_local(file, at, name)) or (as_value and not has_local(file, at, name)):
                consider(at, end, found)
            elif call or re.search(r"[(,=]\s*$", code[max(0, at - 10):at]) and re.match(r"\s*[),;]", code[end:]):
                left.append(f"{file.path}:{code.count(chr(10), 0, at) + 1}: {name} -> "
                            f"{new[(found[1].package, found[1].stem, found[2])]}?")
        for start, end in file.strings:
            if ATTRIBUTE_STRING.search(code[max(0, start - 60):start]):
                text = file.text[start + 1:end - 1]
                words = text.split("::")
                if words[-1] in wanted and all(re.fullmatch(r"\w+", w) for w in words) and not any(w[:1].isupper() for w in words):
                    consider(end - 1 - len(words[-1]), end - 1, target(words))
        for start, end in file.comments:
            for quoted in re.finditer(r"\[`([a-z_][\w:]*)(?:\(\))?`\]", file.text[start:end]):
                words = quoted.group(1).split("::")
                if words[-1] in wanted and not any(w[:1].isupper() for w in words):
                    found = space.target_of(file, words) if len(words) > 1 else space.find(file, words[0], frozenset())
                    at = start + quoted.end(1) - len(words[-1])
                    consider(at, at + len(words[-1]), found)
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
        elif used[key] == 1:
            print(f"only its definition: {key} -> {name}", file=sys.stderr)
    if a.report:
        print("\n".join(left))
    print(f"{sum(used.values())} places, {len(used)} of {len(new)} functions, {changed} files, {len(left)} left to the compiler",
          file=sys.stderr)


if __name__ == "__main__":
    main()
