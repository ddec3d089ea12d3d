# SPDX-License-Identifier: Apache-2.0
"""`surewire trace`: each way that a message may go, told by what the store has of it."""
import datetime
import json
import secrets
import time

import pytest

from push_world import Socket, call
from surewire_env import wait_until

BREAKER_FAILURES = 5
CONFIG = {"pusher.attempts_max": "2", "pusher.breaker_failures": str(BREAKER_FAILURES)}


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


def with_(told, what):
    return told if what in whats(told) else None


def one(told, what, person):
    """The person's entry of this kind; of what is the sender's, that."""
    (found,) = [e for e in told["timeline"] if e["what"] == what
                and (e["user"] == person.name or what in ("accepted", "stored"))]
    return found


def utc(at_ms):
    return datetime.datetime.fromtimestamp(at_ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + (
        f".{at_ms % 1000:03}Z")


def test_read_on_a_socket(world, pair):
    sender, bob = pair
    with Socket(bob, "laptop"):
        answer = sender.send(bob, "over the socket")
        told = ended(world, answer, bob, "acked")
    assert ends(told)[sender.name] == ("sender", f"{sender.name}: the sender")
    assert sorted(whats(told)) == sorted(["accepted", "stored", "routed", "routed", "sent", "acked", "read"])
    assert (told["event"], told["from"], told["conv"]) == (answer["id"], sender.name, answer["conv"])
    assert told["timeline"][0]["at_ms"] == told["at_ms"]
    accepted, stored, routed, sent, acked, read = (
        one(told, what, bob) for what in ("accepted", "stored", "routed", "sent", "acked", "read"))
    # One machine, one clock. The gateway's acks are gathered for 200 ms.
    assert accepted["at_ms"] <= stored["at_ms"] <= routed["at_ms"] <= sent["at_ms"] <= acked["at_ms"] == read["at_ms"]
    assert read["at_ms"] < accepted["at_ms"] + 20000
    assert (routed["sockets"], routed["pushes"]) == (1, 0)
    assert routed["text"] == f"{bob.name}: in the inbox at pos 1, to be told; sent towards 1 open socket"
    assert sent["text"] == f"{bob.name}: laptop was sent it over its socket"
    assert ends(told)[bob.name][1] == f"{bob.name}: got it on laptop, read there at {utc(read['at_ms'])}"
    conclusion = next(c for c in told["conclusions"] if c["user"] == bob.name)
    assert (conclusion["device"], conclusion["at_ms"]) == ("laptop", read["at_ms"])
    assert not any("ack" in row and "when a device" in row for row in told["unknown"])


def test_in_the_background__then_read(world, pair):
    sender, bob = pair
    with Socket(bob, "laptop", active=False) as laptop:
        answer = sender.send(bob, "nobody looks")
        told = ended(world, answer, bob, "acked")
        acked = one(told, "acked", bob)
        assert ends(told)[bob.name][1] == f"{bob.name}: got it on laptop, acked in the background at {utc(acked['at_ms'])}"
        assert "read" not in whats(told)
        laptop.presence(True)
        told = wait_until(lambda: with_(trace(world, answer), "read"), "it is read")
        read = one(told, "read", bob)
        assert read["at_ms"] > acked["at_ms"] == one(told, "acked", bob)["at_ms"]
        assert ends(told)[bob.name][1] == (
            f"{bob.name}: got it on laptop, read there at {utc(read['at_ms'])}, acked at {utc(acked['at_ms'])}")


def test_half_open__pushed_for_want_of_an_ack(world, pair):
    sender, bob = pair
    bob.iphone()
    with Socket(bob, "laptop", acks=False):
        answer = sender.send(bob, "into the void")
        bob.delivery("iphone", "delivered")
        told = trace(world, answer)
    routed, planned, push = (one(told, what, bob) for what in ("routed", "planned", "push"))
    assert (routed["sockets"], routed["pushes"]) == (1, 0)
    assert planned["reason"] == "no_ack" and planned["at_ms"] >= routed["at_ms"] + 1000  # ack_timeout
    assert planned["text"] == f"{bob.name}: push to iphone (apns) planned: no device acked in time"
    assert ends(told)[bob.name] == ("pushed", (
        f"{bob.name}: pushed to iphone (apns) at {utc(push['at_ms'])} (no device acked in time), no device has acked; "
        f"sent towards 1 open socket at {utc(routed['at_ms'])}, no ack"))


def test_offline__the_next_try_is_shown(world, pair):
    sender, bob = pair
    fault = world.stands.fault("apns", {"status": 503, "retry_after": 5}, bob.iphone())
    answer = sender.send(bob, "later")
    bob.delivery("iphone", "retry")
    told = trace(world, answer)
    routed, planned, push = (one(told, what, bob) for what in ("routed", "planned", "push"))
    assert (routed["sockets"], routed["pushes"]) == (0, 1)
    assert (planned["reason"], planned["at_ms"]) == ("offline", routed["at_ms"])
    # The stage is at least as long as the service asked for.
    assert push["next_at_ms"] >= push["at_ms"] + 5000
    assert push["text"].endswith(f"; next try due at {utc(push['next_at_ms'])}")
    end, text = ends(told)[bob.name]
    assert end == "under_way" and text.endswith(f"(1 try so far, the next at {utc(push['next_at_ms'])})")
    world.stands.remove(fault)
    bob.delivery("iphone", "delivered")
    told = trace(world, answer)
    tries = [e for e in told["timeline"] if e["what"] == "attempt"]
    assert [e["state"] for e in tries] == ["retry", "delivered"]
    assert push["next_at_ms"] - 500 <= tries[1]["at_ms"] <= push["next_at_ms"] + 10000
    assert "next_at_ms" not in one(told, "push", bob)
    assert one(told, "planned", bob) == planned


def clock(minutes_from_now):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes_from_now)
    return at.strftime("%H:%M")


