# SPDX-License-Identifier: Apache-2.0
"""The world of the push tests, for what is looked at in a browser."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from integration.conftest import pytest_runtest_makereport, shared_pair  # noqa: E402, F401
from integration.push.conftest import module_deployment, shown_when_failed, world  # noqa: E402, F401
