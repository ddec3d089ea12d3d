# SPDX-License-Identifier: Apache-2.0
"""Dead letters as an operator meets them at a terminal: looked at, sent again one by one or by a filter, dropped."""
import json

import pytest

import push_world
import surewire_env
from surewire_env import wait_until

MANY = 200
REPLAYED_S = 120
USAGE, UNAVAILABLE, CONFIG = 64, 69, 78


@pytest.fixture(scope="module")
def world(module_deployment):
    """The role admin in a process of its own, so that it can be killed alone."""
    world = push_world.World(module_deployment, {"node.roles": "gateway,sequencer,mailbox,pusher",
                                                 "pusher.attempts_max": "2"})
    world.admin = module_deployment.node("admin")
    return world


@pytest.fixture(autouse=True)
def running_admin(world):
    """Also after a test that failed between kill and restart."""
    if not world.admin.running():
        world.admin.restart()


def surewire(world, *arguments, code=0, **kwargs):
    done = world.deployment.run(*arguments, "--url", world.admin.admin_url, check=False, **kwargs)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def dead(world, *arguments, **kwargs):
    """The objects that the command prints."""
    done = surewire(world, "dead", *arguments, "--json", **kwargs)
    return [json.loads(line) for line in done.stdout.splitlines()]


def api(world, method, path, body=None, token=True):
    bearer = world.deployment.admin_token if token is True else token
    return push_world.call(method, world.admin.admin_url + path, body, bearer)


def letters(world, person, count=1):
    """The letters of a person, once there are so many."""
    found = wait_until(
        lambda: (lambda rows: rows if len(rows) >= count else None)(dead(world, "list", "--user", person.name)),
        f"{count} dead letters of {person.name}")
    assert len(found) == count, found
    return found


@pytest.fixture
def victim(world):
    """(bob, the fault that rejects every push to his phone, its token, his dead letter)."""
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.android()
    fault = world.stands.fault("fcm", {"status": 503}, token)
    sender.send(bob, "lost \x1b[31mred")
    return bob, fault, token, letters(world, bob)[0]


def test_dead__listed_shown_and_replayed_to_its_device(world, victim):
    bob, fault, token, letter = victim
    assert (letter["provider"], letter["device"], letter["status"], letter["replays"]) == ("fcm", "android", 503, 0)
    table = surewire(world, "dead", "list", "--user", bob.name).stdout.splitlines()
    assert len(table) == 2 and table[0].split()[:3] == ["ID", "DIED", "USER"]
    assert table[1].split()[0] == letter["id"] and "attempts spent" in table[1]

    detail = dead(world, "show", letter["id"])[0]
    tries = bob.attempts("android")
    assert detail["attempts"] == tries
    assert [(a["number"], a["outcome"], a["status"]) for a in tries] == [(1, "retry", 503), (2, "retry", 503)]
    assert detail["notification"]["preview"].startswith("lost")
    shown = surewire(world, "dead", "show", letter["id"]).stdout
    assert "2 attempts" in shown and "\x1b" not in shown and "lost ?[31mred" in shown
    assert token not in shown and token not in json.dumps(detail)

    world.stands.remove(fault)
    sent = dead(world, "replay", letter["id"])[0]
    assert (sent["id"], sent["replays"], sent["queue"]) == (letter["id"], 1, "push.fcm")
    world.arrived("fcm", token)
    tracked = wait_until(
        lambda: (lambda row: row if row["replay_outcome"] == "delivered" else None)(
            dead(world, "list", "--user", bob.name)[0]), "the replay is known to be delivered")
    assert (tracked["replays"], tracked["replay_job"]) == (1, sent["job"])
    replay = dead(world, "show", letter["id"])[0]["replay_list"][0]
    assert (replay["job"], replay["outcome"], replay["run"], replay["again"]) == (sent["job"], "delivered", None, None)
    assert "@" in replay["operator"]


def test_dead__replayed_in_vain__is_dead_again_and_linked(world, victim):
    bob, _, _, letter = victim
    dead(world, "replay", letter["id"])
    second, first = letters(world, bob, 2)
    assert (first["id"], first["replay_outcome"]) == (letter["id"], "dead")
    assert dead(world, "show", second["id"])[0]["replay_of"] == first["id"]
    assert dead(world, "show", first["id"])[0]["replay_list"][0]["again"] == second["id"]


