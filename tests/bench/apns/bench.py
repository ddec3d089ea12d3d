#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pushes per second of the APNs plug-in against nghttpd, h2load and @parse/node-apn beside

The plug-in and the HTTP/2 client as the pusher drives them, without broker and store (push_load.c). One server process
on one processor, every client in turn on another, one connection each with the same number of requests under way and
payloads of the same length. h2load sends one request again and again; ours and node-apn sign a token, encode every
push on its own and read every answer. What a client costs is told beside: user and system time for 100,000 pushes."""
import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import time

import bench_env
import push_server

HERE = pathlib.Path(__file__).parent
GOAL, GOAL_NODE = 0.5, 5
CLIENTS = ("ours", "h2load", "node_apn")
# Until the JIT compiler has seen it.
NODE_WARM_UP = 5000
PREVIEW = "A preview of a message of usual length, as people write them to each other every day."
PER = 100_000
RUN_TIMEOUT_S = 120


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run apns", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pushes", type=int, default=100_000, help="of each client but node-apn in a round")
    parser.add_argument("--node-pushes", type=int, default=20_000, help="of node-apn in a round")
    parser.add_argument("--outstanding", type=int, default=500, help="requests under way at once")
    return parser.parse_args()


def processors():
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise bench_env.Broken("expected two processors: one for the server, one for the client")
    return allowed[0], allowed[1]


def install_node(folder):
    shutil.copytree(HERE / "node", folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=True, timeout=300, stdout=subprocess.DEVNULL)


class Contest:
    """The three clients against one server."""

    def __init__(self, args, folder, port, processor):
        self.args, self.folder, self.port, self.processor = args, folder, port, processor
        program = str(pathlib.Path(os.environ["BENCH_BUILD"]) / "bench/push_load")
        common = [str(port), str(folder / "ca.pem"), str(folder / "key.p8"), push_server.TOKEN, PREVIEW]
        payload = subprocess.run([program, *common, "0", "1"], check=True, stdout=subprocess.PIPE).stdout
        (folder / "payload").write_bytes(payload)
        self.payload_bytes = len(payload)
        outstanding = str(args.outstanding)
        url = f"https://127.0.0.1:{port}/3/device/{push_server.TOKEN}"
        self.commands = {
            "ours": [program, *common, str(args.pushes), outstanding],
            "h2load": [
                "h2load", "--clients=1", "--threads=1", f"--max-concurrent-streams={outstanding}",
                f"--requests={args.pushes}", f"--data={folder}/payload", url,
            ],
            "node_apn": [
                "node", str(folder / "node/push_load.js"), *common, str(args.node_pushes), outstanding,
                str(NODE_WARM_UP),
            ],
        }  # fmt: skip

    def run(self, name):
        """One run: pushes per second, and CPU seconds of the client for PER pushes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = push_server.pinned(self.processor, self.commands[name])
        done = subprocess.run(command, text=True, timeout=RUN_TIMEOUT_S, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        (self.folder / f"{name}.log").write_text(done.stdout + done.stderr)
        if done.returncode != 0:
            raise bench_env.Broken(f"{name} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if name == "h2load":
            return {"per_s": self.read_h2load(done.stdout), "cpu_s": cpu_s * PER / self.args.pushes}
        told = json.loads(done.stdout)
        self.check(name, told)
        # What node takes to start and to warm up is left out.
        return {"per_s": told["per_s"], "cpu_s": told.get("cpu_s", cpu_s) * PER / told["pushes"]}

    def check(self, name, told):
        if told["delivered"] != told["pushes"]:
            raise bench_env.Broken(f"{name}: {told['delivered']} of {told['pushes']} pushes were accepted")
        if told.get("payload_bytes", self.payload_bytes) != self.payload_bytes:
            raise bench_env.Broken(f"{name}: a payload of {told['payload_bytes']} bytes, ours has {self.payload_bytes}")

    def read_h2load(self, text):
        rate = re.search(r"finished in .*, ([0-9.]+) req/s", text)
        codes = re.search(r"status codes: (\d+) 2xx", text)
        if not rate or not codes or int(codes.group(1)) != self.args.pushes:
            raise bench_env.Broken("h2load: not every request was answered with 200")
        return float(rate.group(1))


def measure(contest, server_pid, rounds):
    """{client: [run, …]}; who is first changes with every round."""
    runs = {name: [] for name in CLIENTS}
    for number in range(rounds):
        turn = number % len(CLIENTS)
        for name in CLIENTS[turn:] + CLIENTS[:turn]:
            server, machine, begin = bench_env.cpu_seconds(server_pid), bench_env.machine_seconds(), time.monotonic()
            run = contest.run(name)
            took = time.monotonic() - begin
            run["server_busy"] = (bench_env.cpu_seconds(server_pid) - server) / took
            run["machine_busy"] = (bench_env.machine_seconds() - machine) / took / os.cpu_count()
            runs[name].append(run)
            bench_env.say(
                f"round {number + 1}  {name:9} {run['per_s']:9.0f}/s  {run['cpu_s']:6.2f} CPU s per {PER:,}"
                f"  server busy {run['server_busy']:4.0%}  machine {run['machine_busy']:4.0%}"
            )
    return runs


def spreads(runs, what, digits):
    return {name: bench_env.spread([run[what] for run in runs[name]], digits) for name in CLIENTS}


def result(args, runs, payload_bytes):
    rates = spreads(runs, "per_s", None)
    ours = rates["ours"]["median"]
    ratio, ratio_node = ours / rates["h2load"]["median"], ours / rates["node_apn"]["median"]
    return {
        "bench": "apns",
        "unit": "pushes/s, medians",
        "ours": ours,
        "peer": rates["h2load"]["median"],
        "ratio": round(ratio, 3),
        "goal": GOAL,
        "met": ratio >= GOAL and ratio_node >= GOAL_NODE,
        "node_apn": rates["node_apn"]["median"],
        "ratio_node_apn": round(ratio_node, 2),
        "goal_node_apn": GOAL_NODE,
        "spread": rates,
        "cpu_s_per_100k": spreads(runs, "cpu_s", 3),
        "server_busy": spreads(runs, "server_busy", 2),
        "machine_busy": spreads(runs, "machine_busy", 2),
        "rounds": args.rounds,
        "outstanding": args.outstanding,
        "payload_bytes": payload_bytes,
        "ours_means": "signed token, every push encoded on its own, every answer classified; no broker, no store",
        "peer_means": "h2load: one request again and again, nothing is made or read",
    }


def run():
    args = arguments()
    folder = bench_env.folder()
    server_processor, client_processor = processors()
    bench_env.say("keys, @parse/node-apn")
    push_server.make_keys(folder)
    install_node(folder / "node")
    with push_server.nghttpd(folder, server_processor, 2 * args.outstanding) as (port, pid):
        contest = Contest(args, folder, port, client_processor)
        runs = measure(contest, pid, args.rounds)
    return result(args, runs, contest.payload_bytes)


if __name__ == "__main__":
    bench_env.main(run)
