"""One connection of a client that does what its plan says and looks at every octet it hears."""

import asyncio
import re
import socket
import struct
import zlib

from .asks import MARK, pattern

STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[^\r\n]*\r\n")
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.I)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.I)
CLOSE = re.compile(rb"\r\nconnection: *close\r\n", re.I)
STREAM = re.compile(rb"\r\ncontent-type: *text/event-stream", re.I)
DEFLATE = re.compile(rb"\r\nsec-websocket-extensions: *permessage-deflate", re.I)
WHOSE = re.compile(rb"\r\nx-whose: *(u[0-9a-f]{8}l)\r\n", re.I)
#: What is left of events without their marks.
EVENT_OCTETS = re.compile(rb"[data: \n]*")
#: Heads and chunk lines of ours stay far below; whoever sends more does not speak HTTP.
LONGEST_HEAD = 8192


class Talker(asyncio.Protocol):
    def __init__(self, plan, verdict):
        self.plan, self.verdict = plan, verdict
        self.asks = plan.asks
        self.at = 0
        self.sent = self.heard = 0
        self.buffer = bytearray()
        self.reader = self.read_head
        self.done = asyncio.get_running_loop().create_future()
        self.is_last = self.is_over = self.is_mute = False
        self.tries_body = None
        #: What is written a little later, in a plan that writes in pieces.
        self.rest = None

    # What is said.

    def connection_made(self, transport):
        self.transport = transport
        if self.plan.ignores_answers:
            transport.pause_reading()
            asyncio.get_running_loop().call_later(0.03, self.listen)
        if self.plan.is_pipelined:
            self.send(b"".join(ask.head + ask.body for ask in self.asks))
            if self.plan.speaks_early and self.asks[-1].upgrades:
                self.send(self.plan.frames)
        else:
            self.ask_next()

    def listen(self):
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def ask_next(self):
        ask = self.asks[self.at]
        if not ask.expects:
            return self.send(ask.head + ask.body)
        self.send(ask.head)
        self.tries_body = asyncio.get_running_loop().call_later(0.2, self.send_body, ask)

    def send_body(self, ask):
        """Somebody wants to have it, or nobody says anything."""
        if self.tries_body and not self.is_over:
            self.tries_body.cancel()
            self.tries_body = None
            self.send(ask.body)

    def send(self, octets):
        limit = self.plan.cut_sent
        if limit is not None and self.sent + len(octets) >= limit:
            self.write(octets[: limit - self.sent])
            return self.leave()
        self.sent += len(octets)
        self.write(octets)

    def write(self, octets):
        if self.is_over or self.is_mute:
            return
        if self.rest is not None:
            self.rest += octets
        elif not self.plan.is_in_pieces or not 1 < len(octets) < 20_000:
            self.transport.write(octets)
        else:
            cut = self.plan.chance.randrange(1, len(octets))
            self.transport.write(octets[:cut])
            self.rest = octets[cut:]
            asyncio.get_running_loop().call_later(0.002, self.write_rest)

    def write_rest(self):
        octets, self.rest = self.rest, None
        self.write(octets)

    def leave(self):
        """As the plan says."""
        if self.is_over or self.transport.is_closing():
            return
        if self.plan.end == "half" and self.transport.can_write_eof():
            self.is_last = self.is_mute = True
            return self.transport.write_eof()
        self.is_over = True
        if self.plan.end == "reset":
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()

    # What is heard.

    def data_received(self, octets):
        self.heard += len(octets)
        if self.is_over:
            return
        self.buffer += octets
        while not self.is_over and self.reader():
            pass
        limit = self.plan.cut_heard
        if limit is not None and self.heard >= limit:
            self.leave()

    def connection_lost(self, error):
        if not self.is_over:
            self.heard_end()
        self.is_over = True
        if not self.done.done():
            self.done.set_result(None)

    def heard_end(self):
        if self.reader == self.read_until_close:
            self.answered()
        elif self.buffer and self.at < len(self.asks):
            self.belongs(bytes(self.buffer))
        elif self.buffer:
            self.hear_more(bytes(self.buffer))

    def fault(self, kind, octets, foreign=None):
        ask = self.asks[min(self.at, len(self.asks) - 1)]
        self.verdict.fault(kind, ask, self.plan, octets, foreign)
        if not self.is_over:
            self.is_over = True
            self.transport.abort()
        return False

    def belongs(self, octets):
        """Every mark in `octets` is that of the request at hand."""
        mine = self.asks[self.at].mark
        for mark in MARK.findall(octets):
            if mark != mine:
                return self.fault("foreign answer", octets, mark)
        return True

    def read_head(self):
        buffer = self.buffer
        if not buffer:
            return False
        if self.at == len(self.asks):
            return self.hear_more(bytes(buffer))
        if not b"HTTP/1.".startswith(buffer[:7]) or len(
            buffer) > LONGEST_HEAD and b"\r\n\r\n" not in buffer:
            return self.belongs(bytes(buffer)) and self.fault("garbled answer", bytes(buffer))
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(buffer[: end + 4])
        del buffer[: end + 4]
        if not self.belongs(head):
            return False
        match = STATUS.match(head)
        if not match:
            return self.fault("garbled answer", head)
        return self.begin(int(match[1]), head)

    def hear_more(self, octets):
        """Behind the last answer. Frames that came with a handshake are no request, and that is
        said."""
        ask = self.asks[-1]
        if ask.upgrades and self.status != 101 and self.plan.frames and WHOSE.search(
            octets) is None:
            self.leave()
            return False
        return self.fault("unasked answer", octets)

    def begin(self, status, head):
        ask = self.asks[self.at]
        if 100 <= status < 200 and status != 101:
            if status == 100 and self.tries_body:
                self.send_body(ask)
            return True
        if self.tries_body:
            # A final answer: the body is not wanted any more, or is sent all the same.
            self.tries_body.cancel()
            self.tries_body = None
            if ask.size % 2:
                self.send(ask.body)
            else:
                self.is_last = True
        self.status = status
        self.is_apps = bool(WHOSE.search(head))
        if CLOSE.search(head):
            self.is_last = True
        if status == 101:
            if not ask.upgrades:
                return self.fault("unasked switch", head)
            return self.begin_socket(head)
        self.content = bytearray()
        self.is_stream = bool(STREAM.search(head))
        length = LENGTH.search(head)
        if ask.method == "HEAD" or status in (204, 304):
            return self.answered()
        if CHUNKED.search(head):
            self.reader = self.read_chunk
        elif length:
            self.left = int(length[1])
            self.reader = self.read_length
        else:
            self.reader = self.read_until_close
        return True

    def take(self, size):
        """Octets of the body: each must be what the app says to this request, or the gateway's."""
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        start = len(self.content)
        self.content += data
        if self.is_apps and not self.is_stream:
            if data != pattern(self.asks[self.at].mark, len(data), start):
                return self.belongs(data) and self.fault("garbled answer", data)
            return True
        return self.belongs(bytes(self.content[max(0, start - 9) :]))

    def read_length(self):
        size = min(self.left, len(self.buffer))
        self.left -= size
        if size and not self.take(size):
            return False
        return self.left == 0 and self.answered()

    def read_until_close(self):
        return self.take(len(self.buffer)) and False

    def read_chunk(self):
        line, found, _ = bytes(self.buffer[:64]).partition(b"\r\n")
        if not found:
            return False
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", line):
            octets = bytes(self.buffer)
            return self.belongs(octets) and self.fault("garbled answer", octets)
        size = int(line, 16)
        if size == 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            trailers = bytes(self.buffer[: end + 4])
            del self.buffer[: end + 4]
            return self.belongs(trailers) and self.answered()
        del self.buffer[: len(line) + 2]
        self.left = size
        self.reader = self.read_chunk_data
        return True

    def read_chunk_data(self):
        size = min(self.left, len(self.buffer))
        self.left -= size
        if size and not self.take(size):
            return False
        if self.left or len(self.buffer) < 2:
            return False
        if self.buffer[:2] != b"\r\n":
            return self.fault("garbled answer", bytes(self.buffer))
        del self.buffer[:2]
        self.reader = self.read_chunk
        return True

    def answered(self):
        """The answer is whole."""
        ask = self.asks[self.at]
        if self.is_stream and self.is_apps and ask.method != "HEAD":
            rest = bytes(self.content).replace(ask.mark, b"")
            if not EVENT_OCTETS.fullmatch(rest) and b"force_disconnect" not in rest:
                return self.fault("garbled answer", bytes(self.content))
        elif self.is_apps and self.status in (200, 403) and ask.method != "HEAD":
            if len(self.content) != ask.size:
                return self.fault("answer of another size", bytes(self.content))
        self.verdict.answered(ask, self.status, self.is_apps)
        self.at += 1
        self.reader = self.read_head
        if self.is_over:
            return False
        if self.is_last:
            # The other side ends it.
            return True
        if self.at == len(self.asks):
            return self.finish()
        if not self.plan.is_pipelined:
            self.ask_next()
        return True

    def finish(self):
        """All was answered. Now and then it stays for a while, to hear what is not its own."""
        if self.buffer:
            return True
        if self.plan.chance.random() < 0.2:
            asyncio.get_running_loop().call_later(0.003, self.leave)
        else:
            self.leave()
        return False

    # WebSockets.

    def begin_socket(self, head):
        #: Inflates all messages, where that was agreed on.
        self.inflater = zlib.decompressobj(-15) if DEFLATE.search(head) else None
        self.message, self.is_packed = bytearray(), False
        self.reader = self.read_frame
        if not (self.plan.is_pipelined and self.plan.speaks_early):
            self.send(self.plan.frames)
        # A close frame, or nothing: then the app, or this connection's patience, ends it.
        if self.plan.end != "reset":
            self.write(b"\x88\x82\x00\x00\x00\x00\x03\xe8")
        else:
            asyncio.get_running_loop().call_later(0.01, self.leave)
        return not self.is_over

    def read_frame(self):
        buffer = self.buffer
        if len(buffer) < 2:
            return False
        size, start = buffer[1], 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        opcode, reserved = buffer[0] & 0x0F, buffer[0] & 0x70
        if reserved == 0x40 and self.inflater and opcode in (1, 2):
            reserved, self.is_packed = 0, True
        if size == 127 or reserved or opcode not in (0, 1, 2, 8, 9, 10):
            octets = bytes(buffer)
            return self.belongs(octets) and self.fault("garbled answer", octets)
        if len(buffer) < start + size:
            return False
        is_final, payload = bool(buffer[0] & 0x80), bytes(buffer[start : start + size])
        del buffer[: start + size]
        if not self.belongs(payload):
            return False
        if opcode in (0, 1, 2):
            self.message += payload
            return not is_final or self.read_message()
        if opcode == 8:
            self.verdict.answered(self.asks[self.at], 101, self.is_apps)
            self.at += 1
            self.reader = self.read_head
            self.plan.end = "close"
            self.leave()
            return False
        return True

    def read_message(self):
        """A whole one: the app's, which is marked throughout, or an object of the gateway's."""
        message = bytes(self.message)
        self.message.clear()
        if self.is_packed:
            self.is_packed = False
            message = self.inflater.decompress(message + b"\x00\x00\xff\xff")
        if not self.belongs(message):
            return False
        mark = self.asks[self.at].mark
        if self.is_apps and message != pattern(mark, len(message)) and message[:1] != b"{":
            return self.fault("garbled answer", message)
        self.verdict.messages += 1
        return True
