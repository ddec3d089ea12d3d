# SPDX-License-Identifier: Apache-2.0
"""Hostile connections: those who never finish a request, who come and go by the hundred thousand, who all come back at
once. They are ended, refused or served, what they took comes back, and two bystanders chat on all the while."""
import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import socket
import struct
import time

import pytest

from chat_world import eventually, within
from storm import KEPT_MB, UPGRADE, WAIT_S, Bystanders, connections_of, descriptors_of, in_batches, resident_mb_of

pytestmark = pytest.mark.usefixtures("many_descriptors")


# ---- never finished ----

LORIS = 500
DRIP_S = 0.5
LONG_HEAD = b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-Long: " + b"x" * 1000
# At a byte each DRIP_S all of them would last for minutes: (what is sent at once, what is sent slowly).
LORIS_KINDS = {
    "silent": (b"", b""),
    "stalled": (b"G", b""),
    "dripping": (b"", LONG_HEAD),
    "dripping hello": (UPGRADE + b"\r\n", bytes([0x81, 0x80 | 126]) + (900).to_bytes(2, "big") + bytes(904)),
}


class Loris:
    """A connection that never finishes what it says, and does not go when it is told to."""

    async def open(self, port, kind):
        at_once, self.slowly = LORIS_KINDS[kind]
        self.kind = kind
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer.write(at_once)
        self.drips = asyncio.ensure_future(self._drip())
        return self

    async def _drip(self):
        for byte in self.slowly:
            if self.writer.is_closing():
                return
            self.writer.write(bytes([byte]))
            await asyncio.sleep(DRIP_S)

    async def told(self):
        """All that the gateway said, at its end of the stream."""
        return await asyncio.wait_for(self.reader.read(), WAIT_S)

    async def close(self):
        self.drips.cancel()
        self.writer.close()


def _check_told(kind, told):
    if kind == "silent":
        assert told == b""
    elif kind == "dripping hello":
        assert told.startswith(b"HTTP/1.1 101 ") and (4408).to_bytes(2, "big") in told, told
    else:
        assert told.startswith(b"HTTP/1.1 408 "), told


