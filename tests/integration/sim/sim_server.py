# SPDX-License-Identifier: Apache-2.0
"""A simulator of its own keys and ports, and its control API as an object."""
import base64
import datetime
import ipaddress
import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

TOPIC = "com.example.chat"
TEAM = "TEAM000001"
KID = "KEY0000001"
TOKEN = "ab" * 32
SMTP_USER = "relay"
HUAWEI_CLIENT = "104600001"
HUAWEI_OTHER = "104600002"
HUAWEI_PROJECT = "736430079244736562"
HUAWEI_SECRET = "aZ09=/+" * 4
WEBHOOK_SECRETS = ["whsec_" + base64.b64encode(bytes([i]) * 32).decode() for i in (1, 2)]


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def write_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.utcnow()
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, critical=False)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                   .sign(key, hashes.SHA256()))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(pem(key))


class Sim:
    def __init__(self, folder, *extra):
        self.folder = folder
        write_certificate(folder)
        self.ca = folder / "cert.pem"
        self.apns_key = ec.generate_private_key(ec.SECP256R1())
        self.other_key = ec.generate_private_key(ec.SECP256R1())
        self.fcm_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.account = {"type": "service_account", "project_id": "demo-project", "private_key_id": "fcmkid1",
                        "private_key": pem(self.fcm_key).decode(), "client_email": "push@demo.invalid",
                        "token_uri": "https://oauth2.invalid/token"}
        (folder / "apns.p8").write_bytes(pem(self.apns_key))
        (folder / "second.pem").write_bytes(self.other_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        (folder / "account.json").write_text(json.dumps(self.account))
        self.password = base64.b64encode(os.urandom(12)).decode()
        (folder / "smtp.password").write_text(self.password + "\n")
        (folder / "huawei.secret").write_text(HUAWEI_SECRET + "\n")
        (folder / "webhook.secret").write_text("\n".join(WEBHOOK_SECRETS) + "\n")
        self.process = subprocess.Popen(
            [os.environ["SUREWIRE_SIM_PROGRAM"], "--cert", self.ca, "--key", folder / "key.pem",
             "--apns-key", f"{KID}={folder}/apns.p8", "--apns-key", f"KEY0000002={folder}/second.pem",
             "--apns-team", TEAM, "--apns-topic", TOPIC, "--apns-topic", TOPIC + ".voip",
             "--fcm-account", folder / "account.json", "--huawei-client", f"{HUAWEI_CLIENT}={folder}/huawei.secret",
             "--huawei-client", f"{HUAWEI_OTHER}:{HUAWEI_PROJECT}={folder}/huawei.secret", "--smtp-size-max", "65536", "--smtp-user", SMTP_USER,
             "--smtp-password-file", folder / "smtp.password",
             "--webhook-secret-file", folder / "webhook.secret", *extra],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("sim ready "), line
        self.ports = {k: int(v) for k, v in (pair.split("=") for pair in line.split()[2:])}

    def stop(self):
        self.process.terminate()
        assert self.process.wait(30) == 0

    def control(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports['control']}{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def fault(self, provider, action, **more):
        status, answer = self.control("POST", "/faults", {"provider": provider, "action": action, **more})
        assert status == 201, answer
        return answer["id"]

    def records(self, **query):
        status, answer = self.control("GET", "/records?" + urllib.parse.urlencode(query))
        assert status == 200, answer
        return answer["records"]

    def stats(self):
        return self.control("GET", "/stats")[1]

    def provider_token(self, key=None, kid=KID, iss=TEAM, age=0, **claims):
        return jwt.encode({"iss": iss, "iat": int(time.time()) - age, **claims}, key or self.apns_key,
                          algorithm="ES256", headers={"kid": kid})

    def assertion(self, key=None, life=3600, **claims):
        now = int(time.time())
        body = {"iss": self.account["client_email"], "scope": "https://www.googleapis.com/auth/firebase.messaging",
                "aud": f"https://localhost:{self.ports['fcm']}/token", "iat": now, "exp": now + life, **claims}
        return jwt.encode(body, key or self.fcm_key, algorithm="RS256", headers={"kid": "fcmkid1"})
