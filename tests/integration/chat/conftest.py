# SPDX-License-Identifier: Apache-2.0
"""People and gateways for the chat tests."""
import os
import resource

import pytest

import surewire_env
from chat_world import World

MANY_DESCRIPTORS = 8192


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


@pytest.fixture(scope="module")
def many_descriptors():
    """For this process and those it starts; 1024 are usual."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_DESCRIPTORS if before[1] == resource.RLIM_INFINITY else min(MANY_DESCRIPTORS, before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], wanted), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def gateway(shared, monkeypatch):
    """gateway(config) starts a process that is nothing but a gateway, so that its memory is that of its connections."""
    # AddressSanitizer keeps what was freed for a while, by default up to 256 MB: that would hide what is never freed.
    options = [os.environ.get("ASAN_OPTIONS", ""), "quarantine_size_mb=1", "thread_local_quarantine_size_kb=64"]
    monkeypatch.setenv("ASAN_OPTIONS", ":".join(filter(None, options)))
    made = []

    def start(config):
        made.append(shared.node(config, roles="gateway"))
        return made[-1]

    yield start
    for node in made:
        node.end()
