"""A server among several that are deployed, killed and brought back: it says its name in every
answer, and lets sockets and event streams live.

    python deployed.py NAME ADDRESS PORT

SIGUSR1 makes it ill: from then on it answers all requests with 500; SIGUSR2 heals it.
"""

import asyncio
import signal
import sys

from aiohttp import WSMsgType, web

NAME, ADDRESS, PORT = sys.argv[1:]
FIELDS = {"X-Server": NAME}
ill = asyncio.Event()


@web.middleware
async def health(request, handler):
    if ill.is_set():
        return web.Response(status=500, text="ill", headers=FIELDS)
    return await handler(request)


async def plain(_):
    return web.Response(text=NAME, headers=FIELDS)


async def socket(request):
    socket = web.WebSocketResponse()
    socket.headers.update(FIELDS)
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def events(request):
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **FIELDS})
    await response.prepare(request)
    try:
        while True:
            await response.write(b"data: tick\n\n")
            await asyncio.sleep(1)
    except ConnectionError:
        return response


async def main():
    app = web.Application(middlewares=[health])
    app.router.add_get("/ws", socket)
    app.router.add_get("/events", events)
    app.router.add_route("*", "/{tail:.*}", plain)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=300)
    await runner.setup()
    await web.TCPSite(
        runner, ADDRESS, int(PORT), backlog=4096, reuse_address=True, shutdown_timeout=0
    ).start()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, ill.set)
    loop.add_signal_handler(signal.SIGUSR2, ill.clear)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
