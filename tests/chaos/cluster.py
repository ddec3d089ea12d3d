# SPDX-License-Identifier: Apache-2.0
"""The system under attack: servers of its own, roles in processes of their own, a proxy on every way between them."""
import contextlib
import pathlib
import shutil
import time

import memcheck as memchecks
import surewire_env
from chat_world import FAST
from proxies import ProxyHost
from push_world import Stands
from surewire_env import address, through

LAYOUTS = {
    # What a small cluster looks like: messages are handed over within the process where both steps own the partition.
    "joined": ["gateway", "gateway", "sequencer,mailbox", "sequencer,mailbox", "pusher", "pusher", "admin"],
    # Everything through the queues.
    "split": ["gateway", "gateway", "sequencer", "sequencer", "mailbox", "mailbox", "pusher", "pusher", "admin"],
    "single": [surewire_env.ALL_ROLES, surewire_env.ALL_ROLES],
}
CONFIG = {
    **FAST,
    "writer.lease": "2s",
    # So that what a provider refuses becomes a dead letter within the time that a round has.
    "pusher.age_max": "40s",
    "pusher.attempts_max": 9,
    "push.email.digest_interval": "0",  # the judge asks for a mail about every message
}
STATS_EVERY_S = 1.2
READY_S, SLOW_READY_S = 60, 240


