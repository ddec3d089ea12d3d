#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""seconds from one call to the last outcome of a push to a topic with 100,000 subscribers

One node with all roles, nghttpd in the place of APNs. Every subscriber has a device with a token of its own. Timed from
the call of POST /v1/push to the commit of the last outcome. Afterwards every subscriber has to have exactly one delivery,
delivered by one attempt, the status has to say so, and the queue has to be empty."""
import argparse
import json
import os
import statistics
import time
import urllib.request

import bench_env
import push_server
import surewire_env

GOAL_S = 10
TOPIC = "everybody"
QUEUE = "push.apns"
TIMEOUT_S = 120
POLL_S = 0.1


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run fanout", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--subscribers", type=int, default=100_000)
    return parser.parse_args()


def make_subscribers(made, count):
    made.space.query(
        "INSERT INTO account (user_id, name, created_at_ms) SELECT n, 'u' || n, 0 FROM generate_series(1, %s) AS n",
        (count,),
    )
    made.space.query(
        "INSERT INTO device (user_id, device, platform, provider, app, token, registered_at_ms)"
        " SELECT n, 'phone', 'ios', 'apns', 'org.surewire.demo', lpad(to_hex(n), 64, '0'), %s"
        " FROM generate_series(1, %s) AS n",
        (int(time.time() * 1000), count),
    )
    made.space.query(
        "INSERT INTO topic_subscription (topic, user_id, device, at_ms) SELECT %s, n, '', 0"
        " FROM generate_series(1, %s) AS n",
        (TOPIC, count),
    )
    made.space.query("ANALYZE")


def call(made, node, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(node.admin_url + path, method=method, data=data)
    request.add_header("Authorization", f"Bearer {made.admin_token}")
    with surewire_env.proxyless().open(request, timeout=30) as answer:
        return json.loads(answer.read())


def await_planned(made, node, number):
    """Seconds since the epoch when all jobs were made."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        rows = made.space.query("SELECT ended_at_ms FROM push_request WHERE id = %s AND state = 'done'", (int(number),))
        if rows:
            return rows[0][0] / 1000
        if time.monotonic() > deadline:
            raise bench_env.Broken(f"not planned in {TIMEOUT_S} s: {call(made, node, 'GET', '/v1/push/' + number)}")
        time.sleep(POLL_S)


def await_ended(made, count):
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        ended = made.space.query("SELECT count(*) FROM delivery")[0][0]
        if ended >= count:
            return time.time()
        if time.monotonic() > deadline:
            raise bench_env.Broken(f"{ended} of {count} outcomes in {TIMEOUT_S} s")
        time.sleep(POLL_S)


def check(made, node, number, count):
    """Nothing lost, nothing twice, all acked, and the status says so."""
    states = made.space.query("SELECT state, attempts, count(*), count(DISTINCT user_id) FROM delivery GROUP BY 1, 2")
    attempts = made.space.query("SELECT count(*) FROM attempt")[0][0]
    if states != [("delivered", 1, count, count)] or attempts != count:
        raise bench_env.Broken(f"expected {count} delivered by one attempt each, got {states}, {attempts} attempts")
    status = call(made, node, "GET", f"/v1/push/{number}")
    told = {name: status[name] for name in ("state", "planned", "waiting", "outcomes")}
    if told != {"state": "done", "planned": count, "waiting": 0, "outcomes": {"delivered": count}}:
        raise bench_env.Broken(f"the status says {told}")
    bench_env.await_empty(made, QUEUE)


def one_round(args, number, port, server_pid):
    folder = bench_env.folder()
    config = {"push.apns.host": "127.0.0.1", "push.apns.port": port, "push.apns.ca_file": folder / "ca.pem"}
    with bench_env.deployment(f"round{number}") as made:
        make_subscribers(made, args.subscribers)
        node = made.node(config=config)
        watched = {
            "surewire": node.pid,
            "rabbitmq": bench_env.recorded_pid("rabbit"),
            "postgresql": bench_env.recorded_pid("pg"),
            "nghttpd": server_pid,
        }
        before = {name: bench_env.cpu_seconds(pid) for name, pid in watched.items()}
        machine = bench_env.machine_seconds()
        begin = time.time()
        push = call(made, node, "POST", "/v1/push", {"to": {"topic": TOPIC}, "notification": {
            "title": "Service", "body": "All trains run again.", "data": {"kind": "all_clear"}}})["id"]
        planned = await_planned(made, node, push) - begin
        seconds = await_ended(made, args.subscribers) - begin
        machine = bench_env.machine_seconds() - machine
        cpu = {name: bench_env.cpu_seconds(pid) - before[name] for name, pid in watched.items()}
        check(made, node, push, args.subscribers)
    others = max(0, machine - sum(cpu.values())) / (seconds * os.cpu_count())
    bench_env.say(f"round {number}  planned in {planned:5.1f} s, ended in {seconds:5.1f} s"
                  f"  other processes {others:4.0%} of the machine")
    return {"seconds": seconds, "planned": planned, "cpu": cpu, "others": others}


def run():
    args = arguments()
    folder = bench_env.folder()
    push_server.make_keys(folder)
    push_server.make_devices(folder, map(push_server.token, range(1, args.subscribers + 1)))
    with push_server.nghttpd(folder, None, 1000) as (port, pid):
        runs = [one_round(args, number, port, pid) for number in range(1, args.rounds + 1)]
    seconds = bench_env.spread([run["seconds"] for run in runs])
    cpu = {name: round(statistics.median(run["cpu"][name] for run in runs), 2) for name in runs[0]["cpu"]}
    return {
        "bench": "fanout",
        "unit": "seconds, median",
        "ours": seconds["median"],
        "peer": None,
        "ratio": None,
        "goal": GOAL_S,
        "met": seconds["median"] <= GOAL_S,
        "spread": seconds,
        "planned_s": bench_env.spread([run["planned"] for run in runs]),
        "per_s": round(args.subscribers / seconds["median"]),
        "cpu_s": cpu,
        "share_of_other_processes": round(statistics.median(run["others"] for run in runs), 2),
        "rounds": args.rounds,
        "subscribers": args.subscribers,
        "ours_means": "one POST /v1/push to a topic, until every subscriber's outcome and attempt are committed",
    }


if __name__ == "__main__":
    bench_env.main(run)
