# SPDX-License-Identifier: Apache-2.0
"""Processes under valgrind's memcheck, and what it found in them.

Whatever it prints with a stack is an error: uninitialised or freed memory, and at an orderly end also memory that
nothing points to any more. A process that was killed has no end to report at; what it had reported before counts.
"""
import pathlib
import re

SUPPRESSIONS = pathlib.Path(__file__).resolve().with_name("valgrind.supp")
EXIT_CODE = 99
# Everything is 20 to 50 times slower, on one processor for each process: what is slow must not be taken for dead.
CONFIG = {
    "bus.connect_timeout": "30s",
    "bus.heartbeat": "30s",
    "bus.consumer_heartbeat": "20s",
    "store.connect_timeout": "30s",
    "gateway.hello_timeout": "30s",
    "mailbox.ack_timeout": "10s",
    "writer.lease": "15s",
    "pusher.age_max": "120s",
}
STACK = re.compile(r"^==\d+==    at 0x", re.MULTILINE)
SHOWN_LINES = 40


class Memcheck:
    """folder: for the logs, one a process."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def words(self, name):
        """What comes before the command of a process."""
        words = ["valgrind", f"--error-exitcode={EXIT_CODE}", "--leak-check=full", "--show-leak-kinds=definite",
                 "--errors-for-leak-kinds=definite", "--num-callers=30", "--fair-sched=try",
                 f"--log-file={self.folder}/{name}.%p.log"]
        return words + ([f"--suppressions={SUPPRESSIONS}"] if SUPPRESSIONS.exists() else [])

    def judge(self):
        """(a line for a person, a text for each process with errors), when all processes have ended."""
        ended = killed = errors = 0
        wrong = []
        for path in sorted(self.folder.glob("*.log")):
            text = path.read_text(errors="replace")
            orderly = "ERROR SUMMARY:" in text
            ended, killed = ended + orderly, killed + (not orderly)
            if found := len(STACK.findall(text)):
                errors += found
                wrong.append(f"{path}:\n" + "\n".join(text.splitlines()[:SHOWN_LINES]))
        if not ended:
            wrong.append(f"expected the logs of processes that ended in an orderly way in {self.folder}, got none")
        return f"valgrind: {errors} errors, {ended} processes ended in an orderly way, {killed} were killed", wrong
