"""A tool behind MCP's streamable HTTP, by the SDK. It says how far it is while it works."""

import os

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from ticks import PORT, ticks

server = MCPServer("clock")


@server.tool()
async def watch(count: int, context: Context) -> str:
    """Ticks so often."""
    async for tick in ticks(count):
        await context.report_progress(tick["number"], count, tick["instance"])
    return tick["instance"]


uvicorn.run(
    server.streamable_http_app(stateless_http="SESSIONS" not in os.environ),
    port=PORT, log_level="warning", timeout_graceful_shutdown=10,
)  # fmt: skip
