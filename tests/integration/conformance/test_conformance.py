# SPDX-License-Identifier: Apache-2.0
"""The cases of the Autobahn test suite's fuzzing client, by their ids, against the listener of src/net, through the echo
server of ../net. Ids with S are our own. A report goes to the folder in SUREWIRE_CONFORMANCE_REPORT."""
import os
import pathlib
import sys

import pytest

import cases
import lists
import report

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "net"))

import net_echo  # noqa: E402

results = []


@pytest.fixture(scope="module")
def address():
    server = net_echo.Server()
    results.clear()
    yield ("127.0.0.1", server.port)
    print("\n" + report.write(os.environ.get("SUREWIRE_CONFORMANCE_REPORT", "."), "echo", results))
    server.stop()  # its exit code and its sanitizers are part of the test


@pytest.mark.parametrize("case", lists.ALL, ids=[case.id for case in lists.ALL])
def test_case(address, case):
    result = cases.run(case, address)
    results.append(result)
    assert result.result != cases.FAILED, f"{result.what}: expected {result.expected}; got {result.got} ({result.note})"


def test_ids_are_unique():
    ids = [case.id for case in lists.ALL]
    assert len(ids) == len(set(ids))
