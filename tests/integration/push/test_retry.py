# SPDX-License-Identifier: Apache-2.0
"""Providers that fail for a while, answer late or not at all, and close connections under what is in flight."""
import pytest

from surewire_env import wait_until

# One connection, so that what is in flight is in flight on the one that goes away.
CONFIG = {"push.apns.connections": "1", "push.fcm.connections": "1"}

IN_FLIGHT = 25


@pytest.fixture
def pair(world):
    """Two people, the second with a phone, and its token."""
    sender, bob = world.person("sender"), world.person("bob")
    return sender, bob, bob.iphone()


def outcomes(person, device="iphone"):
    return [(a["number"], a["outcome"], a["status"]) for a in person.attempts(device)]


def test_503_twice__third_attempt_arrives_with_the_same_ids(world, pair):
    sender, bob, token = pair
    fault = world.stands.fault("apns", {"status": 503, "accept": True}, token, count=2)
    answer = sender.send(bob, "third time lucky")
    row = bob.delivery("iphone", "delivered")
    assert (row["attempts"], row["status"]) == (3, 200)
    assert outcomes(bob) == [(1, "retry", 503), (2, "retry", 503), (3, "delivered", 200)]
    records = world.arrived("apns", token, 3)
    assert world.stands.hits(fault) == 2
    assert {r["id"].lower() for r in records} == {row["job"]}
    assert {r["collapse_id"] for r in records} == {answer["id"]}
    assert [r["repeats"] for r in records] == [0, 1, 2]
    pauses = [b["received_at_ms"] - a["received_at_ms"] for a, b in zip(records, records[1:])]
    assert min(pauses) >= 1000  # the first stage


def test_fcm_503__repeated_and_recorded(world):
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.android()
    world.stands.fault("fcm", {"status": 503, "retry_after": 2, "accept": True}, token, count=1)
    sender.send(bob, "again")
    bob.delivery("android", "delivered")
    assert outcomes(bob, "android") == [(1, "retry", 503), (2, "delivered", 200)]
    first, second = world.arrived("fcm", token, 2)
    assert second["received_at_ms"] - first["received_at_ms"] >= 2000
    assert second["repeats"] == 1


def test_429__retry_after_is_a_minimum(world, pair):
    sender, bob, token = pair
    world.stands.fault("apns", {"status": 429, "retry_after": 4, "accept": True}, token, count=1)
    sender.send(bob, "slowly")
    bob.delivery("iphone", "delivered")
    assert outcomes(bob) == [(1, "throttled", 429), (2, "delivered", 200)]
    first, second = world.arrived("apns", token, 2)
    assert first["id"] == second["id"]
    assert second["received_at_ms"] - first["received_at_ms"] >= 4000


def test_outage_by_a_script__delivered_after_it(world, pair):
    sender, bob, token = pair
    steps = [
        {"for_s": 3, "action": {"status": 503}},
        {"for_s": 30, "action": {"status": 429, "retry_after": 4}},
    ]
    away, slow = world.stands.script("apns", steps, token)
    sender.send(bob, "when you are back")
    bob.delivery("iphone", "retry")
    wait_until(lambda: world.stands.hits(slow), "the second step was met")
    world.stands.remove(slow)
    bob.delivery("iphone", "delivered")
    tries = bob.attempts("iphone")
    assert [a["status"] for a in tries] == [503] * world.stands.hits(away) + [429, 200]
    assert tries[-1]["at_ms"] - tries[-2]["at_ms"] >= 4000


def test_late_answer__is_awaited_and_holds_up_nobody(world, pair):
    sender, bob, token = pair
    other = world.person("other")
    quick = other.iphone()
    world.stands.fault("apns", {"delay_ms": 4000}, token, count=1)
    sender.send(bob, "slow one")
    world.arrived("apns", token)
    sender.send(other, "quick one")
    world.arrived("apns", quick)
    other.delivery("iphone", "delivered")
    assert bob.deliveries() == []  # still under way
    row = bob.delivery("iphone", "delivered")
    assert row["attempts"] == 1
    assert bob.attempts("iphone")[0]["duration_ms"] >= 4000
    world.arrived("apns", token)


