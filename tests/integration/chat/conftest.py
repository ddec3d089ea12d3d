# SPDX-License-Identifier: Apache-2.0
"""People and gateways for the chat tests."""
import pytest

import surewire_env
from chat_world import World


@pytest.fixture
def world(deploy, servers):
    """A deployment of this test alone, without nodes yet."""
    return World(deploy(servers))


@pytest.fixture
def fresh_world(deploy, fresh_servers):
    """The same on a database and a vhost of its own: no other writers."""
    return World(deploy(fresh_servers))


@pytest.fixture
def own_world(deploy, own_servers):
    """The same on servers that may be killed."""
    return World(deploy(own_servers))


@pytest.fixture(scope="module")
def module_world(shared_pair, tmp_path_factory, request):
    """A deployment that the tests of a module share, with two nodes of all roles (north, south) and the stand-ins."""
    space = shared_pair.space()
    deployment = surewire_env.Deployment(space, tmp_path_factory.mktemp("shared") / "surewire")
    deployment.migrate()
    made = World(deployment)
    deployment.sim()
    extra = getattr(request.module, "CONFIG", {})
    made.north = made.node(extra)
    made.south = made.node(extra)
    yield made
    try:
        deployment.close()
    finally:
        space.drop()


@pytest.fixture
def shared(module_world, request):
    request.node.surewire_deployments = [module_world.deployment]  # their logs are shown on a failure
    return module_world
