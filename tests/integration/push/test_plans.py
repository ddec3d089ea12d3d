# SPDX-License-Identifier: Apache-2.0
"""Plans of several steps for messages: a phone, then another provider, then mail, then a webhook; what ends them, whose they
are, and that a kill -9 of the mailbox between two steps neither loses a step nor takes one twice."""
import concurrent.futures
import json
import random
import secrets
import threading
import time

import pytest

import push_world
from surewire_env import wait_until

WAIT_S = 4
LATE_S = 6  # what a busy machine may add to a step's time
CROWD = 20
BURST = 230  # more than two looks take
NODE = {
    "mailbox.plan": "usual",
    "plan.usual.step_1": '{"push":"all"}',
    "plan.patient.step_1": '{"push":"apns"}',
    "plan.patient.step_2": f'{{"after_s":{WAIT_S},"push":"fcm"}}',
    "plan.patient.step_3": f'{{"after_s":{WAIT_S},"push":"email"}}',
    "plan.patient.step_4": f'{{"after_s":{WAIT_S},"push":"webhook"}}',
    "plan.pair.step_1": '{"push":"apns"}',
    "plan.pair.step_2": f'{{"after_s":{WAIT_S},"push":"fcm"}}',
    "plan.slow.step_1": '{"push":"apns"}',
    "plan.slow.step_2": '{"after_s":3600,"push":"fcm"}',
    "plan.slow.step_3": '{"after_s":3600,"push":"email"}',
    "plan.slow.step_4": '{"after_s":3600,"push":"webhook"}',
    "push.email.digest_interval": "0",
    "writer.lease": "1s",
}


@pytest.fixture(scope="module")
def world(module_deployment):
    """The mailbox is a process of its own, to be killed."""
    world = push_world.World(module_deployment, {**NODE, "node.roles": "gateway,sequencer,pusher,admin"})
    world.mailbox = module_deployment.node("mailbox", NODE)
    return world


@pytest.fixture
def sender(world):
    return world.person("sender")


class Reachable:
    """A person with a device for each step of the plans."""

    DEVICES = ("iphone", "android", "mail", "hook")

    def __init__(self, world, person):
        self.person = person
        self.iphone, self.android, self.mail = person.iphone(), person.android(), person.mail()
        self.hook = secrets.token_urlsafe(12)
        url = f"https://localhost:{world.deployment.sim_ports['webhook']}/hook/{self.hook}"
        person.device("hook", "webhook", url, platform="server")

    def counts(self, world):
        """How many pushes were shown, step by step: what takes them back again does not count."""
        found = [world.stands.records(provider, token) for provider, token in
                 (("apns", self.iphone), ("fcm", self.android), ("smtp", self.mail), ("webhook", self.hook))]
        return [len([r for r in records if '"clear"' not in json.dumps(r["payload"])]) for records in found]


def choose(person, plan, conv=None):
    path = f"/v1/conversations/{conv}/preferences" if conv else "/v1/preferences"
    status, answer = person.call("PUT", path, {"plan": plan})
    assert status == 204, (status, answer)


def rows(world, person):
    """The next step, from 0, of each message whose plan goes on."""
    found = world.space.query("SELECT step FROM plan_step JOIN account USING (user_id) WHERE name = %s ORDER BY pos",
                              (person.name,))
    return [step for (step,) in found]


def reachable(world, plan):
    bob = world.person("bob")
    devices = Reachable(world, bob)
    if plan:
        choose(bob, plan)
    return bob, devices


def tried_at_s(person, device):
    [attempt] = person.attempts(device)
    return attempt["at_ms"] / 1000


def read_all(world, person):
    pos = int(person.events()[-1]["pos"])
    person.ack("iphone", pos)
    wait_until(lambda: world.space.query(
        "SELECT 1 FROM device JOIN account USING (user_id) WHERE name = %s AND active_cursor >= %s", (person.name, pos)),
        "it is read")


# ---- time ----


def test_nobody_reads__each_step_at_its_time_and_once(world, sender):
    bob, devices = reachable(world, "patient")
    answer = sender.send(bob, "is anybody there?")
    bob.delivery("hook", "delivered", 3 * WAIT_S + push_world.ARRIVAL_S)
    times = [tried_at_s(bob, device) for device in Reachable.DEVICES]
    for before, after in zip(times, times[1:]):
        assert WAIT_S - 0.5 <= after - before <= WAIT_S + LATE_S, times
    assert devices.counts(world) == [1, 1, 1, 1]
    assert {str(d["event"]) for d in bob.deliveries()} == {answer["id"]}
    assert len({d["job"] for d in bob.deliveries()}) == 4
    wait_until(lambda: not rows(world, bob), "the plan is over")


def test_no_plan__one_push_and_no_row(world, sender):
    bob, devices = reachable(world, None)
    sender.send(bob, "hello")
    bob.delivery("iphone", "delivered")
    bob.delivery("android", "delivered")
    assert rows(world, bob) == []
    bob.delivery("hook", "delivered")
    assert devices.counts(world) == [1, 1, 0, 1]


