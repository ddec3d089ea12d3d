# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks stand on: progress, the result, the servers of tests/bench/run, accounts, the load generator,
and the CPU time of every process that takes part. Keys, configuration and processes come from tests/support."""
import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import threading

import surewire_client
import surewire_env

# Limits of rate that a load of 20 messages under way on each of 40 connections would meet at once. Nothing else
# differs from the defaults but addresses and keys.
UNLIMITED = {
    "gateway.rate_user_per_s": 100000,
    "gateway.rate_user_burst": 100000,
    "gateway.rate_address_per_s": 100000,
    "gateway.rate_address_burst": 100000,
}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
TOKEN_LIFETIME_S = 24 * 3600
EMPTY_TIMEOUT_S = 20


class Broken(Exception):
    """A promise was broken, or something did not work: exit code 1."""


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def folder():
    return pathlib.Path(os.environ["BENCH_DIR"])


def main(run):
    """Runs a benchmark: run() gives the result as a dict. SIGTERM ends it like an error, so that all is put away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        result = run()
    except (Broken, AssertionError) as error:
        sys.exit(f"{pathlib.Path(sys.argv[0]).parent.name}: {error}")
    print(json.dumps(result))


def spread(values, digits=1):
    """The median with what lies around it."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


@contextlib.contextmanager
def deployment(name="surewire"):
    """A migrated Deployment on a database and a vhost of its own; all that it starts ends with it."""
    servers = surewire_env.Servers(os.environ["SUREWIRE_BENCH_SERVERS"])
    made = surewire_env.Deployment(servers.space(), folder() / name)
    try:
        made.migrate()
        yield made
    except BaseException:
        with contextlib.suppress(AssertionError):
            made.close()
        raise
    made.close()


def accounts(made, count, first=1_000_001):
    """Makes accounts in bulk and a file NAME TOKEN for the load: its path. Tokens are valid for a day."""
    names = [f"u{first + i}" for i in range(count)]
    made.space.query(
        "INSERT INTO account (user_id, name, created_at_ms)"
        " SELECT n, 'u' || n, 0 FROM generate_series(%s, %s) AS n ON CONFLICT DO NOTHING",
        (first, first + count - 1),
    )
    path = made.folder / f"users-{first}-{count}"
    with open(path, "w") as file:
        for name in names:
            file.write(f"{name} {surewire_client.make_token(made, name, TOKEN_LIFETIME_S)}\n")
    return path


def await_empty(made, queue):
    """Nothing waits there or is unacked. RabbitMQ's figures lag by five seconds, and are missing before."""
    surewire_env.wait_until(lambda: made.space.queues()[queue].get("messages") == 0, f"{queue} is empty", EMPTY_TIMEOUT_S)


# ---- processes and their CPU time ----


def recorded_pid(server):
    """The pid of `rabbit` or `pg` of the benchmark's servers."""
    record = pathlib.Path(os.environ["SUREWIRE_BENCH_SERVERS"]) / server / "record"
    return int(record.read_text().split()[0])


def _stat(pid):
    """The fields of /proc/PID/stat behind the name, or None when it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def tree(pid):
    """The process and all below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(entry)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left.extend(children.get(found[-1], []))
    return found


def cpu_seconds(pid):
    """User and system time of a process, of those below it, and of those below it that have ended."""
    ticks = 0
    for each in tree(pid):
        fields = _stat(each)
        if fields:
            ticks += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return ticks / TICKS_PER_S


def user_bytes(pid):
    """Anonymous: heap, stacks, anonymous mappings. Private_Dirty adds written pages of the program's own data."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        found[name] = int(value.split()[0]) * 1024
    return {name: found[name] for name in ("Anonymous", "Private_Dirty", "Pss", "Rss")}


def thread_seconds(pid):
    """CPU seconds of the threads of a process by name; threads of one name are added up."""
    seconds = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            name = (task / "comm").read_text().strip()
            seconds[name] = seconds.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return seconds


def machine_seconds():
    """CPU seconds that the whole machine has worked since it started (user, nice, system, irq, softirq)."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(fields[i]) for i in (0, 1, 2, 5, 6)) / TICKS_PER_S


# ---- the load ----


class Load:
    """One run of the load generator; ended with the `with` block."""

    def __init__(self, mode, protocol, port, users, clients, **options):
        program = pathlib.Path(os.environ["BENCH_BUILD"]) / "bench" / "load"
        words = {"protocol": protocol, "port": port, "users": users, "clients": clients, **options}
        given = (f"--{name}={value}" for name, value in words.items() if value is not None)
        self.command = [str(program), mode, *given]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid

    def line(self):
        """The next line it says; Broken when it ends instead (it has said why on stderr)."""
        text = self.process.stdout.readline()
        if not text:
            raise Broken(f"the load ended with {self.process.wait()}: {' '.join(self.command)}")
        return text.strip()

    def tell(self, text):
        self.process.stdin.write(text + "\n")

    def finish(self):
        """Awaits its good end."""
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise Broken(f"the load ended with {self.process.returncode}")


def chat(protocol, port, users, pairs, watched, **options):
    """One run of pairs: the load's result, and in `cpu` the CPU seconds of each watched process (NAME: pid) and of
    the load while it was measured; in `others` the share of the machine that went to something else."""
    with Load("chat", protocol, port, users, 2 * pairs, **options) as load:
        watched = {**watched, "load": load.pid}
        expect(load, "begin")
        machine = machine_seconds()
        before = {name: cpu_seconds(pid) for name, pid in watched.items()}
        expect(load, "end")
        cpu = {name: cpu_seconds(pid) - before[name] for name, pid in watched.items()}
        machine = machine_seconds() - machine
        result = json.loads(load.line())
        load.finish()
    result["cpu"] = cpu
    result["others"] = max(0, machine - sum(cpu.values())) / (result["seconds"] * os.cpu_count())
    return result


def expect(load, word):
    line = load.line()
    if line != word:
        raise Broken(f"the load said {line!r}, expected {word!r}")


def cpu_us_per_message(runs):
    """The median over the runs, of each process and of all."""
    names = runs[0]["cpu"]
    per = {
        name: statistics.median(1e6 * run["cpu"][name] / max(1, run["messages"]) for run in runs) for name in names
    }
    return {**{name: round(value, 1) for name, value in per.items()}, "sum": round(sum(per.values()), 1)}


class Ticker:
    """A line every ten seconds while something takes long: with Ticker("what"): …"""

    def __init__(self, what):
        self.what = what
        self._done = threading.Event()

    def __enter__(self):
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._done.set()

    def _run(self):
        waited = 0
        while not self._done.wait(10):
            waited += 10
            say(f"{self.what} … {waited} s")
