"""The waiting-list service: server-sent events per store, and plain HTTP with large bodies.

It is the app of the seeds without its own device limits: it lets everybody in.
"""

import asyncio
import hashlib
import json
import random
import uuid
from dataclasses import dataclass, field
from typing import Optional

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

app = FastAPI(openapi_url=None)

HEARTBEAT_SECONDS = 15


@dataclass
class ConnectionInfo:
    role: str
    ip: str
    user_agent: str
    client_id: Optional[str] = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    queue: asyncio.Queue = field(default_factory=asyncio.Queue)


stores: dict[str, dict[str, ConnectionInfo]] = {}


def event(name: str, data) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


@app.get("/api/sse/stream")
async def stream(
    request: Request,
    store_id: str,
    channel: str = "all",
    role: str = "unknown",
    client_id: Optional[str] = None,
):
    connection = ConnectionInfo(
        role=role,
        ip=request.client.host,
        user_agent=request.headers.get("user-agent", ""),
        client_id=client_id,
    )

    async def events():
        store = stores.setdefault(store_id, {})
        store[connection.id] = connection
        try:
            greeting = {"connection_id": connection.id, "store_id": store_id, "channel": channel}
            yield event("connected", greeting)
            while True:
                try:
                    yield await asyncio.wait_for(connection.queue.get(), HEARTBEAT_SECONDS)
                except asyncio.TimeoutError:
                    yield event("ping", {})
        finally:
            del store[connection.id]

    return StreamingResponse(
        events(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


@app.get("/api/sse/short")
async def short_stream():
    """A stream that ends by itself, as all do when an app restarts."""

    async def events():
        yield event("connected", {})

    return StreamingResponse(events(), media_type="text/event-stream")


@app.post("/api/stores/{store_id}/events")
async def publish(store_id: str, request: Request):
    message = await request.json()
    text = event(message["event"], message["data"])
    connections = list(stores.get(store_id, {}).values())
    for connection in connections:
        connection.queue.put_nowait(text)
    return {"delivered": len(connections)}


@app.get("/api/stores/{store_id}/connections")
async def connections(store_id: str):
    return [
        {"client_id": one.client_id, "role": one.role, "ip": one.ip}
        for one in stores.get(store_id, {}).values()
    ]


@app.get("/healthz")
async def healthz():
    return PlainTextResponse("ok")


@app.api_route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def echo(request: Request):
    """What came in, said back."""
    body = await request.body()
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": request.scope["query_string"].decode("latin-1"),
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")]
                for name, value in request.headers.raw
            ],
            "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
    )


@app.api_route("/upload", methods=["POST", "PUT"])
async def upload(request: Request):
    digest, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


def deterministic(count: int, chunk_size: int = 64 * 1024):
    """`count` octets that no two chunks of which are alike; the same on every call."""
    block = random.Random(count).randbytes(chunk_size)
    for index in range((count + chunk_size - 1) // chunk_size):
        chunk = index.to_bytes(8, "big") + block[8:]
        yield chunk[: min(chunk_size, count - index * chunk_size)]


@app.get("/download/{count}")
async def download(count: int, length: bool = False):
    async def body():
        for chunk in deterministic(count):
            yield chunk

    headers = {"Content-Length": str(count)} if length else {}
    return StreamingResponse(body(), media_type="application/octet-stream", headers=headers)


@app.get("/slow-body")
async def slow_body(chunks: int = 5, interval: float = 0.02):
    async def body():
        for index in range(chunks):
            yield f"chunk {index}\n"
            await asyncio.sleep(interval)

    return StreamingResponse(body(), media_type="text/plain")


@app.api_route("/document", methods=["GET", "HEAD"])
async def document():
    return Response("a document of some octets", headers={"ETag": '"one"'})


@app.get("/status/{code}")
async def status(code: int):
    return Response(status_code=code, headers={"X-Status": str(code)})


@app.get("/permissive")
async def permissive():
    """An app that lets every page read its answers."""
    return PlainTextResponse(
        "anybody's",
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "X-App",
            "Vary": "Accept-Encoding, Origin",
        },
    )
