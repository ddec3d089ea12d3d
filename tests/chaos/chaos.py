# SPDX-License-Identifier: Apache-2.0
"""Attacks the promises: a load, a fault in its midst, and a judge. See --help, and the heads of the other files.

A round is: load, fault, healed, load, no new messages until all has settled, a first look into the store, then every
unanswered message and a share of the others are sent again, a second look, the verdict.
"""
import argparse
import asyncio
import concurrent.futures
import contextlib
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import cluster as clusters  # noqa: E402
import facts as fact_files  # noqa: E402
import faults as fault_files  # noqa: E402
import judge as judges  # noqa: E402
from history import read_all  # noqa: E402
from load import Load, cancel  # noqa: E402
from memcheck import Memcheck  # noqa: E402
from soak import Watch  # noqa: E402
from surewire_env import surewire_bin  # noqa: E402

WARM_S = 3.0
AFTER_S = 4.0
SETTLE_S = 150
ANSWER_S = 60
# What was never answered is said again at the end, by one person at no more than rate_user_per_s; a soak has thousands.
REPEATS_PER_S = 15
FAULT_S = 300
THREADS = 48
SOAK_MINUTES = 30
UNUSABLE = {"the round broke", "did not settle", "crashed", "left over"}
COLUMNS = ("fault", "rounds", "accepted", "stored", "lost", "duplicated", "reordered", "holes", "pushes", "repeats",
           "worst pause", "recovery", "violations")
SECONDS = {"worst pause": "worst_pause_s", "recovery": "recovery_s"}


class Round:
    """One load with faults, and its verdict."""

    def __init__(self, cluster, folder, faults, options, seed):
        self.cluster, self.folder, self.faults, self.options, self.seed = cluster, folder, faults, options, seed
        self.rng = random.Random(seed)
        self.verdict = None

    async def run(self):
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(THREADS))
        self.cluster.mark_logs()
        self.letter = self.cluster.last_letter()
        self.load = Load(self.cluster, self.folder, self.seed, self.options.rate)
        await self.load.prepare()
        self.watch = Watch(self.cluster, self.folder) if self.options.soak else None
        try:
            await self._play(loop)
        finally:
            await self.load.finish()
        await self._judge(loop)
        return self.verdict

    async def _play(self, loop):
        late = []
        self.load.start()
        watching = asyncio.ensure_future(self.watch.run()) if self.watch else None
        await asyncio.sleep(WARM_S)
        begin = time.monotonic()
        await self._attack(loop)
        self.load.mark("healed")
        await asyncio.sleep(max(AFTER_S, self.options.seconds - WARM_S - (time.monotonic() - begin)))
        if watching and watching.done():
            watching.result()  # it broke
        await cancel(watching)
        await self.load.stop_sending()
        await loop.run_in_executor(None, self.cluster.mend)
        await self._until(self._unsettled, SETTLE_S, "settled", late)
        self.settled = None if late else await self._in(loop, fact_files.settled, self.cluster, self.load.people)
        self.load.repeat()
        answer_s = ANSWER_S + self.load.waiting() // REPEATS_PER_S
        await self._until(self._unanswered, answer_s, "answered", late)
        await self._until(self._behind, SETTLE_S, "caught up", late)
        # Empty when it was caught up; a long poll or a client that leaves is in the queues again a moment later.
        self.queues = await self._in(loop, self.cluster.queues) if late else {}
        self.late = late

    async def _attack(self, loop):
        """One after the other begins, each is held as long as it wants, and all are healed."""
        started = []
        try:
            for fault in self.faults:
                started.append(fault)
                await asyncio.wait_for(self._in(loop, fault.start, self.cluster, self.rng), FAULT_S)
                if fault is not self.faults[-1]:
                    await asyncio.sleep(self.rng.uniform(0.0, 2.0))
            await asyncio.sleep(max(fault.hold_s for fault in self.faults))
        finally:
            for fault in reversed(started):
                await asyncio.wait_for(self._in(loop, fault.heal, self.cluster), FAULT_S)

    @staticmethod
    async def _in(loop, function, *arguments):
        return await loop.run_in_executor(None, function, *arguments)

    async def _until(self, missing, timeout_s, what, late):
        """Until missing() has nothing to say."""
        deadline = time.monotonic() + timeout_s
        while text := await missing():
            if time.monotonic() > deadline:
                late.append(f"not {what} within {timeout_s} s: {text}")
                return
            await asyncio.sleep(0.3)

    async def _unsettled(self):
        users = [person.user_id for person in self.load.people.values()]
        return await self._unanswered() or await self._in(
            asyncio.get_running_loop(), self.cluster.unsettled, users)

    async def _unanswered(self):
        waiting = self.load.waiting()
        return f"{waiting} messages wait for an answer" if waiting else ""

    async def _behind(self):
        """Connected devices that lack something, as far as they or the store know."""
        if text := await self._unanswered():
            return text
        cursors = await self._in(asyncio.get_running_loop(), self._tops)
        for client in self.load.clients:
            top, cursor = cursors.get((client.person.user_id, client.device), (0, 0))
            if client.cursor < top or cursor < top:
                return f"{client.person.name} has {client.cursor} and acked {cursor} of {top}"
        return await self._unsettled()

    def _tops(self):
        """(user, device) to the last pos of the inbox and the cursor."""
        users = [client.person.user_id for client in self.load.clients]
        rows = self.cluster.space.query(
            "SELECT d.user_id, d.device, (SELECT max(pos) FROM inbox i WHERE i.user_id = d.user_id), d.cursor"
            " FROM device d WHERE d.user_id = ANY(%s::bigint[])", (users,))
        return {(user, device): (top or 0, cursor) for user, device, top, cursor in rows}

    async def _judge(self, loop):
        known = {
            "settled": self.settled,
            "queues": self.queues,
            "poisoned": await self._in(loop, self.cluster.poison_since, self.letter),
            "unrecorded": any(f.unrecorded for f in self.faults) or self.cluster.pusher_lost_broker(),
            "lossy": any(f.lossy for f in self.faults),
        }
        facts = await self._in(loop, lambda: fact_files.collect(
            self.cluster, self.load.people, read_all(self.folder), **known))
        self.verdict = judges.judge(facts)
        for text in self.late:
            self.verdict.blame("did not settle", text)
        for error in self.load.failures():
            self.verdict.blame("the load broke", repr(error))
        for roles, code in self.cluster.crashed():
            self.verdict.blame("crashed", f"{roles} ended with {code}")
        if self.watch:
            self.verdict.notes, complaints = self.watch.judge()
            for text in complaints:
                self.verdict.blame("not flat", text)
        if not self.verdict.good:
            fact_files.dump(facts, self.folder / "facts.json")
            (self.folder / "verdict.txt").write_text(self.verdict.line() + "\n" + self.verdict.text() + "\n")


