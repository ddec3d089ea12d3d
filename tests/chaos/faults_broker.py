# SPDX-License-Identifier: Apache-2.0
"""What befalls RabbitMQ, and the disk of either server."""
import contextlib
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.parse

from fault import Fault


class Broker(Fault):
    """A pusher whose connection is gone finishes its jobs, while the broker gives them to another one."""

    unrecorded = True


class BrokerStop(Broker):
    name = "broker-stop"

    def start(self, cluster, rng):
        cluster.servers.restart("rabbit")

    def heal(self, cluster):
        pass


class BrokerKill(Broker):
    name = "broker-kill"
    hold_s = 2.0

    def start(self, cluster, rng):
        cluster.signal_server("rabbit", signal.SIGKILL)

    def heal(self, cluster):
        cluster.servers.restart("rabbit")


class BrokerFreeze(Broker):
    name = "broker-freeze"
    hold_s = 6.0

    def start(self, cluster, rng):
        cluster.signal_server("rabbit", signal.SIGSTOP)

    def heal(self, cluster):
        cluster.signal_server("rabbit", signal.SIGCONT)


class BrokerMemory(Broker):
    """Publishers are blocked."""

    name = "broker-memory"
    unrecorded = False

    def start(self, cluster, rng):
        cluster.servers.rabbitmqctl("set_vm_memory_high_watermark", "0")

    def heal(self, cluster):
        cluster.servers.rabbitmqctl("set_vm_memory_high_watermark", "0.4")


class BrokerDisk(Broker):
    name = "broker-disk"
    unrecorded = False

    def start(self, cluster, rng):
        cluster.servers.rabbitmqctl("set_disk_free_limit", str(10**15))

    def heal(self, cluster):
        cluster.servers.rabbitmqctl("set_disk_free_limit", "50MB")


class BrokerFull(Broker):
    """The writers' queues take one message at a time."""

    name = "broker-full"
    unrecorded = False

    def start(self, cluster, rng):
        cluster.space.management("PUT", f"policies/{cluster.space.name}/full", {
            "pattern": "^(ingest|mailbox|push)[.]", "definition": {"max-length": 1}, "apply-to": "queues"})

    def heal(self, cluster):
        cluster.space.management("DELETE", f"policies/{cluster.space.name}/full")


class BrokerQueueDeleted(Broker):
    """An operator's mistake: what is in the queue goes with it, and service must come back all the same."""

    name = "broker-queue-deleted"
    lossy = True

    def start(self, cluster, rng):
        name = rng.choice(sorted(n for n in cluster.queues() if n.startswith(("ingest.", "mailbox.", "push."))))
        cluster.space.management("DELETE", f"queues/{cluster.space.name}/{urllib.parse.quote(name, safe='')}")

    def heal(self, cluster):
        pass


class BrokerCloses(Broker):
    """All connections closed through the management API, again and again."""

    name = "broker-closes"

    def start(self, cluster, rng):
        for _ in range(3):
            for connection in cluster.space.management("GET", "connections"):
                self._close(cluster, connection["name"])
            time.sleep(rng.uniform(0.5, 1.5))

    def heal(self, cluster):
        pass

    @staticmethod
    def _close(cluster, name):
        try:
            cluster.space.management("DELETE", f"connections/{urllib.parse.quote(name, safe='')}")
        except urllib.error.HTTPError as error:
            if error.code != 404:  # it went by itself
                raise


class FileSizes(Fault):
    """No file of a server may grow past a size, as on a disk that is full. Its children are limited too."""

    def __init__(self, name, server, limit_bytes):
        self.name, self.server, self.limit_bytes = name, server, limit_bytes
        self.unrecorded = server == "rabbit"

    def start(self, cluster, rng):
        self._limit(cluster, self.limit_bytes)

    def heal(self, cluster):
        with contextlib.suppress(subprocess.CalledProcessError, OSError):  # it may have died of it
            self._limit(cluster, "unlimited")
        cluster.servers.restart(self.server)

    def _limit(self, cluster, soft):
        pids = cluster.server_pids(self.server)
        for pid in pids:
            try:
                # By the owner, since not even root may do it to others in every container.
                status = pathlib.Path(f"/proc/{pid}").stat()
            except FileNotFoundError:
                continue
            owner = [f"--reuid={status.st_uid}", f"--regid={status.st_gid}", "--clear-groups"]
            subprocess.run(["setpriv", *owner, "prlimit", f"--pid={pid}", f"--fsize={soft}:"],
                           check=pid == pids[0], stderr=subprocess.DEVNULL)
