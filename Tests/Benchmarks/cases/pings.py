"""What 5,000 idle TLS sockets cost that are pinged, and answer.

The default is a ping every 25 s. Measured is one every 5 s, which costs five times as much and is
over sooner; `--long` measures the default itself, too."""

import contextlib

from rig.gateway import stand
from rig.loop import Loop
from rig.report import Options, Report, Target, say

SOCKETS = 5000
DEFAULT_SECONDS = 25
#: How often a socket is pinged, and for how long that is watched.
SCALED = (5, 20)
UNSCALED = (DEFAULT_SECONDS, 60)
MOST_MICROSECONDS = 2.5


def measure(options: Options) -> Report:
    report = Report("pings")
    for interval, window in [SCALED, UNSCALED] if options.long else [SCALED]:
        _measure(report, interval, window, options)
    return report


def _measure(report: Report, interval: int, window: int, options: Options) -> None:
    """One variant: its row, its targets."""
    sockets = options.sockets(SOCKETS)
    route = f"ping {interval}s; silence {interval * 12 // 5}s"
    with contextlib.closing(Loop()) as loop, stand(loop, route) as fresh:
        say(f"every {interval} s: opening {sockets:,} sockets")
        clients = fresh.crowd.open(sockets)
        loop.run_for(interval + 1)
        say(f"every {interval} s: watching for {window} s")
        pings, cpu = sum(client.pings for client in clients), fresh.gateway.cpu_seconds()
        loop.run_for(window)
        cpu = fresh.gateway.cpu_seconds() - cpu
        pings = sum(client.pings for client in clients) - pings
    name = f"every {interval} s"
    a_second = cpu * 1e6 / (sockets * window)
    a_default_second = a_second * interval / DEFAULT_SECONDS
    expected = sockets * window / interval
    report.add(name, "CPU us a socket and second", a_second)
    report.add(name, f"at one every {DEFAULT_SECONDS} s", a_default_second)
    report.add(name, "CPU us a ping", cpu * 1e6 / max(pings, 1))
    report.add(name, "pings", pings)
    report.targets += [
        Target(f"{name}, a socket and second", a_default_second, MOST_MICROSECONDS, "us"),
        Target(f"{name}, of the pings that were due", pings / expected, 0.9, at_least=True),
    ]
