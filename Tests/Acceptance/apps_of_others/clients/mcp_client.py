"""Calls a tool by the MCP SDK's client, again and again, and listens how far it is."""

import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from reports import CONTEXT, PAUSE_SECONDS, TOKEN, URL, hear, named, tell

COUNT = 10
#: `auto` is one request a call; `legacy` begins a session, and listens to it with a GET besides.
MODE = os.environ.get("MCP_MODE", "auto")


async def call(client):
    heard = 0

    async def progress(number, total, instance):
        nonlocal heard
        heard += 1
        hear({"instance": instance, "number": number})

    try:
        result = await client.call_tool("watch", {"count": COUNT}, progress_callback=progress)
        assert not result.is_error, result
        tell(completed=True)
    except Exception as problem:
        tell(**{"lost" if heard else "failed": f"after {heard}: {named(problem)}"})
        raise


async def main():
    while True:
        try:
            http = httpx2.AsyncClient(
                verify=CONTEXT or True, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30
            )
            transport = streamable_http_client(f"{URL}/mcp", http_client=http)
            async with http, Client(transport, mode=MODE) as client:
                tell(opened=True)
                while True:
                    await call(client)
        except Exception as problem:
            tell(failed=named(problem))
        await asyncio.sleep(PAUSE_SECONDS)


asyncio.run(main())
