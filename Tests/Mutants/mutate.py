"""Tests that notice: faults of one line, seeded one after the other, and who notices which.

The tree is built once. In a copy of it every mutated expression asks which mutant is on:

    count >= most        becomes        (activeMutant == 1756 ? (count > most) : (count >= most))

The environment variable GATEWAY_MUTANT switches one on; without it the copy does what the tree
does. A mutant is tried by the Swift tests of its rooms first, and where those pass by the
acceptance tests that it names.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTS = ROOT / "Tests" / "Mutants" / "mutants"
VARIABLE = "GATEWAY_MUTANT"

#: Of a hundred mutants so many have to be noticed: by Swift tests alone, and by all.
LEAST_BY_SWIFT, LEAST = 80, 90
#: Seconds that tests may take; who never ends was noticed, too.
SWIFT_PATIENCE, ACCEPTANCE_PATIENCE = 300, 600
#: How often acceptance tests are asked that complain of what has nothing to do with the mutant.
ATTEMPTS = 3

SWIFT, ACCEPTANCE = "Swift tests", "acceptance tests"

SWITCH = f"""\
import Glibc

/// The number of the mutant that is on; 0 for none.
let activeMutant: Int32 = unsafe getenv("{VARIABLE}").map {{ unsafe atoi($0) }} ?? 0
"""


class Wrong(Exception):
    """A mutant that cannot be seeded any more, and why."""


@dataclasses.dataclass
class Mutant:
    number: int
    #: From the root.
    file: str
    #: What stands there once, and names the place.
    line: str
    #: The part of it that is mutated: an expression, or statements that are left out.
    part: str
    #: The expression instead; empty where `part` is left out.
    becomes: str
    #: What goes wrong by it.
    breaks: str
    #: Suites of Swift tests.
    swift: list
    #: Files of acceptance tests, or single tests; none where nobody outside could tell.
    acceptance: list

    @classmethod
    def read(cls, entry):
        file, line, becomes = entry["file"], entry["line"], entry["becomes"]
        part = entry.get("part", line)
        room = pathlib.PurePath(file).parts[2]
        # Of the mutant itself, so that another one more on the list means no other build.
        number = zlib.crc32("\0".join([file, line, part, becomes]).encode()) & 0x7FFF_FFFF
        return cls(
            number, file, line, part, becomes, entry["breaks"],
            entry.get("swift", [f"{room}Tests"]), entry.get("acceptance", []),
        )  # fmt: skip

    def __str__(self):
        return f"{self.file}: {self.breaks}"

    def place(self, text):
        """Where `part` stands in the text of its file."""
        if text.count(self.line) != 1:
            raise Wrong(f"stands there {text.count(self.line)} times: {self.line}")
        if self.line.count(self.part) != 1:
            raise Wrong(f"is no part of its line, or several: {self.part}")
        if self.becomes == self.part:
            raise Wrong("becomes what it is")
        start = text.index(self.line) + self.line.index(self.part)
        return start, start + len(self.part)

    def switched(self):
        if not self.becomes:
            return f"if activeMutant != {self.number} {{ {self.part} }}"
        return f"(activeMutant == {self.number} ? ({self.becomes}) : ({self.part}))"


def listed():
    return [
        Mutant.read(entry)
        for path in sorted(LISTS.glob("*.toml"))
        for entry in tomllib.loads(path.read_text())["mutant"]
    ]


def seeded(text, mutants):
    """The text of a file with all of its mutants in it."""
    places = sorted((*mutant.place(text), mutant) for mutant in mutants)
    for before, after in zip(places, places[1:]):
        if after[0] < before[1]:
            raise Wrong(f"overlaps with: {before[2]}")
    for start, end, mutant in reversed(places):
        text = text[:start] + mutant.switched() + text[end:]
    return text


def problems(mutants):
    """A line for every mutant that does not apply."""
    found = []
    numbers = collections.Counter(mutant.number for mutant in mutants)
    for mutant in mutants:
        path = ROOT / mutant.file
        try:
            if not path.exists():
                raise Wrong("the file is gone")
            mutant.place(path.read_text())
            if numbers[mutant.number] > 1:
                raise Wrong("is listed twice")
        except Wrong as problem:
            found.append(f"{mutant.file} ({mutant.breaks}): {problem}")
    for name in sorted({name.split("::")[0] for one in mutants for name in one.acceptance}):
        if not (ROOT / "Tests" / "Acceptance" / name).exists():
            found.append(f"Tests/Acceptance/{name} is gone")
    return found


def write(path, octets):
    """Leaves alone what is the same, so that it is not compiled again."""
    if path.exists() and path.read_bytes() == octets:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)


def tracked():
    """The files of the tree, those that were not committed yet as well."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, stdout=subprocess.PIPE, check=True,
    ).stdout.decode()  # fmt: skip
    names = [*names.split("\0"), "Package.resolved"]
    return [pathlib.Path(name) for name in names if name and (ROOT / name).is_file()]


