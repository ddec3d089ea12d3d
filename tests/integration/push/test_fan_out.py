# SPDX-License-Identifier: Apache-2.0
"""Pushes to the subscribers of a topic, thousands of them, while processes that work on them are killed."""
import contextlib
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


HOLD_MOVES = """
CREATE FUNCTION hold_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
CREATE TRIGGER hold_move BEFORE UPDATE OF after_user ON push_request FOR EACH ROW EXECUTE FUNCTION hold_move();
"""
END_WAITERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'
"""


@contextlib.contextmanager
def moves_held(world):
    """No cursor of a request moves meanwhile; who wants to move one waits, and is ended before it could."""
    holder = psycopg2.connect(world.space.pg)
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(1)")
            cursor.execute(HOLD_MOVES)
        holder.commit()
        yield
        world.space.query(END_WAITERS)
        world.space.query("DROP FUNCTION hold_move CASCADE")
    finally:
        holder.close()


def test_fan_out__admin_killed_between_publish_and_move__each_exactly_once(world, crowd):
    topic, tokens = crowd
    with moves_held(world):
        number = push(world, {"topic": topic}, {"title": "all"})
        wait_until(lambda: world.space.query("SELECT 1 FROM delivery WHERE event = %s LIMIT 1", (int(number),)),
                   "jobs are out that the cursor has not passed")
        world.admin.kill()
    found = world.space.query("SELECT state, planned FROM push_request WHERE id = %s", (int(number),))
    assert found == [("running", 0)]
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
