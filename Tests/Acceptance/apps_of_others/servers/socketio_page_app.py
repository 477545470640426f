"""Socket.IO by python-socketio, with a page on which its own client in JavaScript is at work. The
file of that comes with NiceGUI."""

import importlib.util
import pathlib

import socketio
from socketio_app import run, server

CLIENT = pathlib.Path(importlib.util.find_spec("nicegui").origin).parent / "static"
PAGE = """<!DOCTYPE html>
<title>Socket.IO</title>
<p id="tick">nothing yet</p>
<script src="/client/socket.io.min.js"></script>
<script>
    const token = () => document.cookie.match(/token=([^;]+)/)?.[1];
    const socket = io({
        transports: ["websocket"], auth: (give) => give({ token: token() }),
        reconnectionDelay: 200, reconnectionDelayMax: 1000,
    });
    socket.on("tick", ({ instance, number }) => {
        document.getElementById("tick").textContent = `tick ${instance} ${number}`;
    });
    socket.on("connect_error", (error) => {
        if (error.data) reports.push({ ended: JSON.stringify(error.data) });
    });
    socket.on("disconnect", (reason) => {
        if (reason === "parse error") reports.push({ stray: reason });
        if (reason === "io server disconnect") reports.push({ ended: reason });
    });
</script>
"""

async def page(scope, receive, send):
    head = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": PAGE.encode()})


run(socketio.ASGIApp(server, page, static_files={"/client": str(CLIENT)}))
