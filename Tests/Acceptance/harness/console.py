"""The console as an operator uses it; whatever it says must hold no secret."""

import json
import re

import httpx

from .secrecy import secrecy
from .tokens import CONSOLE_TOKEN, bearer
from .waiting import PATIENCE


class Console:
    def __init__(self, gateway):
        self.port = gateway.names["console"]

    async def ask(self, method, path, token=CONSOLE_TOKEN, **options):
        headers = bearer(token) if token is not None else {}
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            url = f"http://127.0.0.1:{self.port}{path}"
            answer = await client.request(method, url, headers=headers, **options)
        secrecy.overheard(f"console, {method} {path}", f"{answer.headers}\n{answer.text}")
        return answer

    async def revoke(self, **what):
        """`jti`, `user` or `before`; answers what the console says of it."""
        answer = await self.ask("POST", "/.gateway/revoke", json=what)
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return json.loads(answer.text) if answer.text else {}

    async def metrics(self):
        """The whole text of them."""
        answer = await self.ask("GET", "/metrics")
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.text

    async def samples(self, name):
        """What a metric says now: labels and value of each sample."""
        found = []
        for line in (await self.metrics()).splitlines():
            sample = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if sample and sample[1] == name:
                labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
                found.append((labels, float(sample[3])))
        return found

    @staticmethod
    def total(samples, **labels):
        """Of those that have these labels."""
        return sum(value for found, value in samples if labels.items() <= found.items())
