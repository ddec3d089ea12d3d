# SPDX-License-Identifier: Apache-2.0
"""What a soak says of a process that stays as it is, and of one that grows in one thing."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from soak import MIB, RECENT_BYTES, RECENT_MAX, Sample, compare  # noqa: E402

COUNT = 360  # half an hour


def samples(anon=lambda n: 0, files=lambda n: 0, threads=lambda n: 0, stored=lambda n: 0):
    """Each function adds to a process of 10 MiB, 30 descriptors and 7 threads; n is the number of the sample."""
    return [Sample(20 * MIB + anon(n), 10 * MIB + anon(n), 30 + files(n), 7 + threads(n), stored(n))
            for n in range(COUNT)]


def complaints(**functions):
    return compare(samples(**functions))[1]


def test_compare__nothing_grows__a_line_and_no_complaint():
    line, wrong = compare(samples())
    assert wrong == []
    assert line == "RssAnon 10.0 → 10.0 MiB (at most 12.5), VmRSS 20.0 → 20.0 MiB, descriptors 30 → 30, threads 7 → 7"


def test_compare__grows_while_it_warms_up__no_complaint():
    assert complaints(anon=lambda n: min(n, COUNT // 3) * MIB, files=lambda n: min(n, COUNT // 3)) == []


def test_compare__comes_and_goes__no_complaint():
    assert complaints(anon=lambda n: n % 2 * 8 * MIB, files=lambda n: n % 13) == []


def test_compare__a_leak_of_100_bytes_a_message__complaint():
    (text,) = complaints(anon=lambda n: n * 5 * 60 * 100)
    assert text.startswith("memory is not flat: RssAnon 15.1 → 18.6 MiB (at most 17.9)")


def test_compare__the_sequencer_remembers__allowed_until_its_cache_is_full():
    def stored(n):
        return n * 500

    assert stored(COUNT // 3) < RECENT_MAX < stored(COUNT)
    assert complaints(anon=lambda n: min(stored(n), RECENT_MAX) * RECENT_BYTES, stored=stored) == []
    assert complaints(anon=lambda n: stored(n) * RECENT_BYTES, stored=stored) != []


@pytest.mark.parametrize("what, name", [("files", "descriptors"), ("threads", "threads")])
def test_compare__one_more_a_minute__complaint(what, name):
    (text,) = complaints(**{what: lambda n: n // 12})
    assert text.startswith(f"{name} are not flat: ")


def test_compare__a_single_peak_of_descriptors__complaint():
    assert complaints(files=lambda n: 9 if n == COUNT - 1 else 0) == [
        "descriptors are not flat: 30 → 39 (at most 38)"]


def test_compare__too_few_samples__complaint():
    assert compare(samples()[:8]) == ("8 samples", ["expected at least 9 samples, got 8"])
