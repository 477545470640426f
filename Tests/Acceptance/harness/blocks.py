"""Configurations of many `jwt` blocks, each with a host of its own: what differs is where a block
has its keys from."""

from .knock import IN, WAYS, refused
from .waiting import eventually

HEAD = """
listen 127.0.0.1:$https { tls { certificate self_signed } }
limits { attempts off }
backend hospital { server 127.0.0.1:$hospital }
backend waiting  { server 127.0.0.1:$waiting }
"""
BLOCK = """
jwt {name} {{ algorithms ES256; user user_id; {words} }}
route {name}.test/ws/            {{ websocket; auth {name}; backend hospital }}
route {name}.test/api/sse/stream {{ events; auth {name}; backend waiting }}
route {name}.test/               {{ auth {name}; backend hospital }}
"""

#: The key of a token is not among those that are known.
UNKNOWN = refused("token_unknown_key")
#: There has never been a key: the fault is not the client's.
NO_KEYS = refused("keys")


def blocks(words):
    """The configuration of `{name: words…}`."""
    return HEAD + "".join(BLOCK.format(name=name, words=more) for name, more in words.items())


def jwks(issuer, path="/keys", words="", host="localhost"):
    """The words of a block whose keys come from that path of a `KeyServer`."""
    return f"jwks {issuer.url(path, host)} {{ ca $ca; {words} }}"


async def at(gateway, block, token, way="HTTP"):
    """What comes of that token at that block."""
    return await WAYS[way](gateway.tls, f"{block}.test", token)


async def knows(gateway, block, key, patience=15):
    """Waits until tokens of that key are let in."""

    async def is_in():
        return await at(gateway, block, key.mint()) == IN

    await eventually(is_in, f"{block} to know its key", patience)
