# SPDX-License-Identifier: Apache-2.0
"""Huawei Push Kit through the whole service: what arrives, results that come with HTTP 200, tokens that die and tokens
that only seem to, flow control, and the access token."""
import json

import pytest

from surewire_env import wait_until

CONFIG = {"push.huawei.category": "IM", "push.huawei.urgency": "high",
          "push.huawei.badge_class": "org.surewire.demo.MainActivity", "push.huawei.connections": "1"}
INVALID_MAX = 10
PARALLEL = 20


@pytest.fixture
def pair(world):
    """Two people, the second with a phone, and its token."""
    sender, bob = world.person("sender"), world.person("bob")
    return sender, bob, bob.huawei()


def outcomes(person):
    return [(a["number"], a["outcome"], a["status"]) for a in person.attempts("huawei")]


def answer_with(world, code, token, count=1, **more):
    return world.stands.fault("huawei", {"status": 200, "reason": code, **more}, token, count=count)


def refused(world, provider, reason):
    return world.stands.stats(provider)["refused"].get(reason, 0)


def test_message__arrives_as_a_notification_with_data(world, pair):
    sender, bob, token = pair
    answer = sender.send(bob, "Hello from the other side")
    [record] = world.arrived("huawei", token)
    message = record["payload"]["message"]
    assert message["token"] == [token]
    assert message["notification"] == {"title": sender.name, "body": "Hello from the other side"}
    assert json.loads(message["data"]) == {
        "message": answer["id"], "conversation": answer["conv"], "seq": answer["seq"], "pos": "1"}
    android = message["android"]
    assert (android["urgency"], android["category"]) == ("HIGH", "IM")
    assert android["notification"] == {
        "click_action": {"type": 3}, "tag": answer["id"], "default_sound": True,
        "badge": {"set_num": 1, "class": "org.surewire.demo.MainActivity"}}
    row = bob.delivery("huawei", "delivered")
    assert (row["attempts"], row["status"], row["reason"]) == (1, 200, "accepted")


def test_long_text__its_beginning_arrives(world, pair):
    sender, bob, token = pair
    text = "\U0001f600" * 3000
    sender.send(bob, text)
    [record] = world.arrived("huawei", token)
    body = record["payload"]["message"]["notification"]["body"]
    assert body and text.startswith(body)


def test_not_a_token__is_refused_at_registration(world):
    status, answer = world.person("bob").call(
        "PUT", "/v1/devices/huawei", {"provider": "huawei", "token": "two words", "app": "x", "platform": "android"})
    assert status == 400
    assert "Push Kit token" in json.dumps(answer)


# ---- results with HTTP 200 ----


def test_internal_error_in_the_body__is_repeated_with_the_same_tag(world, pair):
    sender, bob, token = pair
    fault = answer_with(world, "81000001", token, 2, retry_after=1, accept=True)
    answer = sender.send(bob, "third time lucky")
    row = bob.delivery("huawei", "delivered")
    assert row["attempts"] == 3
    assert outcomes(bob) == [(1, "retry", 200), (2, "retry", 200), (3, "delivered", 200)]
    records = world.arrived("huawei", token, 3)
    assert {r["collapse_id"] for r in records} == {answer["id"]}
    assert [r["repeats"] for r in records] == [0, 1, 2]
    assert world.stands.hits(fault) == 2


def test_sensitive_content__is_a_dead_letter(world, pair):
    sender, bob, token = pair
    answer_with(world, "80100016", token)
    sender.send(bob, "unspeakable")
    row = bob.delivery("huawei", "rejected")
    assert row["reason"] == "80100016 sensitive content"
    wait_until(lambda: len(bob.dead_letters()) == 1, "the dead letter")
    assert bob.stored_token("huawei") == token


def test_no_permission__keeps_token_and_message(world, pair):
    sender, bob, token = pair
    answer_with(world, "80300002", token)
    sender.send(bob, "when you may")
    row = bob.delivery("huawei", "retry")
    assert row["reason"] == "80300002 no permission to push to this token's app"
    assert outcomes(bob) == [(1, "config", 200)]
    assert bob.stored_token("huawei") == token


def test_flow_control__retry_after_is_a_minimum(world, pair):
    sender, bob, token = pair
    world.stands.fault("huawei", {"status": 503, "retry_after": 4, "accept": True}, token, count=1)
    sender.send(bob, "slowly")
    bob.delivery("huawei", "delivered")
    assert outcomes(bob) == [(1, "throttled", 503), (2, "delivered", 200)]
    first, second = world.arrived("huawei", token, 2)
    assert second["received_at_ms"] - first["received_at_ms"] >= 4000
    assert second["repeats"] == 1


