# SPDX-License-Identifier: Apache-2.0
"""The judge on histories with one planted fault each: what it must see, and that it sees nothing in a good one."""
import copy
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from judge import Facts, judge  # noqa: E402

CONV = "70"


def _message(number):
    return {"cid": f"c{number}", "text": f"alice/laptop {number}", "id": str(100 + number), "seq": number}


def _sender(count):
    """alice says so many things to bob, and sees them herself."""
    history = [{"at": 0.0, "op": "who", "user": "alice", "device": "laptop", "trusts": False, "steady": True},
               {"at": 0.1, "op": "hello", "conn": 1, "cursor": 0},
               {"at": 0.2, "op": "welcome", "conn": 1, "cursor": 0, "pos": 0}]
    for number in range(1, count + 1):
        message = _message(number)
        common = {"cid": message["cid"], "conn": 1}
        history += [
            {"at": number, "op": "new", "cid": message["cid"], "to": "b", "text": message["text"], "expect": "stored"},
            {"at": number, "op": "send", **common},
            {"at": number + 0.1, "op": "accepted", **common},
            {"at": number + 0.2, "op": "stored", **common, "id": message["id"], "conv": CONV, "seq": message["seq"]},
            _seen(number),
        ]
    return history + [{"at": count + 1.0, "op": "over"}, {"at": count + 9.0, "op": "end", "pos": count}]


def _seen(number):
    message = _message(number)
    return {"at": number + 0.3, "op": "event", "conn": 1, "pos": number, "conv": CONV, "seq": number,
            "id": message["id"], "from": "alice", "text": message["text"]}


def _reader(count):
    return [{"at": 0.0, "op": "who", "user": "bob", "device": "desk", "kind": "", "trusts": False},
            {"at": 0.1, "op": "hello", "conn": 1, "cursor": None},
            {"at": 0.2, "op": "welcome", "conn": 1, "cursor": 0, "pos": 0},
            *[_seen(number) for number in range(1, count + 1)],
            {"at": 9.0, "op": "end", "pos": count}]


@pytest.fixture
def good():
    """Three messages from alice to bob, who has a desk that is connected, and to carol, whose phone got pushes."""
    count = 3
    messages = [_message(number) for number in range(1, count + 1)]
    return Facts(
        histories={"alice-laptop": _sender(count), "bob-desk": _reader(count)},
        sent=[{"user": "alice", "cid": m["cid"], "id": m["id"], "conv": CONV, "seq": m["seq"]} for m in messages],
        settled={("alice", m["cid"]) for m in messages},
        events=[{"conv": CONV, "seq": m["seq"], "id": m["id"], "from": "alice", "text": m["text"]} for m in messages],
        members={CONV: {"alice", "bob", "carol"}},
        inbox=[{"user": user, "pos": m["seq"], "conv": CONV, "seq": m["seq"], "notify": user != "alice"}
               for user in ("alice", "bob", "carol") for m in messages],
        devices=[
            {"user": "alice", "device": "laptop", "provider": "", "token": "", "cursor": count, "active_cursor": count},
            {"user": "bob", "device": "desk", "provider": "", "token": "", "cursor": count, "active_cursor": count},
            {"user": "carol", "device": "phone", "provider": "apns", "token": "t0", "cursor": 0, "active_cursor": 0},
            {"user": "carol", "device": "mail", "provider": "email", "token": "c@x", "cursor": 0, "active_cursor": 0}],
        deliveries=[{"job": f"j{m['seq']}", "event": m["id"], "user": "carol", "pos": m["seq"], "device": "phone",
                     "provider": "apns", "state": "delivered"} for m in messages],
        attempts=[{"job": f"j{m['seq']}", "outcome": "delivered"} for m in messages],
        pushes=[{"provider": "apns", "token": "t0", "id": f"j{m['seq']}", "event": m["id"]} for m in messages],
        queues={"ingest.0": 0, "dead": 0},
    )


def kinds(facts):
    return set(judge(facts).violations)


def _drop(rows, **what):
    rows[:] = [row for row in rows if not all(row.get(k) == v for k, v in what.items())]


def test_judge__good__counts_and_no_violation(good):
    verdict = judge(good)
    assert verdict.good, verdict.text()
    assert {k: v for k, v in verdict.counts.items() if v} == {"sent": 3, "accepted": 3, "stored": 3, "pushes": 3}
    assert verdict.worst_pause_s == pytest.approx(1.0)


def test_judge__accepted_and_gone__lost(good):
    """Stored only when it was repeated at the end: what was accepted had been lost."""
    good.settled.discard(("alice", "c2"))
    assert kinds(good) == {"lost"}
    assert judge(good).counts["lost"] == 1


def test_judge__lost_in_a_deleted_queue__counted_only(good):
    good.settled.discard(("alice", "c2"))
    good.lossy = True
    verdict = judge(good)
    assert verdict.good and verdict.counts["lost"] == 1


