"""The same crowd against any proxy that stands in front of the app:

    cd Tests/Acceptance
    ../../.venv/bin/python -m harness.crosstalk --app 9000 --against 127.0.0.1:8080 --answers 20000

The app listens on 127.0.0.1 and ::1 at the port `--app`, where the proxy must send everything. All
faults are counted, not only the first ones; `--tls` names a second door, with TLS."""

import argparse
import asyncio
import pathlib
import tempfile

from ..process import App
from . import Scope, crosstalk, new_seed


def main():
    parser = argparse.ArgumentParser(prog="python -m harness.crosstalk")
    parser.add_argument("--against", required=True, metavar="HOST:PORT")
    parser.add_argument("--tls", metavar="HOST:PORT")
    parser.add_argument("--app", type=int, required=True, metavar="PORT")
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--late", action="store_true", help="also what nobody can tell apart")
    parser.add_argument("--only", action="append", default=[], help="a way of the app's",
        metavar="WAY")
    options = parser.parse_args()
    doors = []
    for address, tls in ((options.against, False), (options.tls, True)):
        if address:
            host, _, port = address.rpartition(":")
            doors.append((host, int(port), tls))
    seed = new_seed() if options.seed is None else options.seed
    scope = Scope(options.late, tuple(options.only), has_tokens=False)
    with tempfile.TemporaryDirectory() as folder:
        with App("careless", options.app, pathlib.Path(folder)):
            verdict = asyncio.run(
                crosstalk(doors, options.app, seed, options.answers, scope=scope, enough=None)
            )
    print(verdict.describe())
    for (how, status), count in sorted(verdict.outcomes.items()):
        print(f"{how:20} {status} {count:7}")


if __name__ == "__main__":
    main()