def copy_tree(copy, mutants):
    """The tree, with every mutant in it."""
    wanted = {path: (ROOT / path).read_bytes() for path in tracked()}
    by_file = {}
    for mutant in mutants:
        by_file.setdefault(pathlib.Path(mutant.file), []).append(mutant)
    for path, own in by_file.items():
        try:
            wanted[path] = seeded(wanted[path].decode(), own).encode()
        except Wrong as problem:
            raise SystemExit(f"{path}: {problem}") from None
        room = pathlib.Path(*path.parts[: 2 if path.parts[1] == "gateway" else 3])
        wanted[room / "ActiveMutant.swift"] = SWITCH.encode()
    for folder in ("Sources", "Tests"):
        for path in (copy / folder).rglob("*.swift"):
            if path.relative_to(copy) not in wanted:
                path.unlink()
    for path, octets in wanted.items():
        write(copy / path, octets)


def build(copy):
    """Once, for all mutants."""
    for what in (["--build-tests"], ["--product", "gateway"]):
        if subprocess.run(["swift", "build", *what], cwd=copy, stdin=subprocess.DEVNULL).returncode:
            raise SystemExit("the tree with mutants in it does not build")


@dataclasses.dataclass
class Outcome:
    mutant: Mutant
    #: `SWIFT` or `ACCEPTANCE`; None for nobody.
    noticed_by: str = None
    how: str = ""
    seconds: float = 0


class Trial:
    """Tries mutants in the copy of the tree that was built with all of them."""

    def __init__(self, copy, only_swift=False):
        self.copy, self.products = copy, copy / ".build" / "debug"
        self.only_swift = only_swift

    def outcome(self, mutant):
        start = time.monotonic()
        outcome = Outcome(mutant)
        for kind, tests, names in (
            (SWIFT, self.swift_tests, mutant.swift),
            (ACCEPTANCE, self.acceptance_tests, mutant.acceptance),
        ):
            if not names or self.only_swift and kind != SWIFT:
                continue
            complaint = tests(names, mutant.number)
            if complaint:
                outcome.noticed_by, outcome.how = kind, complaint
                break
        outcome.seconds = time.monotonic() - start
        print(
            f"{outcome.seconds:5.0f} s  {outcome.noticed_by or 'NOBODY':16s}"
            f"  {mutant}" + (f"\n{'':9s}{outcome.how}" if outcome.how else ""),
            flush=True,
        )
        return outcome

    def swift_tests(self, suites, number):
        """The first complaint of these suites; None when they pass."""
        program = next(self.products.glob("*PackageTests.xctest"))
        wanted = "|".join(f"^{suite}\\." for suite in suites)
        command = [program, "--testing-library", "swift-testing", "--filter", wanted]
        return self._complaint(command, number, self.copy, SWIFT_PATIENCE, "recorded an issue")

    def acceptance_tests(self, names, number):
        """The first complaint of these files or tests. It counts when the same test complains
        again, and does not without a mutant: on a busy machine some fail now and then."""
        for _ in range(ATTEMPTS):
            complaint = self._acceptance_complaint(names, number)
            test = re.search(r"Tests/Acceptance/(.+?)( - |$)", complaint or "")
            if test is None:
                return complaint
            own = [test[1]]
            if self._acceptance_complaint(own, number) and not self._acceptance_complaint(own, 0):
                return complaint
        return None

    def _acceptance_complaint(self, names, number):
        tests = ROOT / "Tests" / "Acceptance"
        command = [
            sys.executable, "-m", "pytest", "-q", "-x", "-c", tests / "pytest.ini",
            "--rootdir", tests, "-p", "no:cacheprovider", "-m", "not long",
            *[tests / name for name in names],
        ]  # fmt: skip
        words = r"^(FAILED|ERROR) Tests/"
        return self._complaint(command, number, ROOT, ACCEPTANCE_PATIENCE, words)

    def _complaint(self, command, number, folder, patience, words):
        """Runs the command with a mutant on, to its first complaint: a line with these words (a
        regular expression), or how it ended. Nothing that it started goes on."""
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, text=True, errors="replace",
            env={
                **os.environ, VARIABLE: str(number),
                "GATEWAY_BINARY": str(self.products / "gateway"),
            },
        )  # fmt: skip
        is_late = threading.Event()

        def kill():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

        timer = threading.Timer(patience, lambda: (is_late.set(), kill()))
        timer.start()
        said = collections.deque(maxlen=3)
        try:
            with child:
                for line in child.stdout:
                    if re.search(words, line):
                        kill()
                        return line.strip()[:200]
                    said.append(line.strip())
                if child.wait() == 0:
                    return None
            if is_late.is_set():
                return f"does not end within {patience} s"
            return f"exit {child.returncode}: {' '.join(said)}"[:160]
        finally:
            timer.cancel()
            kill()

    def without_a_mutant(self, mutants):
        """The Swift tests that are to notice something have to pass without it."""
        suites = sorted({suite for mutant in mutants for suite in mutant.swift})
        if complaint := self.swift_tests(suites, 0):
            raise SystemExit(f"{SWIFT} fail without any mutant: {complaint}")


