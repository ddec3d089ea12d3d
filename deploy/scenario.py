#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real messages through a running Surewire, and a table of how each arrived: over a socket, as a push or as a mail.

deploy/up runs it with the variables of `deploy/up env`. What the table says was seen by the clients here, by the
stand-ins of the providers (their control API) and in Surewire's delivery records (admin API). It may be run again and
again: accounts and devices are kept, faults are taken back. Exit code 1 with a list if something did not arrive.
"""
import asyncio
import ctypes
import email
import email.policy
import hashlib
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

import websockets

ARRIVAL_S = 60
ANSWER_S = 15
TOPIC = "org.surewire.demo"  # as in deploy/lib/config.sh
PROVIDER_NAMES = {"apns": "APNs", "fcm": "FCM", "email": "e-mail"}
SIM_PROVIDERS = {"apns": "apns", "fcm": "fcm", "smtp": "email"}

# Who is reached how. A device is (device id, platform, provider); provider None: a socket.
ONLINE = {"alice": ["laptop"], "bob": ["laptop"], "carol": ["phone", "tablet"]}
OFFLINE = {
    "dave": ("iphone", "ios", "apns"),
    "erin": ("android", "android", "fcm"),
    "frank": ("mail", "mail", "email"),
    "grace": ("iphone", "ios", "apns"),  # with a socket that is half-open
    "heidi": ("iphone", "ios", "apns"),  # whose provider answers 503 twice
}
HALF_OPEN = "grace"
FLAKY = "heidi"
PEOPLE = [*ONLINE, *OFFLINE]
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Failed(Exception):
    """Ends the scenario; the text is for people."""


def env(name):
    value = os.environ.get(name)
    if not value:
        raise Failed(f"{name} is not set: run deploy/up, or first eval \"$(deploy/up env)\"")
    return value


def now_ms():
    return int(time.time() * 1000)


def push_token(user, provider):
    """What the provider knows the device by; always the same for a user."""
    digest = hashlib.sha256(f"surewire scenario {user}".encode()).hexdigest()
    return {"apns": digest, "fcm": f"{user}:APA91b{digest}", "email": f"{user}@example.org"}[provider]


# ---- HTTP: gateway, admin, control API ----


def call(method, url, body=None, token=None, good=(200, 201, 204)):
    """The answer's JSON, or None when it has no body."""
    request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=ANSWER_S) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    except OSError as error:
        raise Failed(f"{method} {url}: {error}") from None
    if status not in good:
        raise Failed(f"{method} {url}: expected {' or '.join(map(str, good))}, got {status} {text.decode(errors='replace')}")
    return json.loads(text) if text else None


class Sim:
    """The stand-ins: what they took, and the faults they are told to have."""

    def __init__(self, control):
        self.control = control
        self.since = 0
        self.records = []
        self.faults = []
        while self._read_page():
            pass
        self.records.clear()  # of earlier runs

    def _read_page(self):
        page = call("GET", f"{self.control}/records?since={self.since}&limit=500")
        self.records += page["records"]
        self.since = page["next"]
        return page["more"]

    def read(self):
        while self._read_page():
            pass
        return self.records

    def add_fault(self, fault):
        self.faults.append(call("POST", f"{self.control}/faults", fault)["id"])

    def forget_faults_of(self, token):
        """Those that a run left behind which was killed."""
        for entry in call("GET", f"{self.control}/faults")["faults"]:
            if entry["fault"].get("match", {}).get("token") == token:
                call("DELETE", f"{self.control}/faults/{entry['id']}")

    def clean(self):
        for number in self.faults:
            call("DELETE", f"{self.control}/faults/{number}", good=(200, 204, 404))
        self.faults.clear()


def of_message(record, message):
    """Whether a record of the stand-ins is about this message: by its id, a mail by its text."""
    payload = record["payload"]
    try:
        if record["provider"] == "apns":
            return json.loads(payload).get("message") == message["id"]
        if record["provider"] == "fcm":
            return json.loads(payload)["message"]["data"]["message"] == message["id"]
        mail = email.message_from_string(payload, policy=email.policy.default)
        return message["text"] in mail.get_body(("plain",)).get_content()
    except (ValueError, KeyError, AttributeError):
        return False


