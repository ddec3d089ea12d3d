# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the pusher while two hundred pushes are on their way: nothing is lost, and repeats carry the first id."""
import pytest

import push_world
from surewire_env import wait_until

PEOPLE = 200
RECOVERY_S = 90


@pytest.fixture(scope="module")
def world(module_deployment):
    """Everything but the pusher in one process; the pusher in its own."""
    world = push_world.World(module_deployment, {"node.roles": "gateway,sequencer,mailbox,admin"})
    world.pusher = module_deployment.node("pusher", {"push.apns.connections": "1"})
    return world


@pytest.fixture(autouse=True)
def running_pusher(world):
    """Also after a test that failed between kill and restart."""
    if not world.pusher.running():
        world.pusher.restart()


@pytest.fixture
def crowd(world):
    """(sender, conversation, tokens) of many phones, reached over a warm connection."""
    sender, people = world.person("sender"), world.people("member", PEOPLE)
    tokens = [person.iphone() for person in people]
    conv = sender.group("crowd", people)
    warm = sender.send(conv, "to warm up")
    wait_until(lambda: world.states(warm) == {("delivered", 1): PEOPLE}, "the warm-up", RECOVERY_S)
    return sender, conv, tokens


def records_of(world, answer):
    """By device token, in the order of arrival."""
    found = {}
    for record in world.stands.records("apns"):
        if record["payload"]["message"] == answer["id"]:
            found.setdefault(record["token"], []).append(record)
    return found


def assert_nothing_lost(world, tokens, answer, what):
    wait_until(lambda: world.states(answer).get(("delivered", 1)) == len(tokens), "all delivered", RECOVERY_S)
    assert world.states(answer) == {("delivered", 1): len(tokens)}  # what was lost with the process cost no attempt
    found = records_of(world, answer)
    assert sorted(found) == sorted(tokens)
    repeats = 0
    for records in found.values():
        assert len({r["id"] for r in records}) == 1
        assert len({r["collapse_id"] for r in records}) == 1
        assert [r["repeats"] for r in records] == list(range(len(records)))
        repeats += len(records) - 1
    print(f"{what}: {len(tokens)} recipients, {repeats} repeats")
    return repeats


def test_killed_with_all_in_flight__every_one_arrives_and_repeats_have_the_first_id(world, crowd):
    sender, conv, tokens = crowd
    fault = world.stands.fault("apns", {"delay_ms": 60000})
    answer = sender.send(conv, "all in flight")
    wait_until(lambda: world.stands.hits(fault) == PEOPLE, "all at the provider")
    world.pusher.kill()
    assert world.states(answer) == {}
    world.stands.remove(fault)
    world.pusher.restart()
    # The provider had taken every one of them, and nobody knew.
    assert assert_nothing_lost(world, tokens, answer, "all in flight") == PEOPLE


def test_killed_while_answers_come_in__every_one_arrives(world, crowd):
    sender, conv, tokens = crowd
    slow = world.stands.fault("apns", {"delay_ms": 60000}, count=PEOPLE // 2)
    answer = sender.send(conv, "some answered")
    wait_until(lambda: len(records_of(world, answer)) == PEOPLE, "all at the provider")
    world.pusher.kill()
    settled = sum(world.states(answer).values())
    world.stands.remove(slow)
    world.pusher.restart()
    repeats = assert_nothing_lost(world, tokens, answer, f"some answered, {settled} recorded")
    assert PEOPLE // 2 <= repeats <= PEOPLE - settled


def test_killed_again_and_again__every_one_arrives(world, crowd):
    sender, conv, tokens = crowd
    fault = world.stands.fault("apns", {"delay_ms": 1000})
    answers = [sender.send(conv, f"message {i}") for i in range(3)]
    for _ in range(3):
        before = world.stands.hits(fault)
        wait_until(lambda: world.stands.hits(fault) >= before + PEOPLE // 4, "pushes on their way")
        world.pusher.kill()
        world.pusher.restart()
    world.stands.remove(fault)
    repeats = [assert_nothing_lost(world, tokens, a, f"message {i} of three kills") for i, a in enumerate(answers)]
    assert sum(repeats) >= PEOPLE // 4


def test_killed_between_attempts__the_next_attempt_counts_on(world):
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.iphone()
    world.stands.fault("apns", {"status": 503, "retry_after": 3, "accept": True}, token, count=1)
    sender.send(bob, "put off")
    bob.delivery("iphone", "retry")
    world.pusher.kill()
    world.pusher.restart()
    bob.delivery("iphone", "delivered", RECOVERY_S)
    first, second = world.arrived("apns", token, 2)
    assert first["id"] == second["id"]
    assert [(a["number"], a["outcome"]) for a in bob.attempts("iphone")] == [(1, "retry"), (2, "delivered")]
