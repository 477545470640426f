"""Jupyter Server by its API, as notebooks of other makes use it: the gateway's token in a cookie,
Jupyter's own in `Authorization`. A kernel tells who the server is."""

import asyncio
import json
import os
import re
import uuid

import httpx
import websockets
from reports import CONTEXT, PAUSE_SECONDS, TOKEN, URL, hear, named, socket_url, tell

HEADERS = {
    "Authorization": f"token {os.environ['JUPYTER_TOKEN']}",
    "Cookie": f"token={TOKEN}",
}
CODE = """
import os, time
for number in range(100000):
    print("tick", os.environ["INSTANCE"], number, flush=True)
    time.sleep(0.1)
"""
TICK = re.compile(r"tick (\S+) (\d+)")


def execute(session):
    header = {
        "msg_id": uuid.uuid4().hex, "session": session, "username": "", "version": "5.3",
        "msg_type": "execute_request",
    }  # fmt: skip
    return json.dumps(
        {
            "header": header, "parent_header": {}, "metadata": {}, "channel": "shell",
            "content": {"code": CODE, "silent": False},
        }  # fmt: skip
    )


async def listen(http):
    answer = await http.post("/api/kernels", json={"name": "python3"})
    if answer.status_code in (401, 403):
        tell(ended=f"{answer.status_code} {answer.text[:200]}")
    kernel = answer.raise_for_status().json()["id"]
    session = uuid.uuid4().hex
    async with websockets.connect(
        socket_url(f"/api/kernels/{kernel}/channels?session_id={session}"),
        ssl=CONTEXT, proxy=None, additional_headers=HEADERS,
    ) as socket:  # fmt: skip
        tell(opened=True)
        await socket.send(execute(session))
        async for message in socket:
            message = json.loads(message)
            if "channel" not in message:
                hear(message)
            for instance, number in TICK.findall(message.get("content", {}).get("text", "")):
                hear({"instance": instance, "number": int(number)})


async def main():
    async with httpx.AsyncClient(
        base_url=URL, verify=CONTEXT or True, headers=HEADERS, timeout=30
    ) as http:
        while True:
            try:
                await listen(http)
            except Exception as problem:
                tell(failed=named(problem))
            await asyncio.sleep(PAUSE_SECONDS)


asyncio.run(main())
