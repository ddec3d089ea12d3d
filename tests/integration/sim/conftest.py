# SPDX-License-Identifier: Apache-2.0
"""One simulator per test module."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from sim_server import Sim  # noqa: E402


@pytest.fixture(scope="module")
def sim_module(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("sim")
    simulator = Sim(folder, *getattr(request.module, "EXTRA_OPTIONS", ()))
    yield simulator
    simulator.stop()


@pytest.fixture
def sim(sim_module):
    """The module's simulator without faults and records of earlier tests."""
    sim_module.control("DELETE", "/faults")
    sim_module.control("DELETE", "/records")
    return sim_module