def report(outcomes):
    """The table, and whether enough was noticed."""
    count = len(outcomes)
    by_swift = sum(one.noticed_by == SWIFT for one in outcomes)
    by_all = sum(one.noticed_by is not None for one in outcomes)
    print(f"\n{'room':14s} {'mutants':>8s} {'Swift':>6s} {'all':>6s}")
    rooms = {}
    for one in outcomes:
        rooms.setdefault(pathlib.PurePath(one.mutant.file).parts[2], []).append(one)
    for room, own in sorted(rooms.items()):
        swift = sum(one.noticed_by == SWIFT for one in own)
        noticed = sum(one.noticed_by is not None for one in own)
        print(f"{room:14s} {len(own):8d} {swift:6d} {noticed:6d}")
    shares = [100 * by_swift / count, 100 * by_all / count]
    print(f"{'all':14s} {count:8d} {shares[0]:5.0f}% {shares[1]:5.0f}%")
    for one in outcomes:
        if one.noticed_by is None:
            print(f"nobody notices: {one.mutant}")
    enough = shares[0] >= LEAST_BY_SWIFT and shares[1] >= LEAST
    if not enough:
        print(f"at least {LEAST_BY_SWIFT} % have to be noticed by Swift tests, {LEAST} % by all")
    return enough


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="WORDS", help="mutants whose file or fault holds them")
    parser.add_argument("--check", action="store_true", help="only whether every mutant applies")
    parser.add_argument("--swift", action="store_true", help="only by Swift tests")
    parser.add_argument("--built", action="store_true", help="take the copy as it is")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument(
        "--copy", type=pathlib.Path, default=ROOT / ".build" / "mutants", metavar="FOLDER",
        help="where the tree with mutants in it is built",
    )  # fmt: skip
    options = parser.parse_args()
    everyone = listed()
    wrong = problems(everyone)
    for line in wrong:
        print(f"does not apply any more: {line}")
    mutants = [one for one in everyone if not options.only or options.only in str(one)]
    print(f"{len(everyone)} mutants, {len(wrong)} do not apply, {len(mutants)} to be tried")
    if options.check or wrong or not mutants:
        return 1 if wrong or not mutants else 0
    if not options.built:
        copy_tree(options.copy, everyone)
        build(options.copy)
    trial = Trial(options.copy, options.swift)
    trial.without_a_mutant(mutants)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(trial.outcome, mutants))
    return 0 if report(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
