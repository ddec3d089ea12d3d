# SPDX-License-Identifier: Apache-2.0
"""What the integration tests stand on: the servers, a space of one's own on them, and Surewire processes.

The tests' own servers come from deploy/servers, keys and configuration from deploy/lib/setup: nothing of that is
written a second time here. Fixtures are in tests/integration/conftest.py.
"""
import base64
import json
import os
import pathlib
import secrets
import shlex
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVERS = ROOT / "deploy" / "servers"
SETUP = ROOT / "deploy" / "lib" / "setup"
ALL_ROLES = "gateway,sequencer,mailbox,pusher,admin"
READY_S = 60
STOP_S = 40
TAIL_LINES = 60


def free_ports(count):
    """Different loopback ports, free just now and not in the kernel's ephemeral range."""
    return [int(port) for port in _output([SETUP, "ports", count]).split()]


def wait_until(condition, what, timeout_s=30, every_s=0.05):
    """The value of condition() once it is true; AssertionError naming what was awaited when time is up."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(every_s)


def http_status(url, timeout_s=2):
    """The status code, or None when nobody answers."""
    try:
        return proxyless().open(url, timeout=timeout_s).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def proxyless():
    """What opens addresses of this machine, whatever proxies the environment names."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _output(command, **kwargs):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(str(c) for c in command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Servers:
    """A pair of private servers in a state directory of deploy/servers. Kill and freeze only a pair of your own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._read_env()

    @classmethod
    def start(cls, folder):
        _output([SERVERS, "start", folder])
        return cls(folder)

    def purge(self):
        _output([SERVERS, "purge", self.folder])

    def kill(self, which):
        self._command("kill", which)

    def freeze(self, which):
        self._command("freeze", which)

    def thaw(self, which):
        self._command("thaw", which)

    def restart(self, which):
        self._command("restart", which)
        self._read_env()

    def rabbitmqctl(self, *arguments):
        return _output([SERVERS, "ctl", self.folder, *arguments])

    def space(self):
        return Space(self)

    def _command(self, verb, which):
        assert which in ("rabbit", "pg"), which
        _output([SERVERS, f"{verb}-{which}", self.folder])

    def _read_env(self):
        text = (self.folder / "servers.env").read_text()
        env = dict(word.split("=", 1) for word in shlex.split(text))
        self.amqp_url = env["SUREWIRE_AMQP_URL"]
        self.amqp_mgmt_url = env["SUREWIRE_AMQP_MGMT_URL"]
        self.pg = env["SUREWIRE_PG"]


class Space:
    """A database and a vhost of one's own, so that users of the same servers do not disturb each other."""

    def __init__(self, servers):
        self.servers = servers
        self.name = "test_" + secrets.token_hex(6)
        self._administer(f'CREATE DATABASE "{self.name}"')
        self.management("PUT", f"vhosts/{self.name}")
        self.management("PUT", f"permissions/{self.name}/surewire", {"configure": ".*", "write": ".*", "read": ".*"})

    @property
    def amqp_url(self):
        return _with_path(self.servers.amqp_url, self.name)

    @property
    def amqp_mgmt_url(self):
        return self.servers.amqp_mgmt_url

    @property
    def pg(self):
        return _with_path(self.servers.pg, self.name)

    def connect(self):
        """A psycopg2 connection; psycopg2's `with` ends the transaction, not the connection."""
        return psycopg2.connect(self.pg)

    def query(self, sql, parameters=()):
        """All rows of one statement, committed."""
        connection = self.connect()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def queues(self):
        """Name to description of the queues in the vhost; the figures lag by up to five seconds."""
        return {queue["name"]: queue for queue in self.management("GET", f"queues/{self.name}")}

    def management(self, method, path, body=None):
        """One call of RabbitMQ's HTTP API, below /api/."""
        url = urllib.parse.urlsplit(self.amqp_mgmt_url)
        request = urllib.request.Request(
            f"{url.scheme}://{url.hostname}:{url.port}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        login = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        request.add_header("Content-Type", "application/json")
        with proxyless().open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def drop(self):
        self.management("DELETE", f"vhosts/{self.name}")
        self._administer(f'DROP DATABASE "{self.name}" WITH (FORCE)')

    def _administer(self, sql):
        connection = psycopg2.connect(self.servers.pg)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
        finally:
            connection.close()


def _with_path(url, path):
    return urllib.parse.urlsplit(url)._replace(path="/" + path).geturl()


def through(url, proxy):
    """The URL with the port of a TcpProxy in place of the server's."""
    parts = urllib.parse.urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}" if login else f"127.0.0.1:{proxy.port}").geturl()


