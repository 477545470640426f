"""Somebody who asks the console, and gives it orders; and a gateway that has one."""

import secrets
from urllib.parse import quote

import httpx

from .ports import free_port
from .tokens import ENVIRONMENT
from .waiting import PATIENCE, eventually

#: The configurations say `token env:CONSOLE_TOKEN`.
ENVIRONMENT.setdefault("CONSOLE_TOKEN", secrets.token_hex(24))


class Operator:
    """Asks with the token; answers are `httpx.Response`s."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {ENVIRONMENT['CONSOLE_TOKEN']}"},
            timeout=PATIENCE,
        )

    def __call__(self, method, path, **options):
        return self.client.request(method, path, **options)

    def get(self, path, **parameters):
        """What is there."""
        answer = self("GET", path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path, body, **options):
        return self("PUT", path, json=body, **options)

    def delete(self, path, **options):
        return self("DELETE", path, **options)

    def sessions(self, **parameters):
        return self.get("/sessions", **parameters)["sessions"]

    def devices(self, **parameters):
        """The ClientIds of the sessions that are live."""
        return sorted(s["device"]["client_id"] for s in self.sessions(**parameters))

    def clear(self):
        """Ends all sessions, and takes every policy of a store back."""
        for store in self.get("/stores")["stores"]:
            path = f"/stores/{store['block']}/{quote(store['store'], safe='')}"
            self.delete(f"{path}/sessions")
            self.delete(f"{path}/policy")

    async def wait_for_history(self, count, **parameters):
        """The past sessions, as soon as there are so many: a worker has the last word."""

        def entries():
            found = self.get("/history", **parameters)["history"]
            return found if len(found) >= count else None

        return await eventually(entries, f"{count} past sessions")


def start(start_gateway, text, **names):
    """A gateway with a console at `$console`: both."""
    port = free_port()
    gateway = start_gateway(text, console=port, **names)
    gateway.wait_for_port(port)
    return gateway, Operator(port)
