# SPDX-License-Identifier: Apache-2.0
"""Compares what the clients were told with what is in the store and what the providers got. Pure: lists in, verdict
out.

Every check names a kind of violation; a run is good when there is none. Nothing here knows what fault was made, but
for two allowances of Facts: unrecorded (a pusher may have died, or lost the broker, between a send and its record) and
lossy (an operator threw a queue away with what was in it).
"""
import collections
import dataclasses

TERMINAL = {"delivered", "dropped", "token_dead", "rejected", "dead"}
BURIED = {"rejected", "dead"}
SHOWN_MAX = 20


@dataclasses.dataclass
class Facts:
    """What the store and the providers hold for the people of one round. Rows are dicts, ids strings, pos and seq ints.

    sent: user cid id conv seq. settled: the (user, cid) of sent before anybody repeated anything at the end; None: it
    never settled, and the verdict is a bad one without asking what was lost by then.
    events: conv seq id from text. members: conv to names. inbox: user pos conv seq notify.
    devices: user device provider token cursor active_cursor. deliveries: job event user pos device provider state.
    attempts: job outcome. dead_letters: job. poisoned: reasons of dead letters that are no pushes. pushes: provider
    token id event. clears: provider token clear, the pos up to which it takes back what is shown. queues: name to messages.
    """

    histories: dict
    sent: list = dataclasses.field(default_factory=list)
    settled: set | None = None
    events: list = dataclasses.field(default_factory=list)
    members: dict = dataclasses.field(default_factory=dict)
    inbox: list = dataclasses.field(default_factory=list)
    devices: list = dataclasses.field(default_factory=list)
    deliveries: list = dataclasses.field(default_factory=list)
    attempts: list = dataclasses.field(default_factory=list)
    dead_letters: list = dataclasses.field(default_factory=list)
    poisoned: list = dataclasses.field(default_factory=list)
    pushes: list = dataclasses.field(default_factory=list)
    clears: list = dataclasses.field(default_factory=list)
    queues: dict = dataclasses.field(default_factory=dict)
    fallback: frozenset = frozenset({"email"})
    unrecorded: bool = False
    lossy: bool = False


COUNTS = ("sent", "accepted", "stored", "rejected", "lost", "duplicated", "reordered", "holes", "pushes", "repeats")


class Verdict:
    """Counts by name, worst_pause_s, recovery_s after the fault was healed, and the violations: kind to texts. notes:
    lines that others add for a person."""

    def __init__(self):
        self.counts = dict.fromkeys(COUNTS, 0)
        self.worst_pause_s = self.recovery_s = 0.0
        self.violations = collections.defaultdict(list)
        self.notes = []

    def blame(self, kind, text):
        self.violations[kind].append(text)

    @property
    def good(self):
        return not self.violations

    def line(self):
        counted = " ".join(f"{name}={count}" for name, count in self.counts.items())
        return (f"{counted} worst_pause={self.worst_pause_s:.1f}s recovery={self.recovery_s:.1f}s"
                f" violations={sum(map(len, self.violations.values()))}")

    def text(self):
        """All kinds, the first few of each."""
        lines = []
        for kind, texts in self.violations.items():
            lines += [f"{kind} ({len(texts)}):"] + [f"  {text}" for text in texts[:SHOWN_MAX]]
        return "\n".join(lines)


@dataclasses.dataclass
class Message:
    """One cid over all transmissions."""

    user: str
    text: str
    expect: str
    number: int  # its place among the sender's messages
    to: str
    sends: int = 0
    accepted: bool = False
    refused: bool = False
    orderly: bool = True
    stored: list = dataclasses.field(default_factory=list)  # (id, conv, seq) of each answer
    rejected: list = dataclasses.field(default_factory=list)  # codes


