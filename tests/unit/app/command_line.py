#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The executable as a person uses it: exit codes and the one line of an error. usage: command_line.py SUREWIRE"""
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import unittest

import jwt

SUREWIRE = sys.argv.pop(1)
USAGE, UNAVAILABLE, CONFIG = 64, 69, 78


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="surewire-app-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.ini = self.dir / "s.ini"
        self.secret = secrets.token_bytes(32)
        (self.dir / "keys").mkdir()
        key = self.dir / "keys" / "main.HS256.key"
        key.write_text(self.secret.hex())
        key.chmod(0o600)

    def run_it(self, *arguments, config="[auth]\nkeys_dir = keys\n", **environ):
        self.ini.write_text(config)
        return subprocess.run([SUREWIRE, "--config", str(self.ini), *arguments], capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin"} | environ, timeout=60, check=False)

    def expect(self, done, code, stderr):
        self.assertEqual((done.returncode, done.stderr), (code, stderr))

    def test_usage(self):
        for arguments in ([], ["nonsense"], ["--nonsense"], ["token"], ["token", "a", "b"], ["config"], ["version", "x"],
                          ["user"], ["user", "add"], ["user", "add", "Alice"], ["doctor", "x"], ["migrate", "x"],
                          ["dead"], ["dead", "bury"], ["dead", "show"], ["dead", "drop"], ["dead", "list", "--older", "x"], ["trace"],
                          ["trace", "x"]):
            with self.subTest(arguments):
                done = self.run_it(*arguments)
                self.assertEqual(done.returncode, USAGE, done.stderr)
                self.assertTrue(done.stderr)
        self.expect(self.run_it("token", "Alice"), USAGE,
                    "surewire token: expected a user name of 1 to 64 of a-z 0-9 . _ @ + -, got \"Alice\" "
                    "(see surewire token --help)\n")

    def test_token(self):
        done = self.run_it("token", "alice", "--device", "phone", "--lifetime", "90s")
        self.assertEqual(done.returncode, 0, done.stderr)
        claims = jwt.decode(done.stdout.strip(), self.secret, algorithms=["HS256"], audience="surewire")
        self.assertEqual((claims["sub"], claims["device"], claims["exp"] - claims["iat"]), ("alice", "phone", 90))

    def test_bad_configuration(self):
        self.expect(self.run_it("token", "alice", config="[gateway]\nwindow = x\n"), CONFIG,
                    f'surewire: {self.ini}:2: [gateway] window: expected a whole number from 1 to 4096, got "x"\n')
        self.expect(self.run_it("token", "alice", config=""), CONFIG,
                    f"surewire: {self.ini}: [auth] keys_dir: expected a folder that exists, or SUREWIRE_AUTH_KEYS_DIR in the "
                    "environment, got nothing\n")
        self.expect(self.run_it("config", "--check", SUREWIRE_LOG_LEVEL="loud"), CONFIG,
                    'surewire: SUREWIRE_LOG_LEVEL: [log] level: expected debug, info, warn or error, got "loud"\n')
        self.assertEqual(self.run_it("config", "--check").returncode, 0)

    def test_bad_plan(self):
        webhook = "[push.hook]\nprovider = webhook\n"
        for config, said in (
                ('[plan.p]\nstep_1 = {"push":"hook"}\n[mailbox]\nplan = q\n', 'plan: expected one of p, got "q"'),
                ("[mailbox]\nplan = q\n", "since there is no section [plan.NAME]"),
                ('[plan.p]\nstep_1 = {"push":"pigeon"}\n', "[plan.p]: plan: steps[0]: expected"),
                ('[plan.p]\nstep_1 = {"socket":true}\n', "[plan.p]: plan: steps[0]: expected"),
                ('[plan.p]\nstep_1 = {"push":"all","after_s":1}\n', "steps[0]: after_s: expected none"),
                ("[plan.p]\nstep_1 = nonsense\n", "[plan.p]: ")):
            done = self.run_it("config", "--check", config=webhook + config)
            self.assertEqual(done.returncode, CONFIG)
            self.assertIn(said, done.stderr)
        good = webhook + '[plan.p]\nstep_1 = {"push":"all"}\nstep_2 = {"after_s":60,"push":"hook"}\n[mailbox]\nplan = p\n'
        self.assertEqual(self.run_it("config", "--check", config=good).returncode, 0)

    def test_store_away(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # bound, not listening: connecting is refused
            port = bound.getsockname()[1]
            config = f"[store]\nurl = postgresql://u:hunter2@127.0.0.1:{port}/db\n"
            for arguments in (["migrate"], ["user", "list"], ["user", "add", "alice"], ["user", "disable", "alice"]):
                with self.subTest(arguments):
                    done = self.run_it(*arguments, config=config)
                    self.assertEqual(done.returncode, UNAVAILABLE, done.stderr)
                    self.assertEqual(done.stderr.count("surewire: "), 1)
                    self.assertNotIn("hunter2", done.stderr)

    def test_doctor(self):
        with socket.socket() as taken, socket.socket() as bound:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            bound.bind(("127.0.0.1", 0))
            closed = bound.getsockname()[1]
            config = (f"[bus]\nurl = amqp://u:hunter2@127.0.0.1:{closed}\n[store]\nurl = postgresql://u:hunter2@127.0.0.1:{closed}/d\n"
                      f"[auth]\nkeys_dir = keys\n[gateway]\nlisten = 127.0.0.1:{taken.getsockname()[1]}\nconnections_max = 10\n"
                      "[admin]\nlisten = 127.0.0.1:0\n")
            done = self.run_it("doctor", config=config, SUREWIRE_ADMIN_TOKEN="0123456789abcdef")
            lines = {line[6:22].strip(): line[:4].strip() for line in done.stdout.splitlines()}
            self.assertEqual(lines, {"configuration": "ok", "needed keys": "ok", "limits": "ok", "token keys": "ok",
                                     "open files": "ok", "broker": "FAIL", "store": "FAIL", "gateway port": "FAIL",
                                     "admin port": "ok"}, done.stdout)
            self.assertEqual(done.returncode, UNAVAILABLE)
            self.assertNotIn("hunter2", done.stdout + done.stderr)
            self.assertTrue(all(" -> " in line for line in done.stdout.splitlines() if line.startswith("FAIL")))
            self.assertEqual(self.run_it("doctor", config=config).returncode, CONFIG)


if __name__ == "__main__":
    unittest.main()
