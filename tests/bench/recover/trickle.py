# SPDX-License-Identifier: Apache-2.0
"""A steady trickle of messages by people who behave as docs/protocol.md asks: they reconnect with backoff, to any
gateway; what is not answered is sent again with its cid; the next message is sent when the one before is accepted.
They remember when each message was stored, and complain about what was lost, doubled or out of order."""
import asyncio
import collections
import contextlib
import json
import random
import time

import websockets

from surewire_client import new_cid

FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 15


class Message:
    def __init__(self, recipient, text):
        self.recipient = recipient
        self.text = text
        self.cid = new_cid()
        self.session = None  # in which it was sent last
        self.answer = None  # the last frame for it in this session
        self.answered = asyncio.Event()


class Person:
    """One device on one gateway after the other. Subclasses say what they do once they are welcomed."""

    def __init__(self, gateways, name, token):
        self.gateways = collections.deque(gateways)
        self.name = name
        self.token = token
        self.faults = []
        self.pos = None
        self._task = None
        self._ended = False

    def start(self):
        self._task = asyncio.ensure_future(self._run())
        return self

    async def stop(self):
        self._ended = True
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self):
        backoff = FIRST_BACKOFF_S
        while not self._ended:
            with contextlib.suppress(OSError, websockets.WebSocketException, asyncio.TimeoutError):
                async with websockets.connect(
                    self.gateways[0], subprotocols=["surewire.v1"], ping_interval=None, open_timeout=5, close_timeout=1
                ) as socket:
                    await self._greet(socket)
                    backoff = FIRST_BACKOFF_S
                    await self._talk(socket)
            self.gateways.rotate(1)
            await asyncio.sleep(random.uniform(backoff / 2, backoff))
            backoff = min(2 * backoff, LAST_BACKOFF_S)

    async def _greet(self, socket):
        hello = {"t": "hello", "token": self.token, "device": "trickle"}
        if self.pos is not None:
            hello["cursor"] = str(self.pos)
        await socket.send(json.dumps(hello))
        welcome = json.loads(await asyncio.wait_for(socket.recv(), 5))
        if welcome["t"] == "welcome":
            self.pos = int(welcome["cursor"])

    async def _talk(self, socket):
        async for text in socket:
            await self._on_frame(socket, json.loads(text))

    async def _on_frame(self, socket, frame):
        if frame["t"] == "events":
            for event in frame["events"]:
                if int(event["pos"]) != self.pos + 1:
                    self.faults.append(f"{self.name}: pos {event['pos']} after {self.pos}")
                self.pos = int(event["pos"])
                self.on_event(event)
            await socket.send(json.dumps({"t": "ack", "pos": str(self.pos)}))

    def on_event(self, event):
        pass


class Reader(Person):
    def __init__(self, *args):
        super().__init__(*args)
        self.texts = []
        self.read_at = []

    def on_event(self, event):
        self.texts.append(event["body"]["text"])
        self.read_at.append(time.time())


class Writer(Person):
    """Sends every_s seconds, to each of the recipients in turn."""

    def __init__(self, gateways, name, token, recipients, every_s):
        super().__init__(gateways, name, token)
        self.recipients = recipients
        self.texts = {recipient: [] for recipient in recipients}
        self.stored_at = []
        self.pending = collections.OrderedDict()  # cid -> Message, in the order of sending
        self._every_s = every_s
        self._wake = asyncio.Event()
        self._clock = None

    def start(self):
        self._clock = asyncio.ensure_future(self._tick())
        return super().start()

    async def finish(self, timeout_s):
        """No more messages; awaits that all are stored."""
        self._clock.cancel()
        deadline = time.monotonic() + timeout_s
        while self.pending and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        if self.pending:
            self.faults.append(f"{self.name}: {len(self.pending)} messages are not stored within {timeout_s} s")

    async def _tick(self):
        due = time.monotonic()
        number = 0
        while True:
            recipient = self.recipients[number % len(self.recipients)]
            message = Message(recipient, f"{self.name} {number}")
            self.texts[recipient].append(message.text)
            self.pending[message.cid] = message
            self._wake.set()
            number += 1
            due += self._every_s
            await asyncio.sleep(max(0, due - time.monotonic()))

    async def _talk(self, socket):
        sender = asyncio.ensure_future(self._send_all(socket))
        try:
            await super()._talk(socket)
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, websockets.WebSocketException):
                await sender

    async def _send_all(self, socket):
        while True:
            self._wake.clear()
            message = next((m for m in self.pending.values() if m.session is not socket), None)
            if message:
                await self._send(socket, message)
            else:
                await self._wake.wait()

    async def _send(self, socket, message):
        """Until it is accepted, or stored at once."""
        frame = {"t": "send", "cid": message.cid, "to": {"user": message.recipient}, "body": {"text": message.text}}
        while True:
            message.answered.clear()
            await socket.send(json.dumps(frame))
            await message.answered.wait()
            if message.answer["t"] != "error":
                message.session = socket
                return
            if "retry_after_ms" not in message.answer:
                self.faults.append(f"{self.name}: {message.answer}")
            await asyncio.sleep(message.answer.get("retry_after_ms", 1000) / 1000)

    async def _on_frame(self, socket, frame):
        await super()._on_frame(socket, frame)
        message = self.pending.get(frame.get("cid"))
        if message:
            message.answer = frame
            message.answered.set()
            if frame["t"] == "stored":
                self.stored_at.append(time.time())
                del self.pending[message.cid]
            elif frame["t"] == "rejected":
                self.faults.append(f"{self.name}: {frame}")
                del self.pending[message.cid]


def longest_gap(moments, from_s, to_s):
    """Between successive moments, of the gaps that touch the time from from_s to to_s. No moment at all is a gap."""
    marks = [m for m in moments if m <= from_s][-1:] + [m for m in moments if from_s < m < to_s]
    marks += [m for m in moments if m >= to_s][:1] or [to_s]
    marks = marks if marks[0] <= from_s else [from_s] + marks
    return max(later - earlier for earlier, later in zip(marks, marks[1:])) if len(marks) > 1 else to_s - from_s