def judge(facts):
    verdict = Verdict()
    messages = _read_answers(facts, verdict)
    _check_fates(facts, messages, verdict)
    _check_conversations(facts, messages, verdict)
    inboxes = _check_inboxes(facts, verdict)
    _check_shown(facts, inboxes, verdict)
    _check_reached(facts, verdict)
    _check_pushes(facts, verdict)
    _check_clears(facts, verdict)
    _check_left_over(facts, verdict)
    steady = [h for h in facts.histories.values() if any(r["op"] == "who" and r.get("steady") for r in h)]
    verdict.worst_pause_s = max(map(_worst_pause, steady), default=0.0)
    verdict.recovery_s = max(map(_recovery, steady), default=0.0)
    return verdict


# ---- what the senders were told ----


def _read_answers(facts, verdict):
    messages = {}
    for name, history in facts.histories.items():
        tally = collections.Counter()  # (conn, cid, op)
        user, number, orderly = name, 0, True
        for record in history:
            op, cid = record["op"], record.get("cid")
            if op == "who":
                user, orderly = record["user"], record.get("orderly", True)
            elif op == "new":
                number += 1
                messages[user, cid] = Message(
                    user, record["text"], record["expect"], number, record["to"], orderly=orderly)
            elif op in ("send", "accepted", "stored", "rejected", "error"):
                _read_answer(messages[user, cid], record, tally, verdict)
    for (user, cid), message in messages.items():
        if len(set(message.stored)) > 1 or (message.stored and message.rejected):
            verdict.blame("answers differ", f"{user} {cid}: {message.stored} {message.rejected}")
    return messages


def _read_answer(message, record, tally, verdict):
    """In one connection: not more accepted than sends, and never more final answers than accepted."""
    op, conn, cid = record["op"], record["conn"], record["cid"]
    final = "final" if op in ("stored", "rejected") else op
    tally[conn, cid, final] += 1
    if op == "send":
        message.sends += 1
    elif op == "accepted":
        message.accepted = True
        if tally[conn, cid, "accepted"] > tally[conn, cid, "send"]:
            verdict.blame("double answer", f"{message.user} {cid} connection {conn}: accepted more often than sent")
    elif op == "error":
        message.refused |= record["code"] not in ("unavailable", "rate_limited", "window_full")
    else:
        if tally[conn, cid, "final"] > tally[conn, cid, "accepted"]:
            verdict.blame("double answer", f"{message.user} {cid} connection {conn}: {op} without an accepted")
        if op == "stored":
            message.stored.append((record["id"], record["conv"], record["seq"]))
        else:
            message.rejected.append(record["code"])


def _check_fates(facts, messages, verdict):
    sent = {(row["user"], row["cid"]): (row["id"], row["conv"], row["seq"]) for row in facts.sent}
    for key, message in messages.items():
        verdict.counts["sent"] += message.sends > 0
        verdict.counts["accepted"] += message.accepted
        verdict.counts["rejected"] += bool(message.rejected)
        verdict.counts["stored"] += key in sent
        who = f"{key[0]} {key[1]} {message.text!r}"
        if message.expect == "stored":
            _check_stored(facts, key, message, sent, verdict)
        elif key in sent or message.stored:
            verdict.blame("stored against a rule", who)
        if message.accepted and not message.stored and not message.rejected:
            verdict.blame("unanswered", f"{who}: accepted, and neither stored nor rejected, not when repeated either")
        elif message.sends and not (message.stored or message.rejected or message.refused):
            verdict.blame("unanswered", f"{who}: {message.sends} times sent, never answered")
    for key in sent.keys() - messages.keys():
        verdict.blame("invented", f"the store has {key}, which nobody sent")


def _check_stored(facts, key, message, sent, verdict):
    who = f"{key[0]} {key[1]} {message.text!r}"
    if message.rejected:
        verdict.blame("rejected without a rule", f"{who}: {message.rejected}")
    if message.accepted and facts.settled is not None and key not in facts.settled and not message.rejected:
        verdict.counts["lost"] += 1
        if not facts.lossy:
            verdict.blame("lost", f"{who}: accepted, and not in the store when all had settled")
    if message.stored and key not in sent:
        verdict.counts["lost"] += 1
        verdict.blame("lost", f"{who}: answered stored {message.stored[0]}, and not in the store")
    elif message.stored and message.stored[0] != sent[key]:
        verdict.blame("answers differ", f"{who}: answered {message.stored[0]}, the store has {sent[key]}")