def test_show__attempt_rows_gone__history_is_kept(world, victim):
    bob, _, _, letter = victim
    before = dead(world, "show", letter["id"])[0]["attempts"]
    world.space.query("DELETE FROM attempt WHERE job = %s::uuid", (letter["job"],))
    assert bob.attempts("android") == []
    assert dead(world, "show", letter["id"])[0]["attempts"] == before
    assert len(before) == 2


def test_list__each_filter__chooses(world, victim):
    bob, _, _, letter = victim
    mine = ["--user", bob.name]

    def ids(*arguments):
        return [row["id"] for row in dead(world, "list", *mine, *arguments)]

    for chosen in (["--provider", "fcm"], ["--app", push_world.TOPIC], ["--device", "android"], ["--newer", "1h"],
                   ["--reason", "spent"], ["--reason-is", letter["reason"]], ["--not-replayed"]):
        assert ids(*chosen) == [letter["id"]], chosen
    for not_chosen in (["--provider", "apns"], ["--app", ""], ["--device", "andro"], ["--older", "1h"],
                       ["--reason", "SPENT"], ["--reason-is", "spent"], ["--replayed"]):
        assert ids(*not_chosen) == [], not_chosen
    assert dead(world, "list", "--user", "nobody-of-this-name") == []
    done = surewire(world, "dead", "list", "--user", "nobody-of-this-name")
    assert (done.stdout, done.stderr) == ("", "none\n")


def make_letters(world, count):
    """A user with so many letters in the archive, made of one real one, and the token that they all go to."""
    sender, carol = world.person("sender"), world.person("carol")
    token = carol.android()
    fault = world.stands.fault("fcm", {"status": 400}, token)  # rejected: dead at once
    sender.send(carol, "many times")
    letter = letters(world, carol)[0]
    world.stands.remove(fault)
    world.space.query(
        "INSERT INTO dead_letter (job, event, user_id, device, provider, app, reason, status, at_ms, payload)"
        " SELECT gen_random_uuid(), event, user_id, device, provider, app, reason, status, at_ms, payload"
        " FROM dead_letter, generate_series(2, %s) WHERE id = %s", (count, letter["id"]))
    return carol, token


def test_list__more_than_a_page__all_of_them_once(world):
    carol, _ = make_letters(world, 450)
    found = [int(row["id"]) for row in dead(world, "list", "--user", carol.name)]
    assert len(found) == 450 and found == sorted(set(found), reverse=True)
    assert [int(row["id"]) for row in dead(world, "list", "--user", carol.name, "--limit", "203")] == found[:203]


def replays_of(world, run):
    return world.space.query("SELECT letter, count(*) FROM dead_replay WHERE run = %s GROUP BY letter", (run,))


def test_replay_of_a_filter__killed_in_the_middle__each_letter_once(world):
    carol, token = make_letters(world, MANY)
    job = dead(world, "replay", "--user", carol.name, "--rate", "50", "--detach")[0]
    assert (job["state"], job["total"], job["filter"], job["rate"]) == ("running", MANY, {"user": carol.name}, 50)
    wait_until(lambda: len(world.stands.records("fcm", token)) >= 30, "some of them arrived")
    world.admin.kill()
    arrived = len(world.stands.records("fcm", token))
    assert arrived < MANY
    world.admin.restart()

    ended = dead(world, "watch", job["id"], timeout=REPLAYED_S)[0]
    assert (ended["state"], ended["sent"], ended["failed"]) == ("done", MANY, 0)
    wait_until(lambda: dead(world, "watch", job["id"])[0]["outcomes"] == {"delivered": MANY}, "all delivered", 60)
    records = world.stands.records("fcm", token)
    assert len(records) == MANY  # the pusher knows a job that was published twice
    assert sorted(count for _, count in replays_of(world, job["id"])) == [1] * MANY
    assert {row["replays"] for row in dead(world, "list", "--user", carol.name)} == {1}
    assert dead(world, "list", "--user", carol.name, "--not-replayed") == []
    print(f"killed after {arrived} of {MANY}: {len(records)} arrived")
    line = [row for row in dead(world, "replays") if row["id"] == job["id"]]
    assert len(line) == 1 and line[0]["ended_at_ms"] >= line[0]["at_ms"]


