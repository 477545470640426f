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

from .connection import Connection


async def main():
    loop = asyncio.get_running_loop()
    port = int(sys.argv[1])
    servers = [
        await loop.create_server(Connection, host, port, backlog=4096)
        for host in ("127.0.0.1", "::1")
    ]
    await asyncio.gather(*[server.serve_forever() for server in servers])


if __name__ == "__main__":
    asyncio.run(main())
