# SPDX-License-Identifier: Apache-2.0
"""People, their devices and what the providers' stand-ins got: what the push tests are written in.

A World is one Deployment with one node and, unless asked otherwise, the stand-ins. Every person has a name of its own,
so that the tests of a file can share a World. Whatever is awaited is awaited for a bounded time.
"""
import asyncio
import json
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import websockets

from surewire_client import make_token
from surewire_env import proxyless, wait_until

TOPIC = "org.surewire.demo"
ARRIVAL_S = 40


def call(method, url, body=None, bearer=None, timeout_s=30):
    """(status, answer) of one JSON call; the answer is None when it is empty."""
    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if bearer:
        request.add_header("Authorization", f"Bearer {bearer}")
    try:
        with proxyless().open(request, timeout=timeout_s) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None


class Stands:
    """The control API of `surewire sim`."""

    def __init__(self, url):
        self.url = url

    def records(self, provider, token=None):
        """Accepted notifications, oldest first; the payload as an object, of mail as text."""
        query = {"provider": provider, **({"token": token} if token else {})}
        found, since, more = [], 0, True
        while more:
            page = self._ask("GET", "/records?" + urllib.parse.urlencode({**query, "since": since, "limit": 500}))
            found += page["records"]
            since, more = page["next"], page["more"]
        for record in found:
            if provider != "smtp":
                record["payload"] = json.loads(record["payload"])
        return found

    def fault(self, provider, action, token=None, **limits):
        """Its number. Limits: count=N or for_s=N."""
        fault = {"provider": provider, "action": action, **limits}
        if token:
            fault["match"] = {"token": token}
        return self._ask("POST", "/faults", fault)["id"]

    def script(self, provider, steps, token):
        """Faults one after the other; their numbers."""
        return self._ask("POST", "/scripts", {"provider": provider, "match": {"token": token}, "steps": steps})["ids"]

    def hits(self, fault):
        return next(row["hits"] for row in self._ask("GET", "/faults")["faults"] if row["id"] == fault)

    def remove(self, fault):
        self._ask("DELETE", f"/faults/{fault}")

    def stats(self, provider):
        return self._ask("GET", "/stats")[provider]

    def expire_credentials(self):
        self._ask("POST", "/credentials/expire")

    def subscribe(self, subscription):
        """Keys of a Web Push subscription, so that the stand-in decrypts for it."""
        self._ask("POST", "/subscriptions", subscription)

    def connections(self, provider, action):
        self._ask("POST", "/connections", {"provider": provider, "action": action})

    def _ask(self, method, path, body=None):
        status, answer = call(method, self.url + path, body)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer


