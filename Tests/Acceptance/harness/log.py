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


async def assert_logged(gateway, mark, reason, *, status=101, told=None):
    """The line about `mark`, which must have this status and this reason; and as its detail what
    the client was `told`, if that is more than the reason."""
    entry = await line(gateway, mark)
    assert (entry["status"], entry["reason"]) == (status, reason), entry
    if told is not None:
        assert told in (entry.get("detail"), reason), entry
    return entry
