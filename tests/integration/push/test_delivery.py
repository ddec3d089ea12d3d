# SPDX-License-Identifier: Apache-2.0
"""One message, one notification: to whom, once, and with what in it."""
import email
import email.policy

from push_world import TOPIC, Socket
from surewire_env import wait_until


def assert_data(values, answer, event):
    """What an app needs to fetch what it is missing."""
    assert values["message"] == answer["id"]
    assert values["conversation"] == answer["conv"]
    assert values["seq"] == answer["seq"] == "1"
    assert values["pos"] == event["pos"] == "1"


def assert_recorded(person, device, provider, answer, status):
    row = person.delivery(device, "delivered")
    assert row["provider"] == provider
    assert str(row["event"]) == answer["id"]
    assert (row["attempts"], row["status"], row["pos"]) == (1, status, 1)
    attempts = person.attempts(device)
    assert [(a["number"], a["outcome"], a["status"]) for a in attempts] == [(1, "delivered", status)]
    assert attempts[0]["duration_ms"] >= 0
    return row


def test_iphone__offline__one_push_with_all_that_is_in_it(world):
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.iphone()
    alert = {"title": "News", "body": "hello “bob” – naïve ☎"}
    answer = sender.send(bob, "the text of the message", alert=alert)
    [record] = world.arrived("apns", token)
    payload = record["payload"]
    row = assert_recorded(bob, "iphone", "apns", answer, 200)
    assert payload["aps"]["alert"] == alert
    assert payload["aps"]["badge"] == 1
    assert payload["aps"]["thread-id"] == answer["conv"]
    assert_data(payload, answer, bob.events()[0])
    assert record["id"].lower() == row["job"]
    assert record["collapse_id"] == answer["id"]
    assert record["topic"] == TOPIC
    assert record["headers"]["apns-push-type"] == "alert"
    assert record["headers"]["apns-priority"] == "10"
    assert record["repeats"] == 0


def test_alert__not_given__title_is_the_sender_and_body_the_text(world):
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.iphone()
    sender.send(bob, "just text")
    [record] = world.arrived("apns", token)
    assert record["payload"]["aps"]["alert"] == {"title": sender.name, "body": "just text"}


def test_android__offline__one_push_with_all_that_is_in_it(world):
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.android()
    answer = sender.send(bob, "hello android")
    [record] = world.arrived("fcm", token)
    message = record["payload"]["message"]
    assert_recorded(bob, "android", "fcm", answer, 200)
    assert message["token"] == token
    assert message["notification"] == {"title": sender.name, "body": "hello android"}
    assert_data(message["data"], answer, bob.events()[0])
    assert message["android"]["priority"] == "HIGH"
    assert message["android"]["collapse_key"] == answer["id"]
    assert message["android"]["notification"]["tag"] == answer["id"]
    assert message["android"]["notification"]["notification_count"] == 1
    assert record["repeats"] == 0


def test_mail_only__offline__one_mail_with_all_that_is_in_it(world):
    sender, bob = world.person("sender"), world.person("bob")
    address = bob.mail()
    answer = sender.send(bob, "hello <b>mail</b> & more")
    [record] = world.arrived("smtp", address)
    row = assert_recorded(bob, "mail", "email", answer, 250)
    mail = email.message_from_string(record["payload"], policy=email.policy.default)
    assert mail["subject"] == sender.name
    assert mail["message-id"] == record["id"] == f"<{row['job'].replace('-', '')}@surewire.invalid>"
    assert answer["conv"] in mail["in-reply-to"]
    assert mail.get_body(("plain",)).get_content().strip() == "hello <b>mail</b> & more"
    assert "hello &lt;b&gt;mail&lt;/b&gt; &amp; more" in mail.get_body(("html",)).get_content()


def test_several_devices__each_gets_one_and_the_mail_none(world):
    sender, bob = world.person("sender"), world.person("bob")
    tokens = [bob.iphone("phone"), bob.iphone("pad")]
    robot, address = bob.android(), bob.mail()
    sender.send(bob, "to all of them")
    ids = {world.arrived("apns", token)[0]["id"] for token in tokens}
    world.arrived("fcm", robot)
    assert len(ids) == 2
    for device in ("phone", "pad", "android"):
        bob.delivery(device, "delivered")
    assert {row["device"] for row in bob.deliveries()} == {"phone", "pad", "android"}
    assert world.stands.records("smtp", address) == []


