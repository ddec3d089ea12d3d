# SPDX-License-Identifier: Apache-2.0
"""Tokens that their apps have not reported for long are given up; whoever reports in time keeps theirs."""
import time

from surewire_env import wait_until

AGE_S = 4
CONFIG = {"pusher.token_age_max": f"{AGE_S}s"}


def test_not_reported_for_long__dropped_unsent_and_mailed_instead(world):
    sender, bob = world.people("person", 2)
    token = bob.iphone()
    bob.mail()
    time.sleep(AGE_S + 1)
    sender.send(bob, "after a long time")
    row = bob.delivery("iphone", "token_dead")
    assert (row["attempts"], row["reason"]) == (0, "not reported by its app for too long")
    wait_until(lambda: bob.stored_token("iphone") == "", "the token is dropped")
    bob.delivery("mail", "delivered")  # an address does not age
    assert world.stands.records("apns", token) == []


def test_reported_again__kept(world):
    sender, bob = world.people("person", 2)
    token = bob.iphone()
    time.sleep(AGE_S + 1)
    bob.device("iphone", "apns", token, platform="ios")
    sender.send(bob, "in time")
    bob.delivery("iphone", "delivered")
    world.arrived("apns", token)
    assert bob.stored_token("iphone") == token
