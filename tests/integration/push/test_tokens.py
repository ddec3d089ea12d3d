# SPDX-License-Identifier: Apache-2.0
"""Tokens of devices that die, and our own credentials that expire."""
import time

import pytest

from surewire_env import wait_until

PARALLEL = 50
HOUR_MS = 3600 * 1000


@pytest.fixture
def sender(world):
    return world.person("sender")


def now_ms():
    return int(time.time() * 1000)


def assert_next_one_is_not_sent(world, sender, person, device, provider, token):
    """Another person's push, sent after, shows that the one to this person would have come by now."""
    count = len(world.stands.records(provider, token))
    answer = sender.send(person, "the next one")
    other = world.person("other")
    control = other.iphone()
    sender.send(other, "after it")
    world.arrived("apns", control)
    other.delivery("iphone", "delivered")
    assert answer["id"] in {e["id"] for e in person.events()}  # it waits in the inbox
    assert len(person.deliveries(device)) == 1
    assert len(world.stands.records(provider, token)) == count


def test_410__token_dead_since_after_the_registration__is_dropped(world, sender):
    bob = world.person("bob")
    token = bob.iphone()
    fault = world.stands.fault("apns", {"token_dead_ms": now_ms() + 1}, token)
    sender.send(bob, "to a dead phone")
    row = bob.delivery("iphone", "token_dead")
    assert (row["attempts"], row["status"], row["reason"]) == (1, 410, "Unregistered")
    assert [(a["outcome"], a["status"]) for a in bob.attempts("iphone")] == [("token_dead", 410)]
    wait_until(lambda: bob.stored_token("iphone") == "", "the token is dropped")
    assert_next_one_is_not_sent(world, sender, bob, "iphone", "apns", token)
    assert world.stands.hits(fault) == 1


def test_410__token_registered_again_since__is_kept_and_tried_again(world, sender):
    bob = world.person("bob")
    token = bob.iphone()
    fault = world.stands.fault("apns", {"token_dead_ms": now_ms() - HOUR_MS}, token, count=1)
    sender.send(bob, "to a phone come back")
    row = bob.delivery("iphone", "delivered")
    assert row["attempts"] == 2
    assert [(a["outcome"], a["status"]) for a in bob.attempts("iphone")] == [("token_dead", 410), ("delivered", 200)]
    assert world.stands.hits(fault) == 1
    world.arrived("apns", token)
    assert bob.stored_token("iphone") == token


def test_dropped_token__registered_again__gets_pushes_again(world, sender):
    bob = world.person("bob")
    token = bob.iphone()
    world.stands.fault("apns", {"token_dead_ms": now_ms() + 1}, token, count=1)
    sender.send(bob, "lost on the phone")
    bob.delivery("iphone", "token_dead")
    wait_until(lambda: bob.stored_token("iphone") == "", "the token is dropped")
    bob.device("iphone", "apns", token)
    answer = sender.send(bob, "there again")
    [record] = world.arrived("apns", token)
    assert record["payload"]["message"] == answer["id"]
    assert bob.stored_token("iphone") == token


def test_bad_device_token__is_dropped(world, sender):
    bob = world.person("bob")
    token = bob.iphone()
    world.stands.fault("apns", {"status": 400, "reason": "BadDeviceToken"}, token, count=1)
    sender.send(bob, "to a wrong token")
    row = bob.delivery("iphone", "token_dead")
    assert (row["status"], row["reason"]) == (400, "BadDeviceToken")
    wait_until(lambda: bob.stored_token("iphone") == "", "the token is dropped")
    assert_next_one_is_not_sent(world, sender, bob, "iphone", "apns", token)


def test_one_of_two_phones_dead__the_other_goes_on(world, sender):
    bob = world.person("bob")
    gone, good = bob.iphone("gone"), bob.iphone("good")
    address = bob.mail()
    world.stands.fault("apns", {"token_dead_ms": now_ms() + 1}, gone)
    sender.send(bob, "to the one that lives")
    world.arrived("apns", good)
    bob.delivery("gone", "token_dead")
    wait_until(lambda: bob.stored_token("gone") == "", "the token is dropped")
    sender.send(bob, "and again")
    world.arrived("apns", good, 2)
    wait_until(lambda: len(bob.deliveries("good")) == 2, "both recorded")
    assert len(bob.deliveries("gone")) == 1
    assert world.stands.records("smtp", address) == []  # there is a live device


def test_fcm_unregistered__is_dropped(world, sender):
    bob = world.person("bob")
    token = bob.android()
    fault = world.stands.fault("fcm", {"token_dead_ms": now_ms()}, token)
    sender.send(bob, "to a dead android")
    row = bob.delivery("android", "token_dead")
    assert (row["attempts"], row["status"]) == (1, 404)
    assert "UNREGISTERED" in row["reason"]
    wait_until(lambda: bob.stored_token("android") == "", "the token is dropped")
    assert_next_one_is_not_sent(world, sender, bob, "android", "fcm", token)
    assert world.stands.hits(fault) == 1


