"""Connections to apps that are used again, and requests that are sent again: never one client's
octets to another, never a request twice that may have been acted upon."""

import asyncio
import contextlib

import pytest

from harness.origin import Origin
from harness.ports import free_port
from harness.raw import connection
from harness.waiting import eventually
from harness.watch import stopping
from harness.wire import Upstream

# One worker, and so one pool. Groups of their own, because connections to a server that said too
# much are not used again for a while.
CONFIGURATION = """
workers 1
listen 127.0.0.1:$http
backend app      { server 127.0.0.1:$app }
backend careless { server 127.0.0.1:$app }
backend surplus  { server 127.0.0.1:$app }
backend late     { server 127.0.0.1:$app }
backend later    { server 127.0.0.1:$app }
backend timeout  { server 127.0.0.1:$app }
backend unread   { server 127.0.0.1:$app }
backend watched  { server 127.0.0.1:$app }
backend pair     { server 127.0.0.1:$app; server 127.0.0.1:$other }
backend none     { server 127.0.0.1:$app; keep_alive 0 }
backend two      { server 127.0.0.1:$app; keep_alive 2 }
backend brief    { server 127.0.0.1:$app; keep_alive_timeout 300ms }
route /careless/ { backend careless }
route /surplus/  { backend surplus }
route /late/     { backend late }
route /later/    { backend later }
route /timeout/  { backend timeout }
route /unread/   { backend unread }
route /watched/  { backend watched }
route /pair/     { backend pair }
route /none/     { backend none }
route /two/      { backend two }
route /brief/    { backend brief }
route /          { backend app }
"""

SECRET = "session=nobody-elses-business"
IDEMPOTENT = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]
OTHERS = ["POST", "PATCH", "PURGE", "get"]
CHUNKED = "Transfer-Encoding: chunked"
BODIES = [(["Content-Length: 3"], b"abc"), ([CHUNKED], b"0\r\n\r\n")]


@pytest.fixture(scope="module")
def other_port():
    return free_port()


@pytest.fixture(scope="module")
def gateway(start_wired_gateway, other_port):
    return start_wired_gateway(CONFIGURATION, other=other_port)


@pytest.fixture
async def origin(app_port):
    async with Origin(app_port) as origin:
        yield origin


def spoken(target="/", *fields, method="GET", body=b""):
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def asked(client, origin, *arguments, **options):
    """The request as it comes to the app."""
    await client.send(spoken(*arguments, **options))
    return await origin.request()


@contextlib.asynccontextmanager
async def kept(gateway, origin, path="/"):
    """A client and the app's end of a connection that rests after its request."""
    async with connection(gateway.plain) as client:
        request = await asked(client, origin, path + "warm")
        await request.leg.answer()
        assert (await client.answer()).status == 200
        yield client, request.leg


async def assert_goes_on(client, origin, target, *, on=None, instead_of=None):
    """The next request is answered, on this leg or on any but that one."""
    request = await asked(client, origin, target)
    assert on is None or request.leg is on
    assert request.leg is not instead_of
    await request.leg.answer(b"yours")
    answer = await client.answer()
    assert (answer.status, answer.body) == (200, b"yours")


# What is sent once more.


@pytest.mark.parametrize("end", ["vanish", "reset"])
@pytest.mark.parametrize("method", IDEMPOTENT)
async def test_a_request_on_a_connection_that_died_is_sent_once_more(gateway, origin, method, end):
    async with kept(gateway, origin) as (client, leg):
        first = await asked(client, origin, f"/{method}/{end}", method=method)
        assert first.leg is leg
        getattr(leg, end)()
        second = await origin.request()
        assert second.leg is not leg
        assert second.head == first.head
        await second.leg.answer(b"" if method == "HEAD" else b"ok")
        assert (await client.answer(method)).status == 200


@pytest.mark.parametrize("end", ["vanish", "reset"])
@pytest.mark.parametrize("method", OTHERS)
async def test_what_may_have_been_acted_upon_is_not_sent_twice(gateway, origin, method, end):
    async with kept(gateway, origin) as (client, leg):
        request = await asked(client, origin, f"/{method}/{end}", method=method)
        assert request.leg is leg
        getattr(leg, end)()
        assert (await client.answer(method)).status == 502
    assert origin.seen(f"/{method}/{end}") == 1


