# SPDX-License-Identifier: Apache-2.0
"""When a push does not get through: e-mail, dead letters, mails that are refused, and what was read meanwhile."""
import time

import pytest

from push_world import Socket, call
from surewire_env import wait_until

CONFIG = {"pusher.attempts_max": "2", "push.email.digest_interval": "0"}  # a mail for every message


@pytest.fixture
def sender(world):
    return world.person("sender")


@pytest.fixture(scope="module", autouse=True)
def greylisted(world):
    """A mail that meets 451 at the start of the file: it is repeated after a minute at the earliest."""
    sender, bob = world.person("sender"), world.person("greylisted")
    address = bob.mail()
    world.stands.fault("smtp", {"smtp_code": 451, "smtp_enhanced": "4.7.1"}, address, count=1)
    answer = sender.send(bob, "later, please")
    bob.delivery("mail", "retry")
    return bob, address, answer


def assert_mailed(world, person, address, answer):
    """One mail about this message, and a record of it."""
    [record] = world.arrived("smtp", address)
    row = person.delivery("mail", "delivered")
    assert str(row["event"]) == answer["id"]
    assert record["id"] == f"<{row['job'].replace('-', '')}@surewire.invalid>"


def dead_letter(person):
    """The one dead letter of the person."""
    letters = wait_until(person.dead_letters, f"a dead letter of {person.name}")
    assert len(letters) == 1, letters
    return letters[0]


def admin(world, path):
    status, answer = call("GET", world.node.admin_url + path, bearer=world.deployment.admin_token)
    assert status == 200, (status, answer)
    return answer


# ---- from push to mail ----


def test_only_phone_dead__mail_instead(world, sender):
    bob = world.person("bob")
    token, address = bob.iphone(), bob.mail()
    world.stands.fault("apns", {"token_dead_ms": int(time.time() * 1000) + 1}, token)
    answer = sender.send(bob, "phone is gone")
    bob.delivery("iphone", "token_dead")
    assert_mailed(world, bob, address, answer)
    assert bob.dead_letters() == []


def test_only_phone_dead__several_messages_in_flight__each_becomes_a_mail(world, sender):
    bob = world.person("bob")
    token, address = bob.iphone(), bob.mail()
    world.stands.fault("apns", {"token_dead_ms": int(time.time() * 1000) + 1, "delay_ms": 1500}, token)
    answers = [sender.send(bob, f"phone is gone, {i}") for i in range(4)]
    records = world.arrived("smtp", address, len(answers))
    assert len({r["id"] for r in records}) == len(answers)
    wait_until(lambda: [d["state"] for d in bob.deliveries("mail")] == ["delivered"] * len(answers), "all recorded")
    assert {str(d["event"]) for d in bob.deliveries("mail")} == {a["id"] for a in answers}
    assert {d["state"] for d in bob.deliveries("iphone")} == {"token_dead"}  # all were in flight at once


def test_both_devices_dead__one_mail(world, sender):
    bob = world.person("bob")
    iphone, android, address = bob.iphone(), bob.android(), bob.mail()
    world.stands.fault("apns", {"token_dead_ms": int(time.time() * 1000) + 1}, iphone)
    world.stands.fault("fcm", {"token_dead_ms": 0}, android)
    answer = sender.send(bob, "both are gone")
    bob.delivery("iphone", "token_dead")
    bob.delivery("android", "token_dead")
    assert_mailed(world, bob, address, answer)


def test_attempts_spent__mail_and_dead_letter_with_its_reason(world, sender):
    bob = world.person("bob")
    token, address = bob.iphone(), bob.mail()
    fault = world.stands.fault("apns", {"status": 503}, token)
    answer = sender.send(bob, "twice in vain")
    row = bob.delivery("iphone", "dead")
    assert (row["attempts"], row["status"]) == (2, 503)
    attempts = [(a["number"], a["outcome"], a["status"]) for a in bob.attempts("iphone")]
    assert attempts == [(1, "retry", 503), (2, "retry", 503)]
    assert_mailed(world, bob, address, answer)
    letter = dead_letter(bob)
    assert letter["job"] == row["job"]
    assert (str(letter["event"]), letter["device"], letter["provider"]) == (answer["id"], "iphone", "apns")
    assert letter["status"] == 503
    assert letter["reason"] == row["reason"] == "attempts spent: ServiceUnavailable"
    assert world.stands.hits(fault) == 2
    assert bob.stored_token("iphone") == token  # it may be good tomorrow
    listed = [d for d in admin(world, "/v1/admin/dead?limit=100")["dead"] if d["job"] == row["job"]]
    assert [d["reason"] for d in listed] == [letter["reason"]]


def test_attempts_spent__nothing_else_registered__dead_letter_alone(world, sender):
    bob = world.person("bob")
    token = bob.android()
    world.stands.fault("fcm", {"status": 500, "retry_after": 1}, token)
    answer = sender.send(bob, "twice in vain")
    bob.delivery("android", "dead")
    letter = dead_letter(bob)
    assert (str(letter["event"]), letter["provider"], letter["status"]) == (answer["id"], "fcm", 500)
    assert letter["reason"].startswith("attempts spent: ")
    assert [e["id"] for e in bob.events()] == [answer["id"]]  # the message itself is not lost
    assert len(bob.deliveries()) == 1


