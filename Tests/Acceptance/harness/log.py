"""The access log as a test reads it."""

import json

from .waiting import eventually


def lines_about(gateway, mark):
    # The last line may be on its way still.
    whole = gateway.stdout.rpartition("\n")[0]
    entries = [json.loads(text) for text in whole.splitlines()]
    return [entry for entry in entries if mark in entry["path"]]


async def line(gateway, mark, count=1):
    """The `count` lines (or the only one) of the log whose path holds `mark`."""

    def lines():
        found = lines_about(gateway, mark)
        return found if len(found) >= count else None

    found = await eventually(lines, f"{count} log lines about {mark}")
    return found[0] if count == 1 else found
