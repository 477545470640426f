"""What a client program tells the test: one JSON object a line on standard output.

    {"opened": true}                    a connection is open, again perhaps
    {"instance": "…", "number": 3}      what the app said
    {"stray": …}                        what came and is not the app's
    {"lost": "…"}                       work that was under way was lost
    {"failed": "…"}                     an attempt failed, and there will be another
    {"ended": "…"}                      it gave up for good
"""

import json
import os
import ssl

#: Where to go (`https://…`, or `http://…` for an app without a gateway), whom to trust.
URL = os.environ["URL"]
SECURE = URL.startswith("https:")
CONTEXT = ssl.create_default_context(cafile=os.environ["CAFILE"]) if SECURE else None
TOKEN = os.environ["TOKEN"]
#: What an app is asked for again after a failure waits for so long.
PAUSE_SECONDS = 0.2


def tell(**report):
    print(json.dumps(report), flush=True)


def hear(message):
    """Something came from where the app's words should come from."""
    if isinstance(message, dict) and message.keys() == {"instance", "number"}:
        tell(**message)
    else:
        tell(stray=message)


def named(problem):
    return f"{type(problem).__name__}: {problem}"


def socket_url(path):
    return URL.replace("http", "ws", 1) + path
