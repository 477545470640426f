"""Events by sse-starlette, and a page whose EventSource listens to them."""

import json

import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from ticks import PORT, ticks

PAGE = """<!doctype html>
<title>events</title>
<script>
    globalThis.reports = [];
    const source = new EventSource("/events");
    source.onopen = () => reports.push({ opened: true });
    source.onmessage = ({ data }) => reports.push(JSON.parse(data));
    source.onerror = () => {
        if (source.readyState === EventSource.CLOSED) reports.push({ ended: "readyState 2" });
    };
</script>
"""


async def events(request):
    async def said():
        async for tick in ticks():
            yield {"data": json.dumps(tick), "retry": 300}

    return EventSourceResponse(said())


async def page(request):
    return HTMLResponse(PAGE)


uvicorn.run(
    Starlette(routes=[Route("/", page), Route("/events", events)]),
    port=PORT, log_level="warning", timeout_graceful_shutdown=1,
)  # fmt: skip