def test_replay_of_a_filter__cancelled__stops_where_it_is(world):
    carol, token = make_letters(world, MANY)
    job = dead(world, "replay", "--user", carol.name, "--rate", "10", "--detach")[0]
    wait_until(lambda: dead(world, "replays", "--limit", "1")[0]["sent"] >= 4, "some were sent")
    ended = dead(world, "cancel", job["id"])[0]
    assert ended["state"] == "cancelled"
    again = dead(world, "watch", job["id"])[0]
    assert again["state"] == "cancelled"
    # Another replay, done, shows that the first was not just slow.
    other, _ = make_letters(world, 1)
    assert "1 of 1 letters sent" in surewire(world, "dead", "replay", "--user", other.name, timeout=60).stdout
    sent = len(replays_of(world, job["id"]))
    assert 4 <= sent <= 40
    assert len(world.stands.records("fcm", token)) <= sent
    # What is left is for the next.
    rest = dead(world, "replay", "--user", carol.name, "--not-replayed", "--rate", "500", timeout=60)[0]
    assert rest["total"] == MANY - sent


def test_replay_of_a_filter__letter_without_a_queue__failed_and_told(world):
    carol, _ = make_letters(world, 2)
    world.space.query("UPDATE dead_letter SET payload = 'x' WHERE id = %s",
                      (dead(world, "list", "--user", carol.name)[0]["id"],))
    ended = dead(world, "replay", "--user", carol.name, timeout=60)[0]
    assert (ended["sent"], ended["failed"], ended["outcomes"]["failed"]) == (1, 1, 1)
    assert [row["replays"] for row in dead(world, "list", "--user", carol.name)] == [0, 1]


def test_poison__delivered_too_often__is_a_dead_letter_and_not_lost(deploy, fresh_servers):
    """Who takes it and never ends it is the management API here; a pusher that crashes looks the same to the broker."""
    deployment = deploy(fresh_servers)
    world = push_world.World(deployment, {"node.roles": "gateway,sequencer,mailbox,admin", "bus.push_deliveries_max": "3"})
    world.admin = world.node
    sender, bob = world.person("sender"), world.person("bob")
    token = bob.android()
    sender.send(bob, "poison")
    taken = []

    def take():
        body = {"count": 1, "ackmode": "reject_requeue_true", "encoding": "base64"}
        taken.extend(world.space.management("POST", f"queues/{world.space.name}/push.fcm/get", body))
        return dead(world, "list", "--user", bob.name)

    letter = wait_until(take, "the letter is archived", every_s=0.2)[0]
    assert letter["reason"] == "poison: delivered 3 times" and len(taken) == 3
    assert dead(world, "show", letter["id"])[0]["attempts"] == []
    pusher = deployment.node("pusher", {"bus.push_deliveries_max": "3"})
    dead(world, "replay", letter["id"])
    world.arrived("fcm", token)
    pusher.stop()


def audit(world):
    return world.space.query("SELECT operator, action, detail, count FROM audit ORDER BY id")


def test_drop__by_id_and_by_filter__gone_and_noted(world):
    carol, _ = make_letters(world, 5)
    ids = [row["id"] for row in dead(world, "list", "--user", carol.name)]
    done = surewire(world, "dead", "drop", ids[0], code=USAGE)
    assert "--yes" in done.stderr
    surewire(world, "dead", "drop", "--user", carol.name, code=USAGE)
    assert len(dead(world, "list", "--user", carol.name)) == 5

    assert "dropped" in surewire(world, "dead", "drop", ids[0], "--yes").stdout
    operator, action, detail, count = audit(world)[-1]
    assert (action, detail, count) == ("dead.drop", {"id": ids[0]}, 1) and "@" in operator
    surewire(world, "dead", "drop", ids[0], "--yes", code=1)

    status, answer = api(world, "DELETE", f"/v1/admin/dead?user={carol.name}&confirm=5")
    assert (status, answer["code"]) == (412, "count_differs") and "4 letters" in answer["detail"]
    assert len(dead(world, "list", "--user", carol.name)) == 4
    before = len(audit(world))
    assert surewire(world, "dead", "drop", "--user", carol.name, "--yes").stdout == "4 dropped\n"
    assert dead(world, "list", "--user", carol.name) == []
    operator, action, detail, count = audit(world)[-1]
    assert (action, detail, count) == ("dead.drop", {"filter": {"user": carol.name}}, 4)
    assert len(audit(world)) == before + 1
    assert surewire(world, "dead", "drop", "--user", carol.name, "--yes").stdout == "0 dropped\n"


