"""A chat on Socket.IO: everybody in a room hears what is said in it. It has no tokens; who somebody
is, it takes from the headers of the handshake, and tells on request together with all that it was
told in `auth`. `/said` has what it was asked, by the mark in the query."""

import collections
import os
import urllib.parse

import socketio
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

server = socketio.AsyncServer(
    async_mode="asgi",
    cors_allowed_origins="*",
    ping_interval=float(os.environ.get("PING_INTERVAL", "25")),
    ping_timeout=float(os.environ.get("PING_TIMEOUT", "20")),
)
#: By mark: every handshake, and every namespace that was asked for.
said = collections.defaultdict(list)


def mark(environ):
    return urllib.parse.parse_qs(environ.get("QUERY_STRING", "")).get("mark", [""])[0]


class Talk(socketio.AsyncNamespace):
    async def on_connect(self, session, environ, auth):
        headers = dict(environ["asgi.scope"]["headers"])
        who = {
            "user": headers.get(b"x-auth-user", b"").decode(),
            "authorization": headers.get(b"authorization", b"").decode(),
            "auth": auth,
            "query": environ.get("QUERY_STRING", ""),
        }
        said[mark(environ)].append({"namespace": self.namespace, **who})
        await self.save_session(session, who)
        await self.enter_room(session, "all")

    async def on_whoami(self, session):
        return await self.get_session(session)

    async def on_say(self, session, word):
        await self.emit("said", word, room="all")
        return "done"

    async def on_binary(self, session, octets):
        await self.emit("octets", {"reversed": bytes(reversed(octets))}, to=session)
        return len(octets)

    async def on_kick(self, session):
        await self.disconnect(session)


class Staff(Talk):
    async def on_connect(self, session, environ, auth):
        if not (auth or {}).get("staff"):
            raise socketio.exceptions.ConnectionRefusedError("not for you")
        await super().on_connect(session, environ, auth)


server.register_namespace(Talk("/"))
server.register_namespace(Staff("/staff"))


async def tell(request):
    return JSONResponse(said[request.query_params["mark"]])


app = socketio.ASGIApp(server, Starlette(routes=[Route("/said", tell)]))
