"""The ways in which the app answers, by name. Each is called with the connection and the request
when the request is whole, or, where it says so, when its head is."""

import asyncio
import base64
import hashlib

from . import seen
from .words import frame, pattern

#: By the word that the target has for it.
behaviours = {}
#: Methods whose request has no body that means anything.
BODILESS = {b"GET", b"HEAD", b"DELETE", b"OPTIONS"}


def behaviour(function):
    behaviours[function.__name__.replace("_", "-").encode()] = function
    return function


def at_once(function):
    """Does not wait for the request's body, which is read afterwards."""
    function.at_once = True
    return behaviour(function)


# As it should be.


@behaviour
def plain(app, request):
    app.answer(request)


@behaviour
def chunked(app, request, *trailers):
    app.say(app.head(request, b"Transfer-Encoding: chunked"))
    if request.method == b"HEAD":
        return
    sent = 0
    while sent < request.size:
        size = min(request.size - sent, 7 + sent)
        app.say(b"%x\r\n%b\r\n" % (size, pattern(request.mark, size, sent)))
        sent += size
    app.say(b"0\r\n" + b"".join(trailers) + b"\r\n")


@behaviour
def trailers(app, request):
    chunked(app, request, b"X-Digest: %b\r\n" % request.mark)


@behaviour
def closing(app, request):
    app.answer(request, b"Connection: close")
    app.end()


@behaviour
def until_close(app, request):
    app.say(app.head(request))
    if request.method != b"HEAD":
        app.say(pattern(request.mark, request.size))
    app.end()


@behaviour
def hints(app, request):
    mark = request.mark
    for _ in range(request.size % 3 + 1):
        app.say(b"HTTP/1.1 103 %b\r\nLink: </%b>; rel=preload\r\n\r\n" % (mark, mark))
    app.answer(request)


@behaviour
def slow(app, request):
    half = request.size // 2
    app.say(app.head(request, b"Content-Length: %d" % request.size))
    if request.method == b"HEAD":
        return
    app.say(pattern(request.mark, half))
    app.later(0.004, lambda: app.say(pattern(request.mark, request.size - half, half)))


@behaviour
def events(app, request):
    app.say(app.head(request, b"Content-Type: text/event-stream", b"Transfer-Encoding: chunked"))
    if request.method == b"HEAD":
        return
    for _ in range(request.size % 5 + 1):
        event = b"data: %b\n\n" % request.mark
        app.say(b"%x\r\n%b\r\n" % (len(event), event))
    app.later(0.002, lambda: app.say(b"0\r\n\r\n"))


@behaviour
def negotiate(app, request):
    """Authenticates the connection, as NTLM does: what comes on it later is this client's."""
    app.owner = request.client
    field = (
        b"WWW-Authenticate: Negotiate",
        b"WWW-Authenticate: NTLM TlRMTVNTUAACAAAA",
        b"Proxy-Authenticate: NTLM",
        b'WWW-Authenticate: Basic realm="a, b", Negotiate',
    )[request.size % 4]
    app.answer(request, field, status=b"200" if request.size % 3 else b"401")


@at_once
def early(app, request):
    """Answers before it has read the body; reads it all the same."""
    app.answer(request)


@at_once
def early_refusal(app, request):
    """Answers before it has read the body, and hangs up."""
    app.answer(request, b"Connection: close", status=b"413")
    app.end()


# Cut off.


@behaviour
def cut(app, request):
    app.end()


@behaviour
def cut_hard(app, request):
    app.end(reset=True)


@behaviour
def cut_used(app, request):
    """Answers only what comes first on a connection."""
    if app.is_used:
        app.end()
    else:
        app.answer(request)


@at_once
def early_unless_used(app, request):
    if app.is_used:
        app.end()
    else:
        app.answer(request)


@behaviour
def cut_hints(app, request):
    seen.begun.add(request.mark)
    app.say(b"HTTP/1.1 103 %b\r\n\r\n" % request.mark)
    app.later(0.001, app.end)


