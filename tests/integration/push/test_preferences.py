# SPDX-License-Identifier: Apache-2.0
"""What people want to be told of: mute, mentions, quiet hours, how much is shown, the badge, and what is taken back."""
import datetime
import secrets
import time
import zoneinfo

from push_world import Socket
from surewire_env import wait_until

SERVICE = {"pusher.breaker_failures": "1000"}
CONFIG = {**SERVICE, "mailbox.clear_delay": "1s", "mailbox.ack_timeout": "3s"}


def prefer(person, conv=None, **preference):
    path = f"/v1/conversations/{conv}/preferences" if conv else "/v1/preferences"
    status, answer = person.call("PUT", path, preference)
    assert status == 204, (status, answer)


def preferred(person, conv=None):
    path = f"/v1/conversations/{conv}/preferences" if conv else "/v1/preferences"
    status, answer = person.call("GET", path)
    assert status == 200, (status, answer)
    return answer


def utc(seconds_from_now):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def texts(world, token):
    return [r["payload"]["aps"]["alert"]["body"] for r in world.stands.records("apns", token) if shown(r)]


def shown(record):
    return "alert" in record["payload"]["aps"]


def clears(world, token):
    return [r for r in world.stands.records("apns", token) if "clear" in r["payload"]]


def phone(person, name="iphone", **more):
    return person.device(name, "apns", secrets.token_hex(32), platform="ios", **more)


def group(sender, title, *people):
    """With phones that have nothing to be told of: the conversation, and the tokens."""
    conv = sender.group(title, people)
    for person in people:
        wait_until(lambda p=person: any(event["conv"] == conv for event in p.events()), "the group is in the inbox")
    tokens = [phone(person) for person in people]
    for person in people:
        read_all(person, "iphone")
    return conv, *tokens


def read_all(person, device):
    wait_until(person.events, "something is in the inbox")
    pos = int(person.events()[-1]["pos"])
    person.ack(device, pos)
    wait_until(lambda: person.world.space.query(
        "SELECT 1 FROM device JOIN account USING (user_id) WHERE name = %s AND device = %s AND active_cursor >= %s",
        (person.name, device, pos)), "it is read")


def in_inbox(world, person):
    rows = world.space.query(
        "SELECT pos, notify, mentioned, told FROM inbox JOIN account USING (user_id) WHERE name = %s ORDER BY pos",
        (person.name,))
    return rows


# ---- mute ----


def test_muted_conversation__in_the_inbox_but_not_pushed__the_others_are(world):
    sender, bob = world.people("person", 2)
    muted = sender.group("muted", [bob])
    loud, token = group(sender, "loud", bob)
    prefer(bob, muted, muted_until="forever")
    muted_answer = sender.send(muted, "psst")
    answer = sender.send(loud, "hello")
    bob.delivery("iphone", "delivered")
    assert texts(world, token) == ["hello"]
    assert [e["body"].get("text") for e in bob.events()][-2:] == ["psst", "hello"]
    assert [row["event"] for row in bob.deliveries()] == [int(answer["id"])]
    trace = world.deployment.run("trace", muted_answer["id"], "--url", world.node.admin_url).stdout
    assert f"{bob.name}: not delivered: not to be told when it came (muted, or no mention)" in trace
    # The badge does not count what is muted.
    assert world.stands.records("apns", token)[-1]["payload"]["aps"]["badge"] == 1


def test_muted_until_a_time__told_again_after_it(world):
    sender, bob = world.people("person", 2)
    token = phone(bob)
    prefer(bob, muted_until=utc(4))
    answer = sender.send(bob, "too early")
    time.sleep(5)
    sender.send(answer["conv"], "in time")
    bob.delivery("iphone", "delivered")
    assert texts(world, token) == ["in time"]


