# SPDX-License-Identifier: Apache-2.0
"""A browser's subscription to Web Push: its key pair, and the JSON that it gives to the app."""
import base64
import json
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_point(key):
    """base64url of the uncompressed point of a key, private or public."""
    public = key.public_key() if hasattr(key, "public_key") else key
    return b64url(public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))


class Subscription:
    """One at the stand-in, which can decrypt for it. application_server_key: the only sender that it takes."""

    def __init__(self, stands, origin, application_server_key=None):
        key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_urlsafe(24)
        self.endpoint = f"{origin}/push/{self.id}"
        self.p256dh = public_point(key)
        self.auth = b64url(secrets.token_bytes(16))
        private = key.private_numbers().private_value.to_bytes(32, "big")
        known = {"id": self.id, "p256dh": self.p256dh, "auth": self.auth, "private_key": b64url(private)}
        if application_server_key:
            known["application_server_key"] = application_server_key
        stands.subscribe(known)

    @property
    def token(self):
        return subscription_json(self.endpoint, self.p256dh, self.auth)


def subscription_json(endpoint, p256dh, auth):
    """As PushSubscription.toJSON() gives it."""
    keys = {"p256dh": p256dh, "auth": auth}
    return json.dumps({"endpoint": endpoint, "expirationTime": None, "keys": keys}, separators=(",", ":"))
