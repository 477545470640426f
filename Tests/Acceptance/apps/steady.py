"""A server among several that serve the same, as ASGI: it answers with its port, says when it was
asked at each path, and becomes ill on request.

    uvicorn --factory steady:app

`/become/PATH/500` has `/PATH` answered with 500 from then on; `/asked/PATH` tells the moments, in
seconds of the system's clock, at which `/PATH` was asked for, and the last `Host` and `User-Agent`.
"""

import json
import time


def app():
    statuses = {}
    asked = {}

    async def steady(scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close"})
        words = scope["path"].strip("/").split("/")
        if words[0] == "become":
            statuses["/" + words[1]] = int(words[2])
        elif words[0] == "asked":
            body = asked.get("/" + words[1], {"moments": []})
            return await answer(send, 200, json.dumps(body))
        else:
            entry = asked.setdefault(scope["path"], {"moments": []})
            entry["moments"].append(time.time())
            for name, value in scope["headers"]:
                if name in (b"host", b"user-agent"):
                    entry[name.decode()] = value.decode()
        await answer(send, statuses.get(scope["path"], 200), str(scope["server"][1]))

    return steady


async def answer(send, status, text):
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
