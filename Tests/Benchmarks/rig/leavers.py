"""A process of its own with sockets that the gateway will end, and the app behind them, so that
those who watch how the others fare are not kept from watching.

    python3 -m rig.leavers

Says the port of its app, and obeys lines:

- `gateway PORT`: whom to connect to from now on;
- `open COUNT EXPIRES NAME`: opens sockets whose tokens expire at that second, of the users NAME-0,
  NAME-1 and so on; answers `open` when all are;
- `watch`: answers with a line of JSON, how many sockets ended with which close code, and when the
  first and the last heard so (in seconds since 1970)."""

import collections
import contextlib
import json
import os
import resource
import sys
import time

from .app import App
from .crowd import Client, Crowd, handshake
from .frames import CLOSE, client_frame
from .loop import Loop
from .tokens import ISSUERS

PATH = "/leaving"


class Leavers:
    """The sockets of one round, both ends."""

    def __init__(self, loop: Loop) -> None:
        self.loop, self.app = loop, App(loop)
        self.port = 0
        self.clients: list[Client] = []

    def open(self, count: int, expires: int, name: str) -> None:
        issuer = ISSUERS[0]

        def request(number: int) -> str:
            return handshake(PATH, issuer.mint(sub=f"{name}-{number}", exp=expires))

        self.clients = Crowd(self.loop, self.port, compressed=False).open(count, request=request)
        for client in self.clients:
            client.may_end = True

    def watch(self) -> dict[str, object]:
        """Until the last has heard its end; each answers and goes as soon as it does."""
        codes: collections.Counter[int | None] = collections.Counter()
        times: list[float] = []
        left = {client.stream.fileno(): client for client in self.clients}

        def ended(client: Client) -> None:
            times.append(time.time())
            codes[client.close_code] += 1
            code = client.close_code or 1005
            with contextlib.suppress(OSError):
                client.send(client_frame(code.to_bytes(2, "big"), CLOSE))
            self.loop.forget(client.stream.fileno())
            del left[client.stream.fileno()]
            client.stream.close()

        def ready(client: Client, events: int) -> None:
            client.ready(events)
            if client.close_code:
                ended(client)

        for number, client in list(left.items()):
            self.loop.forget(number)
            if client.close_code:
                ended(client)
                continue
            self.loop.watch(number, lambda events, client=client: ready(client, events))
        self.loop.run_until(lambda: not left, "the gateway to end all sockets")
        self.loop.run_until(lambda: not self.app.connections, "the app to hear of it")
        return {"codes": codes, "first": min(times), "last": max(times)}


def main() -> None:
    os.nice(5)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.closing(Loop()) as loop:
        leavers = Leavers(loop)
        print(leavers.app.port, flush=True)
        for line in sys.stdin:
            order, *words = line.split()
            if order == "gateway":
                leavers.port = int(words[0])
            elif order == "open":
                leavers.open(int(words[0]), int(words[1]), words[2])
                print("open", flush=True)
            else:
                print(json.dumps(leavers.watch()), flush=True)


if __name__ == "__main__":
    main()
