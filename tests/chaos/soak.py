# SPDX-License-Identifier: Apache-2.0
"""The processes of a cluster, looked at every five seconds while the load lasts, and whether they stay as they are.

The samples are cut into thirds: the first one is for warming up, and the last one is compared with the middle one. The
stand-ins of the providers are left out: they keep whatever they got.
"""
import asyncio
import csv
import dataclasses
import http.client
import itertools
import pathlib
import statistics

EVERY_S = 5.0
SAMPLES_MIN = 9
MIB = 1 << 20
# Of RssAnon, by the median. The caches of conversations, users and names hold the load's two dozen people after seconds
# and grow no further. What remains are buffers that one burst makes larger than those before (512 KiB a link to the
# broker and 1 MiB a batch are kept), and holes in the heap.
GROWTH_SHARE, GROWTH_BYTES = 0.05, 2 * MIB
# One cache fills as long as the load lasts: the sequencer's ids of the last messages (sequencer/recent.c, RECENT_MAX of
# app/serve_roles.c), each an entry of 144 bytes and its part of the hash table.
RECENT_MAX, RECENT_BYTES = 100_000, 160
# Of the highest count: a share of the load's clients come and go, and choose their gateway anew each time.
MORE = {"files": 8, "threads": 2}


@dataclasses.dataclass
class Sample:
    rss: int
    anon: int
    files: int
    threads: int
    stored: int = 0  # messages that its sequencer stored


def take(node):
    """A sample of a process, or None when it is not there or does not answer."""
    proc = pathlib.Path(f"/proc/{node.pid}")
    try:
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        files = len(list((proc / "fd").iterdir()))
        stored = int(node.metric("surewire_sequencer_stored_total", EVERY_S))
        rss, anon = (int(status[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon"))
    except (OSError, KeyError, http.client.HTTPException):
        return None
    return Sample(rss, anon, files, int(status["Threads"]), stored)


class Watch:
    """folder: where all samples go, in processes.csv."""

    def __init__(self, cluster, folder):
        self._path = pathlib.Path(folder) / "processes.csv"
        self._samples = {name: [] for name in _names(cluster.members)}
        self._nodes = [member.node for member in cluster.members]

    async def run(self):
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        with open(self._path, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["second", "process", *(field.name for field in dataclasses.fields(Sample))])
            begin = loop.time()
            for number in itertools.count():
                for (name, samples), node in zip(self._samples.items(), self._nodes):
                    if sample := await loop.run_in_executor(None, take, node):
                        samples.append(sample)
                        rows.writerow([round(loop.time() - begin), name, *dataclasses.astuple(sample)])
                file.flush()
                await asyncio.sleep(max(0.0, begin + (number + 1) * EVERY_S - loop.time()))

    def judge(self):
        """(a line a process, what is not flat)."""
        lines, complaints = [], []
        for name, samples in self._samples.items():
            line, wrong = compare(samples)
            lines.append(f"{name}: {line}")
            complaints += [f"{name}: {text}" for text in wrong]
        return lines, complaints


def _names(members):
    """The roles of each, with a number."""
    counts = {}
    for member in members:
        roles = ",".join(member.roles)
        counts[roles] = counts.get(roles, 0) + 1
        yield f"{roles} {counts[roles]}"


def compare(samples):
    """(a line for a person, what grew): the last third against the middle one."""
    third = len(samples) // 3
    if third * 3 < SAMPLES_MIN:
        return f"{len(samples)} samples", [f"expected at least {SAMPLES_MIN} samples, got {len(samples)}"]
    middle, last = samples[-2 * third:-third], samples[-third:]
    wrong = []
    before, after = (statistics.median(sample.anon for sample in part) for part in (middle, last))
    remembered = [min(RECENT_MAX, statistics.median(sample.stored for sample in part)) for part in (middle, last)]
    bound = before * (1 + GROWTH_SHARE) + GROWTH_BYTES + (remembered[1] - remembered[0]) * RECENT_BYTES
    line = f"RssAnon {before / MIB:.1f} → {after / MIB:.1f} MiB (at most {bound / MIB:.1f})"
    if after > bound:
        wrong.append(f"memory is not flat: {line}")
    rss = [statistics.median(sample.rss for sample in part) / MIB for part in (middle, last)]
    line += f", VmRSS {rss[0]:.1f} → {rss[1]:.1f} MiB"
    for count, what in (("files", "descriptors"), ("threads", "threads")):
        tops = [max(getattr(sample, count) for sample in part) for part in (middle, last)]
        line += f", {what} {tops[0]} → {tops[1]}"
        if tops[1] > tops[0] + MORE[count]:
            wrong.append(f"{what} are not flat: {tops[0]} → {tops[1]} (at most {tops[0] + MORE[count]})")
    return line, wrong