def test_more_messages_than_a_look_takes__each_gets_its_step(world):
    bob, devices = reachable(world, "pair")
    senders = world.people("sender", 8)  # each may send so many at once
    with concurrent.futures.ThreadPoolExecutor(len(senders)) as pool:
        list(pool.map(lambda i: senders[i % len(senders)].send(bob, f"message {i}"), range(BURST)))
    wait_until(lambda: len(world.stands.records("fcm", devices.android)) >= BURST, "each has got its step", 60)
    wait_until(lambda: not rows(world, bob), "all plans are over")
    assert devices.counts(world) == [BURST, BURST, 0, 0]


def test_steps_of_one_message__replace_one_another_on_the_device(world, sender):
    bob, devices = reachable(world, "patient")
    answer = sender.send(bob, "hello")
    [apns] = world.arrived("apns", devices.iphone)
    [fcm] = world.arrived("fcm", devices.android)
    assert apns["collapse_id"] == answer["id"]
    assert fcm["payload"]["message"]["android"]["collapse_key"] == answer["id"]


# ---- what ends a plan ----


def test_read_between_two_steps__the_rest_is_not_taken(world, sender):
    bob, devices = reachable(world, "patient")
    sender.send(bob, "hello")
    bob.delivery("android", "delivered", WAIT_S + push_world.ARRIVAL_S)
    read_all(world, bob)
    wait_until(lambda: not rows(world, bob), "a look finds that it was read")
    assert devices.counts(world) == [1, 1, 0, 0]


def test_muted_between_two_steps__the_rest_is_not_taken(world, sender):
    bob, devices = reachable(world, "patient")
    sender.send(bob, "hello")
    bob.delivery("iphone", "delivered")
    status, _ = bob.call("PUT", "/v1/preferences", {"plan": "patient", "muted_until": "forever"})
    assert status == 204
    wait_until(lambda: not rows(world, bob), "a look finds that it is muted")
    assert devices.counts(world) == [1, 0, 0, 0]


# ---- what hurries it ----


def test_pushes_of_a_step_fail_for_good__the_next_at_once_up_to_the_last(world, sender):
    bob, devices = reachable(world, "slow")
    world.stands.fault("apns", {"token_dead_ms": int(time.time() * 1000) + 60000}, devices.iphone)
    world.stands.fault("fcm", {"status": 400, "reason": "INVALID_ARGUMENT"}, devices.android)
    world.stands.fault("smtp", {"smtp_code": 554, "smtp_enhanced": "5.6.0"}, devices.mail)
    sender.send(bob, "hello")
    bob.delivery("hook", "delivered")
    bob.delivery("iphone", "token_dead")
    bob.delivery("android", "rejected")
    bob.delivery("mail", "rejected")
    assert rows(world, bob) == []


def test_no_device_for_a_step__passed_over(world, sender):
    bob = world.person("bob")
    android, address = bob.android(), bob.mail()
    choose(bob, "slow")
    sender.send(bob, "hello")
    bob.delivery("android", "delivered")
    assert rows(world, bob) == [2]
    assert world.stands.records("smtp", address) == []
    assert len(world.stands.records("fcm", android)) == 1


# ---- whose plan it is ----


def test_choice__of_a_person_and_of_a_conversation(world, sender):
    bob, devices = reachable(world, "slow")
    conv = sender.send(bob, "by the plan of the person")["conv"]
    bob.delivery("iphone", "delivered")
    assert rows(world, bob) == [1]
    choose(bob, "usual", conv)
    assert bob.call("GET", "/v1/preferences")[1]["plan"] == "slow"
    assert bob.call("GET", f"/v1/conversations/{conv}/preferences")[1]["plan"] == "usual"
    sender.send(conv, "by the plan of the conversation")
    bob.delivery("android", "delivered")
    assert rows(world, bob) == [1]
    choose(bob, None, conv)
    sender.send(conv, "by the plan of the person again")
    world.arrived("apns", devices.iphone, 3)
    wait_until(lambda: rows(world, bob) == [1, 1], "its plan goes on")
    assert devices.counts(world) == [3, 1, 0, 1]


def test_choice__unknown_name__refused_with_those_there_are(world):
    bob = world.person("bob")
    for name in ("patiently", "", 1):
        status, answer = bob.call("PUT", "/v1/preferences", {"plan": name})
        assert (status, answer["code"]) == (400, "bad_frame"), answer
        assert answer["detail"] == 'plan: expected "usual", "patient", "pair", "slow" or null', answer


# ---- kill -9 ----


def test_mailbox_killed_again_and_again__no_step_lost_none_twice(world, sender):
    crowd = [Reachable(world, person) for person in world.people("member", CROWD)]
    for devices in crowd:
        choose(devices.person, "patient")
    ended = threading.Event()
    kills = []

    def kill():
        while not ended.wait(1 + 2 * random.random()):  # a partition is free a second after its owner died
            world.mailbox.kill()
            kills.append(time.time())
            world.mailbox.restart()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        answers = [sender.send(devices.person, "hello") for devices in crowd]
        wait_until(lambda: all(min(devices.counts(world)) for devices in crowd), "every step of everybody", 150)
    finally:
        ended.set()
        killer.join()
    assert len(kills) >= 3
    wait_until(lambda: all(world.states(answer) == {("delivered", 1): 4} for answer in answers), "all recorded")
    wait_until(lambda: not any(rows(world, devices.person) for devices in crowd), "all plans are over")
    assert [devices.counts(world) for devices in crowd] == [[1, 1, 1, 1]] * CROWD