def test_quiet_hours__their_end_is_shown(world, pair):
    sender, bob = pair
    bob.device("iphone", "apns", secrets.token_hex(32), platform="ios", time_zone="Etc/UTC",
               quiet_hours={"from": clock(-60), "until": clock(60)})
    answer = sender.send(bob, "tomorrow will do")
    bob.delivery("iphone", "retry")
    push = one(trace(world, answer), "push", bob)
    assert push["reason"] == "quiet hours"
    assert push["next_at_ms"] % 60000 == 0
    assert 58 * 60000 < push["next_at_ms"] - push["at_ms"] <= 60 * 60000
    assert push["text"] == (f"{bob.name}: push to iphone (apns) is retry: quiet hours after 0 tries;"
                            f" next try due at {utc(push['next_at_ms'])}")


def test_service_away__what_it_holds_up_says_so(world, pair):
    sender, bob = pair
    fault = world.stands.fault("apns", {"status": 503}, bob.iphone())
    for _ in range(BREAKER_FAILURES):
        sender.send(bob, "opens the breaker")
    wait_until(lambda: sum(d["attempts"] for d in bob.deliveries("iphone")) >= BREAKER_FAILURES, "all have failed")
    answer = sender.send(bob, "waits for it")
    told = wait_until(lambda: with_(trace(world, answer), "push"), "it is recorded")
    push = one(told, "push", bob)
    assert (push["state"], push["reason"], push["next_at_ms"] > push["at_ms"]) == ("retry", "the service is away", True)
    assert ends(told)[bob.name] == ("under_way", (
        f"{bob.name}: under way: iphone (apns) retry: the service is away (0 tries so far, the next at "
        f"{utc(push['next_at_ms'])})"))
    assert "attempt" not in whats(told)
    world.stands.remove(fault)
    wait_until(lambda: world.states(answer) == {("delivered", 1): 1}, "it is delivered", 60)
    assert "next_at_ms" not in one(trace(world, answer), "push", bob)


def test_muted(world, pair):
    sender, bob = pair
    bob.iphone()
    assert bob.call("PUT", "/v1/preferences", {"muted_until": "forever"})[0] == 204
    answer = sender.send(bob, "shh")
    wait_until(bob.events, "it is in the inbox")
    told = trace(world, answer, "--user", bob.name)
    routed = one(told, "routed", bob)
    assert routed["text"] == f"{bob.name}: in the inbox at pos 1, not to be told: muted, or no mention"
    assert ends(told)[bob.name] == (
        "not_delivered", f"{bob.name}: not delivered: not to be told when it came (muted, or no mention)")


def test_rows_of_before_the_migration__are_not_recorded(world, pair):
    """As they are after it: nothing of what it added."""
    sender, bob = pair
    bob.iphone()
    answer = sender.send(bob, "old")
    bob.delivery("iphone", "delivered")
    with Socket(bob, "laptop"):
        ended(world, answer, bob, "acked")
    world.space.query("UPDATE inbox SET routed_after_ms = NULL, sockets = NULL, pushes = NULL"
                      " FROM account a WHERE a.user_id = inbox.user_id AND a.name = %s", (bob.name,))
    world.space.query("UPDATE delivery SET planned_at_ms = NULL, planned_reason = NULL, next_at_ms = NULL"
                      " WHERE event = %s", (answer["id"],))
    world.space.query("DELETE FROM ledger USING account a WHERE a.user_id = ledger.user_id AND a.name = %s", (bob.name,))
    told = trace(world, answer, "--user", bob.name)
    assert whats(told) == ["accepted", "stored", "routed", "attempt", "push", "acked", "read", "device"]
    assert [one(told, what, bob)["at_ms"] for what in ("routed", "acked", "read")] == [None] * 3
    assert "sockets" not in one(told, "routed", bob)
    for what in ("routed", "push", "acked", "read"):
        assert "not recorded" in one(told, what, bob)["text"]
    assert ends(told)[bob.name][1].startswith(f"{bob.name}: got it on laptop, read there; pushed to iphone (apns) at ")


