# SPDX-License-Identifier: Apache-2.0
"""Clients of the load: they reconnect, resume and repeat by the rules of docs/protocol.md, and write down all of it.

A Device holds a socket, a Poller uses HTTP. Neither judges: see judge.py. Both send their next message only when the
one before is accepted, so that the order of their messages is promised.
"""
import asyncio
import contextlib
import http.client
import json
import random
import time
import urllib.parse
import uuid

import websockets

from surewire_client import Api

TICK_S = 0.04
OPEN_TIMEOUT_S = 5
WINDOW = 32
LOST = (OSError, asyncio.TimeoutError, websockets.WebSocketException)


class Outgoing:
    """A message until it is answered."""

    def __init__(self, cid, to, text):
        self.cid, self.to, self.text = cid, to, text
        self.accepted = False  # as far as this client still believes it
        self.conn = None  # of the last transmission
        self.sent_at = 0.0
        self.not_before = 0.0

    def frame(self):
        return {"cid": self.cid, "to": self.to, "kind": "text", "body": {"text": self.text}}


class Sender:
    """What socket and HTTP clients share: the messages under way, and what their answers mean."""

    def __init__(self, person, device, history, **traits):
        self.person, self.device, self.history = person, device, history
        self.trusts = traits.get("trusts", False)
        self.doubt_s = traits.get("doubt_s", 4.0)
        self.rng = random.Random(traits.get("seed", 0))
        self.open = {}  # cid to Outgoing, in the order of sending
        self.answered = []  # Outgoing that have a stored or a rejected
        self.conn = 0
        self.cursor = 0
        self.stopping = False
        self._count = 0
        history.note("who", user=person.name, device=device, kind=traits.get("kind", ""), trusts=self.trusts,
                     steady=traits.get("steady", False))

    def say(self, to, expect="stored"):
        """A new message, sent when its turn comes. to: {"user": NAME} or {"conv": ID}."""
        self._count += 1
        message = Outgoing(str(uuid.UUID(int=self.rng.getrandbits(128), version=4)), to,
                           f"{self.person.name}/{self.device} {self._count}")
        self.open[message.cid] = message
        self.history.note("new", cid=message.cid, to=json.dumps(to), text=message.text, expect=expect)

    def repeat(self, share):
        """From now on nothing is trusted: whatever is unanswered is sent again, and a share of what was answered."""
        self.trusts = False
        again = [message for message in self.answered if self.rng.random() < share]
        for message in [*self.open.values(), *again]:
            message.accepted, message.conn, message.not_before = False, None, 0.0
            self.open[message.cid] = message

    def _next(self, now):
        """The message to transmit now, or None: the first that is not accepted holds up those behind it."""
        waiting = 0
        for message in self.open.values():
            if not message.accepted:
                due = message.conn != self.conn and now >= message.not_before
                return message if due and waiting < WINDOW else None
            waiting += message.conn == self.conn
        return None

    def _on_sending(self, message, now):
        message.conn, message.sent_at = self.conn, now
        self.history.note("send", cid=message.cid, conn=self.conn)

    def _on_answer(self, kind, cid, conn, **what):
        self.history.note(kind, cid=cid, conn=conn, **what)
        message = self.open.get(cid)
        if message is None:
            return
        if kind == "accepted":
            message.accepted = True
        elif kind in ("stored", "rejected"):
            self.answered.append(self.open.pop(cid))

    def _on_refusal(self, cid, conn, code, after_ms):
        self.history.note("error", cid=cid, conn=conn, code=code)
        message = self.open.get(cid)
        if message is None:
            return
        if code in ("unavailable", "rate_limited", "window_full"):
            message.conn = None
            message.not_before = time.monotonic() + (after_ms or 500) / 1000 * self.rng.uniform(0.5, 1.0)
        else:
            self.open.pop(cid)

    def _on_event(self, event, conn):
        self.history.note("event", conn=conn, pos=int(event["pos"]), conv=event["conv"], seq=int(event["seq"]),
                          id=event["id"], **{"from": event["from"]}, text=event["body"].get("text"))
        self.cursor = max(self.cursor, int(event["pos"]))