def address(url):
    """(host, port) of a URL, as TcpProxy takes its target."""
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port


def surewire_bin():
    path = os.environ.get("SUREWIRE_BIN")
    if not path:
        raise RuntimeError("SUREWIRE_BIN is not set: run the tests by tests/run, or name the built program in it")
    return path


def clean_environment():
    """Without SUREWIRE_ variables, which the program would take for configuration."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SUREWIRE_")}


class Process:
    """One run of the program, ended by its pid and nothing else. Its output is in log."""

    def __init__(self, arguments, log):
        self.arguments = [str(a) for a in arguments]
        self.log = pathlib.Path(log)
        self.expect_clean_exit = True
        self._popen = None

    def start(self):
        assert not self.running(), "it runs already"
        self.expect_clean_exit = True
        with open(self.log, "ab") as log:
            self._popen = subprocess.Popen(
                self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(), cwd="/"
            )
        return self

    @property
    def pid(self):
        return self._popen.pid

    @property
    def returncode(self):
        return self._popen.poll() if self._popen else None

    def running(self):
        return self._popen is not None and self._popen.poll() is None

    def signal(self, number):
        self._popen.send_signal(number)

    def kill(self):
        """kill -9, and gone when it returns."""
        self.expect_clean_exit = False
        self._popen.kill()
        self._popen.wait()

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def stop(self, timeout_s=STOP_S):
        """TERM and the exit code; it is killed, and that an error, when it does not end in time."""
        if self._popen is None:
            return 0
        if self.running():
            self.thaw()
            self.signal(signal.SIGTERM)
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {timeout_s} s after TERM\n{self.tail()}") from None

    def end(self):
        """For teardown: stops it, and fails unless it ended well (a sanitizer's report is a bad end)."""
        code = self.stop()
        if self.expect_clean_exit and code != 0:
            raise AssertionError(f"{shlex.join(self.arguments)} ended with {code}\n{self.tail()}")

    def tail(self):
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return "(no log)"
        return "\n".join([f"--- the end of {self.log}", *lines[-TAIL_LINES:]])


class Managed(Process):
    """A process that tells when it is ready."""

    def is_ready(self):
        raise NotImplementedError

    def wait_ready(self, timeout_s=READY_S):
        def ready():
            if not self.running():
                raise AssertionError(f"ended with {self.returncode} before it was ready")
            return self.is_ready()

        try:
            wait_until(ready, f"{shlex.join(self.arguments)} is ready", timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None
        return self

    def restart(self):
        """Starts it again after kill() or stop(), with the same ports and configuration."""
        return self.start().wait_ready()


class Node(Managed):
    """`surewire serve` with given roles, on ports of its own."""

    def __init__(self, config, ports, log):
        super().__init__([surewire_bin(), f"--config={config}", "serve"], log)
        self.config = config
        self.gateway_port, self.admin_port = ports
        self.url = f"http://127.0.0.1:{self.gateway_port}"
        self.ws = f"ws://127.0.0.1:{self.gateway_port}/v1/ws"
        self.admin_url = f"http://127.0.0.1:{self.admin_port}"

    def is_ready(self):
        return http_status(f"{self.admin_url}/readyz") == 200

    def metric(self, name, timeout_s=30, **labels):
        """The value of one number, 0 while it has not been counted."""
        wanted = name + ("{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "} " if labels else " ")
        with proxyless().open(f"{self.admin_url}/metrics", timeout=timeout_s) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(wanted):
                    return float(line.rpartition(" ")[2])
        return 0


class Sim(Managed):
    """`surewire sim`: the stand-ins of the providers; control is the address of their control API."""

    def __init__(self, arguments, control, log):
        super().__init__([surewire_bin(), "sim", *arguments], log)
        self.control = control

    def is_ready(self):
        return http_status(self.control) is not None


class Deployment:
    """The Surewire processes of one test on one Space: any number of nodes and one set of stand-ins, with shared keys."""

    def __init__(self, space, folder):
        self.space = space
        self.folder = pathlib.Path(folder)
        self.keys = self.folder / "keys"
        self.processes = []
        _output([SETUP, "keys", self.keys])
        self.sim_ports = dict(zip(("apns", "fcm", "smtp", "control", "huawei", "webpush", "webhook"), free_ports(7)))
        self.sim_control = f"http://127.0.0.1:{self.sim_ports['control']}"
        self.admin_token = (self.keys / "admin.token").read_text().strip()
        self.ca_file = self.keys / "tls" / "ca.pem"
        self.default_config = self.write_config("default")

    def write_config(self, name, config=None, ports=None, amqp_url=None, pg=None):
        """Writes NAME.ini: config overrides or adds ("section.key": value), an empty value leaves a key out."""
        path = self.folder / f"{name}.ini"
        gateway, admin = ports or free_ports(2)
        env = dict(
            os.environ,
            SUREWIRE_AMQP_URL=amqp_url or self.space.amqp_url,
            SUREWIRE_PG=pg or self.space.pg,
        )
        overrides = [f"{key}={value}" for key, value in (config or {}).items()]
        _output([SETUP, "config", path, self.keys, self._port_words(gateway, admin), *overrides], env=env)
        return path

    def node(self, roles=ALL_ROLES, config=None, start=True, **urls):
        """A node that is ready when this returns; with start=False only prepared."""
        name = f"node{len(self.processes)}"
        ports = free_ports(2)
        path = self.write_config(name, {"node.roles": roles, **(config or {})}, ports, **urls)
        return self._add(Node(path, ports, self.folder / f"{name}.log"), start)

    def sim(self, *arguments, start=True):
        """The stand-ins, on the ports that every node of this deployment knows; arguments override the usual ones."""
        usual = _output([SETUP, "sim", self.default_config, self.keys, self._port_words(0, 0)]).splitlines()
        return self._add(Sim([*usual, *arguments], self.sim_control, self.folder / "sim.log"), start)

    def run(self, *arguments, check=True, **kwargs):
        """A short command of the program (migrate, token, user add): its CompletedProcess, output as text."""
        command = [surewire_bin(), f"--config={self.default_config}", *map(str, arguments)]
        kwargs.setdefault("timeout", 60)
        done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), **kwargs)
        if check and done.returncode != 0:
            raise AssertionError(f"{shlex.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def migrate(self):
        self.run("migrate")

    def token(self, user):
        """A client token for a user."""
        return self.run("token", user).stdout.strip()

    def close(self):
        """Ends everything, the last one first; the first error is raised when all are gone."""
        errors = []
        for process in reversed(self.processes):
            try:
                process.end()
            except AssertionError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def tails(self):
        return "\n".join(process.tail() for process in self.processes)

    def _port_words(self, gateway, admin):
        return " ".join(str(port) for port in (gateway, admin, *self.sim_ports.values()))

    def _add(self, node, start):
        self.processes.append(node)
        return node.start().wait_ready() if start else node


def start_own_servers():
    """A fresh pair in a temporary folder; purge() ends it."""
    return Servers.start(tempfile.mkdtemp(prefix="surewire-servers-"))
