# SPDX-License-Identifier: Apache-2.0
"""The report of a run: conformance-TARGET.json for programs, conformance-TARGET.txt for people."""
import collections
import dataclasses
import json
import pathlib


def summary(results):
    counts = collections.Counter(result.result for result in results)
    return {verdict: counts[verdict] for verdict in ("OK", "NON-STRICT", "FAILED")}


def table(results):
    rows = [("case", "result", "what", "expected", "got")]
    for result in results:
        got = result.got + (f" ({result.note})" if result.note else "")
        rows.append((result.id, result.result, result.what, result.expected, got))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]) for row in rows]
    return "\n".join(lines[:1] + ["-" * len(lines[0])] + lines[1:])


def write(folder, target, results):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    counts = summary(results)
    data = {"target": target, "summary": counts, "cases": [dataclasses.asdict(result) for result in results]}
    (folder / f"conformance-{target}.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    line = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    (folder / f"conformance-{target}.txt").write_text(
        f"WebSocket conformance of {target}: {line}\n\n{table(results)}\n")
    return line
