"""A GraphQL subscription by gql, in a session that connects again."""

import asyncio

from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from reports import CONTEXT, PAUSE_SECONDS, TOKEN, hear, named, socket_url, tell
from tenacity import retry, wait_fixed


TICKS = gql("subscription { ticks { instance number } }")


async def main():
    transport = WebsocketsTransport(
        socket_url("/graphql"), ssl=CONTEXT or False, connect_args={"proxy": None},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )  # fmt: skip
    again = retry(wait=wait_fixed(PAUSE_SECONDS))
    session = await Client(transport=transport).connect_async(
        reconnecting=True, retry_connect=again, retry_execute=again
    )
    tell(opened=True)
    while True:
        try:
            async for result in session.subscribe(TICKS):
                hear(result["ticks"])
        except Exception as problem:
            tell(failed=named(problem))
        await asyncio.sleep(PAUSE_SECONDS)


asyncio.run(main())
