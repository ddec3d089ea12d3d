# SPDX-License-Identifier: Apache-2.0
"""For the tests of hostile and heavy peers: a gateway alone, what it holds, and two people who chat on all the while."""
import asyncio
import os
import resource

WAIT_S = 60
BATCH = 100  # connections that are opened together
# What a gateway's heap grows by when it is busy is half of that with AddressSanitizer; a hundred thousand connections
# that stay are more. What is smaller and lost AddressSanitizer tells at the end of the process.
KEPT_MB = 40


def descriptors_of(node):
    return len(os.listdir(f"/proc/{node.pid}/fd"))


def resident_mb_of(node):
    with open(f"/proc/{node.pid}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def connections_of(node):
    """Those of whoever asks for metrics among them: one."""
    return node.metric("surewire_net_connections")


async def in_batches(coroutines):
    results = []
    for begin in range(0, len(coroutines), BATCH):
        results += await asyncio.gather(*coroutines[begin : begin + BATCH])
    return results


class Bystanders:
    """Two people who have nothing to do with it. Each of their messages is stored and arrives, or the test fails."""

    def __init__(self, world, node):
        self.world, self.node = world, node
        self.texts = []
        self._running = True

    async def __aenter__(self):
        self.alice, self.bob = self.world.people("calm-alice", "calm-bob")
        self.a = await self.world.login(self.node, self.alice)
        self.b = await self.world.login(self.node, self.bob)
        self._task = asyncio.ensure_future(self._chat())
        return self

    async def _chat(self):
        while self._running:
            self.texts.append(f"calm {len(self.texts)}")
            await self.a.say(self.bob, self.texts[-1])
            await self.b.event(self.texts[-1])
            await asyncio.sleep(0.05)

    async def meanwhile(self, storm):
        """The result of a coroutine, when three messages and more went through since it began."""
        target = len(self.texts) + 3
        result = await storm
        while len(self.texts) < target and not self._task.done():
            await asyncio.sleep(0.05)
        if self._task.done():
            self._task.result()
        return result

    async def __aexit__(self, kind, error, trace):
        self._running = False
        await self._task
        await self.a.close()
        await self.b.close()
        if kind is None:
            self.world.check_inbox(self.bob, self.texts)


# A request that becomes a WebSocket, but for the empty line at its end.
UPGRADE = (
    b"GET /v1/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: surewire.v1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