# ---- our own credentials ----


def refused(world, provider, reason):
    return world.stands.stats(provider)["refused"].get(reason, 0)


def test_expired_credentials__renewed_and_sent_without_costing_an_attempt(world, sender):
    bob = world.person("bob")
    iphone, android = bob.iphone(), bob.android()
    sender.send(bob, "with the first ones")
    world.arrived("apns", iphone)
    world.arrived("fcm", android)
    before = {p: world.stands.stats(p) for p in ("apns", "fcm", "oauth")}
    world.stands.expire_credentials()
    answer = sender.send(bob, "with new ones")
    for provider, token in (("apns", iphone), ("fcm", android)):
        assert len(world.arrived(provider, token, 2)) == 2
    for device in ("iphone", "android"):
        wait_until(lambda: len(bob.deliveries(device)) == 2, "both recorded")
        last = bob.deliveries(device)[-1]
        assert (str(last["event"]), last["state"], last["attempts"]) == (answer["id"], "delivered", 1)
        assert [(a["number"], a["outcome"]) for a in bob.attempts(device)] == [(1, "delivered"), (1, "delivered")]
    after = {p: world.stands.stats(p) for p in ("apns", "fcm", "oauth")}
    assert sum(after["apns"]["refused"].values()) == sum(before["apns"]["refused"].values()) + 1
    assert after["apns"]["refused"]["ExpiredProviderToken"] == 1
    assert sum(after["fcm"]["refused"].values()) == sum(before["fcm"]["refused"].values()) + 1
    assert after["oauth"]["accepted"] == before["oauth"]["accepted"] + 1


def test_expired_access_token__under_many_pushes__is_fetched_once(world, sender):
    people = world.people("android", PARALLEL)
    tokens = [person.android() for person in people]
    conv = sender.group("androids", people)
    warm = sender.send(conv, "warm")
    delivered = "SELECT count(*) FROM delivery WHERE event = %s AND state = 'delivered'"
    wait_until(lambda: world.space.query(delivered, (warm["id"],))[0][0] == PARALLEL, "the warm-up")
    before = world.stands.stats("oauth")
    refusals = sum(world.stands.stats("fcm")["refused"].values())
    slow = world.stands.fault("oauth", {"delay_ms": 1500})
    world.stands.expire_credentials()
    answer = sender.send(conv, "all at once")
    wait_until(lambda: world.space.query(delivered, (answer["id"],))[0][0] == PARALLEL, "all of them")
    world.stands.remove(slow)
    after = world.stands.stats("oauth")
    assert sum(world.stands.stats("fcm")["refused"].values()) > refusals + 1  # several were refused at a time
    assert after["accepted"] == before["accepted"] + 1
    assert after["streams"] == before["streams"] + 1
    attempts = world.space.query(
        "SELECT a.number, a.outcome, count(*) FROM attempt a JOIN delivery USING (job) WHERE event = %s GROUP BY 1, 2",
        (answer["id"],))
    assert attempts == [(1, "delivered", PARALLEL)]
    for token in tokens:
        messages = [r["payload"]["message"]["data"]["message"] for r in world.stands.records("fcm", token)]
        assert messages.count(answer["id"]) == 1


def test_phone_changes_hands__the_first_owner_is_not_shown_there(world, sender):
    alice, bob = world.person("alice"), world.person("bob")
    token = alice.iphone("old-phone")
    time.sleep(0.01)  # registered later, by the clock too
    bob.device("his-phone", "apns", token, platform="ios")
    sender.send(alice, "for her eyes only")
    row = alice.delivery("old-phone", "token_dead")
    assert (row["attempts"], row["reason"]) == (0, "another device reports it now")
    wait_until(lambda: alice.stored_token("old-phone") == "", "the token is dropped")
    sender.send(bob, "for him")
    bob.delivery("his-phone", "delivered")
    (record,) = world.arrived("apns", token)
    assert record["payload"]["aps"]["alert"]["body"] == "for him"
    assert bob.stored_token("his-phone") == token


def test_app_installed_again__one_push_for_one_phone(world, sender):
    bob = world.person("bob")
    token = bob.iphone("first-install")
    time.sleep(0.01)
    bob.device("second-install", "apns", token, platform="ios")
    sender.send(bob, "once")
    bob.delivery("second-install", "delivered")
    bob.delivery("first-install", "token_dead")
    world.arrived("apns", token)


def test_mail_address_of_two_people__both_are_told(world, sender):
    people = world.people("family", 2)
    for person in people:
        person.device("mail", "email", "family@surewire.invalid", platform="email", app="")
    for person in people:
        sender.send(person, "shared")
        person.delivery("mail", "delivered")
    assert [person.stored_token("mail") for person in people] == ["family@surewire.invalid"] * 2
