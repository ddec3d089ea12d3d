# SPDX-License-Identifier: Apache-2.0
"""Reads from the store and from the stand-ins of the providers what the judge needs, for the people of one round."""
import json

from judge import Facts


def settled(cluster, people):
    """The (user, cid) that are in the store now."""
    return {(row["user"], row["cid"]) for row in _sent(cluster, people)}


def collect(cluster, people, histories, **known):
    """known: members of Facts that were seen before."""
    ids, names = _who(people)
    query = cluster.space.query
    tokens = {}
    devices = _rows(query(
        "SELECT user_id, device, provider, token, cursor, active_cursor FROM device WHERE user_id = ANY(%s::bigint[])",
        (ids,)), ("user", "device", "provider", "token", "cursor", "active_cursor"), names)
    for row in devices:
        tokens[row["provider"], row["token"]] = row["user"]
    convs = [row[0] for row in query("SELECT DISTINCT conv FROM member WHERE user_id = ANY(%s::bigint[])", (ids,))]
    deliveries = _rows(query(
        "SELECT user_id, job::text, event::text, pos, device, provider, state FROM delivery"
        " WHERE user_id = ANY(%s::bigint[])", (ids,)),
        ("user", "job", "event", "pos", "device", "provider", "state"), names)
    pushes = [push for push in _pushes(cluster, deliveries) if (push["provider"], push["token"]) in tokens]
    return Facts(
        histories=histories,
        sent=_sent(cluster, people),
        events=_events(query, convs),
        members=_members(query, convs, names),
        inbox=_rows(query("SELECT user_id, pos, conv::text, seq, notify FROM inbox WHERE user_id = ANY(%s::bigint[])",
                          (ids,)), ("user", "pos", "conv", "seq", "notify"), names),
        devices=devices,
        deliveries=deliveries,
        attempts=[{"job": job, "outcome": outcome} for job, outcome in query(
            "SELECT job::text, outcome FROM attempt JOIN delivery USING (job) WHERE user_id = ANY(%s::bigint[])",
            (ids,))],
        dead_letters=[{"job": job} for (job,) in query(
            "SELECT job::text FROM dead_letter WHERE user_id = ANY(%s::bigint[])", (ids,))],
        pushes=[push for push in pushes if "clear" not in push],
        clears=[push for push in pushes if "clear" in push],
        **known,
    )


def _who(people):
    """Ids, and id to name; a bigint and its text both."""
    return [p.user_id for p in people.values()], {p.user_id: p.name for p in people.values()}


def _rows(rows, columns, names):
    """Dicts; the first column is a user's id and becomes the name."""
    return [dict(zip(columns, (names[row[0]], *row[1:]))) for row in rows]


def _sent(cluster, people):
    ids, names = _who(people)
    return _rows(cluster.space.query(
        "SELECT s.sender, s.cid::text, s.id::text, s.conv::text, s.seq FROM sent s LEFT JOIN event e USING (conv, seq)"
        " WHERE s.sender = ANY(%s::bigint[]) AND e.kind IS DISTINCT FROM 'created'", (ids,)),
        ("user", "cid", "id", "conv", "seq"), names)


def _events(query, convs):
    rows = query("SELECT conv::text, seq, id::text, sender_name, body::json->>'text' FROM event"
                 " WHERE conv = ANY(%s::bigint[])", (convs,))
    return [dict(zip(("conv", "seq", "id", "from", "text"), row)) for row in rows]


def _members(query, convs, names):
    members = {}
    for conv, user in query("SELECT conv::text, user_id FROM member WHERE conv = ANY(%s::bigint[])", (convs,)):
        members.setdefault(conv, set()).add(names.get(user, str(user)))
    return members


def _pushes(cluster, deliveries):
    """What the stand-ins have accepted: each with the event that it tells of, or with the pos up to which it takes back
    what is shown. A mail has only the job, in its id."""
    events = {row["job"].replace("-", ""): row["event"] for row in deliveries}
    for provider, name in (("apns", "apns"), ("fcm", "fcm"), ("smtp", "email")):
        for record in cluster.stands.records(provider):
            yield {"provider": name, "token": record["token"], **_subject(provider, record, events)}


def _subject(provider, record, events):
    if provider == "smtp":
        job = record["id"].strip("<>").partition("@")[0].replace("-", "")
        return {"id": record["id"], "event": events.get(job)}
    values = record["payload"] if provider == "apns" else record["payload"]["message"]["data"]
    if "clear" in values:
        return {"clear": int(values["clear"])}
    # FCM's name of a message is its own: sameness is token and event.
    return {"id": record["id"] if provider == "apns" else values["message"], "event": values["message"]}


def dump(facts, path):
    """For a look at a failed round."""
    with open(path, "w") as out:
        json.dump({name: value for name, value in vars(facts).items() if name != "histories"}, out, indent=1,
                  default=lambda value: sorted(value))
