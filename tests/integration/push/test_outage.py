# SPDX-License-Identifier: Apache-2.0
"""A provider that is away for a minute while a thousand pushes a second are planned: none is lost, the breaker asks once
a second at the most, attempts are not burnt, and what waited is delivered within two minutes."""
import threading
import time

import pytest

from surewire_env import wait_until

OUTAGE_S = 60
PHONES = 500
MESSAGES_PER_S = 2
BACK_S = 120
FAILURES = 10
CONCURRENCY = 64
ATTEMPTS_PER_S = 1.2
CONFIG = {
    "pusher.breaker_failures": str(FAILURES),
    "pusher.concurrency": str(CONCURRENCY),
    "gateway.rate_user_per_s": "1000",
    "gateway.rate_user_burst": "1000",
}


def register_all(people):
    def some(part):
        for person in part:
            person.iphone()

    threads = [threading.Thread(target=some, args=(people[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def crowd(world):
    """Who sends, and a conversation of people with a phone each."""
    sender = world.person("sender")
    people = world.people("phone", PHONES)
    register_all(people)
    conv = sender.group("crowd", people)
    # They are told of it.
    wait_until(lambda: world.stands.stats("apns")["accepted"] == PHONES, "the group is known", BACK_S)
    return sender, conv


def send_for(sender, conv, seconds):
    """Ids of what was sent, at a steady pace."""
    sent, begin = [], time.monotonic()
    while time.monotonic() - begin < seconds:
        sent.append(sender.send(conv, f"message {len(sent)}")["id"])
        time.sleep(max(0, begin + len(sent) / MESSAGES_PER_S - time.monotonic()))
    return sent


def states(world, events):
    rows = world.space.query("SELECT state, count(*) FROM delivery WHERE event = ANY(%s) GROUP BY 1", (events,))
    return dict(rows)


def test_a_minute_away__nothing_lost_and_all_within_two_minutes(world, crowd, capsys):
    sender, conv = crowd
    begin_ms = int(time.time() * 1000)
    fault = world.stands.fault("apns", {"status": 503})
    events = [int(id) for id in send_for(sender, conv, OUTAGE_S)]
    jobs = len(events) * PHONES
    open_breakers = world.node.metric("surewire_push_breakers_open", provider="apns")
    end_ms = int(time.time() * 1000)
    hits = world.stands.hits(fault)
    world.stands.remove(fault)
    back_ms = int(time.time() * 1000)
    wait_until(lambda: states(world, events).get("delivered", 0) == jobs, f"{jobs} delivered", BACK_S)
    took_s = (world.space.query("SELECT max(at_ms) FROM attempt")[0][0] - back_ms) / 1000
    assert states(world, events) == {"delivered": jobs}
    assert open_breakers == 1
    assert world.node.metric("surewire_push_breakers_open", provider="apns") == 0
    assert (world.stands.stats("apns")["accepted"], world.stands.stats("apns")["repeats"]) == (jobs + PHONES, 0)
    # Those that were out when it opened are no probes.
    (tries,) = world.space.query("SELECT count(*) FROM attempt WHERE outcome <> 'delivered'")[0]
    assert tries == hits
    probes = max(0, hits - FAILURES - CONCURRENCY)
    seconds = (end_ms - begin_ms) / 1000
    assert probes <= ATTEMPTS_PER_S * seconds
    (most,) = world.space.query("SELECT max(attempts) FROM delivery")[0]
    assert most <= 3
    with capsys.disabled():
        print(
            f"\noutage of {seconds:.0f} s at {jobs / seconds:.0f} jobs/s: {jobs} planned, {jobs} delivered, 0 lost, 0 twice;"
            f" {hits} attempts met it, {probes / seconds:.2f} probes a second; all delivered {took_s:.0f} s after its end"
        )