def test_bad_input__told_and_nothing_done(world, victim):
    _, _, _, letter = victim
    for words, code in (
            (["list", "--older", "soon"], USAGE), (["list", "--newer", "0s"], USAGE), (["list", "5"], USAGE),
            (["list", "--limit", "0"], USAGE), (["show"], USAGE), (["show", "x"], USAGE), (["show", "0"], USAGE),
            (["show", "1", "2"], USAGE), (["show", "999999999"], 1), (["show", "9999999999999999999"], USAGE),
            (["replay"], USAGE), (["replay", "1", "--all"], USAGE), (["replay", "999999999"], 1),
            (["replay", "--all", "--rate", "0"], USAGE), (["replay", "--all", "--rate", "1001"], USAGE),
            (["watch", "999999999"], 1), (["cancel", "999999999"], 1), (["drop", "--yes"], USAGE),
            (["drop", "1", "--user", "bob", "--yes"], USAGE), (["bury"], USAGE), ([], USAGE),
            (["list", "--nonsense"], USAGE)):
        done = surewire(world, "dead", *words, code=code)
        assert done.stderr and not done.stdout, words
    for method, path, body, status, code in (
            ("GET", "/v1/admin/dead/999999999", None, 404, "not_found"),
            ("DELETE", "/v1/admin/dead/999999999", None, 404, "not_found"),
            ("GET", "/v1/admin/dead?older_ms=2h", None, 400, "bad_request"),
            ("GET", "/v1/admin/dead?reason_has=%ff", None, 400, "bad_request"),
            ("DELETE", "/v1/admin/dead", None, 400, "bad_request"),
            ("DELETE", "/v1/admin/dead?confirm=-1", None, 400, "bad_request"),
            ("POST", "/v1/admin/dead/replays", None, 400, "bad_request"),
            ("POST", "/v1/admin/dead/replays", {"rate": 5}, 400, "bad_request"),
            ("POST", "/v1/admin/dead/replays", {"filter": {"usr": "bob"}}, 400, "bad_request"),
            ("POST", "/v1/admin/dead/replays", {"filter": {}, "rate": 1001}, 400, "bad_request"),
            ("GET", "/v1/admin/dead/replays/999999999", None, 404, "not_found"),
            ("POST", "/v1/admin/dead/replays/999999999/cancel", None, 404, "not_found"),
            ("PUT", "/v1/admin/dead/1", None, 405, "method_not_allowed")):
        answered, problem = api(world, method, path, body)
        assert (answered, problem["code"], problem["status"]) == (status, code, status), (method, path, problem)
    for token in (None, "0" * 32):
        for method, path in (("GET", "/v1/admin/dead"), ("DELETE", "/v1/admin/dead?confirm=1"),
                             ("DELETE", f"/v1/admin/dead/{letter['id']}"), ("POST", "/v1/admin/dead/replays"),
                             ("GET", "/v1/admin/messages/1/trace")):
            assert api(world, method, path, None, token)[0] == 401, (method, path)
    assert dead(world, "show", letter["id"])[0]["replays"] == 0


def test_no_token_or_a_wrong_one__exit_code_says_so(world):
    path = world.deployment.write_config("tokenless", {"admin.token_file": "", "node.roles": "gateway"})
    run = [f"--config={path}", "dead", "list", "--url", world.admin.admin_url]
    done = world.deployment.run(*run, check=False)
    assert done.returncode == CONFIG and "[admin] token" in done.stderr
    wrong = world.deployment.folder / "wrong.token"
    wrong.write_text("0" * 32)
    wrong.chmod(0o600)
    path = world.deployment.write_config("wrong", {"admin.token_file": str(wrong)})
    done = world.deployment.run(f"--config={path}", *run[1:], check=False)
    assert done.returncode == UNAVAILABLE and "token" in done.stderr
    port = surewire_env.free_ports(1)[0]
    done = world.deployment.run("dead", "list", "--url", f"http://127.0.0.1:{port}", check=False)
    assert done.returncode == UNAVAILABLE and done.stderr.count("surewire: ") == 1
