"""Completions in the form of OpenAI's API, streamed as every server of that form does."""

import json

import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
from ticks import INSTANCE, PORT, ticks


def chunk(delta, finish=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": f"chatcmpl-{INSTANCE}", "object": "chat.completion.chunk", "created": 0,
        "model": "clock", "choices": [choice],
    }  # fmt: skip


async def completions(request):
    asked = await request.json()

    async def spoken():
        async for tick in ticks(asked["max_tokens"]):
            yield f"data: {json.dumps(chunk({'content': tick['instance'] + ' '}))}\n\n"
        yield f"data: {json.dumps(chunk({}, 'stop'))}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(spoken(), media_type="text/event-stream")


uvicorn.run(
    Starlette(routes=[Route("/v1/chat/completions", completions, methods=["POST"])]),
    port=PORT, log_level="warning", timeout_graceful_shutdown=10,
)  # fmt: skip