class Device(Sender):
    """A socket that is opened again whenever it is lost. gateways() gives the addresses to choose from.

    Traits: reads_s pauses for each frame read, ack_s puts acks off, session_s (lo, hi) is how long it stays connected
    and gone_s how long it is away then, quits closes as soon as something is accepted, cursorless relies on the
    server's.
    """

    def __init__(self, person, device, history, gateways, **traits):
        super().__init__(person, device, history, **traits)
        self.gateways = gateways
        self.reads_s = traits.get("reads_s", 0.0)
        self.ack_s = traits.get("ack_s", 0.0)
        self.session_s = traits.get("session_s")
        self.gone_s = traits.get("gone_s", (0.5, 3.0))
        self.quits = traits.get("quits", False)
        self.cursorless = traits.get("cursorless", False)
        self.closed_codes = []
        self._socket = None
        self._failures = 0

    async def run(self):
        while not self.stopping:
            try:
                await self._session()
            except LOST:
                self._failures += 1
            if not self.stopping:
                pause_s = min(0.1 * 2 ** min(self._failures, 5), 2.0)
                await asyncio.sleep(self.rng.uniform(*self.gone_s) if self.session_s else self.rng.uniform(0, pause_s))

    def calm(self):
        """Stays connected, reads and acks at once from now on."""
        self.session_s, self.quits, self.reads_s, self.ack_s = None, False, 0.0, 0.0

    async def finish(self):
        """Closes for good; what it has kept by then is written down."""
        self.stopping = True
        self.history.note("end", pos=self.cursor)
        if self._socket:
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(self._socket.close(), 3)

    async def _session(self):
        self.conn += 1
        conn, cursor = self.conn, None if self.cursorless else self.cursor
        url = self.rng.choice(self.gateways())
        socket = await asyncio.wait_for(websockets.connect(
            url, subprotocols=["surewire.v1"], ping_interval=None, max_size=None, open_timeout=OPEN_TIMEOUT_S,
            close_timeout=1, max_queue=None), OPEN_TIMEOUT_S + 1)
        tasks = []
        try:
            self._socket = socket
            await self._hello(socket, conn, cursor)
            self._failures = 0
            tasks = [asyncio.ensure_future(work) for work in (self._read(socket, conn), self._write(socket))]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and task.exception() and not isinstance(task.exception(), LOST):
                    raise task.exception()
        finally:
            for task in tasks:
                task.cancel()
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(socket.close(), 2)
            await asyncio.gather(*tasks, return_exceptions=True)
            self._socket = None
            self.closed_codes.append(socket.close_code)
            self.history.note("closed", conn=conn, code=socket.close_code)

    async def _hello(self, socket, conn, cursor):
        hello = {"t": "hello", "token": self.person.token, "device": self.device}
        if cursor is not None:
            hello["cursor"] = str(cursor)
        self.history.note("hello", conn=conn, cursor=cursor)
        await socket.send(json.dumps(hello))
        while True:
            frame = json.loads(await asyncio.wait_for(socket.recv(), OPEN_TIMEOUT_S))
            if frame["t"] == "welcome":
                break
            await self._on_frame(socket, conn, frame)
        self.history.note("welcome", conn=conn, cursor=int(frame["cursor"]), pos=int(frame["pos"]))
        if cursor is None:
            self.cursor = int(frame["cursor"])
        if not self.trusts:
            for message in self.open.values():
                message.accepted = False

    async def _read(self, socket, conn):
        async for text in socket:
            await self._on_frame(socket, conn, json.loads(text))
            if self.reads_s:
                await asyncio.sleep(self.reads_s)

    async def _on_frame(self, socket, conn, frame):
        kind = frame["t"]
        if kind == "events":
            for event in frame["events"]:
                self._on_event(event, conn)
            if self.ack_s:
                asyncio.get_running_loop().call_later(self.ack_s, self._ack_later, socket, self.cursor)
            else:
                await self._ack(socket, self.cursor)
        elif kind == "accepted":
            self._on_answer("accepted", frame["cid"], conn)
            if self.quits:
                await socket.close()
        elif kind == "stored":
            self._on_answer("stored", frame["cid"], conn, id=frame["id"], conv=frame["conv"], seq=int(frame["seq"]))
        elif kind == "rejected":
            self._on_answer("rejected", frame["cid"], conn, code=frame["code"])
        elif kind == "error" and "cid" in frame:
            self._on_refusal(frame["cid"], conn, frame["code"], frame.get("retry_after_ms"))
        elif kind == "error":
            self.history.note("complaint", conn=conn, code=frame["code"], text=frame.get("message"))

    async def _ack(self, socket, pos):
        await socket.send(json.dumps({"t": "ack", "pos": str(pos)}))

    def _ack_later(self, socket, pos):
        if socket is self._socket and socket.open:
            asyncio.ensure_future(self._quietly(self._ack(socket, pos)))

    @staticmethod
    async def _quietly(work):
        with contextlib.suppress(*LOST):
            await work

    async def _write(self, socket):
        """Ends when the session is to be left, by whim or because an answer is overdue."""
        leave_at = time.monotonic() + self.rng.uniform(*self.session_s) if self.session_s else None
        while not self.stopping:
            now = time.monotonic()
            message = self._next(now)
            if message is not None:
                self._on_sending(message, now)
                await socket.send(json.dumps({"t": "send", **message.frame()}))
                continue
            if leave_at and now > leave_at and self.session_s:
                return
            overdue = next((m for m in self.open.values() if not m.accepted and m.conn == self.conn), None)
            if overdue and now - overdue.sent_at > self.doubt_s:
                if self.rng.random() < 0.5:
                    return
                overdue.conn = None  # again on this connection
            await asyncio.sleep(TICK_S)


