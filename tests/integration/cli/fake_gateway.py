# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server that does what a test says, one script per connection, on a thread of its own."""
import asyncio
import json
import threading

import websockets


class Session:
    """One connection, in the words of docs/protocol.md."""

    def __init__(self, socket):
        self.socket = socket
        self.kept = []  # read while waiting for another kind

    async def read(self, kind=None):
        """The next frame, or the next of that kind: acks and sends come in any order."""
        for frame in self.kept:
            if kind in (None, frame["t"]):
                self.kept.remove(frame)
                return frame
        while True:
            frame = json.loads(await self.socket.recv())
            if kind in (None, frame["t"]):
                return frame
            self.kept.append(frame)

    async def send(self, **frame):
        await self.socket.send(json.dumps(frame))

    async def welcome(self, pos=0, cursor=0, **more):
        """Takes hello, answers welcome; returns hello."""
        hello = await self.read("hello")
        frame = {"t": "welcome", "user": "alice", "device": hello["device"], "session": "1", "pos": str(pos),
                 "cursor": str(cursor), "heartbeat_s": 25, "window": 64, "resume": True}
        await self.send(**{**frame, **more})
        return hello

    async def events(self, *events):
        await self.send(t="events", events=list(events))

    async def take(self, seq="1"):
        """A send, accepted and stored."""
        frame = await self.read("send")
        await self.send(t="accepted", cid=frame["cid"])
        await self.send(t="stored", cid=frame["cid"], id="9" + seq, conv="5", seq=seq)
        return frame

    async def until_closed(self):
        """Frames that were not read yet and those that still come, until the client is gone."""
        rest, self.kept = self.kept, []
        try:
            while True:
                rest.append(await self.read())
        except websockets.ConnectionClosed:
            return rest


def event(pos, text="hi", sender="bob", conv="5", kind="text", body=None):
    return {"pos": str(pos), "conv": conv, "seq": str(pos), "id": str(100 + pos), "kind": kind, "from": sender,
            "at": "2026-11-24T05:00:00.123Z", "body": {"text": text} if body is None else body}


class FakeGateway:
    """Runs scripts[n] for the n-th connection; stop() raises what went wrong in one of them."""

    def __init__(self, *scripts, ssl=None):
        self.scripts = list(scripts)
        self.ssl = ssl
        self.errors = []
        self.connections = 0
        self.subprotocols = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._started.wait(10)

    @property
    def url(self):
        return f"{'wss' if self.ssl else 'ws'}://localhost:{self.port}/v1/ws"

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        async with websockets.serve(
            self._on_connection, "127.0.0.1", 0, subprotocols=["surewire.v1"], ssl=self.ssl, close_timeout=1
        ) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._started.set()
            await self._end.wait()

    async def _on_connection(self, socket, path):
        number, self.connections = self.connections, self.connections + 1
        self.subprotocols.append(socket.subprotocol)
        try:
            if number >= len(self.scripts):
                raise AssertionError(f"connection {number + 1}: expected {len(self.scripts)}")
            await asyncio.wait_for(self.scripts[number](Session(socket)), 60)
        except Exception as error:  # given to the test
            self.errors.append(error)

    def stop(self):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        if self.errors:
            raise self.errors[0]
