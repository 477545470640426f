"""A process of ours beside the one that measures; they talk in lines."""

import collections
import os
import subprocess
import sys

from .loop import Loop


class Child:
    """Runs a module with these arguments; what it says is there once the loop has turned."""

    def __init__(self, loop: Loop, module: str, *arguments: object) -> None:
        self.loop, self.module, self.lines = loop, module, collections.deque[str]()
        self.child = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        assert self.child.stdin and self.child.stdout
        self.orders, self.answers = self.child.stdin, self.child.stdout
        self.loop.watch(self.answers.fileno(), self._answered)

    def _answered(self, _events: int) -> None:
        line = self.answers.readline().decode()
        if not line:
            self.loop.forget(self.answers.fileno())
        self.lines.append(line)

    def say(self, line: str) -> None:
        self.orders.write(line.encode() + b"\n")
        self.orders.flush()

    def answer(self) -> str:
        """Its next line."""
        self.loop.run_until(lambda: bool(self.lines), f"an answer of {self.module}")
        line = self.lines.popleft()
        if not line:
            raise AssertionError(f"{self.module} has ended")
        return line.rstrip("\n")

    def wait_for(self, word: str) -> None:
        if (answer := self.answer()) != word:
            raise AssertionError(f"{self.module} said {answer!r} instead of {word!r}")

    def close(self) -> None:
        self.loop.forget(self.answers.fileno())
        self.orders.close()
        self.answers.close()
        self.child.kill()
        self.child.wait()
