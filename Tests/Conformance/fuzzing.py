"""Runs fuzzing clients, several at once, each with cases of its own; reads what they report."""

import collections
import json
import pathlib
import time

from harness.process import Process
from harness.waiting import wait_until

CLIENT = pathlib.Path(__file__).with_name("fuzzing_client.py")

#: How long one client may take for its cases before it is ended.
PATIENCE = 900

#: What a client is to do: `cases` are patterns such as `9.*`.
Job = collections.namedtuple("Job", "agent url cases")


class Client(Process):
    """One run of the fuzzing client, against one agent."""

    def __init__(self, python, packages, job, folder):
        self.agent, self.patterns, self.reports = job.agent, job.cases, folder / "reports"
        self.start = time.monotonic()
        folder.mkdir(parents=True)
        specification = folder / "specification.json"
        specification.write_text(
            json.dumps(
                {
                    "outdir": str(self.reports),
                    "options": {"failByDrop": False},
                    "servers": [{"agent": job.agent, "url": job.url}],
                    "cases": job.cases,
                    "exclude-cases": [],
                    "exclude-agent-cases": {},
                }
            )
        )
        super().__init__(
            "client",
            [python, "-W", "ignore", CLIENT, packages, "-m", "fuzzingclient", "-s", specification],
            folder,
        )

    def is_done(self):
        if time.monotonic() - self.start > PATIENCE:
            self.stop()
        return not self.is_alive()

    def cases(self):
        """What it reports of every case it ran, by the case's number."""
        index = self.reports / "index.json"
        if not index.exists():
            print(f"no report from a fuzzing client of {self.agent}; it ended with:")
            print((self.stdout + self.stderr)[-2000:])
            return {}
        cases = json.loads(index.read_text()).get(self.agent, {})
        for case in cases.values():
            case["reportfile"] = self.reports / case["reportfile"]
        return cases

    def summary(self, cases):
        seconds = time.monotonic() - self.start
        return f"{self.agent:8} {len(cases):4} cases {seconds:5.0f} s  {' '.join(self.patterns)}"


def fuzz(python, packages, jobs, folder, at_once):
    """Does the jobs in their order, so many at once: the reports by agent and case."""
    waiting, running = list(enumerate(jobs)), []
    reports = {job.agent: {} for job in jobs}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number, job = waiting.pop(0)
                running.append(Client(python, packages, job, folder / f"{number}-{job.agent}"))
            wait_until(
                lambda: any(client.is_done() for client in running),
                "a fuzzing client to end",
                PATIENCE + 10,
            )
            for client in [client for client in running if client.is_done()]:
                running.remove(client)
                cases = client.cases()
                reports[client.agent].update(cases)
                print(client.summary(cases), flush=True)
    finally:
        for client in running:
            client.stop()
    return reports
