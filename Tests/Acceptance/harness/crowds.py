"""Thousands of slow clients in a process of their own: heads, bodies and readers that each do a
little every second and never leave by themselves.

    python -m harness.crowds PORT COUNT

It says how many are connected, and how many are left, a line at a time."""

import collections
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time

from .process import ACCEPTANCE
from .waiting import pause

HEAD = b"GET /plain HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
READER = b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: How often each does its little, counted from when it came: not all at one moment.
EVERY = 1.0
STEP = 0.002
#: Of the states of a connection (`tcp_states.h`).
ESTABLISHED = 1


class Crowd:
    """The process, as a test sees it: `opened` of them were let in, `left` are still there."""

    def __init__(self, port, count):
        self.opened, self.left = 0, -1
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.crowds", str(port), str(count)],
            cwd=ACCEPTANCE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)

    def _read(self):
        for report in self._process.stdout:
            opened, left = report.split()
            self.opened, self.left = int(opened), int(left)

    def __enter__(self):
        self._reader.start()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()


class Client:
    def __init__(self, port, words, takes):
        self.takes = takes
        self.due = time.monotonic() + EVERY
        self.socket = socket.socket()
        # What the kernel would hold for it, its reader would have to take, too.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.socket.send(words)

    def does_a_little(self):
        """False when it was ended."""
        try:
            if self.takes:
                self.socket.recv(16)
                # What waits here hides that it is over.
                state = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
                return state == ESTABLISHED
            self.socket.send(b"x")
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def was_ended(self):
        """Whoever sends looks for the end of what comes."""
        try:
            return self.socket.recv(65536) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def main(port, count):
    clients, opened = collections.deque(), 0
    watch = selectors.DefaultSelector()
    kinds = [(HEAD, False), (BODY, False), (READER, True)]
    waiting = [kind for kind in kinds for _ in range(count)]
    report = time.monotonic()
    while waiting or clients:
        # No faster than an app in Python can take them.
        for words, takes in waiting[:2]:
            try:
                client = Client(port, words, takes)
            except OSError:
                # Refused for the moment; it comes again.
                break
            clients.append(client)
            if not takes:
                watch.register(client.socket, selectors.EVENT_READ, client)
            opened += 1
            del waiting[0]
        pause(STEP)
        for key, _ in watch.select(0):
            if key.data.was_ended():
                leave(key.data, clients, watch)
        while clients and clients[0].due <= time.monotonic():
            client = clients.popleft()
            client.due += EVERY
            clients.append(client)
            if not client.does_a_little():
                leave(client, clients, watch)
        if time.monotonic() >= report:
            report = time.monotonic() + EVERY
            print(opened, len(clients), flush=True)
    print(opened, 0, flush=True)
    signal.pause()


def leave(client, clients, watch):
    if not client.takes:
        watch.unregister(client.socket)
    client.socket.close()
    clients.remove(client)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
