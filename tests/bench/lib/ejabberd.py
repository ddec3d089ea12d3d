# SPDX-License-Identifier: Apache-2.0
"""The peer: a private ejabberd on loopback ports, with its archive and its offline store in the benchmark's PostgreSQL.

It is started as Debian's ejabberdctl does it, without that script: it insists on its own user and may end other
people's epmd. There is no epmd at all: the node listens for the others on a port that it was given."""
import glob
import json
import pathlib
import subprocess
import time
import urllib.parse
import urllib.request

import bench_env
import surewire_env

SCHEMA = "/usr/share/ejabberd/sql/pg.new.sql"
# As deploy/lib/rabbit.sh starts the broker: an Erlang machine that spins before it sleeps takes a core from the others.
BUSY_WAIT = ("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")
READY_S = 60
STOP_S = 20

CONFIG = """\
hosts: [localhost]
loglevel: warning
default_db: sql
new_sql_schema: true
sql_type: pgsql
sql_server: {pg.hostname}
sql_port: {pg.port}
sql_database: {database}
sql_username: {pg.username}
sql_password: {pg.password}
sql_pool_size: 10
sql_prepared_statements: true
auth_method: internal
auth_password_format: plain
registration_timeout: infinity
listen:
  - {{port: {c2s}, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 65536, starttls_required: false}}
  - {{port: {http}, ip: "127.0.0.1", module: ejabberd_http, request_handlers: {{/api: mod_http_api}}}}
acl: {{local: {{user_regexp: ""}}, loopback: {{ip: [127.0.0.0/8]}}}}
access_rules:
  {{local: {{allow: local}}, c2s: {{allow: all}}, register: {{allow: all}}, trusted_network: {{allow: loopback}}}}
api_permissions: {{"all": {{who: [{{ip: 127.0.0.1/8}}], what: ["*"]}}}}
shaper: {{fast: 100000000}}
shaper_rules: {{max_user_sessions: 1000, max_user_offline_messages: 100000, c2s_shaper: {{none: all}}}}
modules:
  mod_mam: {{default: {archive}, db_type: sql, assume_mam_usage: true}}
  mod_offline: {{db_type: sql, access_max_user_messages: max_user_offline_messages}}
  mod_stream_mgmt: {{resend_on_timeout: true}}
  mod_roster: {{db_type: sql}}
  mod_ping: {{}}
  mod_carboncopy: {{}}
  mod_register: {{ip_access: trusted_network, access: register}}
"""


class Ejabberd:
    """with Ejabberd(space, "always"): it is ready inside. archive: mod_mam's default, `always` or `never`."""

    def __init__(self, space, archive):
        self.space = space
        self.folder = bench_env.folder() / f"ejabberd-{archive}"
        self.port, self._http, self._dist = surewire_env.free_ports(3)
        self._archive = archive
        self._popen = None

    @property
    def pid(self):
        return self._popen.pid

    def __enter__(self):
        self.folder.mkdir()
        self.space.query(pathlib.Path(SCHEMA).read_text())
        pg = urllib.parse.urlsplit(self.space.pg)
        config = CONFIG.format(pg=pg, database=self.space.name, c2s=self.port, http=self._http, archive=self._archive)
        (self.folder / "ejabberd.yml").write_text(config)
        # Erlang's resolver: files only.
        (self.folder / "inetrc").write_text("{lookup, [file, native]}.\n{host, {127,0,0,1}, [\"localhost\"]}.\n")
        self._start()
        return self

    def __exit__(self, *_):
        if self._popen and self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()

    def register(self, count):
        """Makes users and a file NAME PASSWORD for the load: its path."""
        path = self.folder / "users"
        with open(path, "w") as file:
            for i in range(count):
                self._call("register", {"user": f"u{i}", "host": "localhost", "password": f"secret{i}"})
                file.write(f"u{i} secret{i}\n")
        return path

    def archived(self):
        """Rows of the archive."""
        return self.space.query("SELECT count(*) FROM archive")[0][0]

    def _start(self):
        libs = sorted(glob.glob("/usr/lib/*/ejabberd-*/ebin"))
        if not libs:
            raise bench_env.Broken("ejabberd is not installed: expected /usr/lib/*/ejabberd-*/ebin")
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "ERL_LIBS": str(pathlib.Path(libs[-1]).parents[1]),
            "ERL_INETRC": str(self.folder / "inetrc"),
            "ERL_CRASH_DUMP": str(self.folder / "crash.dump"),
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
        }
        command = [
            "erl", "-sname", "ejabberd@localhost", "+K", "true", "+P", "250000", *BUSY_WAIT,
            "-start_epmd", "false", "-erl_epmd_port", str(self._dist),
            "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
            "-mnesia", "dir", f'"{self.folder / "spool"}"', "-s", "ejabberd", "-noinput",
        ]
        with open(self.folder / "start.log", "ab") as log:
            self._popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.folder
            )
        deadline = time.monotonic() + READY_S
        while not self._is_ready():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                raise bench_env.Broken(f"ejabberd did not start: see {self.folder}")
            time.sleep(0.2)

    def _is_ready(self):
        try:
            self._call("status", {})
            return True
        except OSError:
            return False

    def _call(self, command, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._http}/api/{command}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.loads(answer.read())