# ---- accounts ----


def surewire(*arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SUREWIRE_")}
    command = [env("SUREWIRE_BIN"), f"--config={env('SUREWIRE_CONFIG')}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=clean, timeout=60)
    if done.returncode:
        raise Failed(f"surewire {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def make_accounts():
    """A token for everybody."""
    existing = {line.split("\t")[1] for line in surewire("user", "list").splitlines()}
    for user in PEOPLE:
        if user not in existing:
            surewire("user", "add", user)
    return {user: surewire("token", user).strip() for user in PEOPLE}


def register_devices(url, tokens):
    for user, (device, platform, provider) in OFFLINE.items():
        body = {"platform": platform, "provider": provider, "app": TOPIC, "token": push_token(user, provider)}
        call("PUT", f"{url}/v1/devices/{device}", body, tokens[user], good=(204,))


# ---- a client on a socket ----


class Client:
    def __init__(self, user, device, token):
        self.user, self.device, self.token = user, device, token
        self.cursor = 0
        self.known = 0
        self.received = {}  # message id: wall ms
        self.answers = {}  # cid: future of stored or the refusal
        self.welcomed = asyncio.Event()
        self.caught_up = asyncio.Event()
        self.ended = None
        self.socket = None
        self.reader = None

    async def connect(self, url):
        self.socket = await websockets.connect(
            url, subprotocols=["surewire.v1"], max_size=1 << 25, open_timeout=ANSWER_S, close_timeout=2
        )
        await self.send(t="hello", token=self.token, device=self.device)
        self.reader = asyncio.create_task(self._read())
        await self.wait(self.caught_up.wait(), "hello")
        return self

    async def wait(self, what, name):
        try:
            return await asyncio.wait_for(what, ANSWER_S)
        except asyncio.TimeoutError:
            raise Failed(f"{self.user} on {self.device}: no answer to {name} in {ANSWER_S} s {self.ended or ''}") from None

    async def send(self, **frame):
        await self.socket.send(json.dumps(frame))

    async def _read(self):
        try:
            async for text in self.socket:
                await self._on_frame(json.loads(text))
        except websockets.ConnectionClosed:
            pass
        self.ended = f"(closed with {self.socket.close_code} {self.socket.close_reason})"

    async def _on_frame(self, frame):
        kind = frame["t"]
        if kind == "welcome":
            self.cursor, self.known = int(frame["cursor"]), int(frame["pos"])
        elif kind == "events":
            for event in frame["events"]:
                self.received.setdefault(event["id"], now_ms())
                self.cursor = int(event["pos"])
            await self.send(t="ack", pos=str(self.cursor))
        elif kind in ("stored", "rejected", "error") and frame.get("cid") in self.answers:
            self.answers[frame["cid"]].set_result(frame)
        if kind in ("welcome", "events") and self.cursor >= self.known:
            self.caught_up.set()

    async def say(self, to, text):
        """Sends one message and waits until it is stored."""
        cid = str(uuid.uuid4())
        self.answers[cid] = asyncio.get_running_loop().create_future()
        sent_ms = now_ms()
        await self.send(t="send", cid=cid, to=to, kind="text", body={"text": text})
        answer = await self.wait(self.answers[cid], f"a message to {to}")
        if answer["t"] != "stored":
            raise Failed(f"a message of {self.user} to {to} was refused: {answer['code']}: {answer['message']}")
        return {"id": answer["id"], "text": text, "sent_ms": sent_ms, "stored_ms": now_ms() - sent_ms}

    async def close(self):
        await self.socket.close()
        await self.reader


async def half_open_child(url, user, device):
    """A process of its own: says hello, reads what there was, says "ready" and waits to be stopped."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a stopped process would outlive a killed parent
    client = await Client(user, device, sys.stdin.readline().strip()).connect(url)
    await asyncio.sleep(0.5)  # for the last ack to be on its way
    print("ready", flush=True)
    await asyncio.sleep(3600)
    await client.close()


class HalfOpen:
    """A device whose socket is open and dead: its process is stopped, the kernel goes on acknowledging."""

    def __init__(self, url, user, token, started):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--half-open", url, user, OFFLINE[user][0]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        started.append(self)  # from now on it is ended, whatever happens
        self.process.stdin.write(token + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline().strip() != "ready":
            raise Failed(f"the client of {user} did not get ready")
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def end(self):
        self.process.kill()
        self.process.wait()


# ---- arrivals ----


class Arrival:
    """One message on its way to one device."""

    def __init__(self, message, user, device, client=None, provider=None):
        self.message, self.user, self.device = message, user, device
        self.client, self.provider = client, provider
        self.at_ms = None
        self.delivery = None  # the record, of pushes

    def done(self):
        return self.at_ms is not None and (self.provider is None or self.delivery is not None)

    def look(self, records):
        if self.client:
            self.at_ms = self.client.received.get(self.message["id"])
            return
        token = push_token(self.user, self.provider)
        for record in records:
            if (SIM_PROVIDERS[record["provider"]] == self.provider and record["token"] == token
                    and of_message(record, self.message)):
                self.at_ms = record["received_at_ms"]
                return

    def missing(self):
        what = "it did not arrive" if self.at_ms is None else "it arrived, but there is no delivery record that says so"
        way = PROVIDER_NAMES.get(self.provider, "socket")
        return f"{self.message['title']} to {self.user}, device {self.device} ({way}): {what}"

    def way(self):
        if self.client:
            return "socket"
        text = PROVIDER_NAMES[self.provider]
        if told_together(self.delivery):
            return f"{text} that tells of several"
        retries = self.delivery["attempt_count"] - 1
        if self.user == HALF_OPEN:
            first_ms = self.delivery["attempts"][0]["at_ms"]
            text += f", no ack in {(first_ms - self.message['sent_ms']) // 1000} s, pushed"
        if retries:
            text += f", after {retries} {'retry' if retries == 1 else 'retries'}"
        return text


def told_together(delivery):
    """A mail about another message told of this one too."""
    return delivery["state"] == "dropped" and delivery["last_reason"] == "in_digest"


def got_through(delivery):
    return bool(delivery["state"] == "delivered" and delivery["attempts"]) or told_together(delivery)


def look_for_records(arrivals):
    """Completes pushes that arrived with their delivery records."""
    wanted = [a for a in arrivals if a.provider and a.at_ms is not None and not a.delivery]
    for message_id in {a.message["id"] for a in wanted}:
        url = f"{env('SUREWIRE_ADMIN_URL')}/v1/admin/messages/{message_id}/deliveries"
        answer = call("GET", url, token=env("SUREWIRE_ADMIN_TOKEN"))
        for delivery in answer["deliveries"]:
            for arrival in wanted:
                key = (arrival.message["id"], arrival.user, arrival.device)
                if key == (message_id, delivery["user"], delivery["device"]) and got_through(delivery):
                    arrival.delivery = delivery


async def until_arrived(sim, arrivals):
    """Looks until all have arrived; raises with the list of those that did not."""
    deadline = time.monotonic() + ARRIVAL_S
    dot = time.monotonic() + 1
    dots = False
    while True:
        records = await asyncio.to_thread(sim.read)
        for arrival in arrivals:
            if arrival.at_ms is None:
                arrival.look(records)
        await asyncio.to_thread(look_for_records, arrivals)
        late = [a for a in arrivals if not a.done()]
        if not late or time.monotonic() > deadline:
            break
        if time.monotonic() > dot:
            dot += 1
            print("." if dots else "    waiting .", end="", flush=True)
            dots = True
        await asyncio.sleep(0.1)
    if dots:
        print()
    if late:
        raise Failed("\n".join([f"not within {ARRIVAL_S} s:", *(f"  {a.missing()}" for a in late)]))


def print_table(arrivals):
    rows = [("message", "recipient", "device", "how it arrived", "after")]
    rows += [
        (a.message["title"], a.user, a.device, a.way(), f"{max(0, a.at_ms - a.message['sent_ms'])} ms") for a in arrivals
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for number, row in enumerate(rows):
        cells = [cell.ljust(widths[i]) for i, cell in enumerate(row[:4])] + [row[4].rjust(widths[4])]
        print("    " + "  ".join(cells))
        if number == 0:
            print("    " + "  ".join("-" * width for width in widths))


# ---- the walk ----


def make_arrivals(message, users, clients):
    made = []
    for user in users:
        if user in ONLINE:
            made += [Arrival(message, user, device, client=clients[user, device]) for device in ONLINE[user]]
        else:
            device, _, provider = OFFLINE[user]
            made.append(Arrival(message, user, device, provider=provider))
    return made


async def direct(clients, sender, user, run):
    message = await clients[sender, "laptop"].say({"user": user}, f"Hello {user}, this is {sender}. [{run}]")
    message["title"] = f"direct from {sender}"
    return make_arrivals(message, [user], clients)


async def walk(sim, url, tokens, run, started):
    """All arrivals, complete."""
    clients = {}
    for user, devices in ONLINE.items():
        for device in devices:
            clients[user, device] = await Client(user, device, tokens[user]).connect(env("SUREWIRE_WS"))
            started.append(clients[user, device])
    # The news of the group is not part of the table, but must be through before the fault below counts.
    wish = {"kind": "group", "title": f"Everybody [{run}]", "members": [user for user in PEOPLE if user != "alice"]}
    group = await asyncio.to_thread(call, "POST", f"{url}/v1/conversations", wish, tokens["alice"], (201,))
    created = {"id": group["id"], "text": run, "sent_ms": now_ms(), "title": "news of the group"}
    await until_arrived(sim, make_arrivals(created, [user for user in PEOPLE if user != "alice"], clients))

    await asyncio.to_thread(HalfOpen, env("SUREWIRE_WS"), HALF_OPEN, tokens[HALF_OPEN], started)
    flaky_token = push_token(FLAKY, "apns")
    sim.add_fault({"provider": "apns", "match": {"token": flaky_token}, "action": {"status": 503, "retry_after": 1}, "count": 2})

    arrivals = await direct(clients, "bob", "alice", run)
    for user in PEOPLE[1:]:
        arrivals += await direct(clients, "alice", user, run)
    # Both faults are for the direct message.
    await until_arrived(sim, [a for a in arrivals if a.user == FLAKY])
    message = await clients["bob", "laptop"].say({"conv": group["conv"]}, f"Hello everybody. [{run}]")
    message["title"] = "group from bob"
    arrivals += make_arrivals(message, [user for user in PEOPLE if user != "bob"], clients)
    await until_arrived(sim, arrivals)
    return arrivals


async def finish(sim, started):
    for each in started:
        if isinstance(each, HalfOpen):
            each.end()
    await asyncio.to_thread(sim.clean)
    for each in started:
        if isinstance(each, Client):
            await each.close()


def check_ways(arrivals):
    """The two that were made to fail must have failed, or the table proves nothing."""
    for arrival in arrivals:
        retries = arrival.delivery["attempt_count"] - 1 if arrival.delivery else 0
        if arrival.user == FLAKY and arrival.message["title"].startswith("direct") and retries != 2:
            raise Failed(f"expected 2 retries for {FLAKY}, whose provider answers 503 twice, got {retries}")


async def main():
    # As asyncio does for SIGINT: what was started is ended.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    url = env("SUREWIRE_URL")
    run = secrets.token_hex(4)
    sim = Sim(env("SUREWIRE_SIM_CONTROL"))
    sim.forget_faults_of(push_token(FLAKY, "apns"))
    tokens = await asyncio.to_thread(make_accounts)
    await asyncio.to_thread(register_devices, url, tokens)
    started = []
    try:
        arrivals = await walk(sim, url, tokens, run, started)
    finally:
        await finish(sim, started)
    print_table(arrivals)
    check_ways(arrivals)
    messages = {a.message["id"]: a.message for a in arrivals}.values()
    slowest = max(message["stored_ms"] for message in messages)
    print(f"    {len(messages)} messages, each stored within {slowest} ms; {len(arrivals)} arrivals, none missing.")


if __name__ == "__main__":
    try:
        if sys.argv[1:2] == ["--half-open"]:
            asyncio.run(half_open_child(*sys.argv[2:]))
        else:
            asyncio.run(main())
    except Failed as error:
        print(f"scenario: {error}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
