# SPDX-License-Identifier: Apache-2.0
"""Broker or store away: at the start it is waited for, while running clients are told, and it heals by itself."""
import asyncio
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

import surewire_env
from chat_world import eventually, within
from surewire_client import new_cid

EX_UNAVAILABLE, EX_CONFIG = 69, 78


def _readyz(node):
    """(status, text), or None when nobody answers."""
    try:
        with urllib.request.urlopen(f"{node.admin_url}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None


def _closed_url(url):
    """The URL with a port where nobody listens."""
    (port,) = surewire_env.free_ports(1)
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl(), port


# ---- at the start ----


@pytest.mark.parametrize("missing", ["store", "broker"])
def test_start__server_away__waits_says_so_and_becomes_ready_by_itself(world, proxy, missing):
    url = world.space.pg if missing == "store" else world.space.amqp_url
    between = proxy(url)
    between.cut(refuse=True)
    urls = {"pg" if missing == "store" else "amqp_url": surewire_env.through(url, between)}
    node = world.node(start=False, **urls).start()

    def said():
        ready = _readyz(node)
        return ready and ready[0] == 503 and missing in ready[1]

    surewire_env.wait_until(said, f"/readyz names the {missing}")
    assert surewire_env.http_status(f"{node.admin_url}/healthz") == 200

    def attempts():
        return [line for line in node.log.read_text().splitlines() if "event=app.waiting" in line]

    surewire_env.wait_until(lambda: len(attempts()) >= 3, "three attempts in the log")
    for line in attempts():
        assert f"for={missing}" in line and "retry_ms=" in line and "detail=" in line, line
    assert node.running()
    between.heal()
    node.wait_ready()
    alice, bob = world.people("alice", "bob")
    assert world.api(node, alice).send(bob, "now")[0] == 201


def test_start__told_to_end_while_waiting__ends_well(world):
    url, _ = _closed_url(world.space.pg)
    node = world.node(start=False, pg=url).start()
    surewire_env.wait_until(lambda: _readyz(node), "it answers")
    assert node.stop() == 0


def _failed_start(world, codes, config=None, **urls):
    """The lines of a start that fails; not killed: it ends by itself."""
    node = world.node(config, start=False, **urls)
    node.start()
    surewire_env.wait_until(lambda: not node.running(), "it ends", 60)
    node.expect_clean_exit = False
    text = node.log.read_text()
    assert node.returncode in codes, text
    assert "Sanitizer" not in text
    return text, node


def _error_lines(text):
    return [line for line in text.splitlines() if line.startswith("surewire")]


def test_start__wrong_broker_password__one_line_and_the_end(world):
    parts = urllib.parse.urlsplit(world.space.amqp_url)
    url = parts._replace(netloc=f"surewire:Wr0ngPassw0rd@{parts.hostname}:{parts.port}").geturl()
    text, _ = _failed_start(world, (EX_CONFIG, EX_UNAVAILABLE), amqp_url=url)
    (line,) = _error_lines(text)
    assert re.search("password|login|refused|access", line, re.IGNORECASE), line
    assert "Wr0ngPassw0rd" not in text


def test_start__store_is_too_new__one_line_and_78(fresh_world):
    world = fresh_world
    world.space.query("INSERT INTO schema_migration (version, name, checksum) VALUES (9999, 'later', 'x')")
    text, _ = _failed_start(world, (EX_CONFIG,))
    (line,) = _error_lines(text)
    assert "9999" in line, line


def test_start__port_in_use__one_line_and_the_end(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for key in ("gateway.listen", "admin.listen"):
            text, _ = _failed_start(world, (EX_UNAVAILABLE, EX_CONFIG), {key: f"127.0.0.1:{port}"})
            (line,) = _error_lines(text)
            assert str(port) in line, line


@pytest.mark.parametrize(
    "key, value, expected",
    [
        ("gateway.colour", "blue", "colour"),
        ("gateway.window", "many", "window"),
        ("gateway.window", "0", "window"),
        ("nonsense.key", "1", "nonsense"),
        ("store.connect_timeout", "5 parsecs", "connect_timeout"),
        ("auth.keys_dir", "/nowhere/at/all", "keys_dir"),
    ],
)
def test_start__bad_configuration__file_line_and_what_was_expected(world, key, value, expected):
    text, node = _failed_start(world, (EX_CONFIG,), {key: value})
    (line,) = _error_lines(text)
    section, _, name = key.rpartition(".")
    row = f"[{section}]" if section == "nonsense" else f"{name} = {value}"
    number = node.config.read_text().splitlines().index(row) + 1
    assert f"{node.config}:{number}" in line and expected in line, line


def test_start__no_configuration_file__one_line_and_78():
    command = [surewire_env.surewire_bin(), "--config=/nowhere/surewire.ini", "serve"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=surewire_env.clean_environment()
    )
    assert done.returncode == EX_CONFIG
    assert "/nowhere/surewire.ini" in done.stderr and done.stderr.count("\n") == 1


# ---- while running ----


class Outage:
    """Sends one message after another through an outage, as a good client does: again with its cid after the hint."""

    def __init__(self, world, node, sender, recipient):
        self.world, self.node, self.sender, self.recipient = world, node, sender, recipient
        self.texts, self.unavailable = [], []
        self._running = True

    async def run(self):
        client = None
        while self._running:
            text, cid = f"m{len(self.texts)}", new_cid()
            self.texts.append(text)
            client = await self._until_stored(client, text, cid)
        await client.close()

    async def _until_stored(self, client, text, cid):
        deadline = time.monotonic() + 120
        while True:
            assert time.monotonic() < deadline, f"{text} not stored within 120 s"
            try:
                client = client or await self.world.login(self.node, self.sender)
                await client.send(self.recipient, text, cid)
                answer = await client.answer(cid, 60)
            except (AssertionError, OSError) as gone:  # Closed: a session that could not be served
                assert client is None or client.close_code in (4503, 4500, 4413, 1006, None), str(gone)
                client = None
                await asyncio.sleep(0.5)
                continue
            if answer["t"] == "stored":
                return client
            assert answer["t"] == "error" and answer["code"] == "unavailable", answer
            self.unavailable.append(answer)
            client.answers.pop(cid)
            await asyncio.sleep(answer["retry_after_ms"] / 1000)

    async def more(self, count, timeout_s=120):
        target = len(self.texts) + count
        deadline = time.monotonic() + timeout_s
        while len(self.texts) < target:
            assert time.monotonic() < deadline, f"{len(self.texts)} of {target} within {timeout_s} s"
            await asyncio.sleep(0.05)

    def stop(self):
        self._running = False


@pytest.mark.parametrize("which", ["rabbit", "pg"])
@within
async def test_running__server_killed_and_restarted__nothing_lost_or_doubled_heals_by_itself(own_world, which):
    world = own_world
    servers = world.space.servers
    node = world.node()
    alice, bob, carol, dave, erin = world.people("alice", "bob", "carol", "dave", "erin")
    dave_client = await world.login(node, dave)
    outage = Outage(world, node, alice, bob)
    task = asyncio.ensure_future(outage.run())
    await outage.more(20)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, servers.kill, which)
    missing = "broker" if which == "rabbit" else "store"

    def said():
        ready = _readyz(node)
        return ready and ready[0] == 503 and f"{missing} away" in ready[1]

    try:
        await eventually(said, f"/readyz says that the {missing} is away", 60)
        by_http = world.api(node, carol)
        status, problem, headers = await loop.run_in_executor(None, lambda: by_http.send(bob, "by http"))
        assert status == 503 and problem["code"] == "unavailable" and int(headers["Retry-After"]) > 0
        error = await dave_client.answer(await dave_client.send(erin, "by socket"))
        assert error["t"] == "error" and error["code"] == "unavailable" and error["retry_after_ms"] > 0, error
        assert surewire_env.http_status(f"{node.admin_url}/healthz") == 200
    finally:
        await loop.run_in_executor(None, servers.restart, which)
    await eventually(node.is_ready, "ready again by itself", 90)
    await dave_client.say(erin, "by socket")
    await dave_client.close()
    await outage.more(20)
    outage.stop()
    await asyncio.wait_for(task, 120)
    assert all(error["retry_after_ms"] > 0 for error in outage.unavailable)
    world.check_inbox(bob, outage.texts)
    b = await world.login(node, bob, cursor=0)
    await b.count(len(outage.texts))
    assert b.texts == outage.texts
    await b.close()


@pytest.mark.parametrize("which", ["rabbit", "pg"])
@within
async def test_running__server_frozen__clients_wait_or_are_told_and_it_goes_on(own_world, which):
    world = own_world
    servers = world.space.servers
    node = world.node()
    alice, bob = world.people("alice", "bob")
    outage = Outage(world, node, alice, bob)
    task = asyncio.ensure_future(outage.run())
    await outage.more(10)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, servers.freeze, which)
    try:
        await asyncio.sleep(8)
        assert node.running() and surewire_env.http_status(f"{node.admin_url}/healthz") == 200
    finally:
        await loop.run_in_executor(None, servers.thaw, which)
    await outage.more(10)
    outage.stop()
    await asyncio.wait_for(task, 120)
    await eventually(node.is_ready, "ready again by itself", 90)
    world.check_inbox(bob, outage.texts)
