#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares every #include with the picture of the layers: they point one way, roles never include each other,
providers see only include/surewire. usage: includes.py ROOT"""
import pathlib
import re
import sys

import layers as declared

# The picture (CONTRIBUTING.md, "Layers"): a layer may use those of a smaller rank only. Equal ranks are strangers.
RANKS = {
    "base": 0, "loop": 1,
    "proto": 2, "auth": 2, "net": 2, "egress": 2, "store": 2, "bus": 2, "bounce": 2,
    "writer": 3, "alert": 3, "direct": 3,
    "sequencer": 4, "mailbox": 4, "gateway": 4, "pusher": 4, "admin": 4,
    "app": 5,
}
PROVIDER_USES = {"base", "auth"}
# Stand-ins of the providers' servers: test equipment on its own, not a plug-in.
EQUIPMENT = {"sim"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<(surewire/[^>]+)>)')


def check_uses(layers, root):
    for name, uses in sorted(layers.items()):
        if name in RANKS:
            wrong = [used for used in uses if RANKS.get(used, 99) >= RANKS[name]]
            where = f"src/{name}/CMakeLists.txt"
        elif (root / "providers" / name).is_dir():
            wrong = [used for used in uses if used not in PROVIDER_USES and name not in EQUIPMENT]
            where = f"providers/{name}/CMakeLists.txt"
        else:
            yield f"src/{name}/CMakeLists.txt: expected a layer of the picture in tests/lint/includes.py, got {name}"
            continue
        for used in wrong:
            yield f"{where}: expected {name} to use only layers below it, got {used}"


def includes_of(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def check_file(path, root, allowed, folders):
    """allowed: folders that may be named in a quoted include; folders: all that are layers."""
    for number, quoted, public in includes_of(path):
        where = f"{path.relative_to(root)}:{number}"
        if public and not (root / "include" / public).exists():
            yield f"{where}: expected a header of include/surewire, got <{public}>"
        if not quoted:
            continue
        if quoted.startswith("surewire/"):
            yield f'{where}: expected <{quoted}>, got "{quoted}"'
        folder = quoted.split("/")[0] if "/" in quoted else None
        if folder in folders and folder not in allowed:
            yield f'{where}: expected only {", ".join(sorted(allowed))}, got "{quoted}"'


def sources(folder):
    return sorted(path for pattern in ("*.c", "*.h", "*.def") for path in folder.rglob(pattern))


def check(root):
    layers = declared.read(root)
    folders = set(RANKS) | set(layers)
    yield from check_uses(layers, root)
    for name in sorted(layers):
        is_role = name in RANKS
        folder = root / ("src" if is_role else "providers") / name
        allowed = declared.below(layers, name) | {name} if is_role or name in EQUIPMENT else {name}
        if name == "app":
            allowed = folders  # the executable wires everything
        for path in sources(folder):
            yield from check_file(path, root, allowed, folders)
        tests = root / "tests" / "unit" / name
        for path in sources(tests) if tests.is_dir() else []:
            yield from check_file(path, root, declared.below(layers, name) | {name}, folders)
    for path in sources(root / "include" / "surewire"):
        yield from check_file(path, root, set(), folders)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    complaints = list(check(root))
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
