"""The web server of an issuer: real HTTPS, on a thread of its own, which says what the test wants
and remembers when it was asked."""

import contextlib
import http.server
import ssl
import threading
import time


class Answer:
    """A set of keys, or whatever else is said instead. `pieces` come `pause` seconds apart."""

    def __init__(self, body=b"", status=200, headers=(), delay=0, pieces=None, pause=0):
        self.status, self.headers, self.delay = status, dict(headers), delay
        self.pieces, self.pause = pieces or [body], pause
        self.headers.setdefault("Content-Length", str(sum(len(piece) for piece in self.pieces)))


class KeyServer:
    """`answers[path]` is what is said there; every change counts from the next request on."""

    def __init__(self, port, certificate, key):
        self.port, self.answers, self.asked = port, {}, []
        self.identity = (certificate, key)
        self._ending = threading.Event()
        self._server = None
        self.start()

    def url(self, path, host="localhost"):
        return f"https://{host}:{self.port}{path}"

    def times(self, path):
        """When `path` was asked for, by the monotonic clock."""
        return [when for when, asked in list(self.asked) if asked == path]

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.identity)
        self._ending.clear()
        self._server = _Server(self, context)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Nobody listens any more; whoever still waits for an answer waits in vain."""
        if self._server:
            self._ending.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def pause(self, seconds):
        """False when the server stops meanwhile."""
        return not self._ending.wait(seconds)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, owner, context):
        self.owner, self.context = owner, context
        super().__init__(("127.0.0.1", owner.port), _Handler)

    def finish_request(self, request, client_address):
        """On the thread of the connection, so that a slow handshake holds up nobody."""
        request.settimeout(30)
        with contextlib.suppress(OSError):
            with self.context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)

    def shutdown_request(self, request):
        self.close_request(request)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        owner = self.server.owner
        path = self.path.partition("?")[0]
        owner.asked.append((time.monotonic(), path))
        answer = owner.answers.get(path) or Answer(b"nothing here", 404)
        if not owner.pause(answer.delay):
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        for index, piece in enumerate(answer.pieces):
            if index and not owner.pause(answer.pause):
                return
            self.wfile.write(piece)

    def log_message(self, *_):
        """Says nothing."""
