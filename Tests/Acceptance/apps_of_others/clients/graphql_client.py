"""A GraphQL subscription by gql, in a session that connects again."""

import asyncio
import os

from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from reports import CONTEXT, PAUSE_SECONDS, TOKEN, hear, named, socket_url, tell
from tenacity import retry, wait_fixed


AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
#: Where the token is: in the head of the handshake, or in the first message.
IN_FIRST_MESSAGE = "TOKEN_IN_FIRST_MESSAGE" in os.environ
TICKS = gql("subscription { ticks { instance number } }")


async def main():
    transport = WebsocketsTransport(
        socket_url("/graphql"), ssl=CONTEXT or False, connect_args={"proxy": None},
        headers=None if IN_FIRST_MESSAGE else AUTHORIZATION,
        init_payload=AUTHORIZATION if IN_FIRST_MESSAGE else {},
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