def test_conversation_before_the_default(world):
    sender, bob = world.people("person", 2)
    one = sender.group("one", [bob])
    other, token = group(sender, "other", bob)
    prefer(bob, muted_until="forever")
    prefer(bob, one, muted_until=False)
    sender.send(other, "not wanted")
    sender.send(one, "wanted")
    bob.delivery("iphone", "delivered")
    assert texts(world, token) == ["wanted"]


def test_muted_while_a_retry_waits__dropped_with_the_reason(world):
    sender, bob = world.people("person", 2)
    token = phone(bob)
    fault = world.stands.fault("apns", {"status": 503, "retry_after": 3}, token=token)
    answer = sender.send(bob, "soon muted")
    wait_until(lambda: bob.deliveries("iphone") and bob.deliveries("iphone")[0]["state"] == "retry", "a retry waits")
    prefer(bob, answer["conv"], muted_until="forever")
    world.stands.remove(fault)
    row = bob.delivery("iphone", "dropped")
    assert (row["reason"], row["attempts"]) == ("muted", 1)
    assert world.stands.records("apns", token) == []


def test_muted_while_a_socket_is_waited_for__never_pushed(world):
    sender, bob = world.people("person", 2)
    conv, token = group(sender, "the two", bob)
    with Socket(bob, "laptop", acks=False) as socket:
        sender.send(conv, "muted meanwhile")
        wait_until(lambda: len(socket.events) >= 2, "it is on the socket")
        prefer(bob, conv, muted_until="forever")
        assert bob.deliveries() == []
        time.sleep(6)  # the check comes after three seconds
        prefer(bob, conv, muted_until=False)
        sender.send(conv, "afterwards")
        bob.delivery("iphone", "delivered")
    assert texts(world, token) == ["afterwards"]


# ---- mentions ----


def test_mentions_only__pushed_when_mentioned__live_in_any_case(world):
    sender, bob, carol = world.people("person", 3)
    conv, bobs, carols = group(sender, "team", bob, carol)
    prefer(bob, conv, mentions_only=True)
    first = sender.send(conv, "lunch?")
    world.arrived("apns", carols, 1)
    second = sender.send(conv, "@bob lunch?", mentions=[bob.name])
    bob.delivery("iphone", "delivered")
    world.arrived("apns", carols, 2)
    assert texts(world, bobs) == ["@bob lunch?"]
    assert [e["id"] for e in bob.events()][-2:] == [first["id"], second["id"]]
    assert [(notify, mentioned) for _, notify, mentioned, _ in in_inbox(world, bob)] == [
        (True, False), (False, False), (True, True)]


def test_mentions_only_while_a_retry_waits__dropped_unless_mentioned(world):
    sender, bob = world.people("person", 2)
    token = phone(bob)
    fault = world.stands.fault("apns", {"status": 503, "retry_after": 3}, token=token)
    conv = sender.send(bob, "for everybody")["conv"]
    sender.send(conv, "for bob", mentions=[bob.name])
    wait_until(lambda: [d["state"] for d in bob.deliveries()] == ["retry", "retry"], "both wait")
    prefer(bob, mentions_only=True)
    world.stands.remove(fault)
    wait_until(lambda: [d["state"] for d in bob.deliveries()] == ["dropped", "delivered"], "one is dropped", 60)
    assert bob.deliveries()[0]["reason"] == "not_mentioned"
    assert texts(world, token) == ["for bob"]


def test_mentions__are_part_of_the_message__and_checked(world):
    sender, bob = world.people("person", 2)
    body = {"cid": "5a4f5b3e-2d0c-4d33-9c49-5d1f7a4fdc11", "to": {"user": bob.name}, "body": {"text": "x"}}
    assert sender.call("POST", "/v1/messages", {**body, "mentions": [bob.name]})[0] == 201
    assert sender.call("POST", "/v1/messages", {**body, "mentions": [bob.name]})[0] == 201
    status, answer = sender.call("POST", "/v1/messages", body)
    assert (status, answer["code"]) == (409, "cid_reused")
    for mentions, code, text in (([f"nobody-{secrets.token_hex(4)}"], "unknown_user", "there is no user"),
                                 (["../x\u0001"], "unknown_user", "there is no user"),
                                 ("bob", "bad_frame", "mentions: expected an array"),
                                 ([7], "bad_frame", "mentions: expected an array"),
                                 ([bob.name] * 51, "bad_frame", "mentions: expected at most 50 names")):
        status, answer = sender.call(
            "POST", "/v1/messages", {**body, "cid": "5a4f5b3e-2d0c-4d33-9c49-5d1f7a4fdc12", "mentions": mentions})
        assert (status, answer["code"]) == (404 if code == "unknown_user" else 400, code), (mentions, answer)
        assert text in answer["detail"], answer


