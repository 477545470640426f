"""Called by `run`, which says what for."""

import argparse
import collections
import fnmatch
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Acceptance"))

from fuzzing import Job, fuzz  # noqa: E402
from harness.gateway import Gateway, binary  # noqa: E402
from harness.ports import free_port  # noqa: E402
from harness.process import Process  # noqa: E402
from outcomes import Expected, outcome, summary, table  # noqa: E402

#: Cases are cut into 65,536 fragments, and messages have up to 16 MiB.
SETTINGS = """
    message_size 64m; inflated_size 64m; fragments 1000000
    send_queue 64m; control_rate 10000
"""
CONFIGURATION = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
backend echo { server 127.0.0.1:$echo }
defaults {
    backend echo
    SETTINGS
}
route /compress { websocket; compress over 0 }
route /relay    { websocket }
"""
#: The echo server alone, and the two routes to it. The one that takes longest comes first.
AGENTS = ["compress", "relay", "echo"]

#: Cases are cut into shares, one client each.
Shares = collections.namedtuple("Shares", "heavy deflate rest")

ALL = Shares(
    # These keep everybody busy, so they come before those that look at the clock.
    heavy=[["9.*"]],
    deflate=[[f"12.{group}.*"] for group in range(1, 6)]
    + [[f"13.{group}.*"] for group in range(1, 8)],
    rest=[["5.*", "6.*"], ["1.*", "2.*", "3.*", "4.*", "7.*", "10.*"]],
)
QUICK = Shares(
    heavy=[],
    deflate=[
        [f"12.1.{case}" for case in range(1, 6)] + [f"12.{group}.5" for group in range(2, 6)],
        [f"13.{group}.4" for group in range(1, 8)] + ["12.2.11", "13.7.11"],
    ],
    rest=[["5.*", "6.1.*", "6.2.*", "6.3.*", "6.4.*"], ALL.rest[-1]],
)


class Echo(Process):
    def __init__(self, folder):
        self.port = free_port()
        super().__init__("echo", [sys.executable, HERE / "echo.py", self.port], folder)
        self.wait_for_port(self.port)


def jobs(urls, all_cases):
    """Who does what, in this order."""
    shares = ALL if all_cases else QUICK
    work = []
    for part in shares:
        for agent, url in urls.items():
            if part is shares.deflate and agent != "compress":
                # Nobody speaks it, the handshake says so, and that is all.
                work.append(Job(agent, url, sum(part, [])))
            else:
                work += [Job(agent, url, cases) for cases in part]
    return work


def is_quick(case):
    patterns = sum(QUICK.heavy + QUICK.deflate + QUICK.rest, [])
    return any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)


def measure(options, folder):
    """Runs the cases: the reports by agent and case."""
    with Echo(folder) as echo:
        text = CONFIGURATION.replace("SETTINGS", options.settings)
        with Gateway(text, folder, echo=echo) as gateway:
            urls = {
                "echo": f"ws://127.0.0.1:{echo.port}/",
                "compress": gateway.tls.ws("/compress"),
                "relay": gateway.tls.ws("/relay"),
            }
            work = jobs({agent: urls[agent] for agent in options.agent}, options.all)
            reports = fuzz(options.python, options.packages, work, folder, options.jobs)
            gateway.finish()
    return reports


def judge(options, reports):
    """Prints what is not as it should be; true when there is nothing."""
    outcomes = {
        agent: {case: outcome(report) for case, report in cases.items()}
        for agent, cases in reports.items()
    }
    expected = Expected()
    if options.record:
        expected.record(outcomes, is_quick)
        expected = Expected()
    count = expected.counts["all" if options.all else "quick"]
    deviations, excesses = expected.deviations(outcomes), expected.excesses(outcomes)
    incomplete = [agent for agent, cases in outcomes.items() if len(cases) != count]

    print()
    for agent, cases in outcomes.items():
        print(summary(agent, cases))
    if deviations:
        print(f"\n{len(deviations)} not as expected\n{table(deviations, reports)}")
    if excesses:
        print(f"\n{len(excesses)} expected worse than without the gateway")
        print(table(excesses, reports))
    if incomplete:
        print(f"\nnot the {count} cases that there are: {', '.join(incomplete)}")
    return not (deviations or excesses or incomplete)


def arguments():
    parser = argparse.ArgumentParser(
        prog="Tests/Conformance/run", usage="%(prog)s [options], see --help", add_help=False
    )
    parser.add_argument("python")
    parser.add_argument("packages")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--agent", action="append", choices=AGENTS)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--settings", default=SETTINGS)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    options.agent = sorted(set(options.agent or AGENTS), key=AGENTS.index)
    if options.record and not (options.all and options.agent == AGENTS):
        parser.error("--record goes with --all, and with every agent")
    if options.keep and options.keep.exists():
        parser.error(f"--keep wants a folder that is not there yet, unlike {options.keep}")
    if not binary().is_file():
        parser.error(f"no gateway at {binary()}: Deploy/build")
    return options


def main():
    options = arguments()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        reports = measure(options, (options.keep or pathlib.Path(temporary)).resolve())
        is_good = judge(options, reports)
    verdict = "as expected" if is_good else "NOT as expected"
    print(f"\nconformance of {binary()}: {verdict}, in {time.monotonic() - start:.0f} s")
    return 0 if is_good else 1


try:
    sys.exit(main())
except AssertionError as problem:
    sys.exit(f"conformance: {problem}")
