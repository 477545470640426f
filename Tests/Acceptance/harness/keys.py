"""An issuer whose set of keys comes when the test wants it to: until then whoever asks waits."""

import asyncio
import contextlib
import json
import ssl
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from .certificates import make_certificate
from .tokens import remember


class SigningKey:
    """A key of ES256 by the name `name`."""

    def __init__(self, name):
        self.name = name
        self._private = ec.generate_private_key(ec.SECP256R1())

    def mint(self, user=7, role="admin", expires=3600, **claims):
        now = int(time.time())
        content = {"user_id": user, "role": role, "iat": now - 60, "exp": now + expires, **claims}
        return remember(
            jwt.encode(content, self._private, algorithm="ES256", headers={"kid": self.name})
        )

    @property
    def jwk(self):
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._private.public_key()))
        return {**public, "kid": self.name, "alg": "ES256", "use": "sig"}


class SlowIssuer:
    """Answers at `https://localhost:port/` once `publish` was called."""

    def __init__(self, folder, port):
        self.port = port
        self.certificate, key = make_certificate(folder, "localhost")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self.asked = 0
        self._published = asyncio.Event()
        self._body = b""

    def publish(self, *keys):
        self._body = json.dumps({"keys": [key.jwk for key in keys]}).encode()
        self._published.set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._context
        )
        return self

    async def __aexit__(self, *_):
        self._published.set()
        self._server.close()

    async def _serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await self._published.wait()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + self._body)
            await writer.drain()
        writer.close()