class Poller(Sender):
    """Sends by POST /v1/messages and reads by long polls, on whatever gateway comes."""

    def __init__(self, person, device, history, gateways, **traits):
        super().__init__(person, device, history, **traits)
        self.gateways = gateways
        self._calls = 0

    async def run(self):
        await asyncio.gather(self._poll(), self._post())

    def calm(self):
        pass

    async def finish(self):
        self.stopping = True
        self.history.note("end", pos=self.cursor)

    def _number(self):
        self._calls += 1
        return self._calls

    async def _call(self, method, path, body=None):
        api = Api(self.rng.choice(self.gateways()), self.person.token)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(None, lambda: api.call(method, path, body, 15))
        except (OSError, ValueError, http.client.HTTPException):
            await asyncio.sleep(self.rng.uniform(0.1, 0.5))
            return None, None, None

    async def _poll(self):
        while not self.stopping:
            conn, cursor = self._number(), self.cursor
            query = urllib.parse.urlencode({"cursor": cursor, "device": self.device, "wait": 1})
            status, answer, _ = await self._call("GET", f"/v1/sync?{query}")
            if status != 200:
                await asyncio.sleep(0.3)
                continue
            self.history.note("hello", conn=conn, cursor=cursor)
            for event in answer["events"]:
                self._on_event(event, conn)

    async def _post(self):
        while not self.stopping:
            message = self._next(time.monotonic())
            if message is None:
                await asyncio.sleep(TICK_S)
                continue
            conn = self.conn = self._number()
            self._on_sending(message, time.monotonic())
            status, answer, _ = await self._call("POST", "/v1/messages", message.frame())
            self._on_status(message.cid, conn, status, answer or {})

    def _on_status(self, cid, conn, status, answer):
        if status in (201, 202):
            self._on_answer("accepted", cid, conn)
        if status == 201:
            self._on_answer("stored", cid, conn, id=answer["id"], conv=answer["conv"], seq=int(answer["seq"]))
        elif status == 202 and not self.trusts:
            self._on_refusal(cid, conn, "unavailable", 500)
            self.open[cid].accepted = False
        elif status in (403, 409) and answer.get("code") in ("not_member", "cid_reused"):
            self._on_answer("accepted", cid, conn)
            self._on_answer("rejected", cid, conn, code=answer["code"])
        elif status in (None, 429) or status >= 500:
            self._on_refusal(cid, conn, "unavailable", 500)
        elif status != 202:
            self._on_refusal(cid, conn, answer.get("code", str(status)), None)