# ---- quiet hours ----


def quiet_around_now(zone, minutes_before=90, minutes_after=90):
    now = datetime.datetime.now(zoneinfo.ZoneInfo(zone))
    return {"time_zone": zone, "quiet_hours": {
        "from": (now - datetime.timedelta(minutes=minutes_before)).strftime("%H:%M"),
        "until": (now + datetime.timedelta(minutes=minutes_after)).strftime("%H:%M")}}


def test_quiet_in_one_zone__day_in_another(world):
    sender, bob = world.people("person", 2)
    hours = quiet_around_now("Asia/Tokyo")
    night = phone(bob, "night", **hours)
    day = phone(bob, "day", time_zone="America/Lima", quiet_hours=hours["quiet_hours"])  # 14 hours behind
    sender.send(bob, "who is awake?")
    bob.delivery("day", "delivered")
    row = bob.delivery("night", "retry")
    assert (row["reason"], row["attempts"]) == ("quiet hours", 0)
    assert texts(world, day) == ["who is awake?"]
    assert world.stands.records("apns", night) == []
    assert world.node.metric("surewire_push_jobs_total", provider="apns", result="held", reason="quiet_hours") >= 1


def test_end_of_quiet_hours__the_newest_of_each_conversation(world):
    sender, bob = world.people("person", 2)
    while datetime.datetime.now().second > 40:  # they end with the next minute
        time.sleep(0.5)
    one = sender.group("one", [bob])
    other, token = group(sender, "other", bob)
    bob.device("iphone", "apns", token, platform="ios", **quiet_around_now("Europe/Berlin", 300, 1))
    for conv, text in ((one, "one 1"), (other, "other 1"), (one, "one 2"), (one, "one 3")):
        sender.send(conv, text)
    wait_until(lambda: len(bob.deliveries()) == 4, "all four are held")
    assert {d["state"] for d in bob.deliveries()} <= {"retry", "dropped"}
    assert world.stands.records("apns", token) == []
    wait_until(lambda: sorted(d["state"] for d in bob.deliveries()) == ["delivered"] * 2 + ["dropped"] * 2,
               "the night is over", 120)
    assert [d["reason"] for d in bob.deliveries() if d["state"] == "dropped"] == ["superseded"] * 2
    assert sorted(texts(world, token)) == ["one 3", "other 1"]
    assert {r["payload"]["aps"]["badge"] for r in world.stands.records("apns", token)} == {4}


def test_read_in_quiet_hours__not_sent_when_they_end(world):
    sender, bob = world.people("person", 2)
    while datetime.datetime.now().second > 50:
        time.sleep(0.5)
    token = phone(bob, **quiet_around_now("Europe/Berlin", 300, 1))
    sender.send(bob, "in the night")
    bob.delivery("iphone", "retry")
    with Socket(bob, "laptop"):
        row = bob.delivery("iphone", "dropped", 120)
    assert row["reason"] == "read_elsewhere"
    assert texts(world, token) == []


def quiet_until(world, zone, start, until, at):
    """In UTC, or None. start and until as HH:MM, at as an instant."""
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in (start, until)]
    at_ms = int(datetime.datetime.fromisoformat(at).timestamp() * 1000)
    ends = world.space.query("SELECT sw_quiet_until(%s, %s, %s, %s)", (zone, *minutes, at_ms))[0][0]
    return datetime.datetime.fromtimestamp(ends / 1000, datetime.timezone.utc).strftime("%m-%dT%H:%M") if ends else None


