"""Streams that are no EventSource's: completions and MCP, as their own packages ask for them. The
gateway puts nothing into them, and lets them be finished."""

import asyncio
import contextlib
import itertools
import json
import signal

import aiohttp
import httpx2
import openai
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from harness import tokens
from harness.log import line
from harness.process import accepts
from harness.waiting import PATIENCE, eventually

CONFIGURATION = """
log { access json stdout }
limits { drain 10s }
listen 127.0.0.1:$http
jwt app { algorithms HS256; secret env:JWT_SECRET; user user_id; leeway 0s; expiring off }
backend models { server 127.0.0.1:$models; response_timeout 3s }
sessions one { store claim:shop; device header:X-Client-Id; limit 1 eject_old }
defaults { auth app; backend models; comment 1s }
route /v1/     { sessions one }
route /mcp     { sessions one }
route /stream  { stream }
route /events  { events; sessions one }
route /fates/  { auth off }
"""
WORDS = "".join(f"word{index} " for index in range(25))
_marks = itertools.count(1)


@pytest.fixture
def gateway(start_gateway, models):
    return start_gateway(CONFIGURATION, models=models)


def token(expires=3600):
    return tokens.mint(expires=expires, shop="17")


@contextlib.asynccontextmanager
async def asker(gateway, token, client_id="one"):
    """The `openai` client; it never asks twice."""
    async with openai.AsyncOpenAI(
        base_url=gateway.plain.http("/v1"), api_key=token, max_retries=0, timeout=PATIENCE,
        default_headers={"X-Client-Id": client_id},
    ) as client:  # fmt: skip
        yield client


def order(model="words-25", **more):
    mark = f"mark{next(_marks)}"
    messages = [{"role": "user", "content": "say"}]
    return mark, {"model": model, "messages": messages, "user": mark, **more}


async def said(client, begun=None, **words):
    """All words of a completion; `begun` is set with the first one."""
    text = ""
    async for one in await client.chat.completions.create(stream=True, **words):
        text += one.choices[0].delta.content or ""
        if begun:
            begun.set()
    return text


async def fates(models_itself, mark):
    async with models_itself.client() as client:
        return (await client.get(f"/fates/{mark}")).json()


@contextlib.asynccontextmanager
async def toolbox(door, token, client_id="one"):
    """The client of the `mcp` package."""
    fields = {**tokens.bearer(token), "X-Client-Id": client_id}
    async with (
        httpx2.AsyncClient(headers=fields, timeout=PATIENCE) as http,
        streamable_http_client(door.http("/mcp"), http_client=http) as (reader, writer),
        ClientSession(reader, writer) as session,
    ):
        await session.initialize()
        yield session


async def stop(gateway):
    """It is told to, and takes nobody in any more."""
    gateway.signal(signal.SIGTERM)
    await eventually(lambda: not accepts(gateway.plain.port), "the listener to be closed")


async def test_a_completion_is_finished_when_the_gateway_stops(gateway, models_itself):
    mark, words = order()
    begun = asyncio.Event()
    async with asker(gateway, token()) as client:
        saying = asyncio.create_task(said(client, begun, **words))
        await asyncio.wait_for(begun.wait(), PATIENCE)
        await stop(gateway)
        assert await saying == WORDS
    assert await fates(models_itself, mark) == ["begun", "finished"]
    gateway.assert_exit(0)


async def test_a_completion_outlives_its_token_and_an_event_stream_does_not(gateway):
    _, words = order()
    async with asker(gateway, token(2)) as client, aiohttp.ClientSession() as session:
        saying = asyncio.create_task(said(client, **words))
        fields = {**tokens.bearer(token(2)), "X-Client-Id": "other"}
        async with session.get(gateway.plain.http("/events"), headers=fields) as answer:
            assert b"token_expired" in await asyncio.wait_for(answer.read(), PATIENCE)
        assert await saying == WORDS


async def test_calls_of_one_client_do_not_replace_each_other(gateway):
    """They share an id, and would be one device. A stream of events takes the only seat all the
    while."""
    async with asker(gateway, token()) as client, aiohttp.ClientSession() as session:
        fields = {**tokens.bearer(token()), "X-Client-Id": "one"}
        async with session.get(gateway.plain.http("/events"), headers=fields) as answer:
            assert answer.status == 200
            orders = [order("words-10")[1] for _ in range(5)]
            texts = await asyncio.gather(*[said(client, **words) for words in orders])
            assert texts == ["".join(f"word{index} " for index in range(10))] * 5
            assert b"force_disconnect" not in await answer.content.read(1 << 16)


async def test_a_model_may_think_for_longer_than_an_answer_may_wait(gateway):
    """Its head is there, its first word is not; `response_timeout` is 3 s. No comment comes."""
    _, words = order("silent-5")
    body = {**words, "stream": True}
    async with aiohttp.ClientSession(headers=tokens.bearer(token())) as session:
        url = gateway.plain.http("/v1/chat/completions")
        async with session.post(url, json=body) as answer:
            octets = await asyncio.wait_for(answer.read(), PATIENCE)
    lines = [text for text in octets.decode().split("\n\n") if text]
    assert all(text.startswith("data: ") for text in lines), octets
    assert lines[-1] == "data: [DONE]"


async def test_a_tool_call_is_finished_when_the_gateway_stops(gateway, models_itself):
    """Called with `Accept: application/json, text/event-stream`; beside it the client listens on a
    stream for notifications, asked for by GET, which is an event stream."""
    async with toolbox(gateway.plain, token()) as tools:
        # Else it would ask for them when the result is there.
        await tools.list_tools()
        call = asyncio.create_task(
            tools.call_tool("add_slowly", {"first": 2, "second": 3, "seconds": 3, "mark": "tool"})
        )

        async def begun():
            return await fates(models_itself, "tool") == ["begun"]

        await eventually(begun, "the tool to begin")
        await stop(gateway)
        result = await asyncio.wait_for(call, PATIENCE)
        assert not result.is_error and result.content[0].text == "5"
    assert await fates(models_itself, "tool") == ["begun", "finished"]
    gateway.assert_exit(0)


async def test_tools_are_called_side_by_side(gateway):
    async with toolbox(gateway.plain, token()) as tools:
        calls = [
            tools.call_tool("add_slowly", {"first": n, "second": 1, "seconds": 1, "mark": f"n{n}"})
            for n in range(5)
        ]
        results = await asyncio.wait_for(asyncio.gather(*calls), PATIENCE)
    assert [result.content[0].text for result in results] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("stream", [False, True], ids=["in one piece", "in words"])
async def test_a_completion_that_nobody_waits_for_ends(gateway, models_itself, stream):
    mark, words = order("silent-60" if stream else "whole-60", stream=stream)
    async with asker(gateway, token()) as client:
        asking = asyncio.create_task(client.chat.completions.create(**words))

        async def begun():
            return await fates(models_itself, mark) == ["begun"]

        await eventually(begun, "the model to think")
        asking.cancel()
        if stream and asking.done() and not asking.cancelled():
            await asking.result().close()

    async def aborted():
        return await fates(models_itself, mark) == ["begun", "aborted"]

    await eventually(aborted, "the model to hear of it")
    entry = await line(gateway, "/v1/chat/completions")
    assert entry["reason"] == "client_gone"
    assert "timeout" not in json.dumps(entry)
