# SPDX-License-Identifier: Apache-2.0
"""What each client of the load did and saw, one file of JSON lines a client, with monotonic times.

op        members
who       user, device, kind, trusts (does not repeat what was accepted), steady (its pauses count),
          orderly (sends the next message when the one before is accepted; default true)
new       cid, to, text, expect (stored or rejected)
send      cid, conn            each transmission
accepted, stored, rejected, error    cid, conn, and what the frame says
hello     conn, cursor         cursor is null when the server's is asked for
welcome   conn, cursor, pos
event     conn, pos, conv, seq, id, from, text
closed    conn, code
healed                         what was done to the system is undone
over                           the load ends here, what follows is repeats
end       pos                  the last pos that was kept by a device that was connected to the end

conn counts the connections, or HTTP calls, of one client.
"""
import json
import pathlib
import time


class History:
    def __init__(self, path):
        self._file = open(path, "w")  # pylint: disable=consider-using-with

    def note(self, op, **what):
        self._file.write(json.dumps({"at": round(time.monotonic(), 4), "op": op, **what}, separators=(",", ":")) + "\n")

    def close(self):
        self._file.close()


def read_all(folder):
    """The histories of a folder: {file name without suffix: [record]}."""
    histories = {}
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
        with open(path) as lines:
            # As one text: the records then share the names of their members, and take a third less.
            histories[path.stem] = json.loads("[" + ",".join(lines) + "]")
    return histories
