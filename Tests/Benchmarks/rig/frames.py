"""WebSocket frames (RFC 6455) and permessage-deflate (RFC 7692), as far as measuring needs them:
both ends are ours and send whole messages, so a message is a frame."""

import base64
import dataclasses
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FIN, COMPRESSED = 0x80, 0x40
OPCODE = 0x0F

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#: What ends every deflated message and does not travel (RFC 7692, 7.2.1).
TAIL = b"\x00\x00\xff\xff"


def accept_value(key: bytes) -> str:
    """Of `Sec-WebSocket-Accept`, as the answer to a key."""
    return base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()


def _head(first: int, length: int, mask_bit: int) -> bytes:
    if length < 126:
        return struct.pack("!BB", first, mask_bit | length)
    if length < 65536:
        return struct.pack("!BBH", first, mask_bit | 126, length)
    return struct.pack("!BBQ", first, mask_bit | 127, length)


def server_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame as an app sends it."""
    return _head(FIN | opcode, len(payload), 0) + payload


def client_frame(payload: bytes, opcode: int = TEXT, flags: int = 0) -> bytes:
    """A frame as a client sends it, masked; `flags` is `COMPRESSED` for a deflated payload."""
    mask = os.urandom(4)
    return _head(FIN | flags | opcode, len(payload), 0x80) + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")


class FrameReader:
    """Cuts a stream into frames."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        """The first octet and the unmasked payload of every frame that is complete by now."""
        stream = self._rest + octets if self._rest else octets
        at, end = 0, len(stream)
        while end - at >= 2:
            length, start = stream[at + 1] & 0x7F, at + 2
            if length == 126:
                length, start = int.from_bytes(stream[start : start + 2], "big"), start + 2
            elif length == 127:
                length, start = int.from_bytes(stream[start : start + 8], "big"), start + 8
            mask = b""
            if stream[at + 1] & 0x80:
                mask, start = stream[start : start + 4], start + 4
            if start + length > end:
                break
            payload = stream[start : start + length]
            yield stream[at], _masked(payload, mask) if mask else payload
            at = start + length
        self._rest = stream[at:] if at else stream


def deflated(payload: bytes, window_bits: int = 15) -> bytes:
    """A message on its own, as a client without context takeover compresses it."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, -window_bits)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def inflated(payload: bytes) -> bytes:
    """The first message of a connection, or any message of one without context takeover."""
    return zlib.decompressobj(-15).decompress(payload + TAIL)


@dataclasses.dataclass(frozen=True)
class Extension:
    """What a server answered to an offer of permessage-deflate."""

    agreed: bool = False
    client_window_bits: int = 15
    #: Either direction keeps its window from message to message.
    takes_over: bool = False

    @staticmethod
    def parse(answer: str) -> "Extension":
        """From the value of `Sec-WebSocket-Extensions`; empty when nothing was agreed."""
        name, *parameters = [part.strip() for part in answer.split(";")]
        if name != "permessage-deflate":
            return Extension()
        words = {key: value for key, _, value in (part.partition("=") for part in parameters)}
        return Extension(
            True,
            int(words.get("client_max_window_bits") or 15),
            not {"server_no_context_takeover", "client_no_context_takeover"} <= words.keys(),
        )