async def test_a_request_is_not_sent_a_third_time(gateway, origin):
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connection(gateway.plain)) for _ in range(4)]
        requests = [await asked(client, origin, "/many") for client in clients]
        for request, client in zip(requests, clients):
            await request.leg.answer()
            await client.answer()
        first = await asked(clients[0], origin, "/third")
        first.leg.vanish()
        second = await origin.request()
        assert second.leg not in [request.leg for request in requests], "that may be dead as well"
        second.leg.vanish()
        assert (await clients[0].answer()).status == 502
        assert origin.seen("/third") == 2


async def test_on_a_new_connection_nothing_is_sent_twice(gateway, origin):
    async with connection(gateway.plain) as client:
        request = await asked(client, origin, "/new")
        request.leg.vanish()
        assert (await client.answer()).status == 502
    assert origin.seen("/new") == 1


@pytest.mark.parametrize(
    "octets",
    [
        b"H",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    ],
)
@pytest.mark.parametrize("end", ["vanish", "reset"])
async def test_what_was_answered_with_an_octet_is_not_sent_twice(gateway, origin, octets, end):
    async with kept(gateway, origin) as (client, leg):
        await asked(client, origin, "/begun")
        await leg.say(octets)
        # It was heard: the next octet finds it read.
        await eventually(lambda: gateway_has_read(leg), "the answer to be read")
        getattr(leg, end)()
        assert (await client.answer()).status == 502
    assert origin.seen("/begun") == 1


def gateway_has_read(leg):
    """Nothing of what the app sent waits in its kernel or in that of the other end."""
    here, there = leg.writer.get_extra_info("sockname"), leg.writer.get_extra_info("peername")
    wanted = [_hexadecimal(there), _hexadecimal(here)]
    with open("/proc/net/tcp") as table:
        for line in table:
            words = line.split()
            if words[1:3] == wanted:
                return words[4] == "00000000:00000000"
    return True


def _hexadecimal(address):
    octets = [f"{int(octet):02X}" for octet in reversed(address[0].split("."))]
    return "".join(octets) + f":{address[1]:04X}"


@pytest.mark.parametrize(
    "fields, body",
    [
        (["Content-Length: 4"], b"body"),
        ([CHUNKED], b"4\r\nbody\r\n0\r\n\r\n"),
        ([CHUNKED], b"4\r\nbo"),
        ([CHUNKED], b"0\r\n\r\n"),
        ([CHUNKED], b"0\r\nX-Digest: a\r\n\r\n"),
    ],
)
async def test_a_body_that_is_gone_is_not_sent_as_if_there_was_none(gateway, origin, fields, body):
    async with kept(gateway, origin) as (client, leg):
        request = await asked(client, origin, "/gone", *fields, method="PUT", body=body)
        assert request.leg is leg
        await eventually(lambda: leg.unread, "the body")
        leg.vanish()
        assert (await client.answer()).status == 502
    assert origin.seen("/gone") == 1


@pytest.mark.parametrize("fields", [["Content-Length: 4"], [CHUNKED]])
async def test_a_body_that_is_still_to_come_goes_to_the_second_connection(gateway, origin, fields):
    body = b"4\r\nbody\r\n0\r\n\r\n" if fields == [CHUNKED] else b"body"
    async with kept(gateway, origin) as (client, leg):
        await asked(client, origin, "/to-come", *fields, method="PUT")
        leg.vanish()
        second = await origin.request()
        await client.send(body)
        assert await second.leg.exactly(len(body)) == body
        await second.leg.answer()
        assert (await client.answer()).status == 200
    assert origin.seen("/to-come") == 2


