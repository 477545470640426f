"""Tokens as the hospital's login service would sign them, and a memory of every one of them."""

import secrets
import time

import jwt

#: The configurations say `secret env:JWT_SECRET`; the gateway's environment gets this one.
SECRET = secrets.token_hex(32)
ENVIRONMENT = {"JWT_SECRET": SECRET}

_minted = set()


def mint(user=7, role="admin", expires=3600, secret=SECRET, algorithm="HS256", **claims):
    """A token for `user`, good for `expires` seconds (negative: expired that long ago)."""
    now = int(time.time())
    content = {"user_id": user, "role": role, "iat": now - 7200, "exp": now + expires, **claims}
    token = jwt.encode(
        {name: value for name, value in content.items() if value is not None},
        secret if algorithm != "none" else None,
        algorithm=algorithm,
    )
    _minted.add(token)
    return token


def leaked_in(text):
    """The secrets that stand in `text`: must be none, whatever was written."""
    found = {"the signing secret"} if SECRET in text else set()
    # The signature is enough to recognise a token, also one that was cut or decoded.
    for token in _minted:
        signature = token.rpartition(".")[2]
        if token in text or (signature and signature in text):
            found.add(token)
    return found