@within
async def test_requests__never_finished__are_ended_by_their_deadline(shared, gateway):
    """Bytes that come do not put the deadline off, and who does not close its own end is closed all the same.

    The deadline of a request's head is also the time that an end is waited for.
    """
    node = gateway({"gateway.hello_timeout": "2s", "gateway.head_timeout": "5s"})
    kinds = list(LORIS_KINDS) * (LORIS // len(LORIS_KINDS))

    def counts():
        """Closed by a deadline, refused over HTTP, closed with a code of our own."""
        return [
            node.metric("surewire_net_closed_total", reason="timeout"),
            node.metric("surewire_net_http_answers_total", **{"class": "4xx"}),
            node.metric("surewire_net_ws_closed_total", code="4xxx"),
        ]

    async with Bystanders(shared, node) as calm:
        await calm.meanwhile(asyncio.sleep(1))
        counted, connections, descriptors = counts(), connections_of(node), descriptors_of(node)
        resident_mb = resident_mb_of(node)

        async def attack():
            lorises = await in_batches([Loris().open(node.gateway_port, kind) for kind in kinds])
            told = await asyncio.gather(*(loris.told() for loris in lorises))
            await eventually(lambda: connections_of(node) == connections, "all of them ended", WAIT_S)
            await eventually(lambda: descriptors_of(node) <= descriptors, "their descriptors are back")
            for loris in lorises:
                await loris.close()
            return told

        for kind, told in zip(kinds, await calm.meanwhile(attack())):
            _check_told(kind, told)
        # Who is told by a WebSocket's close frame and shuts nothing down is ended by a deadline, too.
        timeouts, refused, closed = [after - before for after, before in zip(counts(), counted)]
        assert timeouts == kinds.count("silent") + kinds.count("dripping hello")
        assert refused == kinds.count("stalled") + kinds.count("dripping")
        assert closed == kinds.count("dripping hello")
        assert resident_mb_of(node) - resident_mb < KEPT_MB


# ---- gone at once ----

WAVES, WAVE = 2, 50_000
GREEDY_WAVE = WAVE // 5  # of one address that comes far too often
RATE_PER_S, RATE_BURST = 50, 200  # of an address: the defaults
HELD = 50  # open together, of one address


def _visit(port, source, count, resets):
    """Connects so often and is gone at once: half of them without a word, half in the midst of one."""
    for begin in range(0, count, HELD):
        sockets = []
        for number in range(begin, min(begin + HELD, count)):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", WAIT_S, 0))
            sock.bind((source, 0))
            sock.connect(("127.0.0.1", port))
            sockets.append(sock)
            if number % 2:
                with contextlib.suppress(OSError):  # refused already
                    sock.send(b"GET /healthz HTTP/1.1\r\nHos")
            if resets and number % 4 > 1:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for sock in sockets:
            sock.close()


async def _visits(node, sources, count, resets=False):
    """From many addresses, so often each, in two processes."""
    loop = asyncio.get_running_loop()
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        jobs = [loop.run_in_executor(pool, _visit, node.gateway_port, source, count, resets) for source in sources]
        await asyncio.gather(*jobs)


def _addresses(second, count):
    return [f"127.{second}.{number // 250}.{number % 250 + 1}" for number in range(count)]


@within
async def test_connections__a_hundred_thousand__refused_where_too_many_and_nothing_stays(shared, gateway):
    """Four of five come from addresses that keep to the limit, the others from one that does not."""
    node = gateway({"gateway.rate_address_per_s": RATE_PER_S, "gateway.rate_address_burst": RATE_BURST})
    modest = (WAVE - GREEDY_WAVE) // RATE_BURST

    def accepted():
        return node.metric("surewire_net_accepted_total")

    def refused():
        return node.metric("surewire_net_refused_total", reason="address")

    async def wave(number):
        taken, turned_away = accepted(), refused()
        await calm.meanwhile(_visits(node, _addresses(10 + number, modest), RATE_BURST))
        await eventually(lambda: accepted() - taken >= modest * RATE_BURST, "the modest are taken", WAIT_S)
        assert refused() == turned_away
        taken, begun = accepted(), time.monotonic()
        await calm.meanwhile(_visits(node, [f"127.0.0.{2 + number}"], GREEDY_WAVE, resets=True))
        await eventually(lambda: connections_of(node) == 3, "only the bystanders are left", WAIT_S)
        allowed = RATE_BURST + RATE_PER_S * (time.monotonic() - begun)
        # Who has reset it before it was accepted need not be counted; those who ask for these numbers are.
        assert refused() - turned_away >= GREEDY_WAVE / 2 - allowed
        assert accepted() - taken < 2 * allowed + 500, "one address may open so many, not more"
        assert node.metric("surewire_gateway_rate_limited_total") == refused()

    async with Bystanders(shared, node) as calm:
        await calm.meanwhile(asyncio.sleep(1))
        descriptors, resident_mb = descriptors_of(node), resident_mb_of(node)
        for number in range(WAVES):
            await wave(number)
        await eventually(lambda: descriptors_of(node) <= descriptors, "their descriptors are back")
        assert resident_mb_of(node) - resident_mb < KEPT_MB


# ---- all at once again ----

RIDERS, ROUNDS, AUTHORS = 300, 4, 5


class Rider:
    """One device, many connections: what it has kept over all of them, and what it says until that is stored."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.events = []
        self.said = {}  # cid -> (recipient, text), not answered yet

    async def connect(self, node, wait=True):
        """With the cursor of what it has; then says again what has no answer."""
        cursor = self.events[-1]["pos"] if self.events else 0
        self.client = await self.world.client(node, self.name, "phone", cursor=cursor).open()
        await self.client.send_frame(self.client.hello_frame)
        if wait:
            await self.client.until(lambda: self.client.welcome, "welcome")
        for cid, (recipient, text) in self.said.items():
            await self.client.send(recipient, text, cid)

    async def say(self, recipient, text):
        """Does not wait for the answer."""
        cid = await self.client.send(recipient, text)
        self.said[cid] = (recipient, text)

    async def gone(self):
        """After a cut: keeps what came until then."""
        await self.client.closed()
        self.client.check()
        self.events += self.client.events
        for cid, frames in self.client.answers.items():
            if frames[-1]["t"] == "stored":
                del self.said[cid]

    async def finish(self, count):
        """Until everything is answered and so many events are there, no more."""
        for cid in list(self.said):
            await self.client.stored(cid, WAIT_S)
        await self.client.until(
            lambda: len(self.events) + len(self.client.events) >= count, f"{count} events of {self.name}", WAIT_S
        )
        self.client.cut()
        await self.gone()
        assert [int(event["pos"]) for event in self.events] == list(range(1, count + 1))

    def in_group(self, conv):
        return [(event["from"], event["body"]["text"]) for event in self._spoken() if event["conv"] == conv]

    def to_me(self, conv):
        """What others said to this one alone."""
        return [
            event["body"]["text"] for event in self._spoken() if event["conv"] != conv and event["from"] != self.name
        ]

    def _spoken(self):
        return [event for event in self.events if event["kind"] == "text"]


class Author:
    """Goes on talking in a group until told to stop; each message is stored before the next."""

    def __init__(self, world, name, conv):
        self.world, self.name, self.conv = world, name, conv
        self.texts = []
        self._running = True

    async def start(self, node):
        self.client = await self.world.login(node, self.name)
        self._task = asyncio.ensure_future(self._talk())
        return self

    async def _talk(self):
        while self._running:
            self.texts.append(f"{self.name} {len(self.texts)}")
            await self.client.say({"conv": self.conv}, self.texts[-1])

    async def more(self, count):
        target = len(self.texts) + count
        while len(self.texts) < target and not self._task.done():
            await asyncio.sleep(0.02)
        if self._task.done():
            self._task.result()

    async def stop(self):
        self._running = False
        await self._task
        await self.client.close()


async def _storm(world, riders, authors):
    """Rounds of: everybody says something to the next one, all are cut at the same moment, all come back at once."""
    for number in range(ROUNDS):
        await asyncio.gather(*(author.more(2) for author in authors))
        for rider, neighbour in zip(riders, riders[1:] + riders[:1]):
            await rider.say(neighbour.name, f"round {number}")
        for rider in riders:
            rider.client.cut()
        await asyncio.gather(*(rider.gone() for rider in riders))
        nodes = (world.north, world.south)
        # A third of them does not even get to the welcome at first.
        hasty = riders[number % 3 :: 3]
        await asyncio.gather(*(rider.connect(nodes[number % 2], wait=rider not in hasty) for rider in riders))
        for rider in hasty:
            rider.client.cut()
        await asyncio.gather(*(rider.gone() for rider in hasty))
        await asyncio.gather(*(rider.connect(nodes[(number + 1) % 2]) for rider in hasty))


@within
async def test_reconnects__of_all_at_once_and_again__everybody_has_everything_once_and_in_order(shared):
    riders = [Rider(shared, name) for name in shared.crowd("rider", RIDERS)]
    names = shared.crowd("author", AUTHORS)
    group = {"kind": "group", "title": "storm", "members": names[1:] + [rider.name for rider in riders]}
    conv = shared.api(shared.north, names[0]).call("POST", "/v1/conversations", group)[1]["conv"]
    async with Bystanders(shared, shared.north) as calm:
        await in_batches([rider.connect(shared.north) for rider in riders])
        authors = [await Author(shared, name, conv).start(shared.south) for name in names]
        await calm.meanwhile(_storm(shared, riders, authors))
        await asyncio.gather(*(author.stop() for author in authors))
        in_group = sum(len(author.texts) for author in authors)
        # created, the group's, one's own to the neighbour, and the other neighbour's
        await asyncio.gather(*(rider.finish(1 + in_group + 2 * ROUNDS) for rider in riders))
    everybodys = riders[0].in_group(conv)
    assert len(everybodys) == in_group
    for author in authors:
        assert [text for name, text in everybodys if name == author.name] == author.texts
    for rider in riders:
        assert rider.in_group(conv) == everybodys
        assert rider.to_me(conv) == [f"round {number}" for number in range(ROUNDS)]
