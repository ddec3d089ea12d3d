# SPDX-License-Identifier: Apache-2.0
"""What befalls processes: killed, stopped, frozen, without file descriptors, with a clock that jumps."""
import pathlib
import resource
import struct
import subprocess

from fault import Fault

SHIM = pathlib.Path(__file__).resolve().with_name("wall_clock.c")


class Processes(Fault):
    """Acts on one process of a role, or on all processes."""

    def __init__(self, name, role=None):
        self.name, self.role = name, role
        self.unrecorded = role in (None, "pusher")
        self.victims = []

    def choose(self, cluster, rng):
        members = cluster.members if self.role is None else [rng.choice(cluster.of(self.role))]
        self.victims = [member.node for member in members]


class Kill(Processes):
    """kill -9."""

    def start(self, cluster, rng):
        self.choose(cluster, rng)
        for node in self.victims:
            node.kill()

    def heal(self, cluster):
        for node in self.victims:
            node.start()
        for node in self.victims:
            node.wait_ready(cluster.ready_s)


class Stop(Kill):
    """TERM: it drains, hands over and ends well."""

    hold_s = 1.0

    def start(self, cluster, rng):
        self.choose(cluster, rng)
        for node in self.victims:
            code = node.stop()
            assert code == 0, f"{node.arguments} ended with {code} after TERM"


class Freeze(Processes):
    """SIGSTOP for longer than the lease, then it goes on as if nothing had been."""

    hold_s = 6.0

    def __init__(self, name, role):
        super().__init__(name, role)
        # The broker gives its unacked jobs to another pusher, which sends them too.
        self.unrecorded = role == "pusher"

    def start(self, cluster, rng):
        self.choose(cluster, rng)
        for node in self.victims:
            node.freeze()

    def heal(self, cluster):
        for node in self.victims:
            node.thaw()


class Descriptors(Processes):
    """A gateway, or a writer, may open no further file."""

    def start(self, cluster, rng):
        self.choose(cluster, rng)
        for node in self.victims:
            self._limit(node, 3)

    def heal(self, cluster):
        for node in self.victims:
            self._limit(node, resource.prlimit(node.pid, resource.RLIMIT_NOFILE)[1])

    @staticmethod
    def _limit(node, soft):
        hard = resource.prlimit(node.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(node.pid, resource.RLIMIT_NOFILE, (soft, hard))


class Clock(Fault):
    """The wall clock of one process jumps; the monotonic one does not, as on a machine whose time is set."""

    hold_s = 5.0
    folder = None

    def __init__(self, name, role, seconds):
        self.name, self.role, self.seconds = name, role, seconds
        self.index = None

    def preload(self, index):
        """The environment of the process with this number; its clock is off by what its file says."""
        self._file(index).write_bytes(struct.pack("q", 0))
        shim = pathlib.Path(self.folder) / "wall_clock.so"
        if not shim.exists():
            subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", shim, SHIM], check=True)
        return [f"LD_PRELOAD={shim}", f"WALL_CLOCK_FILE={self._file(index)}"]

    def start(self, cluster, rng):
        self.index = cluster.members.index(rng.choice(cluster.of(self.role)))
        self._set(self.index, self.seconds)

    def heal(self, cluster):
        self._set(self.index, 0)

    def _file(self, index):
        return pathlib.Path(self.folder) / f"clock{index}"

    def _set(self, index, seconds):
        with open(self._file(index), "r+b", buffering=0) as file:  # in place: it is mapped
            file.write(struct.pack("q", seconds))