def spoken(row):
    """The line of a fault, for a person."""
    return ("{fault}: {accepted} accepted, {lost} lost, {duplicated} duplicated, {reordered} reordered"
            " (rounds {rounds}, {stored} stored, {holes} holes, {pushes} pushes, {repeats} of them repeats,"
            " worst pause {worst pause:.1f} s, recovery {recovery:.1f} s, {violations} violations)".format(**row))


class Table:
    """One row a fault, summed over its rounds."""

    def __init__(self):
        self._rows = {}

    def add(self, name, verdict):
        row = self._rows.setdefault(name, dict.fromkeys(COLUMNS, 0))
        row["fault"] = name
        row["rounds"] += 1
        for column, count in verdict.counts.items():
            if column in row:
                row[column] += count
        for column, name in SECONDS.items():
            row[column] = max(row[column], getattr(verdict, name))
        row["violations"] += sum(len(texts) for texts in verdict.violations.values())
        return row

    @staticmethod
    def _line(row):
        words = [f"{row[c]:.1f} s" if c in SECONDS else str(row[c]) for c in COLUMNS]
        return "| " + " | ".join(words) + " |"

    def write(self, path, head):
        lines = [head, "", "| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
        path.write_text("\n".join(lines + [self._line(row) for row in self._rows.values()]) + "\n")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/chaos/run", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="names, a+b for several at once, all, or random")
    parser.add_argument("--list", action="store_true", help="name the faults")
    parser.add_argument("--seed", type=int, help="of the first round; the next ones count up")
    parser.add_argument("--soak", type=float, nargs="?", const=SOAK_MINUTES, metavar="MINUTES",
                        help=f"one long round without a fault; memory and descriptors must stay flat ({SOAK_MINUTES})")
    parser.add_argument("--valgrind", action="store_true", help="the processes run under valgrind, and slowly")
    parser.add_argument("--seconds", type=float, help="of load in a round, at least (15, with --valgrind 40)")
    parser.add_argument("--rounds", type=int, default=1, help="of each fault (1)")
    parser.add_argument("--rate", type=float, help="messages a second (60, with --valgrind 5)")
    parser.add_argument("--layout", choices=clusters.LAYOUTS, default="joined", help="what shares a process (joined)")
    parser.add_argument("--folder", type=pathlib.Path, help="for servers, logs and histories")
    parser.add_argument("--table", type=pathlib.Path, help="where the table goes, as Markdown")
    parser.add_argument("--lines", type=pathlib.Path, help="where the line of each fault goes too")
    options = parser.parse_args(arguments)
    _settle_options(parser, options)
    names = [name for name in fault_files.KINDS if name != "none"]
    options.faults = [n for name in options.faults or ["all"] for n in (names if name == "all" else [name])]
    for name in options.faults:
        for part in name.split("+"):
            if part != "random" and part not in fault_files.KINDS:
                parser.error(f"there is no fault {part!r}; --list names them")
    return options


def _settle_options(parser, options):
    if options.soak is not None and options.soak <= 0:
        parser.error(f"--soak: expected minutes, got {options.soak:g}")
    if options.soak and (options.faults or options.valgrind):
        parser.error("--soak goes without a fault and without --valgrind")
    if options.soak:
        options.faults, options.seconds, options.rounds = ["none"], options.soak * 60, 1
    options.seconds = options.seconds or (40 if options.valgrind else 15)
    options.rate = options.rate or (5 if options.valgrind else 60)
    if options.valgrind and not shutil.which("valgrind"):
        parser.error("valgrind is missing: apt-get install valgrind")
    # An address sanitizer does not run under valgrind, and keeps freed memory for minutes.
    if (options.valgrind or options.soak) and b"__asan_init" in pathlib.Path(surewire_bin()).read_bytes():
        parser.error("SUREWIRE_BIN is built with AddressSanitizer: expected a release build")


def random_faults(seed):
    """Two or three at once, by the seed; those that need a cluster of their own are left to their names."""
    rng = random.Random(f"faults {seed}")
    names = [name for name in fault_files.KINDS if not name.startswith("clock-") and name not in
             ("none", "broker-queue-deleted")]
    return "+".join(rng.sample(names, rng.choice([2, 2, 3])))


class Campaign:
    """All rounds. The cluster is kept from round to round, and made anew for other settings or when it cannot go on."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.table = Table()
        self.cluster = None
        self.settings = None
        self.bad = []

    def run(self):
        seed = self.options.seed if self.options.seed is not None else random.SystemRandom().randrange(1_000_000)
        print(f"seed {seed}, layout {self.options.layout}, folder {self.folder}", flush=True)
        number = 0
        try:
            for name in self.options.faults:
                for _ in range(self.options.rounds):
                    self._round(number, name, seed + number)
                    number += 1
        finally:
            self._drop()
        return self.bad

    def _round(self, number, name, seed):
        chosen = random_faults(seed) if name == "random" else name
        faults = [fault_files.make(part, self.folder) for part in chosen.split("+")]
        folder = self.folder / f"round{number}"
        memcheck = Memcheck(folder / "valgrind") if self.options.valgrind else None
        try:
            self._need(faults, number, memcheck)
            verdict = asyncio.run(Round(self.cluster, folder, faults, self.options, seed).run())
        except Exception as error:  # whatever it is, the rounds that follow are worth having
            verdict = judges.Verdict()
            verdict.blame("the round broke", f"{type(error).__name__}: {error}")
        if memcheck:
            self._end_checked(memcheck, verdict)
        self._tell("\n  ".join([spoken(self.table.add("soak" if self.options.soak else chosen, verdict)),
                               *verdict.notes]))
        if self.options.table:
            self.table.write(self.options.table, f"`tests/chaos/run`, layout {self.options.layout}")
        if verdict.good:
            shutil.rmtree(folder, ignore_errors=True)
            return
        what = f"--soak {self.options.soak:g}" if self.options.soak else chosen
        again = f"tests/chaos/run {what} --seed {seed} --layout {self.options.layout} --rate {self.options.rate:g}"
        again += " --valgrind" if memcheck else ""
        self.bad.append(again)
        print(verdict.text() + f"\nagain: {again}\nhistories: {folder}", flush=True)
        if verdict.violations.keys() & UNUSABLE:
            self._drop()

    def _end_checked(self, memcheck, verdict):
        """valgrind speaks when a process ends, so the cluster is of this round alone. What it wrote stays until all rounds
        are over: the verdict may need it."""
        self._drop(remove=False)
        line, errors = memcheck.judge()
        verdict.notes.append(line)
        for text in errors:
            verdict.blame("valgrind", text)

    def _tell(self, line):
        print(line, flush=True)
        if self.options.lines:
            with self.options.lines.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def _need(self, faults, number, memcheck):
        preload = next((fault.preload for fault in faults if fault.preload), None)
        settings = (preload is not None, [fault.config for fault in faults if fault.config])
        if self.cluster and settings != self.settings:
            self._drop()
        if not self.cluster:
            merged = {key: value for fault in faults for key, value in fault.config.items()}
            self.cluster = clusters.Cluster(
                self.folder / f"cluster{number}", self.options.layout, merged, preload, memcheck)
            self.settings = settings

    def _drop(self, remove=True):
        old, self.cluster = self.cluster, None
        if not old:
            return
        with contextlib.suppress(AssertionError, OSError, RuntimeError):
            old.mend()
        try:
            old.close()
            if remove and not self.bad:
                old.remove()
        except (AssertionError, RuntimeError) as error:
            self.bad.append(f"ending {old.folder}: {error}")
            print(f"a process did not end well: {error}", flush=True)


def main(arguments):
    # What was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse(arguments)
    if options.list:
        print("\n".join(fault_files.KINDS))
        return 0
    folder = options.folder or pathlib.Path(tempfile.mkdtemp(prefix="surewire-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    bad = Campaign(options, folder).run()
    if bad:
        print("violations:\n" + "\n".join(f"  {line}" for line in bad))
    elif not options.folder:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
