"""Messages as a dashboard gets them: JSON that shrinks to about a third, never the same twice."""

import json
import random

NAMES = ["김민준", "이서연", "박도윤", "최지우", "정하준", "강서현", "조은우", "윤지민"]
STATES = ["waiting", "called", "in_progress", "done", "cancelled"]


class Payloads:
    """A reproducible sequence of messages of about so many octets."""

    def __init__(self, size: int, seed: int = 1) -> None:
        self.size, self._random, self._number = size, random.Random(seed), 0

    def next(self) -> bytes:
        self._number += 1
        head = {"type": "queue_update", "sequence": self._number, "store": 17}
        entries: list[dict[str, object]] = []
        length = len(json.dumps(head)) + len(', "entries": []')
        while True:
            entry = self._entry()
            length += len(json.dumps(entry, ensure_ascii=False).encode()) + 2
            if length > self.size and entries:
                break
            entries.append(entry)
        return json.dumps({**head, "entries": entries}, ensure_ascii=False).encode()

    def _entry(self) -> dict[str, object]:
        chance = self._random
        return {
            "id": chance.randrange(10_000, 100_000),
            "name": chance.choice(NAMES),
            "state": chance.choice(STATES),
            "position": chance.randrange(200),
            "room": chance.randrange(1, 12),
            "since": f"2026-11-21T09:{chance.randrange(60):02}:{chance.randrange(60):02}Z",
        }
