"""What was seen so far, of all connections, and how it is told."""

import collections
import json

from .words import MARK

#: Where the app listens besides the port that it was told.
ports = []
connections = []
#: Where a request came: numbers of connections, and which request of theirs it was.
arrivals = collections.defaultdict(list)
#: Requests whose answer has begun for sure: none of them may come again.
begun = set()
counts = collections.Counter()
faults = []


def tell(head):
    """The answer to who asks for it."""
    target = head.split(b" ")[1]
    answer = {}
    if target == b"/report":
        answer = {"counts": counts, "faults": faults[:20], "ports": ports}
    elif target == b"/forget":
        for what in (arrivals, begun, counts, faults):
            what.clear()
    for mark in MARK.findall(target):
        answer[mark.decode()] = [
            f"connection {number}: "
            + "; ".join(connections[number].history[max(0, at - 3) : at + 1])
            for number, at in arrivals[mark]
        ]
    body = json.dumps(answer).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