async def test_the_last_chunk_is_never_missing(gateway, origin):
    """Two requests at once; the app answers the first and hangs up without a word, then answers the
    second before it has read its body."""
    for _ in range(10):
        async with connection(gateway.plain) as client, connection(gateway.plain) as other:
            second = spoken("/second", CHUNKED, method="PUT", body=b"0\r\n\r\n")
            await client.send(spoken("/first") + second)
            one = await origin.request()
            await one.leg.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")
            one.leg.vanish()
            assert (await client.answer()).body == b"one"
            arrival = asyncio.create_task(origin.request())
            answer = asyncio.create_task(client.answer())
            await asyncio.wait({arrival, answer}, return_when=asyncio.FIRST_COMPLETED)
            if not arrival.done():
                arrival.cancel()
                assert (await answer).status == 502
                continue
            two = await arrival
            assert two.target == "/second"
            await two.leg.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")
            assert (await answer).body == b"two"
            await other.send(spoken("/third", f"Cookie: {SECRET}"))
            assert await two.leg.exactly(5) == b"0\r\n\r\n"
            two.leg.next()
            three = await origin.request()
            assert (three.target, three.fields["cookie"]) == ("/third", SECRET)
            await three.leg.answer()
            assert (await other.answer()).status == 200


# Which connection is used again.


async def test_a_connection_is_used_again(gateway, origin):
    async with kept(gateway, origin) as (client, leg):
        await assert_goes_on(client, origin, "/again", on=leg)


async def test_a_connection_is_used_again_at_once(gateway, origin):
    """Within the turn in which its answer came."""
    async with connection(gateway.plain) as client:
        await client.send(spoken("/1") + spoken("/2"))
        first = await origin.request()
        await first.leg.answer()
        second = await origin.request()
        assert second.leg is first.leg
        await second.leg.answer()


