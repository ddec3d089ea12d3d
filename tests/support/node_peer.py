# SPDX-License-Identifier: Apache-2.0
"""A program in Node that plays a peer: it writes one line of JSON when it is ready, then one for each thing it got."""
import json
import subprocess
import threading


class NodePeer:
    """ready: its first line; got: the others so far."""

    def __init__(self, command, cwd=None):
        self.got = []
        self._process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self._process.stdout.readline())
        self.port = self.ready["port"]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.got.append(json.loads(line))

    def close(self):
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)
        self._process.stdout.close()
