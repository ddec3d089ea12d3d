# SPDX-License-Identifier: Apache-2.0
"""One mail about all that a person missed, judged by aiosmtpd and Python's email package."""
import contextlib
import email
import email.policy
import itertools

import pytest

import mail_relay
import push_world
from push_world import Socket
from surewire_env import wait_until

AWAY = "421 4.3.2 come back later"
SHORT_S = 4


def open_relay(deployment):
    keys = deployment.keys
    password = (keys / "smtp.password").read_text().strip()
    return mail_relay.MailRelay(keys / "tls" / "server.pem", keys / "tls" / "server.key", "surewire", password)


@pytest.fixture(scope="module")
def mailing(module_deployment):
    """(world, relay): the usual interval between mails."""
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(open_relay(module_deployment))
        world = push_world.World(module_deployment, {"push.email.port": relay.port}, sim=False)
        stack.callback(world.node.stop)
        yield world, relay


class Mail:
    """What the relay took, read by Python."""

    def __init__(self, taken):
        self.message = email.message_from_bytes(taken["content"], policy=email.policy.default)
        assert [part.defects for part in self.message.walk() if part.defects] == []
        self.text = self.message.get_body(("plain",)).get_content().replace("\r\n", "\n")
        self.html = self.message.get_body(("html",)).get_content()

    def groups(self):
        """Heading to the lines below it."""
        groups, heading = {}, None
        for line in self.text.split("\n\n", 1)[1].rstrip("\n").split("\n"):
            if line.startswith("  "):
                groups[heading].append(line.split("  ", 2)[2])
            elif line:
                heading = line
                groups[heading] = []
        return groups


def mails(relay, address, count):
    """The mails to an address, once there are so many; more are an error."""
    wait_until(lambda: len([t for t in relay.taken if t["to"] == [address]]) >= count, f"{count} mails to {address}", 60)
    taken = [t for t in relay.taken if t["to"] == [address]]
    assert len(taken) == count, [Mail(t).text for t in taken]
    return [Mail(t) for t in taken]


def states(person, state, count):
    """Deliveries to the address once there are so many of the state."""

    def look():
        rows = [row for row in person.deliveries("mail") if row["state"] == state]
        return rows if len(rows) >= count else None

    rows = wait_until(look, f"{count} deliveries {state} for {person.name}", 60)
    assert len(rows) == count, person.deliveries("mail")
    return rows


def interval_is_over(world, person):
    world.space.query(
        "UPDATE digest d SET told_at_ms = told_at_ms - 3600000 FROM account a WHERE a.user_id = d.user_id AND a.name = %s",
        (person.name,))


def cursors(world, person):
    return world.space.query(
        "SELECT active_cursor FROM device JOIN account USING (user_id) WHERE name = %s", (person.name,))


def held(world):
    return world.node.metric("surewire_push_jobs_total", provider="email", result="held", reason="digest")


def test_thirty_messages_while_the_relay_is_away__one_mail_with_all(mailing):
    world, relay = mailing
    ann, cem, bob = world.person("ann"), world.person("cem"), world.person("bob")
    lunch, work = ann.group("Lunch <&> ☕", [bob, cem]), cem.group("Work", [bob, ann])
    wait_until(lambda: len(bob.events()) == 2, "bob's inbox tells of both groups")
    address = bob.mail()
    bob.ack("mail", 2)
    wait_until(lambda: cursors(world, bob) == [(2,)], "it has seen them")
    relay.refusal = AWAY
    try:
        ann.send(bob, "text 0")
        states(bob, "retry", 1)
        for i, (sender, to) in zip(range(1, 30), itertools.cycle([(cem, lunch), (ann, work), (ann, bob)])):
            sender.send(to, f"text {i}")
    finally:
        relay.refusal = None
    [mail] = mails(relay, address, 1)
    assert mail.message["subject"] == "30 messages in 3 conversations"
    assert mail.message["auto-submitted"] == "auto-generated"
    assert mail.message["in-reply-to"] == mail.message["references"] == "<thread.digest@surewire.invalid>"
    assert mail.groups() == {
        ann.name: [f"{ann.name}: text {i}" for i in (0, *range(3, 30, 3))],
        "Lunch <&> ☕": [f"{cem.name}: text {i}" for i in range(1, 30, 3)],
        "Work": [f"{ann.name}: text {i}" for i in range(2, 30, 3)],
    }
    assert "<h3>Lunch &lt;&amp;&gt; ☕</h3>" in mail.html
    assert all(f"</strong>: text {i}</li>" in mail.html for i in range(30))
    assert len(states(bob, "delivered", 1)) == 1
    assert {row["reason"] for row in states(bob, "dropped", 29)} == {"in_digest"}
    assert [a["outcome"] for a in bob.attempts("mail")][-1] == "delivered"
    assert bob.dead_letters() == []
    mails(relay, address, 1)