def test_edges_of_quiet_hours(world):
    cases = [
        # over midnight
        ("Europe/Berlin", "22:00", "07:00", "2026-01-10T20:59:59+00:00", None),
        ("Europe/Berlin", "22:00", "07:00", "2026-01-10T21:00:00+00:00", "01-11T06:00"),
        ("Europe/Berlin", "22:00", "07:00", "2026-01-10T23:00:00+00:00", "01-11T06:00"),
        ("Europe/Berlin", "22:00", "07:00", "2026-01-11T05:59:59+00:00", "01-11T06:00"),
        ("Europe/Berlin", "22:00", "07:00", "2026-01-11T06:00:00+00:00", None),
        # within a day
        ("Asia/Kolkata", "13:00", "14:30", "2026-01-10T07:29:00+00:00", None),
        ("Asia/Kolkata", "13:00", "14:30", "2026-01-10T07:30:00+00:00", "01-10T09:00"),
        ("Asia/Kolkata", "13:00", "14:30", "2026-01-10T09:00:00+00:00", None),
        # the night in which summer time begins is an hour shorter, the other one longer
        ("Europe/Berlin", "22:00", "07:00", "2026-03-28T22:00:00+00:00", "03-29T05:00"),
        ("Europe/Berlin", "22:00", "07:00", "2026-10-24T21:00:00+00:00", "10-25T06:00"),
        # they end at a time that this day does not have, or has twice
        ("America/New_York", "22:00", "02:30", "2026-03-08T06:30:00+00:00", "03-08T07:30"),
        ("America/New_York", "22:00", "02:30", "2026-03-08T07:00:00+00:00", None),
        ("America/New_York", "22:00", "01:30", "2026-11-01T05:10:00+00:00", "11-01T06:30"),
        # a zone that the server does not know disturbs nobody's pushes
        ("Nowhere/Land", "22:00", "07:00", "2026-01-10T23:00:00+00:00", None),
    ]
    assert [(*case[:4], quiet_until(world, *case[:4])) for case in cases] == cases


# ---- what is shown ----


def test_content_sender_and_none__nothing_hidden_leaves(world):
    sender, bob = world.people("person", 2)
    conv, token = group(sender, "Secret project", bob)
    bob.device("iphone", "apns", token, platform="ios", locale="de-CH")
    alert = {"title": "Secret title", "body": "secret words"}
    sender.send(conv, "secret words", alert=alert)
    world.arrived("apns", token, 1)
    prefer(bob, content="sender")
    sender.send(conv, "secret words", alert=alert)
    world.arrived("apns", token, 2)
    prefer(bob, conv, content="none")
    sender.send(conv, "secret words", alert=alert)
    full, only_sender, none = (r["payload"] for r in world.arrived("apns", token, 3))
    assert (full["aps"]["alert"]["title"], full["aps"]["alert"]["body"]) == ("Secret title", "secret words")
    assert only_sender["aps"]["alert"] == {"title": sender.name, "body": "Neue Nachricht"}
    assert none["aps"]["alert"] == {"body": "Neue Nachricht"}
    assert "ecret" not in str([only_sender, none])
    assert sender.name not in str(none)


def test_content_changed_while_a_retry_waits(world):
    sender, bob = world.people("person", 2)
    token = bob.android()
    fault = world.stands.fault("fcm", {"status": 503, "retry_after": 3}, token=token)
    sender.send(bob, "secret words")
    wait_until(lambda: bob.deliveries("android") and bob.deliveries("android")[0]["state"] == "retry", "a retry waits")
    prefer(bob, content="none")
    world.stands.remove(fault)
    record = world.arrived("fcm", token)[0]
    assert "secret" not in str(record) and sender.name not in str(record["payload"])
    assert record["payload"]["message"]["notification"]["body"] == "New message"


