# SPDX-License-Identifier: Apache-2.0
"""Checks the tokens of the APNs and FCM providers with PyJWT: signature, algorithm, header, claims."""
import json
import subprocess
import sys
import urllib.parse

import jwt

NOW_S = 1790000000


def check_apns(out):
    scheme, token = out["authorization"].split(" ")
    assert scheme == "bearer", scheme
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "ES256" and header["kid"] == "ABC123DEFG", header
    claims = jwt.decode(token, out["apns_key"], algorithms=["ES256"], options={"verify_iat": False})
    assert claims == {"iss": "DEF123GHIJ", "iat": NOW_S}, claims


def check_fcm(out):
    form = urllib.parse.parse_qs(out["form"], strict_parsing=True)
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"], form
    token = form["assertion"][0]
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "RS256" and header["kid"] == "0123abcd", header
    uri = "https://oauth2.googleapis.com/token"
    options = {"verify_iat": False, "verify_exp": False}
    claims = jwt.decode(token, out["fcm_key"], algorithms=["RS256"], audience=uri, options=options)
    assert claims == {
        "iss": "push@demo-project.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": uri,
        "iat": NOW_S,
        "exp": NOW_S + 3600,
    }, claims


def check_forgery(out):
    token = out["authorization"].split(" ")[1]
    forged = token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB")
    try:
        jwt.decode(forged, out["apns_key"], algorithms=["ES256"], options={"verify_iat": False})
    except jwt.InvalidSignatureError:
        return
    raise AssertionError("a changed signature was accepted: this test proves nothing")


def main():
    out = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout)
    check_apns(out)
    check_fcm(out)
    check_forgery(out)
    print("ok: ES256 and RS256 tokens verified")


main()
