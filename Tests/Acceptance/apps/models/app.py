"""A language model behind the API that the `openai` package speaks, and a server of tools that
speaks MCP (streamable HTTP). What becomes of every request is told under `/fates/MARK`; the model's
name says how it answers: `words-20` says twenty words, one every tenth of a second, `silent-5`
thinks for five seconds before its first."""

import asyncio
import collections
import contextlib
import json

from mcp.server.mcpserver import MCPServer
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route

PAUSE = 0.1
fates = collections.defaultdict(list)


def chunk(model, word=None, **more):
    choice = {"index": 0, "delta": {"content": word} if word else {}, "finish_reason": None}
    return {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model,
        "choices": [{**choice, **more}],
    }  # fmt: skip


async def completions(request):
    order = await request.json()
    mark = order.get("user", "nobody")
    kind, _, number = order["model"].partition("-")
    fates[mark].append("begun")
    if not order.get("stream"):
        return await thought(request, order["model"], mark, float(number))

    async def body():
        try:
            if kind == "silent":
                await asyncio.sleep(float(number))
            for index in range(int(number) if kind == "words" else 1):
                yield f"data: {json.dumps(chunk(order['model'], f'word{index} '))}\n\n"
                await asyncio.sleep(PAUSE)
            yield f"data: {json.dumps(chunk(order['model'], finish_reason='stop'))}\n\n"
            yield "data: [DONE]\n\n"
            fates[mark].append("finished")
        except BaseException:
            fates[mark].append("aborted")
            raise

    return StreamingResponse(body(), media_type="text/event-stream")


async def thought(request, model, mark, seconds):
    """An answer in one piece, for whoever is still there."""
    for _ in range(int(seconds / PAUSE)):
        if await request.is_disconnected():
            fates[mark].append("aborted")
            break
        await asyncio.sleep(PAUSE)
    else:
        fates[mark].append("finished")
    message = {"role": "assistant", "content": "thought"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return JSONResponse(
        {"id": "1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice]}
    )


async def events(request):
    """`{"tick": N}`, for as long as somebody listens."""

    async def ticks():
        number = 0
        while True:
            yield {"event": "tick", "data": json.dumps({"tick": number})}
            number += 1
            await asyncio.sleep(PAUSE)

    return EventSourceResponse(ticks(), ping=3600)


async def fate(request):
    return JSONResponse(fates[request.path_params["mark"]])


tools = MCPServer("tools")


@tools.tool()
async def add_slowly(first: int, second: int, seconds: float, mark: str) -> int:
    fates[mark].append("begun")
    await asyncio.sleep(seconds)
    fates[mark].append("finished")
    return first + second


mcp = tools.streamable_http_app()


@contextlib.asynccontextmanager
async def lifespan(app):
    async with mcp.router.lifespan_context(mcp):
        yield


app = Starlette(
    routes=[
        Route("/v1/chat/completions", completions, methods=["POST"]),
        Route("/events", events),
        Route("/fates/{mark}", fate),
        Mount("/", mcp),
    ],
    lifespan=lifespan,
)