def test_hidden_in_mail_too__in_its_language(world):
    sender, bob = world.people("person", 2)
    address = bob.device("mail", "email", f"{bob.name}@surewire.invalid", platform="email", app="", locale="de")
    prefer(bob, content="none")
    sender.send(bob, "secret words")
    mail = world.arrived("smtp", address)[0]
    assert "secret" not in str(mail) and sender.name not in str(mail)
    assert "Neue Nachricht" in mail["payload"]


# ---- badge and clear ----


def test_badge_and_clear_across_two_devices(world):
    sender, bob, carol = world.people("person", 3)
    token, other = phone(bob), phone(bob, "pad")
    conv = sender.send(bob, "1")["conv"]
    sender.send(conv, "2")
    bob_own = bob.send(conv, "mine")  # one's own copies are not unread
    sender.send(conv, "3")
    carol.send(bob, "4")
    records = world.arrived("apns", token, 4)
    assert max(r["payload"]["aps"]["badge"] for r in records) == 4
    assert bob_own["seq"] == "3"
    world.arrived("apns", other, 4)
    bob.ack("pad", 2)
    first = wait_until(lambda: clears(world, token), "the phone is told")
    assert len(first) == 1
    assert first[0]["payload"] == {"aps": {"content-available": 1}, "clear": "2", "badge": "2"}
    bob.ack("pad", 4)
    bob.ack("pad", 5)
    second = wait_until(lambda: clears(world, token)[1:], "the phone is told again")
    assert [r["payload"]["clear"] for r in second] == ["5"]
    assert [r["payload"]["badge"] for r in second] == ["0"]
    time.sleep(3)
    assert len(clears(world, token)) == 2
    assert clears(world, other) == []  # it knows by itself
    carol.send(bob, "5")
    assert world.arrived("apns", other, 5)[-1]["payload"]["aps"]["badge"] == 1


def test_clear__only_where_something_was_shown__and_no_mail(world):
    sender, bob = world.people("person", 2)
    android, address = bob.android(), bob.mail()
    sender.send(bob, "to the phone")
    bob.delivery("android", "delivered")
    late = phone(bob, "late")  # nothing was pushed to it
    bob.ack("laptop", 1)  # not a device yet: nothing was read
    with Socket(bob, "laptop"):
        record = wait_until(lambda: [r for r in world.stands.records("fcm", android) if "notification" not in
                                     r["payload"]["message"]], "the phone is told")[0]
    assert record["payload"]["message"]["data"] == {"clear": "1", "badge": "0"}
    time.sleep(3)
    assert world.stands.records("apns", late) == []
    assert world.stands.records("smtp", address) == []
    assert len(bob.deliveries()) == 1


def test_clear__by_huawei(world):
    sender, bob = world.people("person", 2)
    token = bob.huawei()
    sender.send(bob, "to the phone")
    bob.delivery("huawei", "delivered")
    with Socket(bob, "laptop"):
        record = wait_until(lambda: world.stands.records("huawei", token)[1:], "the phone is told")[0]
    assert record["payload"]["message"]["data"] == '{"clear":"1","badge":"0"}'


# ---- asking and setting ----


def test_preferences__are_kept_and_given_back(world):
    sender, bob = world.people("person", 2)
    conv = sender.group("team", [bob])
    assert preferred(bob) == {"muted_until": False, "mentions_only": False, "content": "full", "plan": None}
    assert preferred(bob, conv) == {"muted_until": None, "mentions_only": None, "content": None, "plan": None}
    until = utc(3600)
    prefer(bob, muted_until=until, content="sender")
    prefer(bob, conv, muted_until="forever", mentions_only=False)
    assert preferred(bob) == {"muted_until": until, "mentions_only": False, "content": "sender", "plan": None}
    assert preferred(bob, conv) == {"muted_until": "forever", "mentions_only": False, "content": None, "plan": None}
    assert preferred(sender, conv) == {"muted_until": None, "mentions_only": None, "content": None, "plan": None}
    assert bob.call("DELETE", f"/v1/conversations/{conv}/preferences")[0] == 204
    assert preferred(bob, conv) == {"muted_until": None, "mentions_only": None, "content": None, "plan": None}
    assert bob.call("DELETE", "/v1/preferences")[0] == 204
    rows = world.space.query("SELECT conv FROM preference JOIN account USING (user_id) WHERE name = %s", (bob.name,))
    assert rows == []


