"""The app behind the gateway: answers every WebSocket message with itself. The protocol is spoken
by `autobahn`, without compression and without limits.

    echo.py PORT
"""

import asyncio
import sys

from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol


class Echo(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


async def main(port):
    factory = WebSocketServerFactory()
    factory.protocol = Echo
    # Violations end in a close frame, as a server's should, not in a cut.
    factory.setProtocolOptions(failByDrop=False)
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
