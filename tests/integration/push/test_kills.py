# SPDX-License-Identifier: Apache-2.0
"""The pusher is killed again and again (kill -9) while pushes flow: nothing is lost, every repeat is due to a kill that
came before it was known that the provider had taken the first one, and it carries the same ids.

SUREWIRE_KILLS=1000 makes it a thousand kills (about a quarter of an hour); the run of all tests does fewer."""
import os
import random
import threading
import time

import pytest

import push_world
from surewire_env import wait_until

KILLS = int(os.environ.get("SUREWIRE_KILLS", "10"))
PEOPLE = 100
# The provider takes so long to answer: time to be killed in.
ANSWER_MS = 40
SETTLE_S = 120


@pytest.fixture(scope="module")
def world(module_deployment):
    world = push_world.World(module_deployment, {"node.roles": "gateway,sequencer,mailbox,admin"})
    world.pusher = module_deployment.node("pusher", {})
    return world


class Arrivals:
    """What came to the stand-in, by (message, token); taken over as it comes, since the stand-in keeps only so many."""

    def __init__(self, stands):
        self.stands, self.next, self.found = stands, 0, {}

    def take(self):
        more = True
        while more:
            page = self.stands._ask("GET", f"/records?provider=apns&since={self.next}&limit=500")
            for record in page["records"]:
                self.found.setdefault((record["collapse_id"], record["token"]), []).append(record)
            self.next, more = page["next"], page["more"]


class Sender(threading.Thread):
    """Messages to the whole crowd, one after the other, until told to stop."""

    def __init__(self, person, conv):
        super().__init__(daemon=True)
        self.person, self.conv, self.answers = person, conv, []
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.answers.append(self.person.send(self.conv, f"message {len(self.answers)}"))
            time.sleep(0.25)


def kill_again_and_again(world, arrivals):
    """Of each kill the time before it, and the time when the stand-in had read all that the dead process had written: what
    comes later is of another process. In ms."""
    kills = []
    for _ in range(KILLS):
        before = len(arrivals.found)
        wait_until(lambda: arrivals.take() or len(arrivals.found) > before, "a push arrives", SETTLE_S)
        time.sleep(random.random() * 0.2)
        killed = time.time() * 1000
        world.pusher.kill()
        wait_until(lambda: world.stands.stats("apns")["open"] == 0, "nothing more comes of the dead process", SETTLE_S)
        kills.append((killed, time.time() * 1000))
        world.pusher.restart()
    return kills


def test_killed_while_pushes_flow__a_repeat_needs_a_kill(world):
    people = world.people("member", PEOPLE)
    tokens = {person.iphone() for person in people}
    sender = world.person("sender")
    conv = sender.group("crowd", people)
    world.stands.fault("apns", {"delay_ms": ANSWER_MS})
    arrivals = Arrivals(world.stands)
    flow = Sender(sender, conv)
    flow.start()
    try:
        kills = kill_again_and_again(world, arrivals)
    finally:
        flow.ended.set()
        flow.join()
    jobs = len(flow.answers) * PEOPLE
    sent = {answer["id"] for answer in flow.answers}

    def states():
        query = "SELECT state, count(*) FROM delivery WHERE event = ANY(%s) GROUP BY 1"
        return dict(world.deployment.space.query(query, (list(map(int, sent)),)))

    try:
        wait_until(lambda: states() == {"delivered": jobs}, f"{jobs} delivered", SETTLE_S)
    except AssertionError as error:
        queues = {name: row.get("messages") for name, row in world.deployment.space.queues().items() if row.get("messages")}
        raise AssertionError(f"{error}: {states()}, {queues}") from None
    arrivals.take()
    found = {key: records for key, records in arrivals.found.items() if key[0] in sent}
    assert len(found) == jobs and {token for _, token in found} == tokens
    for records in found.values():
        assert len({record["id"] for record in records}) == 1
        for first, second in zip(records, records[1:]):
            assert any(
                first["received_at_ms"] <= read and killed <= second["received_at_ms"] for killed, read in kills
            ), (first, second)
    repeats = [len(records) - 1 for records in found.values()]
    print(f"{KILLS} kills: {jobs} jobs, 0 lost, {sum(repeats)} repeats, at most {max(repeats)} of one job")
    assert world.deployment.space.query("SELECT max(attempts) FROM delivery") == [(1,)]