class Person:
    """A user with an account; made by World.person and World.people."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.bearer = make_token(world.deployment, name)

    def call(self, method, path, body=None):
        return call(method, self.world.node.url + path, body, self.bearer)

    def device(self, name, provider, token, **more):
        """Registers it and gives back the token; returns when the mailbox has it."""
        body = {"provider": provider, "token": token, "app": TOPIC, **more}
        status, answer = self.call("PUT", f"/v1/devices/{name}", body)
        assert status == 204, (status, answer)
        return token

    def iphone(self, name="iphone"):
        return self.device(name, "apns", secrets.token_hex(32), platform="ios")

    def android(self, name="android"):
        return self.device(name, "fcm", secrets.token_urlsafe(60) + ":APA91b", platform="android")

    def huawei(self, name="huawei"):
        return self.device(name, "huawei", "IQAAAA" + secrets.token_urlsafe(90), platform="android")

    def mail(self, name="mail"):
        return self.device(name, "email", f"{self.name}@surewire.invalid", platform="email", app="")

    def send(self, to, text, **more):
        """The answer to a stored message. to: a Person, or the id of a conversation."""
        target = {"user": to.name} if isinstance(to, Person) else {"conv": to}
        body = {"cid": str(uuid.uuid4()), "to": target, "body": {"text": text}, **more}
        status, answer = self.call("POST", "/v1/messages", body)
        assert status == 201, (status, answer)
        return answer

    def group(self, title, members):
        """The id of a new conversation."""
        body = {"kind": "group", "title": title, "members": [m.name for m in members], "cid": str(uuid.uuid4())}
        status, answer = self.call("POST", "/v1/conversations", body)
        assert status == 201, (status, answer)
        return answer["conv"]

    def events(self):
        status, answer = self.call("GET", "/v1/sync")
        assert status == 200, answer
        return answer["events"]

    def ack(self, device, pos):
        status, answer = self.call("POST", "/v1/ack", {"device": device, "pos": str(pos)})
        assert status == 202, answer

    def deliveries(self, device=None):
        """Rows of the store for this person, oldest message first, without those of other devices."""
        rows = self.world.space.query(
            "SELECT l.job::text, l.event, l.pos, l.device, l.provider, l.state, l.attempts, l.last_status,"
            " l.last_reason FROM delivery l JOIN account USING (user_id) WHERE name = %s ORDER BY l.pos, l.device",
            (self.name,),
        )
        names = ("job", "event", "pos", "device", "provider", "state", "attempts", "status", "reason")
        return [d for d in (dict(zip(names, row)) for row in rows) if device in (None, d["device"])]

    def delivery(self, device, state, timeout_s=ARRIVAL_S):
        """The one delivery to the device, once it has the state."""

        def look():
            rows = self.deliveries(device)
            return rows[0] if rows and rows[0]["state"] == state else None

        try:
            row = wait_until(look, f"{self.name}'s {device} is {state}", timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; it has {self.deliveries()}") from None
        assert len(self.deliveries(device)) == 1, self.deliveries(device)
        return row

    def attempts(self, device):
        """Every attempt at this device, in the order of time."""
        rows = self.world.space.query(
            "SELECT a.number, a.at_ms, a.duration_ms, a.outcome, a.status, a.reason FROM attempt a"
            " JOIN delivery l USING (job) JOIN account USING (user_id)"
            " WHERE name = %s AND device = %s ORDER BY a.at_ms",
            (self.name, device),
        )
        return [dict(zip(("number", "at_ms", "duration_ms", "outcome", "status", "reason"), row)) for row in rows]

    def stored_token(self, device):
        """The token of the device in the store, '' when it was dropped."""
        rows = self.world.space.query(
            "SELECT token FROM device JOIN account USING (user_id) WHERE name = %s AND device = %s", (self.name, device)
        )
        return rows[0][0]

    def dead_letters(self):
        rows = self.world.space.query(
            "SELECT job::text, event, device, provider, app, reason, status FROM dead_letter"
            " JOIN account USING (user_id) WHERE name = %s ORDER BY id",
            (self.name,),
        )
        return [dict(zip(("job", "event", "device", "provider", "app", "reason", "status"), row)) for row in rows]


class World:
    """A Deployment, its node, its stand-ins and its people."""

    def __init__(self, deployment, config=None, sim=True):
        self.deployment = deployment
        self.space = deployment.space
        self.sim = deployment.sim() if sim else None
        self.stands = Stands(deployment.sim_control)
        limits = {"gateway.rate_address_per_s": 100000, "gateway.rate_address_burst": 100000}
        self.node = deployment.node(config={**limits, "mailbox.ack_timeout": "1s", **(config or {})})

    def people(self, name, count):
        """So many new users, called NAME and something of their own."""
        names = [f"{name}-{secrets.token_hex(4)}" for _ in range(count)]
        self.space.query(
            "INSERT INTO account (user_id, name, created_at_ms)"
            " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[])",
            ([secrets.randbits(60) + 1 for _ in names], names, [int(time.time() * 1000)] * count),
        )
        return [Person(self, each) for each in names]

    def person(self, name):
        return self.people(name, 1)[0]

    def states(self, answer):
        """Of all deliveries of one message: (state, attempts) to number of deliveries."""
        rows = self.space.query(
            "SELECT state, attempts, count(*) FROM delivery WHERE event = %s GROUP BY 1, 2", (answer["id"],))
        return {(state, attempts): count for state, attempts, count in rows}

    def arrived(self, provider, token, count=1, timeout_s=ARRIVAL_S):
        """The records of the token, once there are so many; more are an error."""

        def look():
            records = self.stands.records(provider, token)
            return records if len(records) >= count else None

        records = wait_until(look, f"{count} records of {provider} for {token}", timeout_s)
        assert len(records) == count, records
        return records


class Socket:
    """A connected client in a thread of its own, which keeps the events and, if asked, acknowledges them."""

    def __init__(self, person, device, acks=True, active=True):
        self.events = []
        self.error = None
        self._person, self._device, self._acks, self._active = person, device, acks, active
        self._welcome = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._welcome.wait(20), f"no welcome for {person.name}: {self.error}"
        assert self.error is None, self.error

    def presence(self, active):
        asyncio.run_coroutine_threadsafe(self._say_presence(active), self._loop).result(20)

    def close(self):
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(20)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def _run(self):
        self._task = self._loop.create_task(self._talk())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # shown by whoever waits for events that do not come
            self.error = error
            self._welcome.set()
        finally:
            self._loop.close()

    async def _say_presence(self, active):
        await self._ws.send(json.dumps({"t": "presence", "state": "active" if active else "away"}))

    async def _talk(self):
        async with websockets.connect(self._person.world.node.ws, subprotocols=["surewire.v1"]) as ws:
            await ws.send(json.dumps({"t": "hello", "token": self._person.bearer, "device": self._device,
                                      "state": "active" if self._active else "away"}))
            async for text in ws:
                frame = json.loads(text)
                if frame["t"] == "welcome":
                    self._ws = ws
                    self._welcome.set()
                elif frame["t"] == "events":
                    self.events += frame["events"]
                    if self._acks:
                        await ws.send(json.dumps({"t": "ack", "pos": frame["events"][-1]["pos"]}))
