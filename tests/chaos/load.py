# SPDX-License-Identifier: Apache-2.0
"""One round's people, their conversations and clients, and the stream of messages between them.

The cast has one of every kind that a messenger meets: online, with several devices, offline with a phone, with mail
only, reading slowly, half-open, coming and going, over HTTP, leaving as soon as something is accepted, an intruder, and
one who comes back only at the end.
"""
import asyncio
import pathlib
import random
import secrets
import time
import uuid

from client import Device, Poller
from history import History
from push_world import TOPIC, call
from surewire_client import make_token
from surewire_env import address
from tcp_proxy import TcpProxy

PAIRS = 4
PREPARE_S = 30
TOKEN_LIFE_S = 7 * 24 * 3600
REPEAT_SHARE = 0.25
REPEATS_MAX = 2000  # about so many, so that the end of a long load does not take as long
BACKLOG_MAX = 20  # messages that somebody writes while none is accepted


class Person:
    def __init__(self, deployment, name):
        self.name = name
        self.user_id = secrets.randbits(60) + 1
        self.token = make_token(deployment, name, TOKEN_LIFE_S)


class Load:
    """folder: where the histories go. rate: messages a second over all senders."""

    def __init__(self, cluster, folder, seed, rate):
        self.cluster, self.folder, self.rate = cluster, pathlib.Path(folder), rate
        self.rng = random.Random(seed)
        self.people = {}
        self.clients = []  # those that run
        self.late = []  # those that come at the end
        self.groups = []
        self._senders = []  # (client, [(to, expect)], weight)
        self._proxies = []
        self._tasks = []
        self._histories = []
        self._sending = None

    # ---- the cast ----

    async def prepare(self):
        """Accounts, registrations, groups and clients; the system must be whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        names = [f"{side}{i}" for i in range(PAIRS) for side in ("ann", "ben")]
        names += ["many", "slow", "half", "churn", "quit", "http", "intruder", "late"]
        names += ["apns0", "apns1", "fcm0", "fcm1", "mail0", "mail1"]
        mark = secrets.token_hex(3)
        for name in names:
            self.people[name] = Person(self.cluster.deployment, f"{name}-{mark}")
        rows = list(self.people.values())
        self.cluster.space.query(
            "INSERT INTO account (user_id, name, created_at_ms)"
            " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[])",
            ([p.user_id for p in rows], [p.name for p in rows], [int(time.time() * 1000)] * len(rows)),
        )
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._register_all)
        self._make_clients()

    def _register_all(self):
        for name in ("many", "slow", "half", "churn", "apns0", "apns1"):
            self._register(name, "phone", "apns", secrets.token_hex(32), "ios")
        for name in ("late", "fcm0", "fcm1"):
            self._register(name, "phone", "fcm", secrets.token_urlsafe(60) + ":APA91b", "android")
        for name in ("mail0", "mail1"):
            self._register(name, "mail", "email", f"{self.people[name].name}@surewire.invalid", "email", app="")
        pairs = [f"{side}{i}" for i in range(PAIRS) for side in ("ann", "ben")]
        self.groups = [
            self._group("ann0", [*pairs, "many", "apns0", "mail0"]),
            self._group("ben1", ["ann1", "ann2", "slow", "half", "churn", "quit", "http", "late", "fcm0", "fcm1",
                                 "mail1"]),
        ]

    def _try(self, name, method, path, body, good):
        """Until it is done: the right answer may be to come again."""
        deadline = time.monotonic() + PREPARE_S
        while True:
            try:
                url = self.rng.choice(self.cluster.http_urls())
                status, answer = call(method, url + path, body, self.people[name].token, timeout_s=15)
            except OSError as error:
                status, answer = None, error
            if status in good:
                return answer
            assert time.monotonic() < deadline, f"{method} {path} for {name}: {status} {answer}"
            time.sleep(0.3)

    def _register(self, name, device, provider, token, platform, app=TOPIC):
        body = {"provider": provider, "token": token, "app": app, "platform": platform}
        self._try(name, "PUT", f"/v1/devices/{device}", body, (204,))

    def _group(self, owner, members):
        body = {"kind": "group", "title": "chaos", "cid": str(uuid.uuid4()),
                "members": [self.people[m].name for m in members if m != owner]}
        return self._try(owner, "POST", "/v1/conversations", body, (201,))["conv"]

    def _make_clients(self):
        first, second = ({"conv": group} for group in self.groups)
        offline = [self._to(name) for name in ("apns0", "apns1", "fcm0", "fcm1", "mail0", "mail1", "late")]
        lively = [self._to(name) for name in ("many", "slow", "half", "churn", "http")]
        for i in range(PAIRS):
            for side, other in (("ann", "ben"), ("ben", "ann")):
                client = self._socket(f"{side}{i}", "phone", "online", trusts=i % 2 == 0, steady=True)
                choices = [self._to(f"{other}{i}")] * 4 + [first, self.rng.choice(offline), self.rng.choice(lively)]
                self._sends(client, choices, 6)
        self._sends(self._socket("many", "laptop", "several"), [first, self._to("ann0")], 1)
        self._socket("many", "tablet", "several", cursorless=True)
        self._socket("slow", "laptop", "slow", reads_s=0.3, ack_s=1.0)
        self._socket("half", "laptop", "half-open", gateways=self._half_open())
        churn = self._socket("churn", "laptop", "churn", session_s=(0.5, 4.0), trusts=True)
        self._sends(churn, [second, self._to("ann2")], 2)
        quits = self._socket("quit", "laptop", "quits", quits=True, trusts=True, session_s=(1.0, 3.0),
                             gone_s=(0.0, 0.3))
        self._sends(quits, [second, self._to("ben2"), self._to("apns1")], 3)
        poller = self._client(Poller, "http", "laptop", "http", self.cluster.http_urls)
        self._sends(poller, [second, self._to("ann3")], 3)
        self._sends(self._socket("intruder", "laptop", "intruder"), [first, second], 1, expect="rejected")
        self.late = [self._client(Device, "late", "laptop", "late", self.cluster.ws_urls, starts=False)]

    def _to(self, name):
        return {"user": self.people[name].name}

    def _socket(self, name, device, kind, gateways=None, **traits):
        return self._client(Device, name, device, kind, gateways or self.cluster.ws_urls, **traits)

    def _client(self, make, name, device, kind, gateways, starts=True, **traits):
        history = History(self.folder / f"{name}-{device}.jsonl")
        self._histories.append(history)
        client = make(self.people[name], device, history, gateways, kind=kind, seed=self.rng.random(), **traits)
        if starts:
            self.clients.append(client)
        return client

    def _sends(self, client, choices, weight, expect="stored"):
        self._senders.append((client, [(to, expect) for to in choices], weight))

    def _half_open(self):
        """The addresses for a client whose connection stands still now and then, without either side being told."""
        for url in self.cluster.ws_urls():
            self._proxies.append(TcpProxy(address(url)))
        return lambda: [f"ws://127.0.0.1:{proxy.port}/v1/ws" for proxy in self._proxies]

    # ---- the play ----

    def start(self):
        self._tasks = [asyncio.ensure_future(client.run()) for client in self.clients]
        self._sending = asyncio.ensure_future(self._send_all())
        self._tasks.append(asyncio.ensure_future(self._stand_still()))

    async def _send_all(self):
        clients = [entry for entry in self._senders for _ in range(entry[2])]
        due = time.monotonic()
        while True:
            client, choices, _ = self.rng.choice(clients)
            choice = self.rng.choice(choices)
            if sum(not message.accepted for message in client.open.values()) < BACKLOG_MAX:
                client.say(*choice)
            due += self.rng.expovariate(self.rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _stand_still(self):
        """Longer than ack_timeout, then it goes on as if nothing had been, or is cut."""
        while True:
            await asyncio.sleep(self.rng.uniform(1.0, 3.0))
            for proxy in self._proxies:
                proxy.pause()
            await asyncio.sleep(self.rng.uniform(3.0, 5.0))
            cut = self.rng.random() < 0.5
            for proxy in self._proxies:
                if cut:
                    proxy.cut()
                proxy.resume()

    def mark(self, op):
        """The same moment in every history."""
        for history in self._histories:
            history.note(op)

    async def stop_sending(self):
        """No new messages, and everybody stays; those that trust still do."""
        await cancel(self._sending)
        await cancel(self._tasks.pop())
        for proxy in self._proxies:
            proxy.heal()
        self.mark("over")
        for client in self.clients:
            client.calm()

    def repeat(self):
        """The last act: whatever has no answer is sent again, and a part of the rest; the late ones come."""
        answered = sum(len(client.answered) for client in self.clients)
        share = min(REPEAT_SHARE, REPEATS_MAX / max(answered, 1))
        for client in self.clients:
            client.repeat(share)
        self._tasks += [asyncio.ensure_future(client.run()) for client in self.late]
        self.clients += self.late
        self.late = []

    def waiting(self):
        """Messages that a client would still have to send or to hear of."""
        return sum(1 for c in self.clients for m in c.open.values() if not (c.trusts and m.accepted))

    async def finish(self):
        for client in self.clients:
            await client.finish()
        for task in self._tasks:
            await cancel(task)
        for proxy in self._proxies:
            proxy.close()
        for history in self._histories:
            history.close()

    def failures(self):
        """What ended a client that should not have ended."""
        return [task.exception() for task in self._tasks if task.done() and not task.cancelled() and task.exception()]


async def cancel(task):
    if not task:
        return
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
