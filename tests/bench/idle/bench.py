#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""user-space memory of an idle, authenticated WebSocket connection at 20,000, plain and TLS

The gateway is a process of its own, the other roles a second one. What counts is the growth of the gateway's anonymous
memory from before the first connection: allocator, tables, buffers, everything. The kernel's memory is told apart; it
holds both ends, for the clients are on the same machine. Then every connection sends and receives ten messages, and
the memory is looked at again."""
import argparse
import contextlib
import pathlib
import resource
import statistics
import time

import bench_env
import surewire_env

GOAL = {"plain": 1024, "tls": 17408}
OTHER_ROLES = "sequencer,mailbox,pusher,admin"
# Files a gateway has open besides its connections.
SPARE_FILES = 200
FIRST = {"plain": 2_000_001, "tls": 3_000_001}
PAGE = resource.getpagesize()


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run idle", description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=20000)
    parser.add_argument("--settle", type=float, default=10, help="seconds of rest before the memory is read")
    parser.add_argument("--messages", type=int, default=10)
    return parser.parse_args()


def possible(wanted):
    """As many connections as this process may hand on to its children, at most the wanted; even."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(wanted, soft - SPARE_FILES) // 2 * 2
    if count < wanted:
        bench_env.say(f"only {count} connections: {soft} files may be open (ulimit -n)")
    return count


def kernel_bytes():
    """Slabs of the whole machine, and pages in TCP's buffers."""
    memory = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
    tcp = next(
        line.split() for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:")
    )
    return {"slab": int(memory["Slab"].split()[0]) * 1024, "tcp_buffers": int(tcp[tcp.index("mem") + 1]) * PAGE}


class Look:
    """Memory against a first look, for each connection."""

    def __init__(self, pid, connections, settle_s):
        self.pid = pid
        self.connections = connections
        self.settle_s = settle_s
        self._before = self._read()

    def per_connection(self):
        time.sleep(self.settle_s)
        now = self._read()
        return {name: round((now[name] - self._before[name]) / self.connections) for name in now}

    def _read(self):
        # The slabs move with everything on the machine: the least disturbed of some looks.
        kernel = [kernel_bytes() for _ in range(5) if time.sleep(0.1) is None]
        return {**bench_env.user_bytes(self.pid), **{name: statistics.median(k[name] for k in kernel) for name in kernel[0]}}


def gateway(deployment, kind, connections):
    """A fresh gateway: (node, port of its listener)."""
    # Its loops share the limit evenly, the kernel spreads connections over them by chance.
    config = {**bench_env.UNLIMITED, "gateway.connections_max": connections * 5 // 4}
    (port,) = surewire_env.free_ports(1)
    if kind == "tls":
        config["gateway.tls_listen"] = f"127.0.0.1:{port}"
        config["gateway.tls_cert"] = deployment.keys / "tls" / "server.pem"
        config["gateway.tls_key"] = deployment.keys / "tls" / "server.key"
    node = deployment.node("gateway", config)
    return node, port if kind == "tls" else node.gateway_port


def measure(deployment, kind, connections, args):
    users = bench_env.accounts(deployment, connections, FIRST[kind])
    node, port = gateway(deployment, kind, connections)
    try:
        look = Look(node.pid, connections, args.settle)
        ca = deployment.ca_file if kind == "tls" else None
        with bench_env.Ticker(f"{kind}: {connections} connections"), bench_env.Load(
            "idle", "surewire", port, users, connections, ca=ca
        ) as load:
            bench_env.expect(load, "ready")
            idle = look.per_connection()
            bench_env.say(f"{kind}: idle, bytes a connection: {idle}")
            load.tell(f"exchange {args.messages}")
            bench_env.expect(load, "exchanged")
            used = look.per_connection()
            bench_env.say(f"{kind}: after {args.messages} messages each way: {used}")
            load.finish()
    finally:
        node.stop()
    return {"idle": idle, "after_messages": used}


def run():
    args = arguments()
    connections = possible(args.connections)
    with contextlib.ExitStack() as stack:
        deployment = stack.enter_context(bench_env.deployment())
        deployment.node(OTHER_ROLES, bench_env.UNLIMITED)
        found = {kind: measure(deployment, kind, connections, args) for kind in GOAL}
    ours = {kind: found[kind]["idle"]["Anonymous"] for kind in GOAL}
    return {
        "bench": "idle",
        "unit": "bytes of anonymous memory of the gateway's process, a connection",
        "ours": ours,
        "peer": None,
        "ratio": None,
        "goal": GOAL,
        "met": all(look["Anonymous"] <= GOAL[kind] for kind in GOAL for look in found[kind].values()),
        "connections": connections,
        "messages_each_way": args.messages,
        "details": found,
        "kernel_means": "slab of the machine and pages of TCP buffers, both ends of each connection",
    }


if __name__ == "__main__":
    bench_env.main(run)
