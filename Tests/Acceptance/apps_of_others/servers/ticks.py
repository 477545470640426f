"""What every app says, several times a second: who it is, since it may be another one after a
restart, and how often it has said so to this client."""

import asyncio
import os
import sys

#: The process; the tests give each start a name.
INSTANCE = os.environ["INSTANCE"]
PORT = int(sys.argv[1])
PAUSE_SECONDS = 0.1


async def ticks(count=None):
    """`{"instance": …, "number": …}`, for ever or so often."""
    number = 0
    while count is None or number < count:
        yield {"instance": INSTANCE, "number": number}
        number += 1
        await asyncio.sleep(PAUSE_SECONDS)