def test_three_messages__three_pushes__each_with_the_count_of_when_it_was_sent(world):
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.iphone()
    answers = [sender.send(bob, f"message {i}") for i in range(3)]
    records = world.arrived("apns", token, 3)
    by_event = {r["payload"]["message"]: r["payload"]["aps"] for r in records}
    # None counts less than there was when it was sent.
    assert all(i + 1 <= by_event[a["id"]]["badge"] <= 3 for i, a in enumerate(answers))
    assert max(aps["badge"] for aps in by_event.values()) == 3
    assert [by_event[a["id"]]["alert"]["body"] for a in answers] == ["message 0", "message 1", "message 2"]
    assert len({r["collapse_id"] for r in records}) == 3


def test_online_and_acking__no_push__but_one_who_does_not_ack_gets_it(world):
    sender, acking, mute = world.person("sender"), world.person("acking"), world.person("mute")
    quiet, loud = acking.iphone("phone"), mute.iphone("phone")
    with Socket(acking, "phone") as first, Socket(mute, "phone", acks=False) as second:
        conv = sender.group("the two", [acking, mute])
        answer = sender.send(conv, "are you there?")
        wait_until(lambda: answer["id"] in {e["id"] for e in first.events}, "the event on the acking socket")
        wait_until(lambda: answer["id"] in {e["id"] for e in second.events}, "the event on the mute socket")
        # The check that finds the mute one's message unacked looks at the acking one's at the same time.
        wait_until(
            lambda: answer["id"] in {r["payload"]["message"] for r in world.stands.records("apns", loud)},
            "the push to the one who does not ack",
        )
        after = sender.send(conv, "and now?")
        wait_until(
            lambda: after["id"] in {r["payload"]["message"] for r in world.stands.records("apns", loud)},
            "the second push to the one who does not ack",
        )
    assert world.stands.records("apns", quiet) == []
    assert acking.deliveries() == []


def test_sender__has_a_phone__gets_no_push_of_its_own_message(world):
    sender, bob = world.person("sender"), world.person("bob")
    own, token = sender.iphone(), bob.iphone()
    sender.send(bob, "mine")
    world.arrived("apns", token)
    back = bob.send(sender, "yours")
    [record] = world.arrived("apns", own)
    assert record["payload"]["message"] == back["id"]
    assert [str(row["event"]) for row in sender.deliveries()] == [back["id"]]


def test_group__every_member_but_the_sender_gets_one(world):
    sender = world.person("sender")
    people = world.people("member", 40)
    tokens = [person.iphone() for person in people]
    own = sender.iphone()
    conv = sender.group("all of us", people)
    answer = sender.send(conv, "hello all")
    for person, token in zip(people, tokens):
        wait_until(lambda: any(r["payload"]["message"] == answer["id"] for r in world.stands.records("apns", token)),
                   f"the push to {person.name}")
        mine = [r for r in world.stands.records("apns", token) if r["payload"]["message"] == answer["id"]]
        assert len(mine) == 1
        assert mine[0]["payload"]["aps"]["alert"]["title"] == sender.name
    assert all(r["payload"]["message"] != answer["id"] for r in world.stands.records("apns", own))


def test_all_that_was_sent__each_delivery_has_one_record_and_one_attempt(world):
    """Over everything that this file has sent before, for a second copy may come late."""
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.iphone()
    sender.send(bob, "the last one")
    world.arrived("apns", token)
    bob.delivery("iphone", "delivered")
    rows = "SELECT l.job::text, count(a.job) FROM delivery l LEFT JOIN attempt a USING (job) GROUP BY 1"
    jobs = dict(world.space.query(rows))
    assert set(jobs.values()) == {1}
    records = [r for provider in ("apns", "fcm", "smtp") for r in world.stands.records(provider)]
    assert len(records) == len(jobs)
    assert {r["repeats"] for r in records} == {0}
