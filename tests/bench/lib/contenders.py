# SPDX-License-Identifier: Apache-2.0
"""Who is measured: one Surewire node with all roles, and ejabberd with or without its archive. Each runs pairs of
people of whom one writes and one reads, and has its store counted at the end."""
import contextlib

import bench_env
from ejabberd import Ejabberd

OURS_MEANS = (
    "done when the sender has `stored` and the receiver has the event: confirmed by a quorum queue, then committed with"
    " its place in the conversation and in the inboxes of both; both devices ack; a check for the unacked is armed"
)
PEER_MEANS = (
    "done when the receiver has it; mod_mam inserts a row for each of the two archives; nothing is acked to the sender"
)
UNSTORED_MEANS = "done when the receiver has it; nothing is stored or acked"


def add_arguments(parser):
    parser.add_argument("--seconds", type=float, default=12, help="measured in each run")
    parser.add_argument("--warmup", type=float, default=4, help="before that")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--body", type=int, default=200)
    parser.add_argument("--no-peer", action="store_true", help="ours alone")


class Ours:
    """One node with all roles; every run has people of its own."""

    def __init__(self, deployment, args):
        self.deployment = deployment
        self._args = args
        self._node = deployment.node(config=bench_env.UNLIMITED)
        self._sent = 0
        self._first = 1_000_001
        self._watched = {
            "surewire": self._node.pid,
            "rabbitmq": bench_env.recorded_pid("rabbit"),
            "postgresql": bench_env.recorded_pid("pg"),
        }

    def run(self, window, rate=None):
        # Each run begins with the same amount of write-ahead log behind it.
        self.deployment.space.query("CHECKPOINT")
        users = bench_env.accounts(self.deployment, 2 * self._args.pairs, self._first)
        self._first += 2 * self._args.pairs
        before = bench_env.thread_seconds(self._node.pid)
        result = _chat("surewire", self._node.gateway_port, users, self._watched, self._args, window, rate)
        after = bench_env.thread_seconds(self._node.pid)
        result["threads"] = {name: after[name] - before.get(name, 0) for name in after}
        self._sent += result["sent"]
        return result

    def check_store(self):
        """As many events as were sent, each once in two inboxes."""
        events, inboxes = self.deployment.space.query(
            "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM inbox)"
        )[0]
        if (events, inboxes) != (self._sent, 2 * self._sent):
            raise bench_env.Broken(f"{self._sent} were sent: there are {events} events and {inboxes} rows in inboxes")


class Peer:
    """stores: whether the archive is on."""

    def __init__(self, server, args, stores):
        self._server = server
        self._args = args
        self._stores = stores
        self._users = server.register(2 * args.pairs)
        self._sent = 0
        self._watched = {"ejabberd": server.pid, "postgresql": bench_env.recorded_pid("pg")}

    def run(self, window, rate=None):
        self._server.space.query("CHECKPOINT")
        result = _chat("xmpp", self._server.port, self._users, self._watched, self._args, window, rate)
        self._sent += result["sent"]
        return result

    def check_store(self):
        """What its archive lacks is told; that is no fault of the measurement."""
        rows = self._server.archived()
        if not self._stores and rows:
            raise bench_env.Broken(f"ejabberd has archived {rows} rows, expected none")
        if self._stores and rows != 2 * self._sent:
            bench_env.say(f"ejabberd's archive has {rows} rows for {self._sent} messages, expected {2 * self._sent}")


def _chat(protocol, port, users, watched, args, window, rate):
    return bench_env.chat(
        protocol, port, users, args.pairs, watched,
        window=window, body=args.body, warmup=args.warmup, seconds=args.seconds, rate=rate,
    )


@contextlib.contextmanager
def all_of(args):
    """{"ours": …, "peer": …, "peer_unstored": …}, running; their stores are counted at the good end."""
    with contextlib.ExitStack() as stack:
        contenders = {"ours": Ours(stack.enter_context(bench_env.deployment()), args)}
        if not args.no_peer:
            space = contenders["ours"].deployment.space.servers.space
            bench_env.say("starting ejabberd twice: with its archive, and without")
            contenders["peer"] = Peer(stack.enter_context(Ejabberd(space(), "always")), args, True)
            contenders["peer_unstored"] = Peer(stack.enter_context(Ejabberd(space(), "never")), args, False)
        yield contenders
        for contender in contenders.values():
            contender.check_store()
