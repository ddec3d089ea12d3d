#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens of PyJWT read by us, ours read by PyJWT. usage: interop.py TOKEN_TOOL"""
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import unittest

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

TOOL = sys.argv.pop(1)
AUDIENCE = "surewire"


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class Interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="surewire-auth-")
        folder = pathlib.Path(cls.folder.name)
        cls.secret = secrets.token_bytes(32)
        cls.keys = {
            "HS256": cls.secret,
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }
        for alg, key in cls.keys.items():
            if alg == "HS256":
                path = folder / f"k-{alg}.{alg}.key"
                path.write_text(key.hex() + "\n")
                path.chmod(0o600)
            else:
                (folder / f"k-{alg}.{alg}.pem").write_bytes(public_pem(key))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def tool(self, verb, argument):
        done = subprocess.run([TOOL, verb, self.folder.name, AUDIENCE, argument], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def make(self, alg, **changes):
        now = int(time.time())
        claims = {"sub": "alice", "device": "phone-1", "aud": AUDIENCE, "iat": now, "exp": now + 60} | changes
        return jwt.encode(claims, self.keys[alg], algorithm=alg, headers={"kid": f"k-{alg}"})

    def test_theirs_is_read_by_us(self):
        for alg in self.keys:
            with self.subTest(alg):
                # ES256 signatures vary in the length of their numbers: enough of them to see leading zeros.
                for _ in range(20 if alg == "ES256" else 1):
                    self.assertEqual(self.tool("verify", self.make(alg)), "ok alice phone-1 0")
                self.assertEqual(self.tool("verify", self.make(alg, aud=["x", AUDIENCE], scope="admin")), "ok alice phone-1 1")
                self.assertTrue(self.tool("verify", self.make(alg, exp=int(time.time()) - 10)).startswith("refused token: expired"))
                self.assertEqual(self.tool("verify", self.make(alg, aud="x")),
                                 'refused token: expected audience (aud) "surewire"')

    def test_ours_is_read_by_them(self):
        token = self.tool("mint", "bob")
        self.assertEqual(jwt.get_unverified_header(token)["kid"], "k-HS256")
        claims = jwt.decode(token, self.secret, algorithms=["HS256"], audience=AUDIENCE,
                            options={"require": ["exp", "iat", "sub", "aud"]})
        self.assertEqual((claims["sub"], claims["scope"]), ("bob", "admin"))
        with self.assertRaises(jwt.InvalidSignatureError):
            jwt.decode(token, b"x" * 32, algorithms=["HS256"], audience=AUDIENCE)


if __name__ == "__main__":
    unittest.main()
