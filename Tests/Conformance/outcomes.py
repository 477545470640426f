"""How cases ended, how they should, and where the two differ.

An outcome is written `BEHAVIOUR/CLOSE` in the suite's own words: what it thinks of the messages
that came, and of how the connection was closed.
"""

import collections
import fnmatch
import itertools
import json
import pathlib

EXPECTED = pathlib.Path(__file__).with_name("expected.json")
GOOD = "OK/OK"

#: Words from good to bad; those of one row are as good as each other, all others worse.
ROWS = [("OK", "INFORMATIONAL"), ("NON-STRICT",), ("UNIMPLEMENTED",)]

#: A case that did not end as it should.
Deviation = collections.namedtuple("Deviation", "case agent came wanted")


def outcome(report):
    return f"{report['behavior']}/{report['behaviorClose']}"


def is_as_good(outcome, other):
    """Neither its behaviour nor its close is worse."""

    def rank(word):
        return next((number for number, row in enumerate(ROWS) if word in row), len(ROWS))

    pairs = zip(outcome.split("/"), other.split("/"))
    return all(rank(word) <= rank(reference) for word, reference in pairs)


def is_in_time(came, wanted):
    """It is a matter of time whether the echo of a good message arrives before the end that a bad
    one right behind it brings. Then OK is as much as expected as NON-STRICT is."""
    return (came, wanted) == (GOOD, "NON-STRICT/OK")


def in_order(cases):
    return sorted(cases, key=lambda case: [int(number) for number in case.split(".")])


class Expected:
    """`expected.json`: how many cases there are, and for each agent those that do not end `OK/OK`,
    as numbers or patterns (`12.*`)."""

    def __init__(self):
        content = json.loads(EXPECTED.read_text())
        self.counts = content["cases"]
        self.exceptions = {
            agent: [
                (pattern, outcome)
                for outcome, patterns in outcomes.items()
                for pattern in patterns.split()
            ]
            for agent, outcomes in content["exceptions"].items()
        }

    def outcome(self, agent, case):
        for pattern, outcome in self.exceptions[agent]:
            if fnmatch.fnmatchcase(case, pattern):
                return outcome
        return GOOD

    def deviations(self, outcomes):
        """Where `outcomes`, by agent and case, are not as expected."""
        return [
            Deviation(case, agent, came, self.outcome(agent, case))
            for agent, cases in outcomes.items()
            for case, came in cases.items()
            if came != self.outcome(agent, case)
            and not is_in_time(came, self.outcome(agent, case))
        ]

    def limit(self, agent, case):
        """The worst that may ever be expected: what the app does without the gateway; where the
        gateway speaks an extension that the app does not, all must be good."""
        alone = self.outcome("echo", case)
        return GOOD if agent == "compress" and alone == "UNIMPLEMENTED/OK" else alone

    def excesses(self, outcomes):
        """Where the expectation itself is worse than it may be."""
        return [
            Deviation(case, agent, self.outcome(agent, case), self.limit(agent, case))
            for agent, cases in outcomes.items()
            for case in cases
            if not is_as_good(self.outcome(agent, case), self.limit(agent, case))
        ]

    def record(self, outcomes, is_quick):
        """Writes the file anew: as things are, but where time decides as they were before."""
        exceptions = {}
        for agent, cases in outcomes.items():
            kept = {}
            for case in in_order(cases):
                before = self.outcome(agent, case)
                kept[case] = before if is_in_time(cases[case], before) else cases[case]
            exceptions[agent] = _exceptions(kept)
        cases = next(iter(outcomes.values()))
        counts = {"quick": sum(map(is_quick, cases)), "all": len(cases)}
        content = {"cases": counts, "exceptions": exceptions}
        EXPECTED.write_text(json.dumps(content, indent=2) + "\n")


def _exceptions(cases):
    """By outcome, the cases in order as one text; a chapter of one outcome is one pattern."""
    by_outcome = collections.defaultdict(list)
    for chapter, members in itertools.groupby(cases, lambda case: case.split(".")[0]):
        members = {case: cases[case] for case in members}
        if len(set(members.values())) == 1:
            members = {f"{chapter}.*": min(members.values())}
        for pattern, outcome in members.items():
            if outcome != GOOD:
                by_outcome[outcome].append(pattern)
    return {outcome: " ".join(patterns) for outcome, patterns in by_outcome.items()}


def table(deviations, reports):
    """One line a deviation, with what the suite says of it."""
    rows = [(*Deviation._fields, "because")]
    by_case = collections.defaultdict(list)
    for deviation in deviations:
        by_case[deviation.case].append(deviation)
    for case in in_order(by_case):
        for deviation in by_case[case]:
            rows.append((*deviation, because(reports[deviation.agent][case])))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows
    )


def because(report):
    case = json.loads(report["reportfile"].read_text())
    reason = case["remoteCloseReason"] or ""
    return f"{case['result']} {case['resultClose']} Closed with {case['remoteCloseCode']} {reason}"


def summary(agent, cases):
    counts = collections.Counter(cases.values()).most_common()
    words = ", ".join(f"{count} {came}" for came, count in counts)
    return f"{agent:8} {len(cases)} cases: {words}"