def test_next_mail__only_after_the_interval_and_with_the_newer_ones_only(mailing):
    world, relay = mailing
    ann, bob = world.person("ann"), world.person("bob")
    address = bob.mail()
    first = ann.send(bob, "first")
    [alone] = mails(relay, address, 1)
    assert (alone.message["subject"], alone.text.strip()) == (ann.name, "first")
    assert alone.message["in-reply-to"] == f"<thread.{first['conv']}@surewire.invalid>"
    states(bob, "delivered", 1)
    before = held(world)
    ann.send(bob, "second")
    ann.send(bob, "third")
    wait_until(lambda: held(world) >= before + 2, "two jobs are put off")
    mails(relay, address, 1)
    interval_is_over(world, bob)
    ann.send(bob, "fourth")
    _, mail = mails(relay, address, 2)
    assert mail.groups() == {ann.name: [f"{ann.name}: {text}" for text in ("second", "third", "fourth")]}
    assert mail.message["subject"] == f"{ann.name}: 3 messages"
    assert mail.message["in-reply-to"] == alone.message["in-reply-to"]  # of the one conversation
    assert mail.message["message-id"] != alone.message["message-id"]
    assert [row["attempts"] for row in states(bob, "delivered", 2)] == [1, 1]


def test_read_meanwhile__not_in_it(mailing):
    world, relay = mailing
    ann, bob = world.person("ann"), world.person("bob")
    address = bob.mail()
    ann.send(bob, "first")
    mails(relay, address, 1)
    states(bob, "delivered", 1)
    before = held(world)
    ann.send(bob, "read on the laptop")
    wait_until(lambda: held(world) > before, "it is put off")
    with Socket(bob, "laptop") as laptop:
        wait_until(lambda: len(laptop.events) == 2, "the laptop has it")
        wait_until(lambda: (2,) in cursors(world, bob), "it is read")
    interval_is_over(world, bob)
    ann.send(bob, "not read")
    _, mail = mails(relay, address, 2)
    assert mail.text.strip() == "not read"


def test_more_than_a_mail_lists__the_rest_is_counted(mailing):
    world, relay = mailing
    ann, bob = world.person("ann"), world.person("bob")
    for i in range(60):  # before there is an address: they wait in the inbox
        ann.send(bob, f"text {i}")
    address = bob.mail()
    ann.send(bob, "text 60")
    [mail] = mails(relay, address, 1)
    assert mail.message["subject"] == "61 messages"
    assert mail.text.count(f"{ann.name}: text ") == 50
    assert "\n… and 11 more\n" in mail.text
    assert "<p>… and 11 more</p>" in mail.html


def test_pusher_dies_between_the_relays_word_and_the_record__the_same_mail_again(mailing):
    """The relay is slow to answer the final dot; the process is killed when it has the mail."""
    world, relay = mailing
    ann, bob = world.person("ann"), world.person("bob")
    address = bob.mail()
    relay.refusal = AWAY
    ann.send(bob, "first")
    states(bob, "retry", 1)
    ann.send(bob, "second")
    with relay.silent():
        relay.refusal = None
        wait_until(lambda: [t for t in relay.taken if t["to"] == [address]], "the relay has it", 60)
        world.node.kill()
    world.node.restart()
    ann.send(bob, "third")  # is not put into the one that is out already
    first, again = mails(relay, address, 2)
    assert first.message["message-id"] == again.message["message-id"]
    assert first.groups() == again.groups() == {ann.name: [f"{ann.name}: first", f"{ann.name}: second"]}
    states(bob, "delivered", 1)
    interval_is_over(world, bob)
    ann.send(bob, "fourth")
    *_, last = mails(relay, address, 3)
    assert last.groups() == {ann.name: [f"{ann.name}: third", f"{ann.name}: fourth"]}


@pytest.fixture(scope="module")
def hasty(module_deployment):
    """(world, relay) with a short interval, and two processes that send."""
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(open_relay(module_deployment))
        config = {"push.email.port": relay.port, "push.email.digest_interval": f"{SHORT_S}s"}
        world = push_world.World(module_deployment, config, sim=False)
        stack.callback(world.node.stop)
        other = module_deployment.node("pusher", config)
        stack.callback(other.stop)
        yield world, relay


def test_two_pushers__what_was_put_off_comes_by_itself_and_everything_once(mailing, hasty):
    mailing[0].node.stop()
    world, relay = hasty
    ann, people = world.person("ann"), world.people("many", 8)
    addresses = [person.mail() for person in people]
    group = ann.group("All", people)
    texts = [f"text {i}" for i in range(12)]
    for text in texts:
        ann.send(group, text)
    last = max(person.events()[-1]["pos"] for person in people)
    wait_until(lambda: world.space.query(
        "SELECT count(*) FROM digest d JOIN account a USING (user_id) WHERE a.name = ANY(%s) AND told_pos = %s",
        ([person.name for person in people], last)) == [(len(people),)], "everybody was told everything", 60)
    for person, address in zip(people, addresses):
        taken = [Mail(t) for t in relay.taken if t["to"] == [address]]
        told = [text for text in texts for mail in taken if f"{text}\n" in mail.text]
        assert told == texts, [mail.text for mail in taken]
        wait_until(lambda: not [row for row in person.deliveries("mail") if row["state"] == "retry"], "every job has an end", 60)
        assert len(person.deliveries("mail")) == len(texts) + 1
        assert {row["state"] for row in person.deliveries("mail")} == {"delivered", "dropped"}
    times = world.space.query(
        "SELECT l.user_id, a.at_ms FROM attempt a JOIN delivery l USING (job) JOIN account USING (user_id)"
        " WHERE name = ANY(%s) AND a.outcome = 'delivered' ORDER BY 1, 2", ([person.name for person in people],))
    gaps = [b[1] - a[1] for a, b in zip(times, times[1:]) if a[0] == b[0]]
    assert gaps and min(gaps) >= SHORT_S * 1000
