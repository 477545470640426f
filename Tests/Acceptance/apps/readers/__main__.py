import os
import pathlib
import sys


def starlette(port):
    import uvicorn

    from .starlette_app import app

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def aiohttp(port):
    from aiohttp import web

    from .aiohttp_app import app

    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


def werkzeug(port):
    from werkzeug.serving import run_simple

    from .werkzeug_app import app

    run_simple("127.0.0.1", port, app, threaded=True)


def node(port):
    script = pathlib.Path(__file__).with_name("node_app.mjs")
    os.execvp("node", ["node", str(script), str(port)])


{"starlette": starlette, "aiohttp": aiohttp, "werkzeug": werkzeug, "node": node}[sys.argv[1]](
    int(sys.argv[2])
)