def test_judge__accepted_and_never_answered__unanswered(good):
    _drop(good.histories["alice-laptop"], op="stored", cid="c2")
    assert kinds(good) == {"unanswered"}


def test_judge__stored_answer_without_a_row__lost(good):
    _drop(good.sent, cid="c2")
    assert kinds(good) == {"lost"}


def test_judge__event_missing_in_one_inbox__lost(good):
    _drop(good.inbox, user="carol", pos=3)
    assert kinds(good) == {"lost", "surplus push"}  # she was pushed what she cannot find


def test_judge__stored_twice__duplicated(good):
    good.events.append({**good.events[1], "seq": 4, "id": "999"})
    for user in ("alice", "bob", "carol"):
        good.inbox.append({"user": user, "pos": 4, "conv": CONV, "seq": 4, "notify": False})
    assert "duplicated" in kinds(good)


def test_judge__twice_in_an_inbox__duplicated(good):
    good.inbox.append({"user": "carol", "pos": 4, "conv": CONV, "seq": 3, "notify": False})
    assert kinds(good) == {"duplicated", "reordered"}


def test_judge__same_seq_twice__duplicated(good):
    good.events[2]["seq"] = 2
    assert "duplicated" in kinds(good)


def test_judge__two_swapped_in_an_inbox__reordered(good):
    rows = [row for row in good.inbox if row["user"] == "carol"]
    rows[0]["seq"], rows[1]["seq"] = rows[1]["seq"], rows[0]["seq"]
    assert kinds(good) == {"reordered"}


def test_judge__own_messages_swapped__reordered(good):
    """Each was accepted before the next was sent."""
    history = good.histories["alice-laptop"]
    for record in history:
        if record["op"] == "stored" and record["cid"] in ("c1", "c2"):
            record["seq"] = 3 - record["seq"]
            record["id"] = str(100 + record["seq"])
    for row, event in zip(good.sent[:2], good.events[:2]):
        row["seq"] = 3 - row["seq"]
        row["id"] = str(100 + row["seq"])
        event["text"] = _message(3 - event["seq"])["text"]
    assert kinds(good) == {"reordered"}


def test_judge__hole_in_seq_and_pos__hole(good):
    _drop(good.events, seq=2)
    _drop(good.sent, seq=2)
    for user in ("alice", "bob", "carol"):
        _drop(good.inbox, user=user, pos=2)
    assert "hole" in kinds(good)
    assert judge(good).counts["holes"] == 4


def test_judge__device_shown_a_hole__seen(good):
    _drop(good.histories["bob-desk"], op="event", pos=2)
    assert kinds(good) == {"shown with a hole"}


def test_judge__device_shown_one_twice__seen(good):
    history = good.histories["bob-desk"]
    history.insert(5, copy.copy(history[4]))
    assert kinds(good) == {"shown twice"}


def test_judge__again_after_a_resume_from_an_earlier_cursor__allowed(good):
    history = good.histories["bob-desk"]
    again = [{"at": 5.0, "op": "hello", "conn": 2, "cursor": 2},
             {"at": 5.1, "op": "welcome", "conn": 2, "cursor": 2, "pos": 3},
             {**history[5], "conn": 2}]
    history[-1:-1] = again
    assert kinds(good) == set()
    again[1]["cursor"] = 1
    assert "resumed elsewhere" in kinds(good)


def test_judge__another_event_than_the_inbox_has__seen(good):
    good.histories["bob-desk"][4]["seq"] = 9
    assert kinds(good) == {"shown something else"}


def test_judge__connected_to_the_end_and_behind__not_shown(good):
    history = good.histories["bob-desk"]
    history[-1]["pos"] = 2
    _drop(history, op="event", pos=3)
    assert kinds(good) == {"not shown"}


def test_judge__ack_not_in_the_store__cursor_behind(good):
    good.devices[1]["cursor"] = 2
    assert kinds(good) == {"cursor behind"}


@pytest.mark.parametrize("state", [None, "retry"])
def test_judge__nobody_saw_it_and_no_push__missing_push(good, state):
    if state:
        good.deliveries[1]["state"] = state
    else:
        del good.deliveries[1]
    _drop(good.pushes, id="j2")
    assert "missing push" in kinds(good)


def test_judge__recorded_as_delivered_and_not_at_the_provider__missing_push(good):
    _drop(good.pushes, id="j2")
    assert kinds(good) == {"missing push"}


def test_judge__no_phone_left__the_mail_must_have_it(good):
    good.devices[2]["token"] = ""
    _drop(good.pushes, provider="apns")
    for row in good.deliveries:
        row["state"] = "token_dead"
    assert kinds(good) == {"missing push"}
    good.deliveries += [{**row, "job": "m" + row["job"], "device": "mail", "provider": "email", "state": "delivered"}
                        for row in good.deliveries]
    good.pushes += [{"provider": "email", "token": "c@x", "id": f"m{i}", "event": str(100 + i)} for i in (1, 2, 3)]
    assert kinds(good) == set()


