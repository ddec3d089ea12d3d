# SPDX-License-Identifier: Apache-2.0
"""As fast as the configuration allows and no faster: for an account, an app, a device; and what a provider says of a device
that gets too much holds up that device alone."""
import itertools

from surewire_env import wait_until

RATE_PER_S = 40
DEVICE_PER_MIN = 12
CONFIG = {"push.fcm.rate_per_s": str(RATE_PER_S), "push.huawei.rate_device_per_min": str(DEVICE_PER_MIN)}


def densest_ms(records, count):
    """The shortest time in which so many of the records came."""
    times = sorted(r["received_at_ms"] for r in records)
    return min(b - a for a, b in zip(times, times[count - 1 :]))


def test_rate_of_an_account__kept_and_nothing_lost(world):
    sender = world.person("sender")
    people = world.people("android", 3 * RATE_PER_S)
    tokens = {person.android() for person in people}
    # Everybody is told of the group and of the message.
    answer = sender.send(sender.group("many", people), "at your pace")
    wait_until(lambda: world.states(answer) == {("delivered", 1): len(people)}, "all have it")
    records = [r for r in world.stands.records("fcm") if r["token"] in tokens]
    assert len(records) == 2 * len(people)
    # A second's worth at once, then the rate: with half a second for what travels together.
    assert densest_ms(records, 4 * RATE_PER_S) >= 2500


def all_delivered(person, device):
    """A record comes a moment after its push."""
    wait_until(lambda: {d["state"] for d in person.deliveries(device)} == {"delivered"}, "all are recorded as delivered")


def test_rate_of_a_device__later_ones_wait_and_others_do_not(world):
    sender, bob, other = world.people("person", 3)
    token, others = bob.huawei(), other.huawei()
    first = [sender.send(bob, f"message {n}")["id"] for n in range(5)]
    sender.send(other, "not held up")
    other.delivery("huawei", "delivered")
    world.arrived("huawei", others)
    records = world.arrived("huawei", token, len(first))
    all_delivered(bob, "huawei")
    assert [d["attempts"] for d in bob.deliveries("huawei")] == [1] * len(first)
    # Ten seconds' worth at once, the others one in five seconds.
    assert densest_ms(records, 4) >= 8000


def test_429_of_one_device__it_waits_alone(world):
    sender, bob, other = world.people("person", 3)
    token, others = bob.iphone(), other.iphone()
    world.stands.fault("apns", {"status": 429, "retry_after": 5}, token, count=1)
    sender.send(bob, "too many")
    (row,) = [bob.delivery("iphone", "retry")]
    assert row["attempts"] == 1
    for text in ("second", "third"):
        sender.send(bob, text)
    for _ in range(3):
        sender.send(other, "not held up")
    world.arrived("apns", others, 3)
    records = world.arrived("apns", token, 3)
    all_delivered(bob, "iphone")
    throttled_ms = bob.attempts("iphone")[0]["at_ms"]
    assert all(r["received_at_ms"] - throttled_ms >= 5000 for r in records)
    # The others were not even tried meanwhile.
    by_job = {job: list(rows) for job, rows in itertools.groupby(bob.deliveries("iphone"), key=lambda d: d["job"])}
    assert sorted(rows[0]["attempts"] for rows in by_job.values()) == [1, 1, 2]
