# SPDX-License-Identifier: Apache-2.0
"""What valgrind's logs say, by logs as it writes them."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from memcheck import Memcheck  # noqa: E402

HEAD = """\
==7== Memcheck, a memory error detector
==7== Copyright (C) 2002-2022, and GNU GPL'd, by Julian Seward et al.
==7== Using Valgrind-3.19.0 and LibVEX; rerun with -h for copyright info
==7== Command: surewire serve
==7== Parent PID: 1
==7== 
"""
UNINITIALISED = """\
==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x401136: main (main.c:5)
==7==  Uninitialised value was created by a stack allocation
"""
LEAK = """\
==7== 64 bytes in 1 blocks are definitely lost in loss record 1 of 1
==7==    at 0x48407B4: malloc (vg_replace_malloc.c:381)
==7==    by 0x401167: main (main.c:8)
==7== 
"""
END = """\
==7== HEAP SUMMARY:
==7==     in use at exit: 64 bytes in 1 blocks
==7== 
==7== LEAK SUMMARY:
==7==    still reachable: 64 bytes in 1 blocks
==7== 
==7== ERROR SUMMARY: 0 errors from 0 contexts (suppressed: 0 from 0)
"""


@pytest.fixture
def memcheck(tmp_path):
    return Memcheck(tmp_path / "valgrind")


def write(memcheck, **logs):
    for name, text in logs.items():
        (memcheck.folder / f"{name}.7.log").write_text(text)


def test_judge__ended_and_killed_without_an_error__good(memcheck):
    write(memcheck, node0=HEAD + END, node1=HEAD)
    assert memcheck.judge() == ("valgrind: 0 errors, 1 processes ended in an orderly way, 1 were killed", [])


@pytest.mark.parametrize("text", [HEAD + UNINITIALISED + END, HEAD + LEAK + END, HEAD + UNINITIALISED])
def test_judge__an_error__the_place_of_the_log(memcheck, text):
    """Also in a process that was killed later."""
    write(memcheck, node0=HEAD + END, node1=text)
    line, (wrong,) = memcheck.judge()
    assert line.startswith("valgrind: 1 errors, ")
    assert wrong.startswith(f"{memcheck.folder}/node1.7.log:\n") and "main.c:" in wrong


def test_judge__nothing_ended__it_was_no_check(memcheck):
    write(memcheck, node0=HEAD)
    assert len(memcheck.judge()[1]) == 1
