"""Marks, requests and frames: what is read and written, without a connection."""

import re
import struct

MARK = re.compile(rb"u[0-9a-f]{8}l")
REQUEST = re.compile(rb"([A-Z]+) (?:/[a-z]+)?/([a-z-]+)/(u[0-9a-f]{8}l)/([0-9]+) HTTP/1\.[01]\r\n")
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.I)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.I)
KEY = re.compile(rb"\r\nsec-websocket-key: *([^\r]+)", re.I)


def pattern(mark, size, start=0):
    """The octets from `start` on of a body that is marked throughout."""
    start %= len(mark)
    return (mark * ((start + size) // len(mark) + 1))[start : start + size]


class Request:
    __slots__ = ("method", "how", "mark", "size", "framing", "key", "expects")

    def __init__(self, head, match):
        self.method, self.how, self.mark, size = match.groups()
        self.size = int(size)
        length, key = LENGTH.search(head), KEY.search(head)
        chunked = CHUNKED.search(head)
        self.framing = "chunked" if chunked else int(length[1]) if length else 0
        self.key = key and key[1]
        self.expects = b"100-continue" in head

    @property
    def client(self):
        """Whose connection it came on in front: all marks of a connection begin the same."""
        return self.mark[:7]

    def __str__(self):
        framing = "chunked body" if self.framing == "chunked" else f"body of {self.framing}"
        words = b" ".join([self.mark, self.method, self.how]).decode()
        return f"{words} {self.size}, {framing}"


def frame(payload, opcode=1):
    size = len(payload)
    head = bytes([0x80 | opcode, size]) if size < 126 else struct.pack(">BBH", 0x80 | opcode, 126,
        size)
    return head + payload