def _tree(pid):
    """The process and its descendants."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            pids += [below for child in task.read_text().split() for below in _tree(int(child))]
    return pids


class Member:
    """A process and the proxies on its ways to the broker and the store; front is the one before its sockets."""

    def __init__(self, node, roles, bus, store, front):
        self.node, self.roles, self.bus, self.store, self.front = node, roles.split(","), bus, store, front


class Cluster:
    """Blocking calls; from a coroutine through an executor."""

    def __init__(self, folder, layout="joined", config=None, preload=None, memcheck=None):
        self.folder = pathlib.Path(folder)
        self._write_broker_settings()
        self.servers = surewire_env.Servers.start(self.folder / "servers")
        self.members, self.push_proxies, self._log_ends = [], {}, {}
        self.deployment = self.proxies = None
        self.memcheck = memcheck
        self.ready_s = SLOW_READY_S if memcheck else READY_S
        try:
            self._start(layout, config or {}, preload)
        except BaseException:
            self.close()
            raise

    def _write_broker_settings(self):
        """As deploy/lib/rabbit.sh, and the figures of the queues every second, not every five: the end is seen sooner."""
        home = self.folder / "servers" / "rabbit"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / "advanced.config").write_text(
            "[{rabbit, [{quorum_tick_interval, 1000}, {collect_statistics_interval, 1000},"
            " {dead_letter_worker_publisher_confirm_timeout, 20000}]}].\n")

    def _start(self, layout, config, preload):
        self.space = self.servers.space()
        self.deployment = surewire_env.Deployment(self.space, self.folder / "surewire")
        self.deployment.migrate()
        self.sim = self.deployment.sim("--record-max=1000000", start=False)
        self._wrap(self.sim)
        self.sim.start().wait_ready(self.ready_s)
        self.stands = Stands(self.deployment.sim_control)
        self.proxies = ProxyHost()
        for name, port in (("apns", "apns"), ("fcm", "fcm"), ("email", "smtp")):
            self.push_proxies[name] = self.proxies.proxy(("127.0.0.1", self.deployment.sim_ports[port]))
        ports = {f"push.{name}.port": proxy.port for name, proxy in self.push_proxies.items()}
        ports["push.apns.sandbox_port"] = self.push_proxies["apns"].port
        slow = memchecks.CONFIG if self.memcheck else {}
        for roles in LAYOUTS[layout]:
            self._add(roles, {**CONFIG, **ports, **slow, **config}, preload)
        for member in self.members:
            member.node.start()
        for member in self.members:
            member.node.wait_ready(self.ready_s)

    def _add(self, roles, config, preload):
        bus = self.proxies.proxy(address(self.space.amqp_url))
        store = self.proxies.proxy(address(self.space.pg))
        node = self.deployment.node(
            roles, config, start=False, amqp_url=through(self.space.amqp_url, bus), pg=through(self.space.pg, store))
        self._wrap(node)
        if preload:
            node.arguments = ["env", *preload(len(self.members)), *node.arguments]
        front = self.proxies.proxy(("127.0.0.1", node.gateway_port)) if "gateway" in roles else None
        self.members.append(Member(node, roles, bus, store, front))

    def _wrap(self, process):
        if self.memcheck:
            process.arguments = [*self.memcheck.words(process.log.stem), *process.arguments]

    # ---- for the load ----

    def ws_urls(self):
        return [f"ws://127.0.0.1:{m.front.port}/v1/ws" for m in self.members if m.front]

    def http_urls(self):
        return [f"http://127.0.0.1:{m.front.port}" for m in self.members if m.front]

    # ---- for faults ----

    def server_pids(self, which):
        """Of rabbit or pg, the server first, then its descendants. Not by deploy/servers: a fault must strike at
        its moment: a shell takes seconds on a busy machine."""
        return _tree(int((self.servers.folder / which / "record").read_text().split()[0]))

    def of(self, role):
        return [member for member in self.members if role in member.roles]

    def mend(self):
        """Whatever a fault left: everything runs, flows and is ready."""
        for member in self.members:
            for proxy in filter(None, (member.bus, member.store, member.front)):
                proxy.heal()
        for proxy in self.push_proxies.values():
            proxy.heal()
        for member in self.members:
            if not member.node.running():
                member.node.start()
        for member in self.members:
            member.node.wait_ready(self.ready_s)

    def crashed(self):
        """Processes that ended by themselves since they were started: (roles, exit code)."""
        return [(",".join(m.roles), m.node.returncode) for m in self.members
                if m.node.returncode is not None and m.node.expect_clean_exit]

    def mark_logs(self):
        """A round begins."""
        self._log_ends = {member.node.log: member.node.log.stat().st_size for member in self.members}

    def pusher_lost_broker(self):
        """Whether a pusher's subscription ended in this round, for whatever reason: its jobs go to another one then,
        while it is at them still. The logs are read for the allowance alone, never for the verdict."""
        for member in self.of("pusher"):
            with open(member.node.log, errors="replace") as log:
                log.seek(self._log_ends.get(member.node.log, 0))
                if any("event=bus.down" in line and "link=push." in line for line in log):
                    return True
        return False

    # ---- the end of a round ----

    def queues(self):
        """Name to messages, for those that hold any; None: the broker does not know yet."""
        counts = {name: queue.get("messages") for name, queue in self.space.queues().items()}
        return {name: count for name, count in counts.items() if count != 0}

    def unsettled(self, users):
        """What is still under way: in a queue at either of two looks a while apart, or a delivery of these users."""
        for _ in range(2):
            if full := self.queues():
                return f"messages in {full}"
            time.sleep(STATS_EVERY_S)
        (count,), = self.space.query(
            "SELECT count(*) FROM delivery WHERE state IN ('sending', 'retry') AND user_id = ANY(%s::bigint[])",
            (users,))
        return f"{count} deliveries" if count else ""

    def last_letter(self):
        """The id of the newest dead letter."""
        return self.space.query("SELECT coalesce(max(id), 0) FROM dead_letter")[0][0]

    def poison_since(self, letter):
        """The reasons of dead letters that are nobody's push: envelopes that a role could not digest."""
        return [reason for (reason,) in self.space.query(
            "SELECT reason FROM dead_letter WHERE id > %s AND user_id = 0", (letter,))]

    def close(self):
        """Ends everything. A process that does not end well is an error, raised when all are gone."""
        try:
            if self.deployment:
                self.deployment.close()
        finally:
            if self.proxies:
                self.proxies.close()
            self.servers.purge()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
