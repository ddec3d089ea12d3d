# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the integration tests. They need tests/run, or SUREWIRE_BIN and some patience when run by hand."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import surewire_env  # noqa: E402
import tcp_proxy  # noqa: E402


@pytest.fixture(scope="session")
def shared_pair():
    """The pair started by tests/run, or one started here. Never kill or freeze it: others use it too."""
    folder = os.environ.get("SUREWIRE_TEST_SERVERS")
    if folder:
        yield surewire_env.Servers(folder)
        return
    pair = surewire_env.start_own_servers()
    yield pair
    _purge(pair)


@pytest.fixture(scope="module")
def own_pair():
    """A pair of the module's own, to kill, freeze and restart. Takes some ten seconds."""
    pair = surewire_env.start_own_servers()
    yield pair
    _purge(pair)


def _purge(pair):
    pair.purge()
    shutil.rmtree(pair.folder)


@pytest.fixture(scope="session")
def servers(shared_pair):
    """A database and a vhost of this session (amqp_url, pg, query(), queues(), management())."""
    space = shared_pair.space()
    yield space
    space.drop()


@pytest.fixture
def fresh_servers(shared_pair):
    """A database and a vhost of this test alone."""
    space = shared_pair.space()
    yield space
    space.drop()


@pytest.fixture
def own_servers(own_pair):
    """The same on the module's own pair; own_servers.servers kills, freezes and restarts it."""
    return own_pair.space()  # goes with the pair, which a test may have left dead


@pytest.fixture
def deploy(tmp_path, request):
    """deploy(space) makes a migrated Deployment on it; everything it started ends with the test, and must end well."""
    made = []

    def make(space):
        deployment = surewire_env.Deployment(space, tmp_path / f"surewire{len(made)}")
        made.append(deployment)
        deployment.migrate()
        return deployment

    request.node.surewire_deployments = made
    yield make
    errors = []
    for deployment in made:
        try:
            deployment.close()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def deployment(deploy, servers):
    """A migrated Deployment on the session's database and vhost: deployment.sim(), deployment.node(roles, config)."""
    return deploy(servers)


@pytest.fixture
def surewire(deployment):
    """surewire(config, roles=…) starts a node and returns it when it is ready."""

    def start(config=None, roles=surewire_env.ALL_ROLES, **kwargs):
        return deployment.node(roles, config, **kwargs)

    return start


@pytest.fixture
def proxy():
    """proxy(url or (host, port)) puts a TcpProxy before it; surewire_env.through(url, proxy) is the new URL."""
    made = []

    def make(target):
        if isinstance(target, str):
            target = surewire_env.address(target)
        made.append(tcp_proxy.TcpProxy(target))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for made in getattr(item, "surewire_deployments", []):
            report.sections.append(("surewire logs", made.tails()))
