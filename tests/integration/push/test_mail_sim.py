# SPDX-License-Identifier: Apache-2.0
"""The stand-in takes mails with all that they carry, and its page shows a digest as text."""
import email
import email.policy
import json
import subprocess

from surewire_env import proxyless

# The page's own script, up to where it begins to use the page; then the mail of standard input.
READ_MAIL = """
const [page, mail] = require("fs").readFileSync(0, "utf8").split("\\0");
const script = /<script>([^]*)<\\/script>/.exec(page)[1];
const read = new Function(script.slice(0, script.indexOf("for (const [value, text]")) + "; return readMail;")();
console.log(JSON.stringify(read(mail)));
"""


def test_digest__taken_by_the_stand_in__its_page_shows_it_as_text(world):
    ann, bob = world.person("ann"), world.person("bob")
    texts = ["Grüße ☎", "<b>two</b>", "three = 3"]
    for text in texts:  # before there is an address
        ann.send(bob, text)
    address = bob.mail()
    ann.send(bob, "four")
    [record] = world.arrived("smtp", address)
    mail = email.message_from_string(record["payload"], policy=email.policy.default)
    wanted = mail.get_body(("plain",)).get_content().replace("\r\n", "\n").strip()
    assert wanted.startswith("4 messages in 1 conversation that you have not seen:\n\n" + ann.name)
    assert [line.split("  ")[2] for line in wanted.split("\n")[3:]] == [f"{ann.name}: {text}" for text in [*texts, "four"]]
    page = proxyless().open(world.stands.url + "/", timeout=10).read().decode()
    shown = subprocess.run(["node", "-e", READ_MAIL], input=page + "\0" + record["payload"], capture_output=True,
                           text=True, timeout=60, check=True).stdout
    shown = json.loads(shown)
    assert shown["title"] == f"{ann.name}: 4 messages"
    assert shown["body"].replace("\r\n", "\n").strip() == wanted
