#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""time from send to delivery at 10, 50 and 80 % of our own rate, ejabberd at the same rates beside

Our rate is measured first, with a window of 20 for each of 40 pairs. Then messages are due on a fixed schedule, and
times count from when a message was due, whatever held it up: nothing is omitted because the server was slow. Who does
not keep up with the schedule is called saturated; its times are those of what got through."""
import argparse

import bench_env
import contenders

GOAL = {"p50_ms": 10, "p99_ms": 50}
SHARES = (0.1, 0.5, 0.8)
HALF = 0.5
CLOSED_WINDOW = 20
# Below the 64 of both protocol and server; what is due beyond waits in the client and its time counts.
OPEN_WINDOW = 60
KEPT_UP = 0.98


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run latency", description=__doc__.splitlines()[0])
    contenders.add_arguments(parser)
    return parser.parse_args()


def quantiles(prefix, times_ms):
    """None where nothing that was due while it was measured got through at all."""
    some = times_ms["count"] > 0
    return {f"{prefix}{name}_ms": times_ms[name] if some else None for name in ("p50", "p99")}


def times(run, rate):
    """What is told of one run."""
    saturated = run["rate"] < KEPT_UP * rate
    told = {"rate": round(run["rate"]), "saturated": saturated, **quantiles("", run["delivered_ms"])}
    if "stored_ms" in run:
        told.update(quantiles("stored_", run["stored_ms"]))
    told["share_of_other_processes"] = round(run["others"], 2)
    return told


def measure(found, ours):
    """{share: {name: times}}"""
    table = {}
    for share in SHARES:
        rate = ours * share
        table[share] = {}
        for name, contender in found.items():
            told = times(contender.run(OPEN_WINDOW, rate), rate)
            table[share][name] = told
            late = "  saturated" if told["saturated"] else ""
            bench_env.say(f"{share:4.0%} {rate:7.0f}/s  {name:13} p50 {told['p50_ms']}  p99 {told['p99_ms']} ms{late}")
    return table


def brief(told):
    """As the goal is told, or that it did not keep up."""
    return "saturated" if told["saturated"] else {name: told[name] for name in GOAL}


def run():
    args = arguments()
    with contenders.all_of(args) as found:
        capacity = found["ours"].run(CLOSED_WINDOW)
        bench_env.say(f"our rate: {capacity['rate']:.0f} messages/s")
        table = measure(found, capacity["rate"])
    ours, peer = table[HALF]["ours"], table[HALF].get("peer")
    comparable = peer and not peer["saturated"] and not ours["saturated"]
    return {
        "bench": "latency",
        "unit": "ms from the time a message was due to the receiver's event, at half of our rate",
        "ours": brief(ours),
        "peer": brief(peer) if peer else None,
        "ratio": round(ours["p99_ms"] / peer["p99_ms"], 3) if comparable else None,
        "goal": GOAL,
        "met": not ours["saturated"] and all(ours[name] <= most for name, most in GOAL.items()),
        "our_rate": round(capacity["rate"]),
        "at": {f"{share:.0%}": row for share, row in table.items()},
        "pairs": args.pairs,
        "body_bytes": args.body,
        "ours_means": contenders.OURS_MEANS,
        "peer_means": contenders.PEER_MEANS,
        "peer_unstored_means": contenders.UNSTORED_MEANS,
    }


if __name__ == "__main__":
    bench_env.main(run)