# ---- conversations and inboxes ----


def _check_row(numbers, what, verdict):
    """1, 2, 3, … once each, in whatever order they are given."""
    seen = collections.Counter(numbers)
    for number, count in seen.items():
        if count > 1:
            verdict.counts["duplicated"] += count - 1
            verdict.blame("duplicated", f"{what}: {number} is there {count} times")
    missing = set(range(1, max(seen, default=0) + 1)) - seen.keys()
    if missing:
        verdict.counts["holes"] += len(missing)
        verdict.blame("hole", f"{what}: {sorted(missing)[:5]} of {max(seen)} missing")


def _check_conversations(facts, messages, verdict):
    by_conv = collections.defaultdict(list)
    by_text = collections.Counter()
    for event in facts.events:
        by_conv[event["conv"]].append(event["seq"])
        if event["text"] is not None:
            by_text[event["from"], event["text"]] += 1
    for conv, seqs in by_conv.items():
        _check_row(seqs, f"seq of conversation {conv}", verdict)
    for (user, text), count in by_text.items():
        if count > 1:
            verdict.counts["duplicated"] += count - 1
            verdict.blame("duplicated", f"{user}'s {text!r} is stored {count} times")
    events = {event["id"]: event for event in facts.events}
    for row in facts.sent:
        event, message = events.get(row["id"]), messages.get((row["user"], row["cid"]))
        if message and (not event or event["text"] != message.text or event["from"] != row["user"]):
            verdict.blame("wrong content", f"{row['user']} {row['cid']} {message.text!r}: the event is {event}")
    _check_own_order(facts, messages, verdict)


def _check_own_order(facts, messages, verdict):
    """Who sends the next message when the one before is accepted finds them in that order."""
    last = {}
    numbered = [(messages[row["user"], row["cid"]], row) for row in facts.sent if (row["user"], row["cid"]) in messages]
    for message, row in sorted(numbered, key=lambda pair: (pair[0].user, pair[0].number)):
        if not message.orderly:
            continue
        key = message.user, message.to, row["conv"]
        if key in last and row["seq"] < last[key]:
            verdict.counts["reordered"] += 1
            if not facts.lossy:  # what was thrown away comes late, when its sender says it again
                verdict.blame("reordered", f"{message.user} {message.text!r} has seq {row['seq']} after {last[key]}")
        last[key] = row["seq"]


def _check_inboxes(facts, verdict):
    """user to pos to row."""
    inboxes = collections.defaultdict(dict)
    positions = collections.defaultdict(list)
    for row in facts.inbox:
        positions[row["user"]].append(row["pos"])
        inboxes[row["user"]][row["pos"]] = row
    for user, numbers in positions.items():
        _check_row(numbers, f"pos of {user}", verdict)
    for user, rows in inboxes.items():
        seen = collections.defaultdict(int)
        for pos in sorted(rows):
            row = rows[pos]
            if row["seq"] <= seen[row["conv"]]:
                verdict.counts["reordered"] += 1
                verdict.blame("reordered", f"inbox of {user}: pos {pos} is seq {row['seq']} after {seen[row['conv']]}")
            seen[row["conv"]] = row["seq"]
    _check_everyone_has_it(facts, verdict)
    return inboxes


def _check_everyone_has_it(facts, verdict):
    held = collections.Counter((row["user"], row["conv"], row["seq"]) for row in facts.inbox)
    for event in facts.events:
        for member in facts.members.get(event["conv"], ()):
            count = held.pop((member, event["conv"], event["seq"]), 0)
            if count == 0:
                verdict.counts["lost"] += 1
                verdict.blame("lost", f"not in the inbox of {member}: {event['conv']} seq {event['seq']}")
            elif count > 1:
                verdict.counts["duplicated"] += count - 1
                verdict.blame("duplicated", f"inbox of {member}: {event['conv']} seq {event['seq']} {count} times")
    for user, conv, seq in held:
        verdict.blame("invented", f"inbox of {user}: {conv} seq {seq} is no event, or not theirs")