@behaviour
def cut_in_head(app, request):
    seen.begun.add(request.mark)
    head = app.head(request)
    app.say(head[: len(head) // 2])
    app.end()


@behaviour
def cut_in_length(app, request):
    if request.method == b"HEAD":
        return app.answer(request)
    app.say(app.head(request, b"Content-Length: %d" % (request.size + 10)))
    app.say(pattern(request.mark, request.size))
    app.end(reset=request.size % 2 == 1)


@behaviour
def cut_in_chunk(app, request):
    if request.method == b"HEAD":
        return app.answer(request)
    app.say(app.head(request, b"Transfer-Encoding: chunked"))
    app.say(b"%x\r\n%b" % (request.size + 10, pattern(request.mark, request.size)))
    app.end(reset=request.size % 2 == 1)


@behaviour
def cut_in_events(app, request):
    if request.method == b"HEAD":
        return app.answer(request)
    app.say(app.head(request, b"Content-Type: text/event-stream", b"Transfer-Encoding: chunked"))
    app.say(b"12\r\ndata: %b\n\n\r\n" % request.mark)
    app.say(b"12\r\ndata: %b" % request.mark[:4])
    app.end(reset=request.size % 2 == 1)


@behaviour
def leave(app, request):
    """Hangs up behind a whole answer, without a word."""
    app.answer(request)
    app.end()


@behaviour
def leave_soon(app, request):
    app.answer(request)
    app.flush()
    asyncio.get_running_loop().call_later(request.size % 5 / 1000, lambda: app.is_over or app.end())


@behaviour
def stall(app, request):
    app.is_busy = True


@behaviour
def stall_half(app, request):
    if request.method == b"HEAD":
        return app.answer(request)
    app.say(app.head(request, b"Content-Length: %d" % (request.size + 10)))
    app.say(pattern(request.mark, request.size))
    app.flush()
    app.is_busy = True


# Out of step.


def whole_answer(app, request):
    """What looks like an answer to somebody's request, wherever it stands."""
    length = b"Content-Length: %d" % request.size
    return app.head(request, length) + pattern(request.mark, request.size)


@behaviour
def body_for_head(app, request):
    """Says a body behind HEAD's answer; most often it looks like an answer."""
    if request.method != b"HEAD":
        return app.answer(request)
    body = whole_answer(app, request) if request.size % 3 else pattern(request.mark, 50)
    app.say(app.head(request, b"Content-Length: %d" % len(body)))
    app.say(body)


@behaviour
def chunks_for_head(app, request):
    if request.method != b"HEAD":
        return chunked(app, request)
    app.say(app.head(request, b"Transfer-Encoding: chunked"))
    app.say(b"%x\r\n%b\r\n" % (request.size + 1, pattern(request.mark, request.size + 1)))
    app.say(b"0\r\n\r\n")


@behaviour
def body_for_nothing(app, request):
    """Says a body behind 204 and 304."""
    status = (b"204", b"304")[request.size % 2]
    app.say(app.head(request, b"Content-Length: %d" % request.size, status=status))
    app.say(whole_answer(app, request) if request.size % 3 else pattern(request.mark, 50))


def unread(app, request):
    """Leaves the body where it is, to be read as the next request. With a method whose body means
    something it has at least come."""

    def act():
        app.unread = request
        app.answer(request)
        return True

    def wait():
        if len(app.buffer) < request.framing:
            return False
        app.state = app.read_head
        return act()

    if request.framing and request.framing != "chunked" and request.method not in BODILESS:
        app.state = wait
    elif request.framing:
        act()
    else:
        app.answer(request)


unread.at_once = True
behaviours[b"unread"] = unread


@behaviour
def surplus(app, request):
    app.answer(request)
    app.say(pattern(request.mark, request.size % 50 + 1))


@behaviour
def second_answer(app, request):
    app.answer(request)
    app.say(whole_answer(app, request))


@behaviour
def line_behind(app, request):
    app.answer(request)
    app.say(b"\r\n")


@behaviour
def switch(app, request):
    """Changes to another protocol though nobody asked."""
    app.say(app.head(request, b"Connection: Upgrade", b"Upgrade: other", status=b"101"))
    app.say(pattern(request.mark, request.size))


@behaviour
def no_http(app, request):
    app.say(pattern(request.mark, request.size + 1) + b"\r\n\r\n")


@behaviour
def two_framings(app, request):
    app.say(app.head(request, b"Content-Length: 3", b"Transfer-Encoding: chunked"))
    app.say(b"0\r\n\r\n" + pattern(request.mark, request.size))


# Out of step by and by.


@behaviour
def body_then_for_head(app, request):
    """The same in two pieces, one right behind the other."""
    if request.method == b"HEAD":
        body = whole_answer(app, request)
        app.say(app.head(request, b"Content-Length: %d" % len(body)))
        app.flush()
        app.say(body)
    else:
        app.answer(request)


@behaviour
def body_then_for_nothing(app, request):
    app.say(app.head(request, status=(b"204", b"304")[request.size % 2]))
    app.flush()
    app.say(whole_answer(app, request))


@behaviour
def late_surplus(app, request):
    """Some time behind a whole answer: no intermediary can know whom it is for."""
    app.answer(request)
    app.later(request.size % 4 / 1000, lambda: app.say(pattern(request.mark, 11)))


@behaviour
def late_answer(app, request):
    app.answer(request)
    app.later(request.size % 4 / 1000, lambda: app.say(whole_answer(app, request)))


@behaviour
def late_body_for_head(app, request):
    """With HEAD; a body as it should be with any other method."""
    if request.method != b"HEAD":
        return app.answer(request)
    body = whole_answer(app, request)
    app.say(app.head(request, b"Content-Length: %d" % len(body)))
    app.later((request.size % 4 + 1) / 1000, lambda: app.say(body))


# WebSockets. Each is called once more behind every message that was echoed.


def accept(request):
    digest = hashlib.sha1(request.key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest)


def open_socket(app, request):
    """True when it just opened."""
    if app.state == app.read_frames:
        return False
    if request.key is None:
        app.answer(request)
        return False
    app.say(
        app.head(
            request,
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Accept: " + accept(request),
            status=b"101",
        )
    )
    app.state = app.read_frames
    for _ in range(request.size % 3):
        app.say(frame(pattern(request.mark, request.size % 200)))
    return True


@behaviour
def talk(app, request):
    open_socket(app, request)


@behaviour
def talk_cut(app, request):
    if not open_socket(app, request) and app.state == app.read_frames:
        app.end(reset=request.size % 2 == 1)


@behaviour
def talk_half(app, request):
    """Ends in the middle of a frame."""
    if not open_socket(app, request) and app.state == app.read_frames:
        app.say(frame(pattern(request.mark, 100))[:50])
        app.end()


@behaviour
def talk_no_frame(app, request):
    """What comes behind the 101 is marked, but no frame."""
    if open_socket(app, request):
        app.say(b"\xff" + pattern(request.mark, 20))


@behaviour
def refuse(app, request):
    app.answer(request, status=b"403")


@behaviour
def refuse_more(app, request):
    """Refuses, and speaks on."""
    app.answer(request, status=b"403")
    app.say(frame(pattern(request.mark, 20)))
