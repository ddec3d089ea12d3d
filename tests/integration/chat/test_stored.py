# SPDX-License-Identifier: Apache-2.0
"""What the store keeps of a message, and for how long: a text is there once, and what expires goes without an index."""
import time

import pytest

from chat_world import within
from surewire_env import wait_until

DAY_MS = 24 * 3600 * 1000
LONG = "ä" * 400


@pytest.mark.parametrize(
    "text,alert,preview,twice",
    [
        ("on my way", None, "on my way", False),
        ("Grüße ☕", None, "Grüße ☕", False),
        ("on my way", "Bob is on his way", "Bob is on his way", True),
        ("on my way", "on my way", "on my way", False),
        ('she said "no"', None, 'she said "no"', True),
        ("two\nlines", None, "two\nlines", True),
        ("two\nlines", "two\\nlines", "two\\nlines", True),  # stands in the JSON of the body, but is another text
        (LONG, None, LONG[:256], True),
    ],
)
@within
async def test_preview__however_it_is_kept__what_a_push_shows(shared, text, alert, preview, twice):
    alice, bob = shared.people("alice", "bob")
    client = await shared.login(shared.north, alice)
    stored = await client.say(bob, text, **({"alert": {"body": alert}} if alert else {}))
    rows = shared.space.query(
        "SELECT sw_preview(preview, body), preview IS NOT NULL FROM event WHERE id = %s", (int(stored["id"]),))
    assert rows == [(preview, twice)]
    await client.close()


@within
async def test_preview__other_members_in_the_body__kept(shared):
    alice, bob = shared.people("alice", "bob")
    client = await shared.login(shared.north, alice)
    cid = await client.send(bob, "", body={"text": "x", "y": "z"}, alert={"body": 'x","y":"z'})
    stored = await client.stored(cid)
    rows = shared.space.query("SELECT preview FROM event WHERE id = %s", (int(stored["id"]),))
    assert rows == [('x","y":"z',)]
    await client.close()


def add_sent(space, count, at_ms):
    space.query(
        "INSERT INTO sent (sender, cid, content, id, conv, seq, at_ms)"
        " SELECT 1, gen_random_uuid(), gen_random_uuid(), 1, 1, 1, %s FROM generate_series(1, %s)",
        (at_ms, count))


def test_expiry__a_process_starts__what_is_older_than_promised_is_gone(fresh_world):
    space, now_ms = fresh_world.space, int(time.time() * 1000)
    add_sent(space, 10, now_ms - 8 * DAY_MS)
    add_sent(space, 20, now_ms - 6 * DAY_MS)
    for name, days in (("old", 31), ("young", 29)):
        space.query(
            "INSERT INTO ledger (user_id, pos, at_ms, acked, read, active, device) VALUES (1, 1, %s, 1, 1, true, %s)",
            (now_ms - days * DAY_MS, name))
    fresh_world.node()
    wait_until(lambda: space.query("SELECT count(*) FROM sent") == [(20,)], "the old ones go")
    wait_until(lambda: space.query("SELECT device FROM ledger") == [("young",)], "the old step goes")


def test_expiry__a_large_table__a_stretch_at_a_time_round_and_round(fresh_world):
    space = fresh_world.space
    add_sent(space, 200_000, 1000)
    expire = lambda before_ms: space.query("SELECT sw_expire('sent', %s)", (before_ms,))[0][0]
    pages = space.query("SELECT pg_relation_size('sent') / 8192")[0][0]
    assert pages > 2000
    rounds = [expire(999) for _ in range(pages // 1000)] + [expire(1001) for _ in range(pages // 1000 + 2)]
    assert sum(rounds) == 200_000 and max(rounds) < 110_000
    assert space.query("SELECT count(*) FROM sent") == [(0,)]
    add_sent(space, 5, 1000)
    assert sum(expire(1001) for _ in range(pages // 1000 + 2)) == 5


def test_events__found_by_their_ids__without_reading_the_table(fresh_world):
    space, now_ms = fresh_world.space, int(time.time() * 1000)
    first = (now_ms - 1735689600000) << 22
    space.query(
        "INSERT INTO event (conv, seq, id, sender, sender_name, kind, at_ms, title, body)"
        " SELECT 1, n, %s + n, 1, 'alice', 'text', %s, '', repeat('x', 1000) FROM generate_series(1, 100000) n",
        (first, now_ms))
    wanted = first + 12345

    space.query("SELECT sw_summarize_events(); ANALYZE event")
    plan = space.query("EXPLAIN (ANALYZE, FORMAT JSON) SELECT seq FROM event WHERE id = %s", (wanted,))[0][0][0]["Plan"]
    assert plan["Node Type"] == "Bitmap Heap Scan" and plan["Lossy Heap Blocks"] <= 128, plan
    assert space.query("SELECT seq FROM event WHERE id = %s", (wanted,)) == [(12345,)]
