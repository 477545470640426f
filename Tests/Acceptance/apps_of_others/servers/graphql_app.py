"""GraphQL subscriptions by Strawberry, over graphql-transport-ws."""

from collections.abc import AsyncGenerator

import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from ticks import INSTANCE, PORT, ticks


@strawberry.type
class Tick:
    instance: str
    number: int


@strawberry.type
class Query:
    @strawberry.field
    def instance(self) -> str:
        return INSTANCE


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[Tick, None]:
        async for tick in ticks():
            yield Tick(**tick)


uvicorn.run(
    GraphQL(strawberry.Schema(query=Query, subscription=Subscription)),
    port=PORT, log_level="warning", timeout_graceful_shutdown=1,
)  # fmt: skip
