# SPDX-License-Identifier: Apache-2.0
"""Pushes to the subscribers of a topic, thousands of them, while processes that work on them are killed."""
import secrets
import time

import psycopg2
import pytest

import push_world
from direct_world import ended, make_world, push, subscribe
from surewire_env import wait_until

CROWD = 5000
FANOUT_S = 180


@pytest.fixture(scope="module")
def world(module_deployment):
    return make_world(module_deployment)


@pytest.fixture(autouse=True)
def running_admin(world):
    """Also after a test that failed between kill and restart."""
    if not world.admin.running():
        world.admin.restart()


@pytest.fixture(scope="module")
def crowd(world):
    """(topic, tokens) of people with a phone each."""
    people = world.people("crowd", CROWD)
    tokens = [secrets.token_hex(32) for _ in people]
    world.space.query(
        "INSERT INTO device (user_id, device, platform, provider, app, token, registered_at_ms)"
        " SELECT user_id, 'phone', 'ios', 'apns', %s, token, %s FROM unnest(%s::text[], %s::text[]) AS u(name, token)"
        " JOIN account USING (name)",
        (push_world.TOPIC, int(time.time() * 1000), [p.name for p in people], tokens))
    for begin in range(0, CROWD, 1000):
        subscribe(world, "crowd", [p.name for p in people[begin:begin + 1000]])
    return "crowd", tokens


def assert_each_once(world, number, tokens):
    count = len(tokens)
    found = ended(world, number, FANOUT_S)
    assert (found["state"], found["planned"], found["passed"]) == ("done", count, count)
    assert found["outcomes"] == {"delivered": count}
    records = [r for r in world.stands.records("apns") if r["payload"].get("push") == number]
    assert sorted(r["token"] for r in records) == sorted(tokens)
    attempts = world.space.query(
        "SELECT count(*) FROM attempt JOIN delivery USING (job) WHERE event = %s", (int(number),))
    assert attempts[0][0] == count


def kill_between_publish_and_move(world, node, number):
    """kill -9 while jobs are out that the cursor has not passed: a lock on the request's row holds its move up."""
    connection = psycopg2.connect(world.space.pg)
    try:
        for _ in range(20):
            with connection.cursor() as cursor:
                cursor.execute("SELECT planned, state FROM push_request WHERE id = %s FOR UPDATE", (int(number),))
                planned, state = cursor.fetchone()
                assert state in ("planned", "running"), "it was over before it could be hit"
                deadline = time.monotonic() + 2
                while time.monotonic() < deadline:
                    out = world.space.query("SELECT count(*) FROM delivery WHERE event = %s", (int(number),))[0][0]
                    if out > planned:
                        node.kill()
                        # What waits for our lock was sent before, and would still be done after it.
                        world.space.query(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                            " WHERE datname = current_database() AND wait_event_type = 'Lock'")
                        return planned
                    time.sleep(0.05)
            connection.rollback()
        raise AssertionError("no job was out beyond the cursor")
    finally:
        connection.close()


def test_fan_out__admin_killed_in_its_midst__each_exactly_once(world, crowd):
    topic, tokens = crowd
    number = push(world, {"topic": topic}, {"title": "all"})
    planned = kill_between_publish_and_move(world, world.admin, number)
    assert planned < CROWD
    found = world.space.query("SELECT state, planned FROM push_request WHERE id = %s", (int(number),))
    assert found == [("running", planned)]
    world.admin.restart()
    assert_each_once(world, number, tokens)


def test_fan_out__two_admin_processes_and_one_dies__each_exactly_once(world, module_deployment, crowd):
    topic, tokens = crowd
    second = module_deployment.node("admin")
    numbers = [push(world, {"topic": topic}, {"title": f"all {n}"}) for n in range(2)]
    wait_until(lambda: world.space.query(
        "SELECT count(DISTINCT runner) FROM push_request WHERE id = ANY(%s)", ([int(n) for n in numbers],))[0][0],
        "somebody works on them")
    world.admin.kill()
    for number in numbers:
        wait_until(lambda: world.space.query(
            "SELECT state FROM push_request WHERE id = %s", (int(number),)) == [("done",)], "all planned", FANOUT_S)
    world.admin.restart()
    for number in numbers:
        assert_each_once(world, number, tokens)
    second.stop()