def test_a_step_that_expired__is_not_taken_for_a_later_one(world, pair):
    sender, bob = pair
    with Socket(bob, "laptop"):
        answer = sender.send(bob, "long ago")
        ended(world, answer, bob, "acked")
        world.space.query("DELETE FROM ledger USING account a WHERE a.user_id = ledger.user_id AND a.name = %s",
                          (bob.name,))
        later = sender.send(bob, "just now")
        ended(world, later, bob, "acked")
    assert one(trace(world, later), "read", bob)["at_ms"]
    told = trace(world, answer)
    assert [one(told, what, bob)["at_ms"] for what in ("acked", "read")] == [None, None]


def test_pushed_and_delivered(world, pair):
    sender, bob = pair
    world.stands.fault("apns", {"status": 503}, bob.iphone(), count=1)
    answer = sender.send(bob, "second time lucky")
    bob.delivery("iphone", "delivered")
    told = trace(world, answer, "--user", bob.name)
    push = one(told, "push", bob)
    assert ends(told) == {bob.name: ("pushed", (
        f"{bob.name}: pushed to iphone (apns) at {utc(push['at_ms'])} (nobody was connected), no device has acked"))}
    assert sorted(whats(told)) == sorted(["accepted", "stored", "routed", "planned", "attempt", "attempt", "push", "device"])
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
    rejected = utc(one(told, "push", bob)["at_ms"])
    assert text.startswith(f"{bob.name}: not delivered: android (fcm) rejected at {rejected}: ")
    assert text.endswith("; no other device")
    assert [w for w in whats(told) if w not in ("accepted", "routed", "planned", "device")] == [
        "stored", "attempt", "push", "dead"]
    letter = next(e["letter"] for e in told["timeline"] if e["what"] == "dead")
    shown = run(world, answer).splitlines()
    assert shown[-1] in (text, ends(told)[sender.name][1]) and text in shown
    assert any(f"became dead letter {letter}" in line for line in shown)

    world.stands.remove(fault)
    world.deployment.run("dead", "replay", letter, "--url", world.node.admin_url)
    told = ended(world, answer, bob, "pushed")
    replay = next(e for e in told["timeline"] if e["what"] == "replay")
    assert (replay["letter"], replay["state"]) == (letter, "delivered")
    assert [e["reason"] for e in told["timeline"] if e["what"] == "planned"] == ["offline", "replay"]


def test_token_dead__said_with_the_providers_word(world, pair):
    sender, bob = pair
    world.stands.fault("fcm", {"token_dead_ms": int(time.time() * 1000) + 1}, bob.android())
    answer = sender.send(bob, "phone is gone")
    bob.delivery("android", "token_dead")
    told = trace(world, answer)
    assert ends(told)[bob.name][1] == (
        f"{bob.name}: not delivered: android (fcm) token dead at {utc(one(told, 'push', bob)['at_ms'])}: UNREGISTERED;"
        " no other device")


def test_dropped_as_read_elsewhere(world, pair):
    sender, bob = pair
    fault = world.stands.fault("apns", {"status": 503, "retry_after": 3}, bob.iphone())
    answer = sender.send(bob, "read meanwhile")
    bob.delivery("iphone", "retry")
    assert "under way: iphone (apns) retry" in ends(trace(world, answer))[bob.name][1]
    with Socket(bob, "laptop"):
        bob.delivery("iphone", "dropped")
    world.stands.remove(fault)
    told = ended(world, answer, bob, "acked")
    read, push = one(told, "read", bob), one(told, "push", bob)
    assert read["at_ms"] <= push["at_ms"] and "next_at_ms" not in push
    assert ends(told)[bob.name][1] == (
        f"{bob.name}: got it on laptop, read there at {utc(read['at_ms'])}; push to iphone (apns) dropped at "
        f"{utc(push['at_ms'])}: read_elsewhere")


def test_no_device__waits_in_the_inbox(world, pair):
    sender, bob = pair
    answer = sender.send(bob, "for later")
    wait_until(bob.events, "it is in the inbox")
    assert ends(trace(world, answer, "--user", bob.name)) == {
        bob.name: ("not_delivered", f"{bob.name}: not delivered; no device, it waits in the inbox")}


def test_the_ledger_expires(world, pair):
    """An admin that starts keeps house first of all."""
    _, bob = pair
    day_ms = 24 * 3600 * 1000
    now_ms = int(time.time() * 1000)
    rows = [(name, pos, now_ms - age_ms) for pos, (name, age_ms) in enumerate(
        [("old", 2 * day_ms + 60000), ("young", 2 * day_ms - 3600000), ("new", 0)], 1)]
    for name, pos, at_ms in rows:
        world.space.query("INSERT INTO ledger SELECT user_id, %s, %s, 1, 0, NULL, false, %s FROM account WHERE name = %s",
                          (pos, at_ms, name, bob.name))
    left = ("SELECT device FROM ledger JOIN account USING (user_id) WHERE name = %s ORDER BY pos", (bob.name,))
    world.deployment.node(roles="admin", config={"mailbox.ledger_keep": "2d"})
    wait_until(lambda: world.space.query(*left) == [("young",), ("new",)], "the old one is gone")


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
