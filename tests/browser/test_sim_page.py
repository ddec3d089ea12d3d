# SPDX-License-Identifier: Apache-2.0
"""The page of the simulator in headless Chromium: phones and a mailbox with what arrived, and a stranger's text as text."""
import pathlib
import shutil
import subprocess

import pytest

from node_peer import NodePeer
from surewire_env import wait_until

HERE = pathlib.Path(__file__).resolve().parent
TITLE = '<img src=x onerror="window.ran=true">'
BODY = '<script>window.ran=true</script><b>bold</b> & <a href="javascript:window.ran=true">"link"</a>\n<svg onload=window.ran=true>'


class Page(NodePeer):
    """The page, once it shows so many places."""

    def __init__(self, url, folder, places):
        self.screenshot = folder / "page.png"
        program = folder / "program"
        shutil.copytree(HERE / "node", program)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=program, check=True, timeout=120)
        words = [f"{url}/", folder / "profile", self.screenshot, places]
        super().__init__(["node", "sim_page.js", *map(str, words)], cwd=program)

    def showing(self, token, what, condition):
        """The place of a token, once this is true of it."""

        def look():
            places = self.got[-1]["places"] if self.got else []
            found = [place for place in places if place["token"] == token]
            return found[0] if found and condition(found[0]) else None

        try:
            return wait_until(look, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.got[-1:]}") from None


@pytest.fixture
def page(world, tmp_path):
    """(page, bob, his phones and mailbox by provider, who writes): three places that show one message each."""
    ann, bob = world.person("ann"), world.person("bob")
    tokens = {"apns": bob.iphone(), "fcm": bob.android()}
    carol = world.person("carol")
    tokens["smtp"] = carol.mail()
    world.stands.fault("fcm", {"status": 503, "retry_after": 1, "accept": True}, tokens["fcm"], count=1)
    for person in (bob, carol):
        ann.send(person, "short", alert={"title": TITLE, "body": BODY})
    world.arrived("fcm", tokens["fcm"], 2)
    for provider in ("apns", "smtp"):
        world.arrived(provider, tokens[provider])
    page = Page(world.stands.url, tmp_path, len(tokens))
    yield page, bob, tokens, ann
    page.close()


def test_what_arrived__is_shown_as_text_with_badge_and_repeats_and_goes_on(page):
    page, bob, tokens, ann = page
    assert page.ready["title"] == "Surewire: what arrived"
    for provider, kind in (("apns", "iPhone"), ("fcm", "Android"), ("smtp", "Mailbox")):
        place = page.showing(tokens[provider], provider, lambda place: place["shown"])
        assert (place["provider"], place["kind"]) == (provider, kind)
        (shown,) = place["shown"]  # the repeat has the collapse id of the first
        assert shown["title"] == TITLE
        assert shown["body"].replace("\r\n", "\n").startswith(BODY)
        assert TITLE in shown["visible"] and "<b>bold</b>" in shown["visible"]
        assert shown["repeat"] == (" · arrived 2 times" if provider == "fcm" else "")
    assert page.showing(tokens["apns"], "apns", lambda place: True)["badge"] == "1"
    # It is looked at again by itself; the newest comes first.
    ann.send(bob, "second one")
    place = page.showing(tokens["apns"], "the second one", lambda place: len(place["shown"]) == 2)
    assert [(shown["title"], shown["body"]) for shown in place["shown"]] == [(ann.name, "second one"), (TITLE, BODY)]
    assert place["badge"] == "2"
    last = page.got[-1]
    assert (last["markup"], last["ran"], last["errors"]) == (0, False, [])
    assert page.screenshot.stat().st_size > 10000