def test_bad_preferences__say_what_was_expected(world):
    sender, bob, stranger = world.people("person", 3)
    conv = sender.group("team", [bob])
    for body, text in (({"muted_until": "tomorrow"}, "muted_until: expected a UTC time"),
                       ({"muted_until": True}, "muted_until: expected a UTC time"),
                       ({"muted_until": "2026-13-01T00:00:00Z"}, "muted_until: expected a UTC time"),
                       ({"muted_until": "2026-11-24T05:00:00+01:00"}, "muted_until: expected a UTC time"),
                       ({"mentions_only": "yes"}, "mentions_only: expected true, false or null"),
                       ({"content": "half"}, 'content: expected "none"'),
                       ({"content": 1}, 'content: expected "none"')):
        status, answer = bob.call("PUT", "/v1/preferences", body)
        assert (status, answer["code"]) == (400, "bad_frame"), (body, answer)
        assert text in answer["detail"], answer
    assert bob.call("PUT", "/v1/preferences", [])[1]["code"] == "bad_json"
    assert bob.call("PUT", "/v1/conversations/x/preferences", {})[0] == 400
    for method, body in (("PUT", {"content": "none"}), ("GET", None)):
        status, answer = stranger.call(method, f"/v1/conversations/{conv}/preferences", body)
        assert (status, answer["code"]) == (404, "not_found"), answer
    assert stranger.call("POST", "/v1/preferences", {})[0] == 405


def test_bad_place_of_a_device__says_what_was_expected(world):
    bob = world.person("bob")
    night = {"from": "22:00", "until": "07:00"}
    for more, text in (({"time_zone": "Berlin"}, "time_zone: expected an IANA name"),
                       ({"time_zone": "Europe/Atlantis"}, "time_zone: expected one of the IANA database"),
                       ({"time_zone": "Foo/Bar5"}, "time_zone: expected an IANA name"),
                       ({"time_zone": "../etc/passwd"}, "time_zone: expected an IANA name"),
                       ({"locale": "de_CH"}, "locale: expected a language tag"),
                       ({"quiet_hours": night}, "time_zone: expected with quiet_hours"),
                       ({"time_zone": "UTC", "quiet_hours": {**night, "from": "24:00"}}, "quiet_hours: expected"),
                       ({"time_zone": "UTC", "quiet_hours": {**night, "from": "7:00"}}, "quiet_hours: expected"),
                       ({"time_zone": "UTC", "quiet_hours": {**night, "from": "07:00"}}, "quiet_hours: expected"),
                       ({"time_zone": "UTC", "quiet_hours": "night"}, "quiet_hours: expected")):
        body = {"provider": "apns", "token": secrets.token_hex(32), "app": "org.surewire.demo", **more}
        status, answer = bob.call("PUT", "/v1/devices/iphone", body)
        assert (status, answer["code"]) == (400, "bad_frame"), (more, answer)
        assert text in answer["detail"], answer
    for zone in ("UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "Europe/Berlin"):
        phone(bob, time_zone=zone, locale="zh-Hant-TW", quiet_hours=night)
    rows = world.space.query("SELECT time_zone, locale, quiet_from, quiet_until FROM device JOIN account USING (user_id)"
                             " WHERE name = %s", (bob.name,))
    assert rows == [("Europe/Berlin", "zh-Hant-TW", 1320, 420)]
    phone(bob)
    rows = world.space.query("SELECT time_zone, quiet_from FROM device JOIN account USING (user_id) WHERE name = %s",
                             (bob.name,))
    assert rows == [("", -1)]
