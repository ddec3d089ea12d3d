# SPDX-License-Identifier: Apache-2.0
"""Runs the program as a person or a script would."""
import os
import subprocess


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SUREWIRE_")}
    return {**clean, "TZ": "UTC", **more}


def command(*arguments):
    return [os.environ["SUREWIRE_BIN"], *map(str, arguments)]


def run(*arguments, text="", timeout=60, **env):
    return subprocess.run(command(*arguments), input=text, capture_output=True, text=True, timeout=timeout,
                          env=environment(**env))


def start(*arguments, **env):
    """With pipes to write lines to and to read lines from."""
    return subprocess.Popen(command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, bufsize=1, env=environment(**env))