def test_rejected_for_good__dead_letter_at_once_and_mail(world, sender):
    bob = world.person("bob")
    token, address = bob.iphone(), bob.mail()
    fault = world.stands.fault("apns", {"status": 413, "reason": "PayloadTooLarge"}, token)
    answer = sender.send(bob, "not like this")
    row = bob.delivery("iphone", "rejected")
    assert (row["attempts"], row["status"], row["reason"]) == (1, 413, "PayloadTooLarge")
    letter = dead_letter(bob)
    assert (letter["job"], letter["status"], letter["reason"]) == (row["job"], 413, "PayloadTooLarge")
    assert_mailed(world, bob, address, answer)
    assert world.stands.hits(fault) == 1
    assert bob.stored_token("iphone") == token


# ---- mails that do not get through ----


def test_550_no_such_address__is_not_retried_and_dropped(world, sender):
    bob = world.person("bob")
    address = bob.mail()
    fault = world.stands.fault("smtp", {"smtp_code": 550, "smtp_enhanced": "5.1.1"}, address)
    sender.send(bob, "nobody there")
    row = bob.delivery("mail", "token_dead")
    assert (row["attempts"], row["status"]) == (1, 550)
    assert [(a["outcome"], a["status"]) for a in bob.attempts("mail")] == [("token_dead", 550)]
    wait_until(lambda: bob.stored_token("mail") == "", "the address is dropped")
    sender.send(bob, "still nobody there")
    other = world.person("other")
    control = other.mail()
    sender.send(other, "after it")
    world.arrived("smtp", control)
    assert world.stands.hits(fault) == 1
    assert len(bob.deliveries()) == 1
    assert world.stands.records("smtp", address) == []


def test_554_policy__dead_letter_and_the_address_is_kept(world, sender):
    bob = world.person("bob")
    address = bob.mail()
    world.stands.fault("smtp", {"smtp_code": 554, "smtp_enhanced": "5.7.1", "smtp_stage": "dot"}, address)
    sender.send(bob, "looks like spam")
    row = bob.delivery("mail", "rejected")
    assert (row["attempts"], row["status"]) == (1, 554)
    letter = dead_letter(bob)
    assert (letter["provider"], letter["status"]) == ("email", 554)
    assert bob.stored_token("mail") == address


def test_cut_after_the_final_dot__repeated_with_the_same_message_id(world, sender):
    bob = world.person("bob")
    address = bob.mail()
    world.stands.fault("smtp", {"cut_after_dot": True}, address, count=1)
    sender.send(bob, "taken, but not said")
    row = bob.delivery("mail", "delivered")
    attempts = [(a["number"], a["outcome"], a["status"]) for a in bob.attempts("mail")]
    assert attempts == [(1, "unknown", 0), (2, "delivered", 250)]
    first, second = world.arrived("smtp", address, 2)
    assert first["id"] == second["id"] == f"<{row['job'].replace('-', '')}@surewire.invalid>"
    assert (first["repeats"], second["repeats"]) == (0, 1)


# ---- read meanwhile ----


def put_off(world, sender, bob):
    """A message whose first attempt met 503 and whose second is three seconds away."""
    token = bob.iphone()
    fault = world.stands.fault("apns", {"status": 503, "retry_after": 3}, token, count=1)
    answer = sender.send(bob, "read before it rings")
    bob.delivery("iphone", "retry")
    return token, fault, answer


def assert_given_up(world, bob, token, fault, reason):
    row = bob.delivery("iphone", "dropped")
    assert (row["reason"], row["attempts"]) == (reason, 1)
    assert [(a["outcome"], a["status"]) for a in bob.attempts("iphone")] == [("retry", 503)]
    assert world.stands.hits(fault) == 1
    assert world.stands.records("apns", token) == []
    assert bob.deliveries("mail") == []
    assert bob.dead_letters() == []


def test_acked_between_attempts__is_not_sent_and_the_reason_recorded(world, sender):
    bob = world.person("bob")
    bob.mail()
    token, fault, _ = put_off(world, sender, bob)
    bob.ack("iphone", bob.events()[-1]["pos"])
    assert_given_up(world, bob, token, fault, "acked")


def test_read_on_another_device_between_attempts__is_not_sent_and_the_reason_recorded(world, sender):
    bob = world.person("bob")
    bob.mail()
    token, fault, answer = put_off(world, sender, bob)
    with Socket(bob, "laptop") as laptop:
        wait_until(lambda: answer["id"] in {e["id"] for e in laptop.events}, "the event on the laptop")
        assert_given_up(world, bob, token, fault, "read_elsewhere")


def test_not_acked_between_attempts__is_sent(world, sender):
    bob = world.person("bob")
    token, _, answer = put_off(world, sender, bob)
    [record] = world.arrived("apns", token)
    assert record["payload"]["message"] == answer["id"]


def test_token_replaced_between_attempts__the_old_one_gets_nothing(world, sender):
    bob = world.person("bob")
    token, _, _ = put_off(world, sender, bob)
    bob.iphone()
    row = bob.delivery("iphone", "dropped")
    assert row["reason"] == "token_replaced"
    assert world.stands.records("apns", token) == []


# ---- the mail of the beginning ----


def test_451__retried_after_a_minute_and_delivered(world, greylisted):
    bob, address, answer = greylisted
    row = bob.delivery("mail", "delivered", timeout_s=100)
    assert row["attempts"] == 2
    first, second = bob.attempts("mail")
    assert (first["number"], first["outcome"], first["status"]) == (1, "retry", 451)
    assert (second["number"], second["outcome"], second["status"]) == (2, "delivered", 250)
    assert second["at_ms"] - first["at_ms"] >= 60000
    assert_mailed(world, bob, address, answer)
