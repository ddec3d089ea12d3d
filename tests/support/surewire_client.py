# SPDX-License-Identifier: Apache-2.0
"""A chat client on Python's websockets and urllib that remembers all it saw, and complains about a hole or a double.

Every client asserts the promises that hold always: pos of its events goes up by one from its cursor, accepted comes
once and before stored or rejected, and of those exactly one.
"""
import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import jwt
import websockets

WAIT_S = 30
ISSUER = "surewire-dev"
AUDIENCE = "surewire"
DEV_KID = "dev"


def new_cid():
    return str(uuid.uuid4())


def dev_secret(deployment):
    """The shared secret that the development key of a deployment stands for."""
    return bytes.fromhex((deployment.keys / "client" / f"{DEV_KID}.HS256.key").read_text().strip())


def make_token(deployment, user, lifetime_s=3600, **claims):
    """A client token made by PyJWT, not by the program under test; claims replace the usual ones, None leaves one out."""
    now = int(time.time())
    usual = {"sub": user, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + lifetime_s}
    merged = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(merged, dev_secret(deployment), algorithm="HS256", headers={"kid": DEV_KID})


class Closed(AssertionError):
    """The socket closed while something was awaited."""


class Client:
    """One device of one user. Read frames, events, answers; await what shall come; it fails loudly when it does not."""

    def __init__(self, url, token, device="d1", cursor=None, auto_ack=True, **hello):
        self.url = url
        self.hello_frame = {"t": "hello", "token": token, "device": device, **hello}
        if cursor is not None:
            self.hello_frame["cursor"] = str(cursor)
        self.auto_ack = auto_ack
        self.frames = []
        self.events = []
        self.answers = {}  # cid -> list of accepted, stored, rejected, error frames
        self.errors = []
        self.welcome = None
        self.faults = []
        self.close_code = None
        self.close_reason = None
        self._changed = asyncio.Event()
        self._socket = None
        self._reader = None

    async def open(self, ssl=None, **options):
        self._socket = await websockets.connect(
            self.url, subprotocols=["surewire.v1"], ssl=ssl, ping_interval=None, max_size=None, max_queue=None,
            close_timeout=3, open_timeout=30, **options
        )
        assert self._socket.subprotocol == "surewire.v1"
        self._reader = asyncio.ensure_future(self._read())
        return self

    async def login(self, ssl=None, **options):
        """Opened, said hello and welcomed."""
        await self.open(ssl, **options)
        await self.send_frame(self.hello_frame)
        await self.until(lambda: self.welcome, "welcome")
        return self

    async def close(self):
        """Ends the session and fails when a promise was broken in it."""
        if self._socket:
            await self._socket.close()
            await self._reader
        self.check()

    def cut(self):
        """Ends the connection without a word, as a network does; closed() returns when it is gone."""
        self._socket.transport.abort()

    def check(self):
        assert not self.faults, "\n".join(self.faults)

    @property
    def pos(self):
        """The last pos seen, or the cursor it began from."""
        return int(self.events[-1]["pos"]) if self.events else int(self.welcome["cursor"])

    @property
    def texts(self):
        return [event["body"].get("text") for event in self.events]

    # ---- doing ----

    async def send_frame(self, frame):
        await self._socket.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))

    async def send(self, to, text, cid=None, **more):
        """to: a user's name, or {"conv": ID}. Returns the cid."""
        cid = cid or new_cid()
        target = to if isinstance(to, dict) else {"user": to}
        await self.send_frame({"t": "send", "cid": cid, "to": target, "body": {"text": text}, **more})
        return cid

    async def say(self, to, text, cid=None, **more):
        """Sends and waits until it is stored; the stored frame."""
        return await self.stored(await self.send(to, text, cid, **more))

    async def ack(self, pos):
        await self.send_frame({"t": "ack", "pos": str(pos)})

    # ---- awaiting ----

    async def until(self, condition, what, timeout_s=WAIT_S):
        """The value of condition() once it is true."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = condition()
            if value:
                return value
            if self.close_code is not None:
                raise Closed(f"closed with {self.close_code} {self.close_reason!r} while waiting for {what}")
            left = deadline - time.monotonic()
            assert left > 0, f"not within {timeout_s} s: {what}; the last frames: {self.frames[-5:]}"
            self._changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    async def answer(self, cid, timeout_s=WAIT_S):
        """The stored, rejected or error frame for a cid."""

        def find():
            return next((a for a in self.answers.get(cid, []) if a["t"] != "accepted"), None)

        return await self.until(find, f"an answer to {cid}", timeout_s)

    async def stored(self, cid, timeout_s=WAIT_S):
        answer = await self.answer(cid, timeout_s)
        assert answer["t"] == "stored", answer
        return answer

    async def event(self, text, timeout_s=WAIT_S):
        """The event with this text."""

        def find():
            return next((e for e in self.events if e["body"].get("text") == text), None)

        return await self.until(find, f"the event {text!r}", timeout_s)

    async def count(self, number, timeout_s=WAIT_S):
        """At least so many events."""
        await self.until(lambda: len(self.events) >= number, f"{number} events, got {len(self.events)}", timeout_s)

    async def error(self, code, timeout_s=WAIT_S):
        return await self.until(
            lambda: next((e for e in self.errors if e["code"] == code), None), f"the error {code}", timeout_s
        )

    async def closed(self, timeout_s=WAIT_S):
        """(code, reason) of the end of the session."""
        await asyncio.wait_for(asyncio.shield(self._reader), timeout_s)
        return self.close_code, self.close_reason

    async def quiet(self, seconds):
        """Lets time pass; for asserting that nothing more comes."""
        await asyncio.sleep(seconds)
        self.check()

    # ---- reading ----

    async def _read(self):
        try:
            async for text in self._socket:
                await self._on_frame(json.loads(text))
                self._changed.set()
        except websockets.ConnectionClosed:
            pass
        except Exception as error:  # a fault of the server's frames: shown by check()
            self.faults.append(f"{type(error).__name__}: {error}")
        self.close_code = self._socket.close_code if self._socket.close_code is not None else 1006
        self.close_reason = self._socket.close_reason or ""
        self._changed.set()

    async def _on_frame(self, frame):
        self.frames.append(frame)
        kind = frame["t"]
        if kind == "welcome":
            self._expect(self.welcome is None, f"a second welcome {frame}")
            self.welcome = frame
        elif kind == "events":
            await self._on_events(frame["events"])
        elif kind in ("accepted", "stored", "rejected"):
            self._on_answer(frame)
        elif kind == "error":
            self.errors.append(frame)
            if "cid" in frame:
                self.answers.setdefault(frame["cid"], []).append(frame)

    async def _on_events(self, events):
        self._expect(events, "an empty list of events")
        for event in events:
            self._expect(
                int(event["pos"]) == self.pos + 1, f"pos {event['pos']} after {self.pos}: a hole or a double"
            )
            self.events.append(event)
        if self.auto_ack:
            await self.ack(self.pos)

    def _on_answer(self, frame):
        seen = self.answers.setdefault(frame["cid"], [])
        open_ones = sum(1 if a["t"] == "accepted" else -1 for a in seen if a["t"] != "error")
        if frame["t"] != "accepted":
            self._expect(open_ones == 1, f"{frame} without an accepted before it: {seen}")
        seen.append(frame)

    def _expect(self, good, text):
        if not good:
            self.faults.append(text)


class Api:
    """The HTTP API for one user: (status, decoded body, headers) of each call."""

    def __init__(self, url, token, context=None):
        self.url = url
        self.token = token
        proxyless = urllib.request.ProxyHandler({})
        handlers = [proxyless] + ([urllib.request.HTTPSHandler(context=context)] if context else [])
        self._opener = urllib.request.build_opener(*handlers)

    def call(self, method, path, body=None, timeout_s=60):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=data)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=timeout_s) as answer:
                return self._decode(answer)
        except urllib.error.HTTPError as error:
            return self._decode(error)

    @staticmethod
    def _decode(answer):
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers

    def send(self, to, text, cid=None, **more):
        target = to if isinstance(to, dict) else {"user": to}
        return self.call(
            "POST", "/v1/messages", {"cid": cid or new_cid(), "to": target, "body": {"text": text}, **more}
        )

    def sync(self, cursor=0, **query):
        return self.call("GET", "/v1/sync?" + urllib.parse.urlencode({"cursor": cursor, **query}))

    def register(self, device, provider, token, app="org.surewire.demo", platform="ios"):
        """Registers a device for pushes; fails unless it was taken."""
        body = {"platform": platform, "provider": provider, "app": app, "token": token}
        status, answer, _ = self.call("PUT", f"/v1/devices/{device}", body)
        assert status == 204, answer
