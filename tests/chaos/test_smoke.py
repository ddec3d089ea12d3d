# SPDX-License-Identifier: Apache-2.0
"""A few rounds of tests/chaos/run on servers of its own: the writers killed, the broker killed, the store killed."""
import os
import pathlib
import subprocess
import sys

RUN = pathlib.Path(__file__).resolve().parent / "chaos.py"
FAULTS = ["kill-sequencer", "broker-kill", "store-kill"]


def test_faults__writer_broker_store_killed__every_promise_kept(tmp_path):
    command = [sys.executable, RUN, *FAULTS, "--seed=1", "--seconds=8", "--rate=30", f"--folder={tmp_path / 'chaos'}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))
    print(done.stdout)
    assert done.returncode == 0, done.stdout
