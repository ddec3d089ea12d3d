# SPDX-License-Identifier: Apache-2.0
"""Keys, secrets and passwords that are missing, malformed, revoked or of somebody else: work waits for the operator, who is
told, costs no attempt, and goes on after the file is replaced and HUP. Other providers do not notice."""
import base64
import json
import pathlib
import secrets
import signal
import subprocess

import pytest

import push_world
from surewire_env import proxyless, wait_until

WRONG_TEAM = "AAAAAAAAAA"
BACK_S = 100  # the shortest pause of what the broker keeps for an operator, and some


def new_key(*algorithm):
    command = ["openssl", "genpkey", "-algorithm", *algorithm]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def stranger_apns(text):
    return new_key("EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def stranger_fcm(text):
    """Of the same account: what a revoked key looks like to the token endpoint."""
    return json.dumps({**json.loads(text), "private_key": new_key("RSA", "-pkeyopt", "rsa_keygen_bits:2048")})


def stranger_secret(text):
    return secrets.token_hex(32) + "\n"


class Credential:
    """Of a provider: its file, what a stranger's looks like, how a malformed one is told, what the service says to it."""

    def __init__(self, provider, key, path, stranger, malformed, expected, refusal):
        self.provider, self.key, self.path, self.stranger = provider, key, path, stranger
        self.malformed, self.expected, self.refusal = malformed, expected, refusal

    def file(self, world):
        return pathlib.Path(str(self.path).format(keys=world.deployment.keys, secrets=f"{world.node.config}.d"))


CREDENTIALS = [
    Credential("apns", "key_file", "{keys}/apns/AuthKey.p8", stranger_apns, "nothing\n", "expected a private key in PEM form",
               "403 InvalidProviderToken"),
    Credential("fcm", "service_account_file", "{secrets}/service-account.json", stranger_fcm, '{"type": "service_acc',
               "expected JSON", "invalid_grant"),
    Credential("huawei", "client_secret_file", "{keys}/huawei.secret", stranger_secret, "two words\n",
               "expected letters, digits and", "token service: HTTP 4"),
    Credential("email", "password_file", "{keys}/smtp.password", stranger_secret, "\n", "password_file", "535"),
]
by_provider = pytest.mark.parametrize("credential", CREDENTIALS, ids=[c.provider for c in CREDENTIALS])


def device_of(person, provider):
    """Registers one; the token by which the stand-in knows it."""
    return {"apns": person.iphone, "fcm": person.android, "huawei": person.huawei, "email": person.mail}[provider]("device")


def stand_in_of(provider):
    return "smtp" if provider == "email" else provider


def pushed(world, provider, text="hello"):
    """A push to a new person arrives at once, at the first attempt."""
    person = world.person("person")
    token = device_of(person, provider)
    world.person("sender").send(person, text)
    assert person.delivery("device", "delivered")["attempts"] == 1
    world.arrived(stand_in_of(provider), token)


def ready(world, provider):
    return world.node.metric("surewire_push_credential_ready", provider=provider)


def health(world):
    """(status, text) of /readyz."""
    with proxyless().open(f"{world.node.admin_url}/readyz", timeout=10) as answer:
        return answer.status, answer.read().decode()


def told(world, provider):
    """What /readyz says of its credential, "" when it is good."""
    (pusher,) = (check for check in json.loads(health(world)[1])["checks"] if check["name"] == "pusher")
    said = [text for text in pusher["detail"].split("; ") if text.startswith(f"{provider}: credential: ")]
    return said[0] if said else ""


def hup(world, event, provider):
    """Returns when the pusher has said this of the provider's instance."""
    def said():
        lines = world.node.log.read_text().splitlines()
        return [line for line in lines if f"event={event} " in line and f"instance={provider}" in line.split()]

    before = len(said())
    world.node.signal(signal.SIGHUP)
    return wait_until(lambda: said()[before:], f"{event} of {provider}")[-1]


def refused(world, credential):
    """Makes the service refuse the file that is in force: new ones are asked for at once."""
    hup(world, "pusher.reloaded", credential.provider)
    world.stands.expire_credentials()


def right_team(deployment):
    return (deployment.keys / "apns" / "team_id").read_text().strip()


@pytest.fixture(scope="module")
def world(module_deployment):
    """push.team: the same key, said to be of another team."""
    apns = module_deployment.keys / "apns"
    team = {"provider": "apns", "host": "localhost", "port": module_deployment.sim_ports["apns"],
            "ca_file": module_deployment.ca_file, "key_file": apns / "AuthKey.p8", "topics": push_world.TOPIC,
            "key_id": (apns / "key_id").read_text().strip(), "team_id": WRONG_TEAM}
    return push_world.World(module_deployment, {f"push.team.{key}": value for key, value in team.items()})


@pytest.fixture
def same_process(world):
    pid = world.node.pid
    yield
    assert world.node.running() and world.node.pid == pid, world.node.tail()


@pytest.fixture
def kept(world, same_process, credential):
    """Its file, which is good again afterwards."""
    path = credential.file(world)
    good = path.read_text()
    yield path
    path.write_text(good)
    hup(world, "pusher.reloaded", credential.provider)


@pytest.fixture(scope="module")
def put_off(world):
    """(person, token) of a push that was sent with a bad key so often that the broker keeps it for a minute from here on."""
    credential = CREDENTIALS[0]
    path, person = credential.file(world), world.person("person")
    token, good = device_of(person, "apns"), path.read_text()
    path.write_text(credential.stranger(good))
    hup(world, "pusher.reloaded", "apns")
    world.person("sender").send(person, "tried often")

    def is_put_off():
        if not person.attempts("device"):
            hup(world, "pusher.reloaded", "apns")
        return person.attempts("device")

    wait_until(is_put_off, "it is put off", every_s=0.5)
    row = person.delivery("device", "retry")
    assert (row["attempts"], row["reason"]) == (0, "InvalidProviderToken")
    path.write_text(good)
    hup(world, "pusher.reloaded", "apns")
    return person, token


@by_provider
def test_file_missing_or_malformed_at_hup__the_one_in_force_stays_and_the_log_says_why(world, put_off, credential, kept):
    pushed(world, credential.provider)
    good = kept.read_text()
    kept.write_text(credential.malformed)
    line = hup(world, "pusher.reload_failed", credential.provider)
    assert f"[push.{credential.provider}] {credential.key}: " in line and credential.expected in line
    assert good.strip() not in line
    pushed(world, credential.provider)
    kept.unlink()
    line = hup(world, "pusher.reload_failed", credential.provider)
    assert str(kept) in line
    world.stands.expire_credentials()  # the next one is made of what was read last
    pushed(world, credential.provider)
    assert ready(world, credential.provider) == 1


@by_provider
def test_refused__work_waits_at_no_attempts_cost_and_goes_on_after_hup(world, credential, kept):
    provider = credential.provider
    pushed(world, provider)
    good = kept.read_text()
    kept.write_text(credential.stranger(good))
    refused(world, credential)
    sender, people = world.person("sender"), world.people("waiting", 3)
    tokens = {person: device_of(person, provider) for person in people}
    for person in people:
        sender.send(person, "when somebody comes")
    wait_until(lambda: ready(world, provider) == 0, "the credential is told as broken")
    wait_until(lambda: credential.refusal in told(world, provider), f"{credential.refusal}: {health(world)}")
    assert health(world)[0] == 200  # the process is well
    others = [each.provider for each in CREDENTIALS if each.provider != provider]
    for other in others:
        pushed(world, other)
    for person in people:
        assert person.deliveries() == [] and person.attempts("device") == []
        assert world.stands.records(stand_in_of(provider), tokens[person]) == []
    kept.write_text(good)
    hup(world, "pusher.reloaded", provider)
    for person in people:
        assert person.delivery("device", "delivered")["attempts"] == 1
        assert [(a["number"], a["outcome"]) for a in person.attempts("device")] == [(1, "delivered")]
        world.arrived(stand_in_of(provider), tokens[person])
        assert person.dead_letters() == []
        assert person.stored_token("device") == tokens[person]
    wait_until(lambda: ready(world, provider) == 1, "the credential is told as good")
    assert told(world, provider) == ""


def test_secret_of_webhooks_malformed_at_hup__the_one_in_force_signs(world, same_process):
    path = world.deployment.keys / "webhook.secret"
    good = path.read_text()
    person = world.person("person")
    word = secrets.token_urlsafe(12)
    person.device("device", "webhook", f"https://localhost:{world.deployment.sim_ports['webhook']}/hook/{word}", platform="server")
    path.write_text("whsec_" + base64.b64encode(b"short").decode() + "\n")
    try:
        line = hup(world, "pusher.reload_failed", "webhook")
    finally:
        path.write_text(good)
    assert "[push.webhook] secret_file: expected one or two lines" in line
    world.person("sender").send(person, "signed")
    assert person.delivery("device", "delivered")["attempts"] == 1
    world.arrived("webhook", word)


# ---- at the start ----


@pytest.mark.parametrize("credential,how", [*[(c, "malformed") for c in CREDENTIALS], (CREDENTIALS[0], "missing")],
                         ids=[*[f"{c.provider}-malformed" for c in CREDENTIALS], "apns-missing"])
def test_file_missing_or_malformed_at_the_start__an_error_that_names_it(world, credential, how, tmp_path):
    path = tmp_path / "file"
    if how == "malformed":
        path.write_text(credential.malformed)
    config = world.deployment.write_config("bad", {"node.roles": "pusher", f"push.{credential.provider}.{credential.key}": path})
    command = [world.node.arguments[0], f"--config={config}", "serve"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78, done
    text = done.stdout + done.stderr
    assert f"[push.{credential.provider}] {credential.key}: " in text, text
    assert (credential.expected if how == "malformed" else str(path)) in text, text


def test_refused_again_and_again__costs_no_attempt(world, same_process, put_off):
    person, token = put_off
    assert person.delivery("device", "delivered", timeout_s=BACK_S)["attempts"] == 1
    assert [(a["number"], a["outcome"]) for a in person.attempts("device")][-1] == (1, "delivered")
    assert person.dead_letters() == []
    world.arrived("apns", token)


def test_wrong_team__waits_and_goes_on_after_a_start_with_the_right_one(world):
    """A team is in the configuration, and that is read at the start."""
    person = world.person("person")
    token = person.device("device", "team", secrets.token_hex(32), platform="ios")
    world.person("sender").send(person, "of another team")
    wait_until(lambda: ready(world, "team") == 0, "the credential is told as broken")
    assert told(world, "team") == "team: credential: refused by the service: 403 InvalidProviderToken"
    pushed(world, "apns")
    other = CREDENTIALS[1]
    path, waiting = other.file(world), world.person("waiting")
    good, waiting_token = path.read_text(), device_of(waiting, other.provider)
    path.write_text(other.stranger(good))
    refused(world, other)
    world.person("sender").send(waiting, "with another broken one")
    wait_until(lambda: other.refusal in told(world, other.provider), f"{other.refusal}: {health(world)}")
    assert told(world, "team") == "team: credential: refused by the service: 403 InvalidProviderToken"
    path.write_text(good)
    assert world.node.stop() == 0
    assert person.deliveries() == [] and person.attempts("device") == []
    config = pathlib.Path(world.node.config)
    config.write_text(config.read_text().replace(WRONG_TEAM, right_team(world.deployment)))
    world.node.restart()
    assert person.delivery("device", "delivered")["attempts"] == 1
    world.arrived("apns", token)
    world.arrived(stand_in_of(other.provider), waiting_token)
    assert world.node.stop() == 0