def test_silent_connection__unknown_then_repeated_with_the_same_id(world, pair):
    sender, bob, token = pair
    world.stands.fault("apns", {"silent": True, "accept": True}, token, count=1)
    sender.send(bob, "anybody there?")
    bob.delivery("iphone", "delivered", timeout_s=90)
    assert outcomes(bob) == [(1, "unknown", 0), (2, "delivered", 200)]
    first, second = world.arrived("apns", token, 2)
    assert first["id"] == second["id"]
    assert first["collapse_id"] == second["collapse_id"]
    assert (first["repeats"], second["repeats"]) == (0, 1)


def held(world):
    """Jobs that were put off to a retry stage at no attempt's cost."""
    return world.node.metric("surewire_push_jobs_total", provider="apns", result="held")


def test_refused_stream__sent_again_at_once_without_an_attempt(world, pair):
    sender, bob, token = pair
    held_before = held(world)
    fault = world.stands.fault("apns", {"rst": "REFUSED_STREAM"}, token, count=3)
    sender.send(bob, "refused")
    row = bob.delivery("iphone", "delivered")
    assert world.stands.hits(fault) == 3
    assert row["attempts"] == 1
    assert outcomes(bob) == [(1, "delivered", 200)]
    [record] = world.arrived("apns", token)
    assert record["repeats"] == 0
    assert held(world) == held_before  # from memory, without the broker's retry stages


def test_refused_stream__for_long__is_put_off_and_arrives_when_it_ends(world, pair):
    sender, bob, token = pair
    fault = world.stands.fault("apns", {"rst": "REFUSED_STREAM"}, token)
    sender.send(bob, "refused for long")
    # Not in a tight loop: after a few at once the retry stages have it.
    wait_until(lambda: world.stands.hits(fault) >= 12, "two rounds of refusals")
    [row] = bob.deliveries()
    assert (row["state"], row["attempts"]) == ("retry", 0) and bob.attempts("iphone") == []
    world.stands.remove(fault)
    bob.delivery("iphone", "delivered")
    assert {a["outcome"] for a in bob.attempts("iphone")} <= {"unsent", "delivered"}
    assert bob.attempts("iphone")[-1]["number"] == 1
    world.arrived("apns", token)


def test_connection_dropped_after_processing__repeat_has_the_same_ids(world, pair):
    sender, bob, token = pair
    world.stands.fault("apns", {"drop_connection": True, "accept": True}, token, count=1)
    answer = sender.send(bob, "cut off")
    row = bob.delivery("iphone", "delivered")
    assert outcomes(bob) == [(1, "unknown", 0), (2, "delivered", 200)]
    first, second = world.arrived("apns", token, 2)
    assert first["id"].lower() == second["id"].lower() == row["job"]
    assert first["collapse_id"] == second["collapse_id"] == answer["id"]
    assert first["payload"] == second["payload"]
    assert second["repeats"] == 1


# ---- GOAWAY ----


@pytest.fixture
def crowd(world):
    """(sender, conversation, tokens) of many phones, reached over one warm connection."""
    sender, people = world.person("sender"), world.people("member", IN_FLIGHT)
    tokens = [person.iphone() for person in people]
    conv = sender.group("crowd", people)
    warm = sender.send(conv, "to warm up")  # the first push of a connection lifts its limit of one stream
    wait_until(lambda: world.states(warm) == {("delivered", 1): IN_FLIGHT}, "the warm-up")
    return sender, conv, tokens