@pytest.mark.parametrize("fields, body", BODIES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_connection_that_took_a_body_is_used_again(gateway, origin, method, fields, body):
    async with connection(gateway.plain) as client:
        first = await asked(client, origin, "/body", *fields, method=method, body=body)
        assert await first.leg.exactly(len(body)) == body
        await first.leg.answer()
        assert (await client.answer()).status == 200
        await assert_goes_on(client, origin, "/behind", on=first.leg)


async def test_a_chunked_answer_with_trailers_leaves_its_connection_in_order(gateway, origin):
    async with connection(gateway.plain) as client:
        first = await asked(client, origin, "/trailers")
        await first.leg.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n")
        await first.leg.say("X-Digest: a\r\n\r\n")
        first.leg.next()
        assert (await client.answer()).body == b"ok"
        await assert_goes_on(client, origin, "/behind", on=first.leg)


@pytest.mark.parametrize("fields, body", BODIES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"])
async def test_a_body_that_apps_do_not_look_for_ends_the_connection(
    gateway, origin, method, fields, body
):
    async with connection(gateway.plain) as client:
        first = spoken("/body", *fields, method=method, body=body)
        await client.send(first + spoken("/behind", f"Cookie: {SECRET}"))
        first = await origin.request()
        # The app leaves the body where it is.
        await first.leg.answer(b"" if method == "HEAD" else b"ok")
        second = await origin.request()
        assert (second.method, second.target) == ("GET", "/behind")
        assert second.leg is not first.leg
        await second.leg.answer()


@pytest.mark.parametrize(
    "method, status", [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
async def test_behind_an_answer_without_a_body_the_connection_must_be_quiet_first(
    gateway, origin, method, status
):
    """A sloppy app sends one all the same, a moment later."""
    async with connection(gateway.plain) as client:
        await client.send(spoken("/sloppy", method=method) + spoken("/behind"))
        first = await origin.request()
        await first.leg.head("Content-Length: 6" if method == "HEAD" else "X: 1", status=status)
        second = await origin.request()
        assert second.leg is not first.leg
        await second.leg.answer(b"yours")
        assert (await client.answer(method)).status == int(status[:3])
        assert (await client.answer()).body == b"yours"


async def test_a_post_that_was_refused_must_be_quiet_first(gateway, origin):
    """Who refuses may not have read it."""
    async with connection(gateway.plain) as client:
        post = spoken("/refused", "Content-Length: 3", method="POST", body=b"abc")
        await client.send(post + spoken("/behind"))
        first = await origin.request()
        assert await first.leg.exactly(3) == b"abc"
        await first.leg.answer(status="404 Not Found")
        second = await origin.request()
        assert second.leg is not first.leg
        await second.leg.answer()


async def test_a_connection_that_was_quiet_behind_a_head_is_used_again(gateway, origin):
    legs = set()
    async with connection(gateway.plain) as client:

        async def comes_again():
            request = await asked(client, origin, "/watched/", method="HEAD")
            await request.leg.head("Content-Length: 6")
            assert (await client.answer("HEAD")).status == 200
            known = request.leg in legs
            legs.add(request.leg)
            return known

        await eventually(comes_again, "a connection to be used again")


async def test_what_an_app_says_behind_its_answer_is_nobodys(gateway, origin):
    async with kept(gateway, origin, "/surplus/") as (client, leg):
        request = await asked(client, origin, "/surplus/much")
        leaked = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nleaked"
        await request.leg.answer(b"mine", behind=leaked)
        assert (await client.answer()).body == b"mine"
        await leg.ended()
        await assert_goes_on(client, origin, "/surplus/next", instead_of=leg)


async def test_a_server_that_said_too_much_is_not_trusted_for_a_while(gateway, origin):
    async with connection(gateway.plain) as client, connection(gateway.plain) as other:
        resting = await asked(other, origin, "/careless/rests")
        request = await asked(client, origin, "/careless/")
        await resting.leg.answer()
        assert (await other.answer()).status == 200
        await request.leg.answer(b"mine", behind=b"more")
        assert (await client.answer()).body == b"mine"
        first = await asked(client, origin, "/careless/next")
        assert first.leg is not resting.leg, "nor are those that rest"
        await first.leg.answer()
        assert (await client.answer()).status == 200
        await first.leg.ended()
        await assert_goes_on(client, origin, "/careless/again", instead_of=first.leg)
    assert gateway.stderr.count("sends more than its answers") >= 1


LEAKED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nleaked"
TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("path, said", [("/late/", b"x"), ("/later/", LEAKED)])
async def test_what_an_app_says_unasked_ends_the_connection(gateway, origin, path, said):
    async with kept(gateway, origin, path) as (client, leg):
        await leg.say(said)
        await leg.ended()
        await assert_goes_on(client, origin, f"{path}next", instead_of=leg)
        assert origin.legs[-1] is not leg
        await origin.legs[-1].ended()


async def test_a_timeout_that_an_app_announces_is_no_reason_to_distrust_it(gateway, origin):
    async with kept(gateway, origin, "/timeout/") as (client, leg):
        await leg.say(TIMEOUT)
        await leg.ended()
        await assert_goes_on(client, origin, "/timeout/next", instead_of=leg)
        await assert_goes_on(client, origin, "/timeout/again", on=origin.legs[-1])


@pytest.fixture
def stopped(gateway):
    return lambda: stopping(gateway)


@pytest.mark.parametrize("said", [TIMEOUT, LEAKED])
async def test_what_is_still_unread_is_seen_before_a_connection_is_used(
    gateway, origin, stopped, said
):
    """The request comes first, then the octets that nobody asked for."""
    async with kept(gateway, origin, "/unread/") as (client, leg):
        async with stopped():
            await client.send(spoken("/unread/first"))
            await leg.say(said)
        request = await origin.request()
        assert request.leg is not leg
        await request.leg.answer(b"yours")
        assert (await client.answer()).body == b"yours"


#: What the gateway reads at once (`ReadBuffer.capacity`).
READ = 80 * 1024


async def test_what_comes_behind_a_full_read_is_seen_before_a_connection_is_used(
    start_gateway, tmp_path
):
    """An answer ends with the last octet that is read at once, and what nobody asked for is behind
    it. It does not answer the request that follows within the same turn."""
    path = str(tmp_path / "app")
    gateway = start_gateway(
        "workers 1\nlisten 127.0.0.1:$http\nbackend app { server unix:$path }\n"
        "route / { backend app }\n",
        path=path,
    )
    head = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n"
    size = READ - len(head.format(READ))
    async with Upstream(path) as upstream, connection(gateway.plain) as client:
        await client.send(spoken("/1") + spoken("/2"))
        app = await upstream.arrival("/1")
        async with stopping(gateway):
            app.writer.write(head.format(size).encode() + b"x" * size + LEAKED)
        second = await upstream.arrival("/2")
        await second.answer(200, b"yours")
        assert (await client.answer()).body == b"x" * size
        assert (await client.answer()).body == b"yours"
    assert "sends more than its answers" in gateway.stderr


@pytest.mark.parametrize("end", ["vanish", "reset"])
async def test_an_end_that_is_still_unread_costs_no_request(gateway, origin, stopped, end):
    async with kept(gateway, origin) as (client, leg):
        async with stopped():
            fields = ["Content-Length: 4"]
            await client.send(spoken("/posted", *fields, method="POST", body=b"body"))
            getattr(leg, end)()
            await leg.over.wait()
        request = await origin.request()
        assert await request.leg.exactly(4) == b"body"
        await request.leg.answer()
        assert (await client.answer()).status == 200


async def test_an_app_that_hangs_up_while_nobody_asks_is_not_noticed(gateway, origin):
    async with kept(gateway, origin) as (client, leg):
        leg.vanish()
        await assert_goes_on(client, origin, "/next", instead_of=leg)


# Requests and responses that overlap.


async def test_an_answer_that_comes_before_the_request_ends_both_connections(gateway, origin):
    async with connection(gateway.plain) as client:
        request = await asked(
            client, origin, "/early", "Content-Length: 10", method="POST", body=b"12345"
        )
        # Before another head is looked for.
        assert await request.leg.exactly(5) == b"12345"
        await request.leg.answer(b"no")
        assert (await client.answer()).body == b"no"
        await client.send(b"67890" + spoken("/smuggled"))
        await client.end()
    async with connection(gateway.plain) as other:
        await assert_goes_on(other, origin, "/next", instead_of=request.leg)
    assert origin.seen("/smuggled") == 0


async def test_an_answer_that_began_before_the_request_was_whole_ends_its_connection(
    gateway, origin
):
    async with connection(gateway.plain) as client:
        request = await asked(
            client, origin, "/overlap", "Content-Length: 10", method="POST", body=b"12345"
        )
        await request.leg.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        await client.until(b"ab")
        await client.send(b"67890")
        assert await request.leg.exactly(10) == b"1234567890"
        await request.leg.say("cd")
        assert await client.end() == b"cd"
        await request.leg.ended()


async def test_a_client_that_does_not_hear_continue_leaves_no_body_owed(gateway, origin):
    async with connection(gateway.plain) as client:
        request = await asked(
            client, origin, "/expect", "Content-Length: 5", "Expect: 100-continue", method="POST"
        )
        await request.leg.answer(status="417 Expectation Failed")
        assert (await client.answer()).status == 417
        await client.end()
        await request.leg.ended()


@pytest.mark.parametrize(
    "head, body",
    [
        # RFC 9110 §10.1.1: not without content, and not of HTTP/1.0.
        (["GET /expect HTTP/1.1"], b""),
        (["PUT /expect HTTP/1.1", "Content-Length: 0"], b""),
        (["POST /expect HTTP/1.0", "Content-Length: 3"], b"abc"),
    ],
)
async def test_nobody_is_asked_for_a_body_that_comes_anyway(gateway, origin, head, body):
    async with connection(gateway.plain) as client:
        lines = [*head, "Host: localhost", "Expect: 100-continue", "", ""]
        await client.send("\r\n".join(lines).encode() + body)
        request = await origin.request()
        assert "expect" not in request.fields
        assert await request.leg.exactly(len(body)) == body
        await request.leg.answer(b"yours")
        assert (await client.answer()).body == b"yours"


async def test_informational_answers_come_to_an_end(gateway, origin):
    """A server that says without end that it works would never have to answer."""
    async with connection(gateway.plain) as client:
        request = await asked(client, origin, "/working")
        await request.leg.say("HTTP/1.1 102 Processing\r\n\r\n" * 1001)
        answer = await client.answer()
        assert (answer.status, answer.informational) == (502, [102] * 1000)
        await request.leg.ended()


async def test_an_upload_that_breaks_off_ends_its_connection(gateway, origin):
    async with connection(gateway.plain) as client:
        request = await asked(
            client, origin, "/abandoned", "Content-Length: 10", method="POST", body=b"12345"
        )
        assert await request.leg.exactly(5) == b"12345"
        client.abort()
        await request.leg.ended()
    async with connection(gateway.plain) as other:
        await assert_goes_on(other, origin, "/next", instead_of=request.leg)


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, CLOSE\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_that_is_said_to_end_is_not_used_again(gateway, origin, head):
    async with connection(gateway.plain) as client:
        first = await asked(client, origin, "/closing")
        await first.leg.say(head)
        assert (await client.answer()).body == b"ok"
        await first.leg.ended()
        await assert_goes_on(client, origin, "/next", instead_of=first.leg)


async def test_a_switch_of_protocols_that_nobody_asked_for_ends_the_connection(gateway, origin):
    async with connection(gateway.plain) as client:
        request = await asked(client, origin, "/switch")
        fields = ["Connection: Upgrade", "Upgrade: x"]
        await request.leg.head(*fields, status="101 Switching Protocols")
        assert (await client.answer()).status == 502
        await request.leg.ended()
        await assert_goes_on(client, origin, "/next", instead_of=request.leg)


# Connections that are one client's alone.

CHALLENGES = [
    ("401 Unauthorized", "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA"),
    ("401 Unauthorized", "WWW-Authenticate: negotiate"),
    ("401 Unauthorized", 'WWW-Authenticate: Basic realm="x", Negotiate'),
    ("200 OK", "WWW-Authenticate: Negotiate oYG2MIGz"),
    ("407 Proxy Authentication Required", "Proxy-Authenticate: NTLM"),
]


@pytest.mark.parametrize("status, field", CHALLENGES)
async def test_a_connection_that_authenticates_a_client_is_its_alone(
    gateway, origin, status, field
):
    async with connection(gateway.plain) as other:
        async with connection(gateway.plain) as client:
            first = await asked(client, origin, "/own")
            await first.leg.answer(b"", field, status=status)
            assert (await client.answer()).status == int(status[:3])
            await assert_goes_on(other, origin, "/others", instead_of=first.leg)
            await assert_goes_on(client, origin, "/own", on=first.leg)
            await assert_goes_on(other, origin, "/others", instead_of=first.leg)
            await assert_goes_on(client, origin, "/own", on=first.leg)
        await first.leg.ended()
        await assert_goes_on(other, origin, "/others", instead_of=first.leg)


@pytest.mark.parametrize("credentials", ["Negotiate YIIJ", "NTLM TlRMTVNTUAABAAAA"])
async def test_who_authenticates_unasked_has_the_connection_alone_too(
    gateway, origin, credentials
):
    async with connection(gateway.plain) as client, connection(gateway.plain) as other:
        first = await asked(client, origin, "/own", f"Authorization: {credentials}")
        await first.leg.answer()
        assert (await client.answer()).status == 200
        await assert_goes_on(other, origin, "/others", instead_of=first.leg)
        await assert_goes_on(client, origin, "/own", on=first.leg)


#: Method, body and status of what others may only use after a while.
WATCHED = [
    ("HEAD", b"", "401 Unauthorized"),
    ("POST", b"abc", "401 Unauthorized"),
    ("GET", b"", "304 Not Modified"),
    ("GET", b"", "204 No Content"),
]


@pytest.mark.parametrize("method, body, status", WATCHED)
async def test_an_authenticated_client_goes_on_at_once(gateway, origin, method, body, status):
    """Whatever the answer was: on another connection it would have to authenticate itself again,
    and a handshake of several steps would never come to its end."""
    async with connection(gateway.plain) as client:
        first = await asked(client, origin, "/own")
        await first.leg.answer(b"", CHALLENGES[0][1], status="401 Unauthorized")
        assert (await client.answer()).status == 401
        length = [f"Content-Length: {len(body)}"] if body else []
        second = await asked(client, origin, "/own", *length, method=method, body=body)
        assert second.leg is first.leg
        assert await second.leg.exactly(len(body)) == body
        field = [CHALLENGES[0][1]] if status.startswith("401") else []
        await second.leg.head(*field, *(["Content-Length: 0"] if field else []), status=status)
        assert (await client.answer(method)).status == int(status[:3])
        await assert_goes_on(client, origin, "/own", on=first.leg)


async def test_other_challenges_share_their_connection(gateway, origin):
    async with connection(gateway.plain) as client, connection(gateway.plain) as other:
        first = await asked(client, origin, "/basic")
        field = 'WWW-Authenticate: Basic realm="NTLM"'
        await first.leg.answer(b"", field, status="401 Unauthorized")
        assert (await client.answer()).status == 401
        await assert_goes_on(other, origin, "/others", on=first.leg)


async def test_an_authenticated_client_stays_with_its_server(gateway, origin, other_port):
    """Whichever server's turn it is."""
    async with Origin(other_port) as second, connection(gateway.plain) as client:
        await client.send(spoken("/pair/"))
        arrivals = [asyncio.create_task(one.request()) for one in (origin, second)]
        done, others = await asyncio.wait(arrivals, return_when=asyncio.FIRST_COMPLETED)
        for one in others:
            one.cancel()
        first = done.pop().result()
        home = origin if first.leg in origin.legs else second
        await first.leg.answer(b"", "WWW-Authenticate: NTLM", status="401 Unauthorized")
        assert (await client.answer()).status == 401
        for _ in range(4):
            await assert_goes_on(client, home, "/pair/", on=first.leg)


# How many are kept, and for how long.


async def test_with_keep_alive_0_none_is_kept(gateway, origin):
    async with kept(gateway, origin, "/none/") as (client, leg):
        await leg.ended()
        await assert_goes_on(client, origin, "/none/", instead_of=leg)


async def test_no_more_are_kept_than_keep_alive_says(gateway, origin):
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connection(gateway.plain)) for _ in range(3)]
        requests = [await asked(client, origin, "/two/") for client in clients]
        for request, client in zip(requests, clients):
            await request.leg.answer()
            await client.answer()
        await requests[2].leg.ended()
        again = [await asked(client, origin, "/two/") for client in clients[:2]]
        assert {one.leg for one in again} == {one.leg for one in requests[:2]}
        for request in again:
            await request.leg.answer()


async def test_none_is_kept_longer_than_keep_alive_timeout(gateway, origin):
    async with kept(gateway, origin, "/brief/") as (client, leg):
        await assert_goes_on(client, origin, "/brief/", on=leg)
        await leg.ended()


async def test_a_reload_without_a_server_ends_its_connections(start_gateway, app_port, origin):
    """Those that rest, at once; those in use, behind their response."""
    text = """
    workers 1
    listen 127.0.0.1:$http
    backend app { server 127.0.0.1:$app }
    backend old { server 127.0.0.1:$app }
    route /old { backend %s }
    route /    { backend app }
    """
    gateway = start_gateway(text % "old", app=app_port)
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connection(gateway.plain)) for _ in range(3)]
        stays = await asked(clients[0], origin, "/stays")
        resting = await asked(clients[1], origin, "/old")
        busy = await asked(clients[2], origin, "/old")
        for request, client in ((stays, clients[0]), (resting, clients[1])):
            await request.leg.answer()
            await client.answer()
        gateway.configure((text % "app").replace("backend old { server 127.0.0.1:$app }", ""))
        gateway.reload()
        await resting.leg.ended()
        await busy.leg.answer(b"whole")
        assert (await clients[2].answer()).body == b"whole"
        await busy.leg.ended()
        await assert_goes_on(clients[0], origin, "/stays", on=stays.leg)
        await assert_goes_on(clients[1], origin, "/old")
