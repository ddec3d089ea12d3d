# SPDX-License-Identifier: Apache-2.0
"""`surewire trace`: each way that a message may go, told by what the store has of it."""
import json
import time

import pytest

from push_world import Socket, call
from surewire_env import wait_until

CONFIG = {"pusher.attempts_max": "2"}


@pytest.fixture
def pair(world):
    return world.person("sender"), world.person("bob")


def run(world, answer, *arguments):
    return world.deployment.run("trace", answer["id"], "--url", world.node.admin_url, *arguments).stdout


def trace(world, answer, *arguments):
    return json.loads(run(world, answer, "--json", *arguments))


def ends(told):
    return {row["user"]: (row["end"], row["text"]) for row in told["conclusions"]}


def ended(world, answer, person, end):
    """The trace once it ends so for the person; cursors and states are written a moment after the fact."""

    def look():
        told = trace(world, answer)
        return told if ends(told)[person.name][0] == end else None

    return wait_until(look, f"the trace says {end} for {person.name}")


def whats(told):
    return [entry["what"] for entry in told["timeline"]]


def test_read_on_a_socket(world, pair):
    sender, bob = pair
    with Socket(bob, "laptop"):
        answer = sender.send(bob, "over the socket")
        told = ended(world, answer, bob, "acked")
    assert ends(told)[bob.name][1] == f"{bob.name}: got it on laptop, acked while there"
    assert ends(told)[sender.name] == ("sender", f"{sender.name}: the sender")
    assert whats(told) == ["stored", "routed", "routed", "device"]
    assert (told["event"], told["from"], told["conv"]) == (answer["id"], sender.name, answer["conv"])
    assert told["timeline"][0]["at_ms"] == told["at_ms"]
    assert told["timeline"][-1]["at_ms"] is None  # when it was acked is not recorded
    assert any("socket" in row for row in told["unknown"])


def test_pushed_and_delivered(world, pair):
    sender, bob = pair
    world.stands.fault("apns", {"status": 503}, bob.iphone(), count=1)
    answer = sender.send(bob, "second time lucky")
    bob.delivery("iphone", "delivered")
    told = trace(world, answer, "--user", bob.name)
    assert ends(told) == {bob.name: ("pushed", f"{bob.name}: pushed to iphone (apns), no device has acked")}
    assert whats(told) == ["stored", "routed", "attempt", "attempt", "push", "device"]
    tries = [e for e in told["timeline"] if e["what"] == "attempt"]
    assert [(e["number"], e["state"], e["status"]) for e in tries] == [(1, "retry", 503), (2, "delivered", 200)]
    times = [e["at_ms"] for e in told["timeline"] if e["at_ms"]]
    assert times == sorted(times)
    bob.ack("iphone", answer_pos(bob))
    assert "got it on iphone" in ends(ended(world, answer, bob, "acked"))[bob.name][1]


def answer_pos(person):
    return person.events()[-1]["pos"]


def test_dead__with_its_replay(world, pair):
    sender, bob = pair
    fault = world.stands.fault("fcm", {"status": 400}, bob.android())
    answer = sender.send(bob, "never")
    bob.delivery("android", "rejected")
    wait_until(bob.dead_letters, "the letter is archived")
    told = trace(world, answer)
    end, text = ends(told)[bob.name]
    assert end == "not_delivered"
    assert text.startswith(f"{bob.name}: not delivered: android (fcm) rejected: ") and text.endswith("; no other device")
    assert [w for w in whats(told) if w not in ("routed", "device")] == ["stored", "attempt", "push", "dead"]
    letter = next(e["letter"] for e in told["timeline"] if e["what"] == "dead")
    shown = run(world, answer).splitlines()
    assert shown[-1] in (text, ends(told)[sender.name][1]) and text in shown
    assert any(f"became dead letter {letter}" in line for line in shown)

    world.stands.remove(fault)
    world.deployment.run("dead", "replay", letter, "--url", world.node.admin_url)
    told = ended(world, answer, bob, "pushed")
    replay = next(e for e in told["timeline"] if e["what"] == "replay")
    assert (replay["letter"], replay["state"]) == (letter, "delivered")


def test_token_dead__said_with_the_providers_word(world, pair):
    sender, bob = pair
    world.stands.fault("fcm", {"token_dead_ms": int(time.time() * 1000) + 1}, bob.android())
    answer = sender.send(bob, "phone is gone")
    bob.delivery("android", "token_dead")
    assert ends(trace(world, answer))[bob.name][1] == (
        f"{bob.name}: not delivered: android (fcm) token dead: UNREGISTERED; no other device")


def test_dropped_as_read_elsewhere(world, pair):
    sender, bob = pair
    fault = world.stands.fault("apns", {"status": 503, "retry_after": 3}, bob.iphone())
    answer = sender.send(bob, "read meanwhile")
    bob.delivery("iphone", "retry")
    assert "under way: iphone (apns) retry" in ends(trace(world, answer))[bob.name][1]
    with Socket(bob, "laptop"):
        bob.delivery("iphone", "dropped")
    world.stands.remove(fault)
    assert ends(ended(world, answer, bob, "acked"))[bob.name][1] == (
        f"{bob.name}: got it on laptop, acked while there; push to iphone (apns) dropped: read_elsewhere")


def test_no_device__waits_in_the_inbox(world, pair):
    sender, bob = pair
    answer = sender.send(bob, "for later")
    wait_until(bob.events, "it is in the inbox")
    assert ends(trace(world, answer, "--user", bob.name)) == {
        bob.name: ("not_delivered", f"{bob.name}: not delivered; no device, it waits in the inbox")}


def test_bad_input(world, pair):
    sender, bob = pair
    answer = sender.send(bob, "hello")
    for words, code in (([], 64), (["x"], 64), (["1", "2"], 64), (["-1"], 64), (["999"], 1),
                        ([answer["id"], "--user", "nobody"], 1), ([answer["id"], "--user", "a b&c=%"], 1)):
        done = world.deployment.run("trace", *words, "--url", world.node.admin_url, check=False)
        assert (done.returncode, done.stdout) == (code, ""), (words, done)
        assert done.stderr
    path = f"{world.node.admin_url}/v1/admin/messages/{answer['id']}/trace"
    assert call("GET", path)[0] == 401
    assert call("POST", path, bearer=world.deployment.admin_token)[0] == 405
