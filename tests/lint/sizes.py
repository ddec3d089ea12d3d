#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sizes: files of at most 500 lines, functions of at most 80, and what every file starts with. The C side relies on
the format: a function's body begins and ends with a brace in the first column. usage: sizes.py ROOT"""
import ast
import pathlib
import re
import statistics
import sys

FILE_MAX, FUNCTION_MAX = 500, 80
FOLDERS = ("src", "include", "providers", "tests", "cmake", "deploy")
LICENSE = "SPDX-License-Identifier: Apache-2.0"
NAME = re.compile(r"(\w+)\(")


def c_functions(lines):
    """(line, name, length) of each function."""
    start = head = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, head or "?", number - start + 1
            start = None
        elif line[:1].isalpha() and "(" in line and not start:
            match = NAME.search(line)
            head = match.group(1) if match else None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name, node.end_lineno - node.lineno + 1


def files(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".def", ".py", ".sh") and "node_modules" not in path.parts:
                yield path


def check(root, lengths):
    for path in files(root):
        name = path.relative_to(root)
        text = path.read_text(errors="replace")
        lines = text.splitlines()
        if LICENSE not in "\n".join(lines[:2]):
            yield f"{name}:1: expected \"{LICENSE}\""
        if len(lines) > FILE_MAX:
            yield f"{name}: expected at most {FILE_MAX} lines, got {len(lines)}: split it by purpose"
        found = python_functions(text) if path.suffix == ".py" else c_functions(lines) if path.suffix in (".c", ".h") else ()
        for line, function, length in found:
            if path.suffix == ".c" and path.parts[len(root.parts)] != "tests":
                lengths.append(length)
            if length > FUNCTION_MAX:
                yield f"{name}:{line}: expected {function}() to have at most {FUNCTION_MAX} lines, got {length}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    lengths = []
    complaints = list(check(root, lengths))
    for complaint in complaints:
        print(complaint)
    if len(lengths) > 1:
        print(f"{len(lengths)} functions: median {statistics.median(lengths):.0f} lines, "
              f"90% up to {statistics.quantiles(lengths, n=10)[8]:.0f}, longest {max(lengths)}")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
