"""An ASGI app that a test writes itself, under uvicorn in a thread of this process."""

import contextlib
import socket
import threading

import uvicorn


class Server(uvicorn.Server):
    def install_signal_handlers(self):
        """Signals are the test's."""


@contextlib.contextmanager
def serving(app):
    """The port that it is served at."""
    own = socket.socket()
    own.bind(("127.0.0.1", 0))
    own.listen()
    server = Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
    thread.start()
    try:
        yield own.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        own.close()
