"""What a case found, and how it is printed."""

import dataclasses
import sys


@dataclasses.dataclass
class Target:
    """A promise and how it was kept."""

    text: str
    #: None when it could not be measured, which is not met.
    figure: float | None
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        if self.figure is None:
            return False
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit

    @property
    def verdict(self) -> str:
        if self.figure is None:
            return "not measured"
        return "met" if self.met else "NOT MET"

    def __str__(self) -> str:
        if self.figure is None:
            return self.text
        bound = "at least" if self.at_least else "at most"
        figure = f"{number(self.figure)} {self.unit}".rstrip()
        return f"{self.text}: {figure} ({bound} {number(self.limit)})"


@dataclasses.dataclass
class Report:
    """A table with a row a variant, the targets, and what a reader should know."""

    case: str
    rows: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    targets: list[Target] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def add(self, variant: str, column: str, value: float) -> None:
        """`column` names figure and unit: `CPU us a message`."""
        self.rows.setdefault(variant, {})[column] = value

    @property
    def met(self) -> bool:
        return all(target.met for target in self.targets)

    def machine_readable(self) -> dict[str, object]:
        return {
            "case": self.case,
            "rows": self.rows,
            "targets": [
                {**dataclasses.asdict(target), "verdict": target.verdict} for target in self.targets
            ],
            "notes": self.notes,
        }

    def __str__(self) -> str:
        lines = [f"=== {self.case}", *self._table(), ""]
        for target in self.targets:
            lines.append(f"{target.verdict:>12}  {target}")
        lines += [f"        note  {note}" for note in self.notes]
        return "\n".join(lines)

    def _table(self) -> list[str]:
        columns = list(dict.fromkeys(column for row in self.rows.values() for column in row))
        cells = [["", *columns]]
        for variant, row in self.rows.items():
            cells.append([variant, *[number(row[c]) if c in row else "-" for c in columns]])
        widths = [max(len(row[i]) for row in cells) for i in range(len(columns) + 1)]
        return [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in cells
        ]


def number(value: float) -> str:
    """As few digits as mean something."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line says to every case."""

    #: Also what takes minutes.
    long: bool = False
    #: Few sockets and rounds, mostly a tenth: whether it runs, not what it costs.
    quick: bool = False

    def sockets(self, count: int) -> int:
        return count // 10 if self.quick else count


def say(text: str) -> None:
    """Progress, apart from the results."""
    print(f"    {text}", file=sys.stderr, flush=True)
