"""An HTTP/1.1 server that is careless in every way met in the field. The target says how, for whom
and how much: `/<how>/<mark>/<size>`, with a word of the route's in front of it if need be. Every
octet of an answer is marked with whose it is, and every octet of a request is looked at: its parts
must belong together. Standard library only.

    python -m careless PORT

`/report` tells what was seen and what was wrong, `/story/<mark>/…` what the connections went
through that these requests came on, `/forget` begins anew.
"""

import asyncio
import sys

from . import seen
from .connection import Connection

#: Ports besides the one that was named: the gateway remembers of each what came from it.
MORE_PORTS = 16


async def main():
    loop = asyncio.get_running_loop()
    port = int(sys.argv[1])
    servers = []
    for host, number in (*[("127.0.0.1", 0)] * MORE_PORTS, ("::1", port), ("127.0.0.1", port)):
        servers.append(await loop.create_server(Connection, host, number, backlog=4096))
    seen.ports += [server.sockets[0].getsockname()[1] for server in servers[:MORE_PORTS]]
    await asyncio.gather(*[server.serve_forever() for server in servers])


if __name__ == "__main__":
    asyncio.run(main())
