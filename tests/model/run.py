#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Searches a model of the protocol with spin, exhaustively: as the code is (must hold), with one part of the protocol
taken away (must fail, or the model proves nothing).
usage: run.py MODEL.pml, beside it searches.txt"""
import dataclasses
import pathlib
import re
import resource
import shlex
import subprocess
import sys
import tempfile

MEMORY_MB, CPU_S, DEPTH = 1900, 120, 100000
# What pan says when it did not look everywhere.
CUT_SHORT = ("max search depth too small", "Search not completed", "out of memory")


@dataclasses.dataclass
class Search:
    kind: str  # holds or fails
    flags: list
    cycles: bool = False  # looks for endless loops that get nowhere, instead of wrong states
    title: str = ""


@dataclasses.dataclass
class Result:
    errors: int
    complete: bool
    states: str
    depth: str
    text: str


def read_searches(path, model):
    """Lines "MODEL KIND[,cycles] FLAGS… # what it is"."""
    searches = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words, _, title = line.partition("#")
        words = shlex.split(words)
        if not words or words[0] != model:
            continue
        kind, *options = words[1].split(",")
        if kind not in ("holds", "fails") or set(options) - {"cycles"}:
            sys.exit(f"{path.name}:{number}: expected holds or fails, got {words[1]}")
        searches.append(Search(kind, words[2:], "cycles" in options, title.strip()))
    if not any(s.kind == "holds" for s in searches) or not any(s.kind == "fails" for s in searches):
        sys.exit(f"{path.name}: expected searches that hold and such that fail for {model}")
    return searches


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB * 1024 * 1024 + (200 << 20),) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def run(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, preexec_fn=limit)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is missing: apt-get install spin gcc")
    return done


def build(model, search, folder):
    spin = run(["spin", "-a", *search.flags, str(model)], folder)
    if spin.returncode or "Error" in spin.stdout:
        sys.exit(f"spin: {spin.stdout}")
    how = ["-DNP"] if search.cycles else ["-DSAFETY"]
    cc = run(["gcc", "-O1", "-w", *how, "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"], folder)
    if cc.returncode:
        sys.exit(f"gcc: {cc.stdout}")


def read_result(text):
    found = re.search(r"depth reached (\d+), errors: (\d+)", text)
    states = re.search(r"(\S+) states, stored", text)
    if not found or not states:
        sys.exit(f"pan said something else than expected:\n{text[-2000:]}")
    return Result(errors=int(found.group(2)), complete=not any(word in text for word in CUT_SHORT), states=states.group(1),
                  depth=found.group(1), text=text)


def explore(model, search, folder):
    build(model, search, folder)
    command = ["./pan", f"-m{DEPTH}", "-w22"] + (["-l"] if search.cycles else [])
    return read_result(run(command, folder).stdout)


def judge(search, result):
    """None, or what is wrong."""
    if search.kind == "holds" and result.errors:
        return "an error where there must be none: " + next(
            (line for line in result.text.splitlines() if line.startswith("pan:1:")), "")
    if search.kind == "holds" and not result.complete:
        return "the search was cut short"
    if search.kind == "fails" and not result.errors:
        return "the model does not see that this is wrong: it proves nothing about it"
    return None


def trace(model, search, folder):
    replay = run(["spin", *search.flags, "-t", "-p", "-g", "-k", f"{model.name}.trail", str(model)], folder)
    lines = [line for line in replay.stdout.splitlines() if "proc" in line and "goto" not in line]
    return "\n".join(lines[-80:])


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: run.py MODEL.pml")
    model = pathlib.Path(sys.argv[1]).resolve()
    wrong = 0
    for search in read_searches(pathlib.Path(__file__).with_name("searches.txt"), model.stem):
        before = cpu_s()
        with tempfile.TemporaryDirectory(prefix="surewire-model.") as folder:
            result = explore(model, search, folder)
            complaint = judge(search, result)
            print(f"{'FAIL' if complaint else 'ok':4} {search.kind:5} {result.states:>9} states, depth {result.depth:>3}, "
                  f"errors: {result.errors}, {cpu_s() - before:5.1f} s  {search.title}", flush=True)
            if complaint:
                wrong += 1
                print(f"     {' '.join(search.flags)}: {complaint}")
                if result.errors:
                    print(trace(model, search, folder))
    print(f"{model.name}: {cpu_s():.1f} s of CPU")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