def test_judge__seen_elsewhere__no_push_is_owed(good):
    good.deliveries.clear()
    good.pushes.clear()
    good.devices.append({**good.devices[1], "user": "carol", "device": "web"})
    assert kinds(good) == set()
    good.devices[-1]["active_cursor"] = 2
    assert kinds(good) == {"missing push"}


def test_judge__repeat_without_a_doubt__surplus_push(good):
    good.pushes.append(dict(good.pushes[1]))
    assert kinds(good) == {"surplus push"}


def test_judge__repeat_of_an_unknown_attempt__counted_only(good):
    good.pushes.append(dict(good.pushes[1]))
    good.attempts.append({"job": "j2", "outcome": "unknown"})
    verdict = judge(good)
    assert verdict.good and verdict.counts["repeats"] == 1


def test_judge__repeat_of_an_unrecorded_attempt__counted_only(good):
    good.pushes.append(dict(good.pushes[1]))
    good.unrecorded = True
    assert judge(good).good


def test_judge__second_push_with_another_id__surplus_whatever_the_fault(good):
    good.pushes.append({**good.pushes[1], "id": "other"})
    good.unrecorded = True
    assert kinds(good) == {"surplus push"}


def test_judge__push_to_whom_it_is_none_of_business__surplus_push(good):
    good.pushes.append({"provider": "apns", "token": "t0", "id": "x", "event": "12345"})
    assert kinds(good) == {"surplus push"}


def test_judge__taken_back_and_read__allowed(good):
    good.devices[2]["active_cursor"] = 2
    good.clears = [{"provider": "apns", "token": "t0", "clear": 2}]
    assert judge(good).good


def test_judge__taken_back_and_not_read__seen(good):
    good.devices[2]["active_cursor"] = 2
    good.clears = [{"provider": "apns", "token": "t0", "clear": 3}]
    assert kinds(good) == {"taken back unread"}


@pytest.mark.parametrize("op", ["accepted", "stored", "rejected"])
def test_judge__answered_more_often_than_sent__double_answer(good, op):
    history = good.histories["alice-laptop"]
    record = {"at": 8.0, "op": op, "cid": "c2", "conn": 1, "id": "102", "conv": CONV, "seq": 2, "code": "not_member"}
    history.append(record)
    assert "double answer" in kinds(good)


def test_judge__sent_twice_and_answered_twice__allowed(good):
    answer = {"cid": "c2", "conn": 1, "id": "102", "conv": CONV, "seq": 2}
    good.histories["alice-laptop"] += [{"at": 8.0, "op": op, **answer} for op in ("send", "accepted", "stored")]
    assert kinds(good) == set()


def test_judge__repeat_answered_with_another_place__answers_differ(good):
    answer = {"cid": "c2", "conn": 1, "id": "107", "conv": CONV, "seq": 7}
    good.histories["alice-laptop"] += [{"at": 8.0, "op": op, **answer} for op in ("send", "accepted", "stored")]
    assert kinds(good) == {"answers differ"}


def test_judge__rejected_without_a_rule__seen(good):
    history = good.histories["alice-laptop"]
    for record in history:
        if record["op"] == "stored" and record["cid"] == "c3":
            record.update(op="rejected", code="not_member")
    assert "rejected without a rule" in kinds(good)


def test_judge__stored_against_a_rule__seen(good):
    next(r for r in good.histories["alice-laptop"] if r["op"] == "new")["expect"] = "rejected"
    assert kinds(good) == {"stored against a rule"}


def test_judge__row_that_nobody_sent__invented(good):
    good.sent.append({"user": "alice", "cid": "c9", "id": "109", "conv": CONV, "seq": 9})
    assert kinds(good) == {"invented"}


def test_judge__other_text_in_the_event__wrong_content(good):
    good.events[1]["text"] = "something else"
    assert kinds(good) == {"wrong content"}


def test_judge__message_left_in_a_queue__left_over(good):
    good.queues["mailbox.1"] = 1
    assert kinds(good) == {"left over"}


def test_judge__failed_for_good_without_a_dead_letter__seen(good):
    good.deliveries[1]["state"] = "dead"
    _drop(good.pushes, id="j2")
    assert kinds(good) == {"no dead letter"}
    good.dead_letters.append({"job": "j2"})
    assert kinds(good) == set()


def test_judge__envelope_among_the_dead_letters__poisoned(good):
    good.poisoned.append("poison")
    assert kinds(good) == {"poisoned"}


def test_judge__dead_letter_of_a_delivered_push__invented(good):
    good.dead_letters.append({"job": "j2"})
    assert kinds(good) == {"invented"}


def test_judge__healed__time_to_the_next_stored(good):
    good.histories["alice-laptop"].insert(9, {"at": 1.5, "op": "healed"})
    assert judge(good).recovery_s == pytest.approx(0.7)


def test_judge__pause_of_a_steady_sender__the_longest(good):
    for record in good.histories["alice-laptop"]:
        if record["op"] == "over":
            record["at"] = 60.0
    assert judge(good).worst_pause_s == pytest.approx(60.0 - 3.2)
