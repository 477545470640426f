"""Somebody who asks the console, and gives it orders; and a gateway that has one. Whatever the console
says must hold no secret."""

import re
from urllib.parse import quote

import httpx

from .secrecy import secrecy
from .tokens import CONSOLE_TOKEN, bearer
from .waiting import PATIENCE, eventually


class Operator:
    """Asks with the token, on a new connection each time; answers are `httpx.Response`s."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(
            base_url=self.url, timeout=PATIENCE, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def __call__(self, method, path, token=CONSOLE_TOKEN, **options):
        headers = {**(bearer(token) if token else {}), **options.pop("headers", {})}
        answer = self._client.request(method, path, headers=headers, **options)
        secrecy.overheard(f"console, {method} {path}", f"{answer.headers}\n{answer.text}")
        return answer

    def get(self, path, **parameters):
        """What is there."""
        answer = self("GET", path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path, body, **options):
        return self("PUT", path, json=body, **options)

    def delete(self, path, **options):
        return self("DELETE", path, **options)

    # Sessions.

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

    # Tokens.

    def revoke(self, **what):
        """`jti`, `user` or `before`; answers what the console says of it."""
        answer = self("POST", "/revocations", json=what)
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json()

    # Metrics.

    def metrics(self):
        """The whole text of them."""
        answer = self("GET", "/metrics")
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.text

    def total(self, name, **labels):
        """What a metric says now: the sum of the samples that have these labels."""
        total = 0
        for line in self.metrics().splitlines():
            sample = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if sample and sample[1] == name:
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
                if labels.items() <= found.items():
                    total += float(sample[3])
        return total


def start(start_gateway, text, **names):
    """A gateway with a console at `$console`: both."""
    gateway = start_gateway(text, **names)
    return gateway, Operator(gateway.names["console"])
