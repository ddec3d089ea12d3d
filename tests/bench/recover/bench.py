#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""seconds without service after kill -9 of a process of each role

Every role is a process of its own. Twice: with two processes of each role that carries messages, of which one is
killed and stays away; and with one of each, started again at once, as a supervisor would. What counts is what people
see: the longest gap between successive `stored` of one sender, between successive events of one reader, and between
successive pushes of one phone, in a steady trickle. For admin it is the time until its API answers again. Afterwards
every message is looked for: in the inboxes, on the sockets, at the stand-in of APNs."""
import argparse
import asyncio
import secrets
import time

import bench_env
import push_world
import surewire_client
import surewire_env
from trickle import Reader, Writer, longest_gap

GOAL_S = 5
CARRIERS = ("gateway", "sequencer", "mailbox", "pusher")
FIRST = 4_000_001
SETTLE_S = 60
POLL_S = 0.02


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run recover", description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=8, help="people who write, each to a reader and to a phone")
    parser.add_argument("--every", type=float, default=0.1, help="seconds between two messages of a writer")
    parser.add_argument("--before", type=float, default=4, help="seconds of trickle before a kill")
    parser.add_argument("--after", type=float, default=12, help="seconds looked at after it")
    return parser.parse_args()


class Town:
    """The processes, and people who write, read and are away with a phone."""

    def __init__(self, deployment, args, copies, first):
        self.deployment = deployment
        self.args = args
        self.nodes = {role: [deployment.node(role, bench_env.UNLIMITED) for _ in range(copies)] for role in CARRIERS}
        self.nodes["admin"] = [deployment.node("admin", bench_env.UNLIMITED)]
        self.phones = {}  # name of who is away -> device token
        lines = bench_env.accounts(deployment, 3 * args.writers, first).read_text().split("\n")
        self._people = [line.split() for line in lines if line]
        self.readers, self.writers = [], []

    def all_nodes(self):
        return [node for nodes in self.nodes.values() for node in nodes]

    async def wake_up(self):
        gateways = [node.ws for node in self.nodes["gateway"]]
        count = self.args.writers
        for i in range(count):
            writer, reader, away = self._people[i], self._people[count + i], self._people[2 * count + i]
            self._register_phone(*away)
            order = gateways[i % len(gateways):] + gateways[:i % len(gateways)]
            self.readers.append(Reader(order, *reader).start())
            self.writers.append(Writer(order, *writer, (reader[0], away[0]), self.args.every).start())
        await self._flowing()

    async def _flowing(self):
        """Every writer has had some messages stored."""
        deadline = time.monotonic() + SETTLE_S
        while any(len(writer.stored_at) < 10 for writer in self.writers):
            if time.monotonic() > deadline:
                raise bench_env.Broken("the trickle does not flow")
            await asyncio.sleep(0.1)

    def _register_phone(self, name, token):
        self.phones[name] = secrets.token_hex(32)
        api = surewire_client.Api(self.nodes["gateway"][0].url, token)
        api.register("phone", "apns", self.phones[name])

    def push_times(self):
        """{device token: [seconds]}, and how many were repeats of one that had come."""
        found, repeats = {}, 0
        for record in push_world.Stands(self.deployment.sim_control).records("apns"):
            found.setdefault(record["token"], []).append(record["received_at_ms"] / 1000)
            repeats += 1 if record["repeats"] else 0
        return found, repeats

    async def go_to_bed(self):
        """Ends the trickle and looks for every message. The number of repeated pushes."""
        for writer in self.writers:
            await writer.finish(SETTLE_S)
        await self._all_read()
        repeats = await self._all_pushed()
        for person in self.writers + self.readers:
            await person.stop()
        faults = [fault for person in self.writers + self.readers for fault in person.faults]
        if faults:
            raise bench_env.Broken(f"{len(faults)} faults, the first: {faults[0]}")
        self._check_inboxes()
        return repeats

    async def _all_read(self):
        deadline = time.monotonic() + SETTLE_S
        for writer, reader in zip(self.writers, self.readers):
            wanted = writer.texts[reader.name]
            while len(reader.texts) < len(wanted) and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
            if reader.texts != wanted:
                raise bench_env.Broken(f"{reader.name}: read {len(reader.texts)} of {len(wanted)}, or in another order")

    async def _all_pushed(self):
        deadline = time.monotonic() + SETTLE_S
        wanted = {
            self.phones[name]: len(texts)
            for writer in self.writers
            for name, texts in writer.texts.items()
            if name in self.phones
        }
        while True:
            times, repeats = self.push_times()
            missing = sum(wanted.values()) - sum(len(times.get(token, ())) for token in wanted) + repeats
            if missing <= 0:
                return repeats
            if time.monotonic() > deadline:
                raise bench_env.Broken(f"{missing} pushes are lost")
            await asyncio.sleep(0.5)

    def _check_inboxes(self):
        """Once each, in the order of sending, without a hole."""
        for writer in self.writers:
            for name, wanted in writer.texts.items():
                rows = self.deployment.space.query(
                    "SELECT i.pos, e.body::json->>'text' FROM inbox i JOIN event e USING (conv, seq)"
                    " JOIN account a USING (user_id) WHERE a.name = %s ORDER BY i.pos", (name,)
                )
                places, texts = [row[0] for row in rows], [row[1] for row in rows]
                if texts != wanted or places != list(range(1, len(rows) + 1)):
                    raise bench_env.Broken(
                        f"the inbox of {name}: {len(rows)} rows for {len(wanted)} messages, or another order"
                    )


async def until_ready(node):
    """Without holding up the people."""
    await asyncio.get_running_loop().run_in_executor(None, node.wait_ready)


async def kill(town, role, supervised):
    """{"stored": s, "delivered": s, "pushes": s}, for admin also "api": the longest gaps around a kill."""
    node = town.nodes[role][0]
    await asyncio.sleep(town.args.before)
    killed_at = time.time()
    node.kill()
    if supervised:
        node.start()
    found = {}
    if role == "admin":
        found["api"] = await until_answers(node, killed_at)
    await asyncio.sleep(max(0, killed_at + town.args.after - time.time()))
    until = time.time()
    pushes, _ = town.push_times()
    found["stored"] = max(longest_gap(writer.stored_at, killed_at, until) for writer in town.writers)
    found["delivered"] = max(longest_gap(reader.read_at, killed_at, until) for reader in town.readers)
    found["pushes"] = max(longest_gap(pushes.get(token, []), killed_at, until) for token in town.phones.values())
    if not supervised:
        node.start()
    await until_ready(node)
    found = {name: round(seconds, 2) for name, seconds in found.items()}
    bench_env.say(f"{'supervised' if supervised else 'redundant':10}  {role:9} {found}")
    return found


async def until_answers(node, killed_at):
    while surewire_env.http_status(f"{node.admin_url}/readyz") != 200:
        await asyncio.sleep(POLL_S)
    return time.time() - killed_at


async def variant(town, roles, supervised):
    """{role: gaps}; every message is found again."""
    await town.wake_up()
    found = {role: await kill(town, role, supervised) for role in roles}
    repeats = await town.go_to_bed()
    return {"gaps_s": found, "repeated_pushes": repeats, "messages": sum(len(w.stored_at) for w in town.writers)}


def run():
    args = arguments()
    variants = {}
    for name, copies, roles in (("redundant", 2, CARRIERS), ("supervised", 1, (*CARRIERS, "admin"))):
        with bench_env.deployment(name) as deployment:
            # The stand-in keeps enough to find every push again.
            deployment.sim("--record-max=100000")
            town = Town(deployment, args, copies, FIRST)
            variants[name] = asyncio.run(variant(town, roles, name == "supervised"))
    worst, what = max(
        (seconds, f"{variant_name}: {role}, {kind}")
        for variant_name, found in variants.items()
        for role, gaps in found["gaps_s"].items()
        for kind, seconds in gaps.items()
    )
    return {
        "bench": "recover",
        "unit": "s, the worst",
        "ours": worst,
        "peer": None,
        "ratio": None,
        "goal": GOAL_S,
        "met": worst <= GOAL_S,
        "worst": what,
        "variants": variants,
        "every_s": {"stored": args.every, "delivered": 2 * args.every, "pushes": 2 * args.every},
        "means": "longest gap between successive `stored` of one sender, events of one reader, pushes of one phone;"
        " clients reconnect with the backoff that docs/protocol.md asks for",
    }


if __name__ == "__main__":
    bench_env.main(run)
