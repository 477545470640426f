"""Tokens as the hospital's login service would sign them, and the secrets of the environment."""

import secrets
import time

import jwt

from .secrecy import secrecy

#: The configurations say `secret env:JWT_SECRET` and `token env:CONSOLE_TOKEN`; the gateway's
#: environment gets these.
SECRET = secrecy.remember(secrets.token_hex(32))
CONSOLE_TOKEN = secrecy.remember(secrets.token_hex(32))
ENVIRONMENT = {"JWT_SECRET": SECRET, "CONSOLE_TOKEN": CONSOLE_TOKEN}


def mint(user=7, role="admin", expires=3600, secret=SECRET, algorithm="HS256", **claims):
    """A token for `user`, good for `expires` seconds (negative: expired that long ago); a fraction
    of a second counts."""
    now = time.time() if isinstance(expires, float) else int(time.time())
    content = {
        "user_id": user, "role": role, "iat": int(now) - 7200, "exp": now + expires, **claims,
    }  # fmt: skip
    token = jwt.encode(
        {name: value for name, value in content.items() if value is not None},
        secret if algorithm != "none" else None,
        algorithm=algorithm,
    )
    return secrecy.remember(token)


def remember(token):
    """A token that must be written nowhere from now on."""
    return secrecy.remember(token)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}
