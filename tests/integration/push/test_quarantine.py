# SPDX-License-Identifier: Apache-2.0
"""A service that suddenly calls every token dead, as it does for a wrong topic or project: most of them are kept, and reached
once the mistake is mended."""
import time

from surewire_env import wait_until

AFTER = 10
PHONES = 40
# A misconfigured account is tried again after a minute.
MENDED_S = 200
CONFIG = {"pusher.quarantine_after": str(AFTER)}


def tokens_kept(world, people):
    names = [person.name for person in people]
    rows = world.space.query(
        "SELECT count(*) FROM device JOIN account USING (user_id) WHERE name = ANY(%s) AND token <> ''", (names,))
    return rows[0][0]


def test_every_token_called_dead__the_rest_is_kept_and_reached(world):
    sender, people = world.person("sender"), world.people("phone", PHONES)
    for person in people:
        person.iphone()
    now_ms = int(time.time() * 1000)
    fault = world.stands.fault("apns", {"token_dead_ms": now_ms + 1000})
    sender.group("all", people)
    wait_until(lambda: world.stands.hits(fault) == PHONES, "all were tried")
    wait_until(lambda: tokens_kept(world, people) == PHONES - AFTER + 1, "the first are dropped")
    world.stands.remove(fault)
    assert world.node.metric("surewire_push_quarantined_total", provider="apns") == PHONES - AFTER + 1
    states = "SELECT state, count(*) FROM delivery WHERE provider = 'apns' GROUP BY 1"
    expected = {"delivered": PHONES - AFTER + 1, "token_dead": AFTER - 1}
    wait_until(lambda: dict(world.space.query(states)) == expected, "the kept ones are reached", MENDED_S)
    assert tokens_kept(world, people) == PHONES - AFTER + 1
