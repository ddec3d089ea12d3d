#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pushes per second from the durable queue to recorded and acked, also when one in twenty fails at first; memory

A queue is filled while no pusher runs; then one starts: it takes the jobs, looks them up, sends them, records delivery and
attempt of each, and only then acks. Counted from the first attempt until the last record is committed. Afterwards the queue
has to be empty, and every job delivered. How many jobs a message of the broker carries is the mailbox writer's doing: as
many as it planned in one transaction.

Steady: nghttpd in the place of APNs takes everything. Failing: `surewire sim`, which checks and records every push, answers
503 to 5 % of them; they come again after their backoff, whose tail is in the time. The pusher's memory is looked at
every second of that run, between a tenth of its jobs and the last of them."""
import argparse
import os
import pathlib
import statistics
import subprocess
import time

import bench_env
import push_server
import push_world

GOAL = 15000
FAILING_GOAL = 10000
FAILING_SHARE = 0.05
# What the allocator may keep more in the last fifth of the run than in the first.
GROWTH_MIB_MAX = 4
QUEUE = "push.apns"
DRAIN_TIMEOUT_S = 300
POLL_S = 0.1


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run push", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pushes", type=int, default=60_000, help="in a round")
    parser.add_argument("--failing", type=int, default=1_000_000, help="in the run with failures; 0: none")
    parser.add_argument("--people", type=int, default=10_000, help="each with one device")
    parser.add_argument("--per-letter", type=int, default=50, help="jobs in one message of the broker")
    parser.add_argument("--concurrency", type=int, help="of the pusher; its own default when not given")
    return parser.parse_args()


def fill(made, pushes, args):
    program = pathlib.Path(os.environ["BENCH_BUILD"]) / "bench/push_fill"
    numbers = (pushes, args.people, args.per_letter)
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


def await_recorded(pusher, pushes, look):
    """Monotonic time of the last record. Asked of the pusher: counting rows would cost the store more than writing them."""
    deadline = time.monotonic() + DRAIN_TIMEOUT_S
    while (done := pusher.metric("surewire_push_jobs_total", provider="apns", result="delivered")) < pushes:
        if time.monotonic() > deadline:
            raise bench_env.Broken(f"{done:.0f} of {pushes} were recorded in {DRAIN_TIMEOUT_S} s")
        look(done)
        time.sleep(POLL_S)
    return time.monotonic()


def check(made, pushes, retries):
    """Nothing lost, nothing twice, all acked."""
    states = made.space.query("SELECT state, count(*) FROM delivery GROUP BY 1")
    attempts = count(made, "attempt")
    if states != [("delivered", pushes)] or attempts != pushes + retries:
        raise bench_env.Broken(f"expected {pushes} delivered by {pushes + retries} attempts, got {states}, {attempts}")
    bench_env.await_empty(made, QUEUE)


def drain(made, pusher, watched, pushes, look=lambda done: None):
    """One run: rate, CPU seconds of each process and of the pusher's threads."""
    before = {name: bench_env.cpu_seconds(pid) for name, pid in watched.items()}
    machine = bench_env.machine_seconds()
    begin = time.monotonic()
    pusher.restart()
    end = await_recorded(pusher, pushes, look)
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


def servers():
    return {"rabbitmq": bench_env.recorded_pid("rabbit"), "postgresql": bench_env.recorded_pid("pg")}


def concurrency(args):
    return {"pusher.concurrency": args.concurrency} if args.concurrency else {}


def filled(made, args, pushes, config):
    """A pusher that is stopped, and its queue full."""
    make_devices(made, args)
    pusher = made.node("pusher", {**config, **concurrency(args)})  # declares the queue
    pusher.stop()
    fill(made, pushes, args)
    return pusher


def steady(args, number, port, server_pid):
    folder = bench_env.folder()
    config = {"push.apns.host": "127.0.0.1", "push.apns.port": port, "push.apns.ca_file": folder / "ca.pem"}
    with bench_env.deployment(f"round{number}") as made:
        pusher = filled(made, args, args.pushes, config)
        run = drain(made, pusher, {**servers(), "nghttpd": server_pid}, args.pushes)
        check(made, args.pushes, 0)
    bench_env.say(f"round {number}  {run['per_s']:8.0f}/s  other processes {run['others']:4.0%} of the machine")
    return run


def failing(args):
    """The run, with the pusher's memory in MiB in the first and the last fifth of what was looked at."""
    looks = []

    def look(done):
        if done >= args.failing / 10 and (not looks or time.monotonic() - looks[-1][0] >= 1):
            looks.append((time.monotonic(), bench_env.user_bytes(pusher.pid)["Anonymous"] / 2**20))

    with bench_env.deployment("failing") as made:
        sim = made.sim()
        stands = push_world.Stands(made.sim_control)
        pusher = filled(made, args, args.failing, {})
        fault = stands.fault("apns", {"status": 503}, match={"share": FAILING_SHARE})
        run = drain(made, pusher, {**servers(), "sim": sim.pid}, args.failing, look)
        retries = stands.hits(fault)
        check(made, args.failing, retries)
    fifth = max(1, len(looks) // 5)
    memory = [statistics.median(mib for _, mib in part) for part in (looks[:fifth], looks[-fifth:])]
    run.update(retries=retries, first_mib=round(memory[0], 1), last_mib=round(memory[1], 1))
    bench_env.say(f"failing  {run['per_s']:8.0f}/s  {retries} came again  memory {memory[0]:.1f} then {memory[1]:.1f} MiB")
    return run


def told(run, args):
    return {
        "per_s": round(run["per_s"]),
        "goal_per_s": FAILING_GOAL,
        "pushes": args.failing,
        "attempts_that_failed": run["retries"],
        "memory_mib": {"first_fifth": run["first_mib"], "last_fifth": run["last_mib"], "growth_max": GROWTH_MIB_MAX},
        "cpu_s_per_100k": per_100k([run], "cpu", args.failing),
    }


def run():
    args = arguments()
    folder = bench_env.folder()
    push_server.make_keys(folder)
    push_server.make_devices(folder, map(push_server.token, range(1, args.people + 1)))
    with push_server.nghttpd(folder, None, 1000) as (port, pid):
        runs = [steady(args, number, port, pid) for number in range(1, args.rounds + 1)]
    rates = bench_env.spread([run["per_s"] for run in runs], 0)
    met = rates["median"] >= GOAL
    with_failures = failing(args) if args.failing else None
    if with_failures:
        growth = with_failures["last_mib"] - with_failures["first_mib"]
        met = met and with_failures["per_s"] >= FAILING_GOAL and growth <= GROWTH_MIB_MAX
    return {
        "bench": "push",
        "unit": "pushes/s, median",
        "ours": rates["median"],
        "peer": None,
        "ratio": None,
        "goal": GOAL,
        "met": met,
        "spread": rates,
        "failing": told(with_failures, args) if with_failures else None,
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
