"""A connection of the gateway's: reads requests to the octet, and says what their ways are."""

import asyncio
import re
import socket
import struct

from . import seen
from .ways import behaviours
from .words import MARK, REQUEST, Request, frame, pattern

#: RFC 9110, section 9.2.2: only these may come twice.
IDEMPOTENT = {b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"}
#: Marks in a head as the clients make it: target, Host, Cookie, User-Agent, X-Mark.
MARKS_IN_HEAD = 5


class Connection(asyncio.Protocol):
    """One connection of the gateway's."""

    def connection_made(self, transport):
        self.transport = transport
        self.number = len(seen.connections)
        seen.connections.append(self)
        seen.counts["connections"] += 1
        self.history = []
        self.buffer = bytearray()
        self.out = []
        self.state = self.read_head
        self.request = None
        #: The request whose body was left unread: whatever comes behind it must be of the same.
        self.unread = None
        #: The client that it was authenticated for: nobody else's request may come on it.
        self.owner = None
        self.is_busy = False
        self.is_over = False

    def data_received(self, octets):
        self.buffer += octets
        if self.unread:
            self.belongs(bytes(self.buffer), self.unread, "behind a body that was left unread")
        if not self.is_busy:
            self.advance()

    def connection_lost(self, error):
        self.is_over = True

    def advance(self):
        while not self.is_busy and not self.is_over and self.state():
            pass
        self.flush()

    # What is heard.

    def fault(self, kind, request, words, octets=b""):
        seen.counts[kind] += 1
        seen.faults.append(
            {
                "kind": kind,
                "mark": request.mark.decode() if request else None,
                "connection": self.number,
                "words": words,
                "octets": octets[:300].decode("latin-1"),
                "history": self.history[-6:],
            }
        )
        self.end(reset=True)

    def belongs(self, octets, request, where):
        """Every mark in `octets` is this request's."""
        for mark in MARK.findall(octets):
            if mark != request.mark:
                self.fault(
                    "foreign request", request, f"{mark.decode()} {where} of {request}", octets
                )
                return False
        return True

    def read_head(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self.buffer[: end + 4])
        del self.buffer[: end + 4]
        match = REQUEST.match(head)
        if not match:
            return self.other_head(head)
        request = self.request = Request(head, match)
        if self.unread:
            # It was a body. Here it is one more request, and is answered.
            self.answer(request)
            return True
        self.history.append(str(request))
        seen.arrivals[request.mark].append((self.number, len(self.history)))
        seen.counts["requests"] += 1
        seen.counts["how " + request.how.decode()] += 1
        if not self.belongs(head, request, "in the head"):
            return False
        if b"\r\nAuthorization: " in head or b"jwt." in head:
            self.fault("garbled request", request, "a token came through")
            return False
        if b" /own" in head[:30] and b"\r\nX-Auth-User: " + request.mark not in head:
            self.fault("garbled request", request, "a request that does not say whose it is", head)
            return False
        if len(MARK.findall(head)) < MARKS_IN_HEAD:
            self.fault("garbled request", request, "a head without some of its marks", head)
            return False
        return self.may_come(request) and self.begin(request)

    def may_come(self, request):
        """A request that came before, or on a connection that is somebody's, may not."""
        if len(seen.arrivals[request.mark]) > 1 and request.method not in IDEMPOTENT:
            self.fault("repeated request", request, f"came twice: {request}")
        elif request.mark in seen.begun:
            self.fault("repeated request", request,
                f"came again behind octets of an answer: {request}")
        elif self.owner not in (None, request.client):
            words = f"{request} came on a connection that was authenticated for {self.owner}"
            self.fault("foreign request", request, words)
        return not self.is_over

    def other_head(self, head):
        if head.startswith((b"GET /report ", b"GET /story/", b"GET /forget ")):
            self.say(seen.tell(head))
            return True
        if self.unread:
            mark = self.unread.mark
            self.say(b"HTTP/1.1 400 %b\r\nX-Whose: %b\r\nContent-Length: 0\r\n\r\n" % (mark, mark))
            self.end()
            return False
        last = self.request
        self.fault("garbled request", last, f"no request, but behind {last}", head)
        return False

    def begin(self, request):
        act = behaviours.get(request.how)
        if act is None:
            self.fault("garbled request", request, "no such behaviour")
            return False
        if getattr(act, "at_once", False):
            act(self, request)
            self.flush()
        if self.state == self.read_head and not self.is_over and not self.unread:
            self.offset = 0
            self.state = self.read_chunk if request.framing == "chunked" else self.read_body
            self.left = 0 if request.framing == "chunked" else request.framing
            if request.expects and not getattr(act, "at_once", False):
                self.say(b"HTTP/1.1 100 %b\r\n\r\n" % request.mark)
                self.flush()
        return True

    def take_body(self):
        """True when all that was announced has come."""
        size = min(self.left, len(self.buffer))
        data = bytes(self.buffer[:size])
        if data != pattern(self.request.mark, size, self.offset):
            if self.belongs(data, self.request, "in the body"):
                self.fault("garbled request", self.request, f"the body of {self.request}", data)
            return False
        del self.buffer[:size]
        self.offset += size
        self.left -= size
        return self.left == 0

    def read_body(self):
        if not self.take_body():
            return False
        return self.whole()

    def read_chunk(self):
        """One chunk at a time: size line, data, line end."""
        if self.left:
            if not self.take_body():
                return False
            self.left = 0
            self.state = self.read_chunk_end
            return True
        line, found, _ = bytes(self.buffer).partition(b"\r\n")
        if not found:
            return False
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", line):
            what = f"instead of a chunk of {self.request}"
            if self.belongs(bytes(self.buffer), self.request, what):
                self.fault("garbled request", self.request, what, bytes(self.buffer))
            return False
        size = int(line, 16)
        if size == 0:
            # The last one, with trailers of the same mark, or none.
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            trailers = bytes(self.buffer[: end + 4])
            del self.buffer[: end + 4]
            if not self.belongs(trailers, self.request, "in the trailers"):
                return False
            return self.whole()
        del self.buffer[: len(line) + 2]
        self.left = size
        return True

    def read_chunk_end(self):
        if len(self.buffer) < 2:
            return False
        del self.buffer[:2]
        self.state = self.read_chunk
        return True

    def whole(self):
        """The request is, and the connection is ready for another when this was answered."""
        self.state = self.read_head
        act = behaviours[self.request.how]
        if not getattr(act, "at_once", False):
            act(self, self.request)
        return True

    def read_frames(self):
        """Masked frames of a WebSocket, whose payload is marked throughout."""
        buffer = self.buffer
        if len(buffer) < 2:
            return False
        size, start = buffer[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < start + 4 + size:
            return False
        mask = bytes(buffer[start : start + 4])
        payload = bytes(buffer[start + 4 : start + 4 + size])
        payload = bytes(a ^ b for a, b in zip(payload, mask * (size // 4 + 1)))
        opcode = buffer[0] & 0x0F
        del buffer[: start + 4 + size]
        if opcode == 8:
            self.say(b"\x88" + bytes([len(payload)]) + payload)
            self.end()
            return False
        if opcode in (1, 2):
            if payload != pattern(self.request.mark, size):
                if self.belongs(payload, self.request, "in a message"):
                    self.fault("garbled request", self.request, "a message", payload)
                return False
            self.say(frame(payload))
            behaviours[self.request.how](self, self.request)
        elif opcode == 9:
            self.say(b"\x8a" + bytes([len(payload)]) + payload)
        return True

    # What is said.

    def say(self, octets):
        self.out.append(octets)

    def flush(self):
        """Whatever was said in one turn leaves in one piece."""
        if self.out and not self.transport.is_closing():
            self.transport.write(b"".join(self.out))
        self.out.clear()

    def later(self, seconds, act):
        """Nothing else happens here before that."""
        self.flush()
        self.is_busy = True

        def go():
            self.is_busy = False
            if not self.is_over:
                act()
                self.advance()

        asyncio.get_running_loop().call_later(seconds, go)

    def head(self, request, *fields, status=b"200"):
        mark = request.mark
        return b"".join(
            [
                b"HTTP/1.1 %b %b\r\nX-Whose: %b\r\n" % (status, mark, mark),
                b'Set-Cookie: who=%b\r\nETag: "%b"\r\n' % (mark, mark),
                *[field + b"\r\n" for field in fields],
                b"\r\n",
            ]
        )

    def answer(self, request, *fields, status=b"200"):
        """As it should be: with a length, and nothing behind HEAD's."""
        self.say(self.head(request, b"Content-Length: %d" % request.size, *fields, status=status))
        if request.method != b"HEAD":
            self.say(pattern(request.mark, request.size))

    def end(self, reset=False):
        self.flush()
        self.is_over = True
        if reset:
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()

    @property
    def is_used(self):
        """It has answered another request before."""
        return len(self.history) > 1