def test_no_right_to_high__sent_without_from_then_on(world, pair):
    sender, bob, token = pair
    answer_with(world, "80300011", token)
    sender.send(bob, "loudly")
    assert bob.delivery("huawei", "retry")["reason"] == "80300011 no right to urgency HIGH"
    carol = world.person("carol")
    other = carol.huawei()
    sender.send(carol, "softly")
    [record] = world.arrived("huawei", other)
    assert record["payload"]["message"]["android"]["urgency"] == "NORMAL"


# ---- tokens ----


@pytest.mark.parametrize("code, reason", [
    ("80300007", "80300007 all tokens are invalid"), ("80100000", "80100000 the token is illegal")])
def test_invalid_token__is_dropped(world, pair, code, reason):
    sender, bob, token = pair
    fault = answer_with(world, code, token, 100)
    sender.send(bob, "to a dead phone")
    row = bob.delivery("huawei", "token_dead")
    assert (row["attempts"], row["status"], row["reason"]) == (1, 200, reason)
    wait_until(lambda: bob.stored_token("huawei") == "", "the token is dropped")
    assert world.stands.hits(fault) == 1
    world.stands.remove(fault)
    assert world.stands.records("huawei", token) == []


def test_a_whole_fleet_called_invalid__the_rest_is_kept(world, pair):
    sender, bob, token = pair
    sender.send(bob, "shows that the ids are right")
    bob.delivery("huawei", "delivered")
    people = world.people("fleet", PARALLEL)
    tokens = {person.name: person.huawei() for person in people}
    fault = world.stands.fault("huawei", {"status": 200, "reason": "80300007"})
    sender.send(sender.group("fleet", people), "to all")
    wait_until(lambda: all(person.deliveries("huawei") for person in people), "all tried")
    world.stands.remove(fault)
    states = [person.deliveries("huawei")[0]["state"] for person in people]
    assert sorted(states) == ["retry"] * (PARALLEL - INVALID_MAX) + ["token_dead"] * INVALID_MAX
    for person, state in zip(people, states):
        if state == "retry":
            assert person.stored_token("huawei") == tokens[person.name]


# ---- our own credential ----


def test_expired_access_token__renewed_without_costing_an_attempt(world, pair):
    sender, bob, token = pair
    sender.send(bob, "with the first one")
    world.arrived("huawei", token)
    bob.delivery("huawei", "delivered")
    before, refusals = world.stands.stats("huawei_oauth"), refused(world, "huawei", "80200003")
    world.stands.expire_credentials()
    answer = sender.send(bob, "with a new one")
    world.arrived("huawei", token, 2)
    wait_until(lambda: len(bob.deliveries("huawei")) == 2, "both recorded")
    last = bob.deliveries("huawei")[-1]
    assert (str(last["event"]), last["state"], last["attempts"]) == (answer["id"], "delivered", 1)
    assert refused(world, "huawei", "80200003") == refusals + 1
    assert world.stands.stats("huawei_oauth")["accepted"] == before["accepted"] + 1


def test_expired_code_with_200__under_many_pushes__is_fetched_once(world, pair):
    sender, bob, token = pair
    people = world.people("many", PARALLEL)
    for person in people:
        person.huawei()
    conv = sender.group("many", people)
    delivered = "SELECT count(*) FROM delivery WHERE event = %s AND state = 'delivered'"
    warm = sender.send(conv, "warm")
    wait_until(lambda: world.space.query(delivered, (warm["id"],))[0][0] == PARALLEL, "the warm-up")
    before = world.stands.stats("huawei_oauth")
    slow = world.stands.fault("huawei_oauth", {"delay_ms": 1500})
    expired = world.stands.fault("huawei", {"status": 200, "reason": "80200003"}, count=5)
    answer = sender.send(conv, "all at once")
    wait_until(lambda: world.space.query(delivered, (answer["id"],))[0][0] == PARALLEL, "all of them")
    world.stands.remove(slow)
    assert world.stands.hits(expired) == 5
    after = world.stands.stats("huawei_oauth")
    assert after["streams"] == before["streams"] + 1
    assert world.states(answer) == {("delivered", 1): PARALLEL}


def test_token_service_away__push_waits_and_costs_no_attempt(world, pair):
    sender, bob, token = pair
    away = world.stands.fault("huawei_oauth", {"status": 503}, count=2)
    world.stands.expire_credentials()
    sender.send(bob, "when there is a token")
    row = bob.delivery("huawei", "delivered")
    assert row["attempts"] == 1
    assert world.stands.hits(away) == 2
    world.arrived("huawei", token)
