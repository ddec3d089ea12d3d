# SPDX-License-Identifier: Apache-2.0
"""What befalls RabbitMQ and not PostgreSQL."""
import time
import urllib.error
import urllib.parse

from fault import Fault


class BrokerAlarm(Fault):
    """Publishers are blocked."""

    def __init__(self, name, command, limit, usual):
        self.name, self.command, self.limit, self.usual = name, command, limit, usual

    def start(self, cluster, rng):
        cluster.servers.rabbitmqctl(self.command, self.limit)

    def heal(self, cluster):
        cluster.servers.rabbitmqctl(self.command, self.usual)


class BrokerFull(Fault):
    """The writers' queues take one message at a time."""

    name = "broker-full"

    def start(self, cluster, rng):
        cluster.space.management("PUT", f"policies/{cluster.space.name}/full", {
            "pattern": "^(ingest|mailbox|push)[.]", "definition": {"max-length": 1}, "apply-to": "queues"})

    def heal(self, cluster):
        cluster.space.management("DELETE", f"policies/{cluster.space.name}/full")


class BrokerQueueDeleted(Fault):
    """An operator's mistake: what is in the queue goes with it, and service must come back all the same."""

    name = "broker-queue-deleted"
    unrecorded = True
    lossy = True

    def start(self, cluster, rng):
        name = rng.choice(sorted(n for n in cluster.space.queues() if n.startswith(("ingest.", "mailbox.", "push."))))
        cluster.space.management("DELETE", f"queues/{cluster.space.name}/{urllib.parse.quote(name, safe='')}")

    def heal(self, cluster):
        pass


class BrokerCloses(Fault):
    """All connections closed through the management API, again and again."""

    name = "broker-closes"
    unrecorded = True

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
