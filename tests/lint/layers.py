# SPDX-License-Identifier: Apache-2.0
"""What cmake/layers.cmake is told: the layers of src/ and providers/ with their USES lists."""
import pathlib
import re

LAYER = re.compile(r"^sw_layer\(\s*(\w+)(.*?)\)", re.MULTILINE | re.DOTALL)
KEYWORDS = {"USES", "SOURCES", "LIBS"}


def uses_of(arguments):
    uses, keyword = [], None
    for word in arguments.split():
        if word in KEYWORDS:
            keyword = word
        elif keyword == "USES":
            uses.append(word)
    return uses


def read(root):
    """{"store": ["base", "loop"], …} of every CMakeLists.txt with a sw_layer()."""
    layers = {}
    for parent in ("src", "providers"):
        for path in sorted(pathlib.Path(root, parent).glob("*/CMakeLists.txt")):
            text = re.sub(r"#.*", "", path.read_text())
            for name, arguments in LAYER.findall(text):
                layers[name] = uses_of(arguments)
    return layers


def below(layers, name):
    """Every layer that name may include: its USES, and theirs."""
    found, todo = set(), list(layers.get(name, []))
    while todo:
        layer = todo.pop()
        if layer not in found:
            found.add(layer)
            todo += layers.get(layer, [])
    return found