# ---- what the devices were shown ----


def _check_shown(facts, inboxes, verdict):
    cursors = {(row["user"], row["device"]): row["cursor"] for row in facts.devices}
    for history in facts.histories.values():
        who = next((record for record in history if record["op"] == "who"), None)
        if who is None:
            continue
        inbox = inboxes.get(who["user"], {})
        _check_sessions(who, history, inbox, verdict)
        end = next((record for record in history if record["op"] == "end"), None)
        top = max(inbox, default=0)
        if end and end["pos"] != top:
            verdict.counts["lost"] += 1
            verdict.blame("not shown", f"{who['user']} {who['device']}: kept up to {end['pos']}, the inbox has {top}")
        elif end and cursors.get((who["user"], who["device"]), 0) != top:
            verdict.blame("cursor behind", f"{who['user']} {who['device']}: {cursors.get((who['user'], who['device']))}"
                          f" in the store, acked up to {top}")


def _check_sessions(who, history, inbox, verdict):
    """In a connection pos goes up by one from the cursor, and a pos is always the same event."""
    last = {}  # conn to the last pos
    for record in history:
        if record["op"] == "hello":
            last[record["conn"]] = record["cursor"]
        elif record["op"] == "welcome":
            asked = last.get(record["conn"])
            if asked is not None and asked != record["cursor"]:
                verdict.blame("resumed elsewhere",
                              f"{who['user']} {who['device']}: asked for {asked}, got {record['cursor']}")
            last[record["conn"]] = record["cursor"]
        elif record["op"] == "event":
            _check_event(who, record, last, inbox, verdict)


def _check_event(who, record, last, inbox, verdict):
    pos, before = record["pos"], last[record["conn"]]
    what = f"{who['user']} {who['device']} connection {record['conn']}: pos {pos} after {before}"
    last[record["conn"]] = pos
    if pos <= before:
        verdict.counts["duplicated"] += 1
        verdict.blame("shown twice", what)
    elif pos != before + 1:
        verdict.counts["holes"] += pos - before - 1
        verdict.blame("shown with a hole", what)
    row = inbox.get(pos)
    if row is None or (row["conv"], row["seq"]) != (record["conv"], record["seq"]):
        verdict.counts["reordered"] += 1
        verdict.blame("shown something else",
                      f"{what} was seq {record['seq']} of {record['conv']}, the inbox has {row}")


# ---- pushes ----


def _check_reached(facts, verdict):
    """Whatever nobody saw was pushed to every device that can be pushed, or it is recorded why not."""
    devices = collections.defaultdict(list)
    for row in facts.devices:
        devices[row["user"]].append(row)
    fates = {(row["user"], row["pos"], row["device"]): row["state"] for row in facts.deliveries}
    for row in facts.inbox:
        mine = devices[row["user"]]
        if not row["notify"] or max((d["active_cursor"] for d in mine), default=0) >= row["pos"]:
            continue
        pushable = [d for d in mine if d["provider"] and d["token"]]
        first = [d for d in pushable if d["provider"] not in facts.fallback]
        for device in first or pushable:
            state = fates.get((row["user"], row["pos"], device["device"]))
            if device["cursor"] < row["pos"] and state not in TERMINAL:
                verdict.counts["lost"] += 1
                verdict.blame("missing push", f"{row['user']} {device['device']} pos {row['pos']}: {state}")


