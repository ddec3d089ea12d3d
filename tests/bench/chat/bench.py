#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""stored one-to-one messages per second, against ejabberd with and without its archive

Ours and theirs in turn, in one run, on the same PostgreSQL; medians over the rounds. All of Surewire's roles are in one
process with the defaults, but for limits of rate. Every message is checked: none lost, none doubled, in order; then the
rows in both stores are counted."""
import argparse

import bench_env
import contenders

GOAL = 15


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run chat", description=__doc__.splitlines()[0])
    contenders.add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=int, default=20, help="messages of a pair under way")
    return parser.parse_args()


def measure(found, args):
    """{name: [result of each round]}: one run of each, in turn."""
    runs = {name: [] for name in found}
    for number in range(1, args.rounds + 1):
        for name, contender in found.items():
            runs[name].append(contender.run(args.window))
            bench_env.say(f"round {number} of {args.rounds}  {name:13} {runs[name][-1]['rate']:8.0f} messages/s")
    return runs


def threads_us(runs):
    """CPU of our threads for each message sent, the costliest first."""
    sent = sum(run["sent"] for run in runs)
    total = {}
    for run in runs:
        for name, seconds in run["threads"].items():
            total[name] = total.get(name, 0) + seconds
    costly = sorted(total.items(), key=lambda item: -item[1])
    return {name: round(1e6 * seconds / sent, 1) for name, seconds in costly if 1e6 * seconds / sent >= 0.1}


def result(runs, half, args):
    rates = {name: bench_env.spread([run["rate"] for run in of], 0) for name, of in runs.items()}
    ours = rates["ours"]["median"]
    peer = rates["peer"]["median"] if "peer" in rates else None
    unstored = rates["peer_unstored"]["median"] if "peer_unstored" in rates else None
    ratio = round(ours / peer, 2) if peer else None
    return {
        "bench": "chat",
        "unit": "messages/s; the goal is of the ratio",
        "ours": ours,
        "peer": peer,
        "peer_unstored": unstored,
        "ratio": ratio,
        "ratio_unstored": round(ours / unstored, 2) if unstored else None,
        "goal": GOAL,
        "met": bool(ratio and ratio >= GOAL),
        "spread": rates,
        "delivered_ms": {name: of[-1]["delivered_ms"] for name, of in runs.items()},
        "at_half": {"rate": half["rate"], "delivered_ms": half["delivered_ms"], "stored_ms": half["stored_ms"]},
        "cpu_us_per_message": {name: bench_env.cpu_us_per_message(of) for name, of in runs.items()},
        "threads_us_per_message": threads_us(runs["ours"]),
        "share_of_other_processes": {
            name: bench_env.spread([run["others"] for run in of], 2) for name, of in runs.items()
        },
        "pairs": args.pairs,
        "window": args.window,
        "body_bytes": args.body,
        "rounds": args.rounds,
        "seconds": args.seconds,
        "ours_means": contenders.OURS_MEANS,
        "peer_means": contenders.PEER_MEANS,
        "peer_unstored_means": contenders.UNSTORED_MEANS,
    }


def run():
    args = arguments()
    with contenders.all_of(args) as found:
        runs = measure(found, args)
        rate = bench_env.spread([each["rate"] for each in runs["ours"]])["median"] / 2
        half = found["ours"].run(args.window, rate)
        bench_env.say(f"at half of it: {half['rate']:.0f}/s, delivered in {half['delivered_ms']}")
        return result(runs, half, args)


if __name__ == "__main__":
    bench_env.main(run)
