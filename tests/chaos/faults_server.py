# SPDX-License-Identifier: Apache-2.0
"""What befalls either server, RabbitMQ or PostgreSQL, and its disk."""
import contextlib
import pathlib
import subprocess

from fault import Fault


class Server(Fault):
    """A pusher whose broker is gone finishes its jobs, while the broker gives them to another one. A push whose record
    could not be written is not sent again: the pusher keeps it until it can."""

    def __init__(self, name, which):
        self.name, self.which = name, which
        self.unrecorded = which == "rabbit"


class ServerRestart(Server):
    def __init__(self, name, which, hold_s):
        super().__init__(name, which)
        self.hold_s = hold_s

    def start(self, cluster, rng):
        cluster.servers.restart(self.which)

    def heal(self, cluster):
        pass


class ServerKill(Server):
    hold_s = 2.0

    def start(self, cluster, rng):
        cluster.servers.kill(self.which)

    def heal(self, cluster):
        cluster.servers.restart(self.which)


class ServerFreeze(Server):
    hold_s = 6.0

    def start(self, cluster, rng):
        cluster.servers.freeze(self.which)

    def heal(self, cluster):
        cluster.servers.thaw(self.which)


class FileSizes(Server):
    """No file of a server may grow past a size, as on a disk that is full. Its children are limited too."""

    def __init__(self, name, which, limit_bytes):
        super().__init__(name, which)
        self.limit_bytes = limit_bytes

    def start(self, cluster, rng):
        self._limit(cluster, self.limit_bytes)

    def heal(self, cluster):
        with contextlib.suppress(subprocess.CalledProcessError, OSError):  # it may have died of it
            self._limit(cluster, "unlimited")
        cluster.servers.restart(self.which)

    def _limit(self, cluster, soft):
        pids = cluster.server_pids(self.which)
        for pid in pids:
            try:
                # By the owner, since not even root may do it to others in every container.
                status = pathlib.Path(f"/proc/{pid}").stat()
            except FileNotFoundError:
                continue
            owner = [f"--reuid={status.st_uid}", f"--regid={status.st_gid}", "--clear-groups"]
            subprocess.run(["setpriv", *owner, "prlimit", f"--pid={pid}", f"--fsize={soft}:"],
                           check=pid == pids[0], stderr=subprocess.DEVNULL)