def assert_once_each(world, tokens, answer):
    """One attempt and one record each."""
    wait_until(lambda: sum(world.states(answer).values()) == len(tokens), "a row for every delivery")
    wait_until(lambda: {state for state, _ in world.states(answer)} == {"delivered"}, "all delivered")
    assert world.states(answer) == {("delivered", 1): len(tokens)}
    attempts = world.space.query(
        "SELECT a.outcome, count(*) FROM attempt a JOIN delivery USING (job) WHERE event = %s GROUP BY 1",
        (answer["id"],),
    )
    assert attempts == [("delivered", len(tokens))]
    records = [r for r in world.stands.records("apns") if r["payload"]["message"] == answer["id"]]
    assert sorted(r["token"] for r in records) == sorted(tokens)


def go_away(world):
    """To all connections; returns when the pusher knows."""
    def told():
        return world.node.log.read_text().count("event=egress.h2_goaway")

    before = told()
    world.stands.connections("apns", "goaway")
    wait_until(lambda: told() > before, "the pusher has seen GOAWAY")


def unsent(world):
    return world.node.metric("surewire_push_attempts_total", provider="apns", outcome="unsent")


def test_goaway__all_in_flight_processed__their_answers_are_awaited(world, crowd):
    sender, conv, tokens = crowd
    before = world.stands.stats("apns")
    fault = world.stands.fault("apns", {"delay_ms": 3000}, count=len(tokens))
    answer = sender.send(conv, "while it goes away")
    wait_until(lambda: world.stands.hits(fault) == len(tokens), "all in flight")
    go_away(world)
    late = world.person("late")
    token = late.iphone()
    sender.send(late, "on the next connection")
    world.arrived("apns", token)  # does not wait for the old connection's answers
    assert_once_each(world, tokens, answer)
    after = world.stands.stats("apns")
    assert after["connections"] == before["connections"] + 1
    assert after["repeats"] == before["repeats"]


def test_goaway__none_in_flight_processed__all_are_sent_again_at_no_cost(world, crowd):
    sender, conv, tokens = crowd
    before, unsent_before, held_before = world.stands.stats("apns"), unsent(world), held(world)
    fault = world.stands.fault("apns", {"goaway": {"last_stream": "none"}}, count=1)
    answer = sender.send(conv, "none of them")
    assert_once_each(world, tokens, answer)
    after = world.stands.stats("apns")
    assert world.stands.hits(fault) == 1
    assert after["connections"] > before["connections"]
    assert after["repeats"] == before["repeats"]
    assert unsent(world) > unsent_before + 1  # there were several in flight
    assert held(world) == held_before


def test_goaway__some_processed__every_one_arrives_once(world, crowd):
    sender, conv, tokens = crowd
    before = world.stands.stats("apns")
    fault = world.stands.fault("apns", {"goaway": {"last_stream": "all"}}, tokens[IN_FLIGHT // 2], count=1)
    answer = sender.send(conv, "up to the middle")
    assert_once_each(world, tokens, answer)
    # Perhaps all were out when it came: then the next ones need the new connection.
    assert_once_each(world, tokens, sender.send(conv, "on the next connection"))
    after = world.stands.stats("apns")
    assert world.stands.hits(fault) == 1
    assert after["connections"] > before["connections"]
    assert after["repeats"] == before["repeats"]


def test_goaway__idle_connection__next_push_takes_a_new_one(world, pair):
    sender, bob, token = pair
    sender.send(bob, "first")
    world.arrived("apns", token)
    before = world.stands.stats("apns")["connections"]
    go_away(world)
    sender.send(bob, "second")
    world.arrived("apns", token, 2)
    assert world.stands.stats("apns")["connections"] == before + 1
    wait_until(lambda: len(bob.deliveries()) == 2 and {d["attempts"] for d in bob.deliveries()} == {1}, "both recorded")


def test_dropped_idle_connection__next_push_is_not_lost(world, pair):
    sender, bob, token = pair
    sender.send(bob, "first")
    world.arrived("apns", token)
    world.stands.connections("apns", "drop")
    sender.send(bob, "second")
    records = wait_until(lambda: [r for r in world.stands.records("apns", token)
                                  if r["payload"]["aps"]["alert"]["body"] == "second"], "the second one")
    assert len(records) == 1