def _check_pushes(facts, verdict):
    owner = {(row["provider"], row["token"]): row["user"] for row in facts.devices if row["token"]}
    deserved = _deserved(facts)
    jobs = {}
    for row in facts.deliveries:
        jobs.setdefault((row["user"], row["event"], row["provider"]), []).append(row)
    unknown = collections.Counter(row["job"] for row in facts.attempts if row["outcome"] == "unknown")
    got = collections.defaultdict(list)
    for push in facts.pushes:
        verdict.counts["pushes"] += 1
        got[push["provider"], push["token"], push["event"]].append(push["id"])
    for (provider, token, event), ids in got.items():
        user = owner.get((provider, token))
        what = f"{user} {provider} {token[:12]}… event {event}"
        if user is not None and (user, event) not in deserved:
            verdict.blame("surplus push", f"{what}: not theirs to be told")
        if len(set(ids)) > 1:
            verdict.counts["duplicated"] += len(set(ids)) - 1
            verdict.blame("surplus push", f"{what}: {len(set(ids))} different ids")
        repeats = len(ids) - len(set(ids))
        verdict.counts["repeats"] += repeats
        doubtful = sum(unknown[job["job"]] for job in jobs.get((user, event, provider), ()))
        if repeats > doubtful and not facts.unrecorded:
            verdict.blame("surplus push", f"{what}: {repeats} repeats, {doubtful} unknown attempts")
    _check_delivered(facts, got, verdict)


def _deserved(facts):
    events = {(event["conv"], event["seq"]): event["id"] for event in facts.events}
    return {(row["user"], events.get((row["conv"], row["seq"]))) for row in facts.inbox if row["notify"]}


def _check_delivered(facts, got, verdict):
    tokens = {(row["user"], row["device"]): row["token"] for row in facts.devices}
    for row in facts.deliveries:
        token = tokens.get((row["user"], row["device"]))
        if row["state"] == "delivered" and token and (row["provider"], token, row["event"]) not in got:
            verdict.counts["lost"] += 1
            verdict.blame("missing push", f"{row['user']} {row['device']} event {row['event']}: recorded as delivered,"
                          " and the provider has nothing")
        elif row["state"] not in TERMINAL:
            verdict.blame("left over", f"{row['user']} {row['device']} event {row['event']}: {row['state']}")


def _check_clears(facts, verdict):
    """Nothing is taken off a screen that its person has not read somewhere."""
    owner = {(row["provider"], row["token"]): row["user"] for row in facts.devices if row["token"]}
    read = collections.defaultdict(int)
    for row in facts.devices:
        read[row["user"]] = max(read[row["user"]], row["active_cursor"])
    for clear in facts.clears:
        user = owner.get((clear["provider"], clear["token"]))
        if user is not None and clear["clear"] > read[user]:
            verdict.blame("taken back unread", f"{user}: up to {clear['clear']}, read up to {read[user]}")


# ---- the end ----


def _check_left_over(facts, verdict):
    for name, count in facts.queues.items():
        if count:
            verdict.blame("left over", f"{count} messages in {name}")
    for reason in facts.poisoned:
        verdict.blame("poisoned", f"an envelope became a dead letter: {reason}")
    buried = {row["job"] for row in facts.deliveries if row["state"] in BURIED}
    letters = set(row["job"] for row in facts.dead_letters)
    for job in buried - letters:
        verdict.blame("no dead letter", f"job {job}")
    for job in letters - buried:
        verdict.blame("invented", f"dead letter of job {job}, whose delivery did not fail")


def _answer_times(history):
    """Of each message the first answer that it is stored, until the end of the load."""
    times, answered = [], set()
    for record in history:
        if record["op"] == "over":
            break
        if record["op"] == "stored" and record["cid"] not in answered:
            answered.add(record["cid"])
            times.append(record["at"])
    return times


def _at(history, op):
    """When it came first; None if never."""
    return next((record["at"] for record in history if record["op"] == op), None)


def _worst_pause(history):
    """The longest time without a message stored, from the first one written to the end of the load."""
    times = [at for at in (_at(history, "new"), *_answer_times(history), _at(history, "over")) if at is not None]
    return max((later - earlier for earlier, later in zip(times, times[1:])), default=0.0)


def _recovery(history):
    """From the moment the fault was healed to the next message stored."""
    healed, over = _at(history, "healed"), _at(history, "over")
    if healed is None or over is None:
        return 0.0
    return next((at for at in _answer_times(history) if at >= healed), over) - healed
