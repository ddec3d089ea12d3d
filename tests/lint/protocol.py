#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of codes in docs/protocol.md say what the .def files in src/proto say, row by row."""
import pathlib
import re
import sys

# file: macro, then what stands in each column, from the arguments of a row
TABLES = {
    "close_codes.def": ("SW_CLOSE", "{1}", "`{2}`", "{3}"),
    "error_codes.def": ("SW_ERROR_CODE", "`{1}`", "{2}", "{3}"),
    "reject_codes.def": ("SW_REJECT", "`{2}`", "{3}"),
}
ARGUMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",()\s][^",()]*))\s*(?:,|$)')


def rows_of_def(text, macro):
    """The arguments of each row, without quotes."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    rows = []
    for match in re.finditer(rf'^{macro}\((.*)\)\s*$', text, flags=re.M):
        rows.append([quoted or plain.strip() for quoted, plain in ARGUMENT.findall(match[1])])
    return rows


def rows_of_table(text, name):
    """The cells below the mark of a table, without its head; None when there is no such table."""
    match = re.search(rf"<!-- table: {re.escape(name)} -->\n\|.*\n\|[-|]+\n((?:\|.*\n)*)", text)
    if not match:
        return None
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in match[1].splitlines()]


def check(root):
    text = (root / "docs" / "protocol.md").read_text()
    for name, (macro, *columns) in TABLES.items():
        expected = [[c.format(*row) for c in columns] for row in rows_of_def((root / "src/proto" / name).read_text(), macro)]
        found = rows_of_table(text, name)
        if not expected:
            yield f"src/proto/{name}: expected rows {macro}(…), got none"
        if found is None:
            yield f"docs/protocol.md: expected a table marked <!-- table: {name} -->"
            continue
        for number in range(max(len(expected), len(found))):
            left = expected[number] if number < len(expected) else None
            right = found[number] if number < len(found) else None
            if left != right:
                row = "| " + " | ".join(left) + " |" if left else "no further row"
                got = "| " + " | ".join(right) + " |" if right else "none"
                yield f"docs/protocol.md: {name}, row {number + 1}: expected {row}, got {got}"


if __name__ == "__main__":
    complaints = list(check(pathlib.Path(sys.argv[1])))
    print("\n".join(complaints), end="\n" if complaints else "")
    sys.exit(1 if complaints else 0)
