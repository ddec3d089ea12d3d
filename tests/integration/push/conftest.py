# SPDX-License-Identifier: Apache-2.0
"""One world for all tests of a file: starting it takes seconds, and people do not meet each other in it."""
import pytest

import push_world
import surewire_env


@pytest.fixture(scope="module")
def module_deployment(shared_pair, tmp_path_factory):
    space = shared_pair.space()
    deployment = surewire_env.Deployment(space, tmp_path_factory.mktemp("push") / "surewire")
    try:
        deployment.migrate()
        yield deployment
    finally:
        try:
            deployment.close()
        finally:
            space.drop()


@pytest.fixture(scope="module")
def world(request, module_deployment):
    """The file's CONFIG, if it has one, is the node's."""
    return push_world.World(module_deployment, getattr(request.module, "CONFIG", None))


@pytest.fixture(autouse=True)
def shown_when_failed(request):
    """The ends of the logs in the report of a failed test (tests/integration/conftest.py prints them)."""
    if "module_deployment" in request.fixturenames:
        request.node.surewire_deployments = [request.getfixturevalue("module_deployment")]
