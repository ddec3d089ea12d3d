#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pushes per second from the durable queue to recorded and acked

A queue is filled while no pusher runs; then one starts: it takes the jobs, looks them up, sends them to nghttpd in the
place of APNs, records delivery and attempt of each, and only then acks. Counted from the first attempt until the last
record is committed. Afterwards the queue has to be empty, and every job delivered with one attempt. How many jobs a
message of the broker carries is the mailbox writer's doing: as many as it planned in one transaction."""
import argparse
import os
import pathlib
import statistics
import subprocess
import time

import bench_env
import push_server
import surewire_env

GOAL = 15000
QUEUE = "push.apns"
DRAIN_TIMEOUT_S = 120
# RabbitMQ's figures lag by five seconds.
EMPTY_TIMEOUT_S = 20
POLL_S = 0.1


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run push", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pushes", type=int, default=60_000, help="in a round")
    parser.add_argument("--people", type=int, default=10_000, help="each with one device")
    parser.add_argument("--per-letter", type=int, default=50, help="jobs in one message of the broker")
    parser.add_argument("--concurrency", type=int, help="of the pusher; its own default when not given")
    return parser.parse_args()


def fill(made, args):
    program = pathlib.Path(os.environ["BENCH_BUILD"]) / "bench/push_fill"
    numbers = (args.pushes, args.people, args.per_letter)
    command = [program, made.space.amqp_url, QUEUE, *map(str, numbers)]
    if subprocess.run(command, check=False).returncode != 0:
        raise bench_env.Broken("the queue could not be filled")


def make_devices(made, args):
    made.space.query(
        "INSERT INTO device (user_id, device, platform, provider, app, token, registered_at_ms)"
        " SELECT n, 'phone', 'ios', 'apns', 'org.surewire.demo', lpad(to_hex(n), 64, '0'), %s"
        " FROM generate_series(1, %s) AS n",
        (int(time.time() * 1000), args.people),
    )
    made.space.query("ANALYZE device")


def count(made, table):
    return made.space.query(f"SELECT count(*) FROM {table}")[0][0]


def await_recorded(pusher, pushes):
    """Monotonic time of the last record. Asked of the pusher: counting rows would cost the store more than writing them."""
    deadline = time.monotonic() + DRAIN_TIMEOUT_S
    while (done := pusher.metric("surewire_push_jobs_total", provider="apns", result="delivered")) < pushes:
        if time.monotonic() > deadline:
            raise bench_env.Broken(f"{done:.0f} of {pushes} were recorded in {DRAIN_TIMEOUT_S} s")
        time.sleep(POLL_S)
    return time.monotonic()


def check(made, pushes):
    """Nothing lost, nothing twice, all acked."""
    states = made.space.query("SELECT state, attempts, count(*) FROM delivery GROUP BY 1, 2")
    if states != [("delivered", 1, pushes)] or count(made, "attempt") != pushes:
        raise bench_env.Broken(f"expected {pushes} delivered by one attempt, got {states}, {count(made, 'attempt')}")
    surewire_env.wait_until(lambda: made.space.queues()[QUEUE].get("messages") == 0, f"{QUEUE} is empty", EMPTY_TIMEOUT_S)


def drain(made, pusher, watched, pushes):
    """One run: rate, CPU seconds of each process and of the pusher's threads."""
    before = {name: bench_env.cpu_seconds(pid) for name, pid in watched.items()}
    machine = bench_env.machine_seconds()
    begin = time.monotonic()
    pusher.restart()
    end = await_recorded(pusher, pushes)
    watched = {**watched, "pusher": pusher.pid}
    cpu = {name: bench_env.cpu_seconds(pid) - before.get(name, 0) for name, pid in watched.items()}
    machine = bench_env.machine_seconds() - machine
    threads = bench_env.thread_seconds(pusher.pid)
    now_ms = int(time.time() * 1000)
    first_ms = made.space.query("SELECT min(at_ms) FROM attempt")[0][0]
    seconds = end - (time.monotonic() - (now_ms - first_ms) / 1000)
    pusher.stop()
    return {
        "per_s": pushes / seconds,
        "cpu": cpu,
        "threads": threads,
        "others": max(0, machine - sum(cpu.values())) / ((end - begin) * os.cpu_count()),
    }


def per_100k(runs, what, pushes):
    """Medians of CPU seconds for 100,000 pushes, by name."""
    names = sorted({name for run in runs for name in run[what]})
    return {name: round(statistics.median(run[what].get(name, 0) for run in runs) * 1e5 / pushes, 2) for name in names}


def one_round(args, number, port, server_pid):
    folder = bench_env.folder()
    config = {
        "push.apns.host": "127.0.0.1",
        "push.apns.port": port,
        "push.apns.ca_file": folder / "ca.pem",
        **({"pusher.concurrency": args.concurrency} if args.concurrency else {}),
    }
    watched = {
        "rabbitmq": bench_env.recorded_pid("rabbit"),
        "postgresql": bench_env.recorded_pid("pg"),
        "nghttpd": server_pid,
    }
    with bench_env.deployment(f"round{number}") as made:
        make_devices(made, args)
        pusher = made.node("pusher", config)  # declares the queue
        pusher.stop()
        fill(made, args)
        run = drain(made, pusher, watched, args.pushes)
        check(made, args.pushes)
    bench_env.say(f"round {number}  {run['per_s']:8.0f}/s  other processes {run['others']:4.0%} of the machine")
    return run


def run():
    args = arguments()
    folder = bench_env.folder()
    push_server.make_keys(folder)
    push_server.make_devices(folder, map(push_server.token, range(1, args.people + 1)))
    with push_server.nghttpd(folder, None, 1000) as (port, pid):
        runs = [one_round(args, number, port, pid) for number in range(1, args.rounds + 1)]
    rates = bench_env.spread([run["per_s"] for run in runs], 0)
    return {
        "bench": "push",
        "unit": "pushes/s, median",
        "ours": rates["median"],
        "peer": None,
        "ratio": None,
        "goal": GOAL,
        "met": rates["median"] >= GOAL,
        "spread": rates,
        "cpu_s_per_100k": per_100k(runs, "cpu", args.pushes),
        "pusher_threads_cpu_s_per_100k": per_100k(runs, "threads", args.pushes),
        "share_of_other_processes": round(statistics.median(run["others"] for run in runs), 2),
        "rounds": args.rounds,
        "pushes": args.pushes,
        "jobs_per_letter": args.per_letter,
        "ours_means": "taken from a quorum queue, looked up, sent, delivery and attempt committed, then acked",
    }


if __name__ == "__main__":
    bench_env.main(run)
