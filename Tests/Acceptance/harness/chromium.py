"""Chromium without a window, driven over the DevTools protocol
(https://chromedevtools.github.io/devtools-protocol/): real pages, with the `WebSocket` and
`EventSource` that people have."""

import asyncio
import base64
import contextlib
import hashlib
import itertools
import json
import os
import shutil

import websockets
from cryptography.hazmat.primitives import serialization

from .door import Door
from .process import Process
from .waiting import PATIENCE, wait_until

#: The only name that the browser resolves; everything else is not found, so nothing leaves.
HOST = "gateway.test"

NAMES = ("chromium", "chromium-browser", "google-chrome")


def program():
    """CHROMIUM, or the first of the usual names that is installed."""
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [path for path in map(shutil.which, NAMES) if path]
    assert found, f"no browser: install the package chromium, or name one in CHROMIUM ({NAMES})"
    return found[0]


class Chromium(Process):
    """The browser. It trusts one key besides the world's, and is as strict as ever otherwise."""

    def __init__(self, folder, key_path):
        profile = folder / "profile"
        super().__init__(
            "chromium",
            [
                program(),
                "--headless=new",
                "--no-sandbox",  # there is none for root, nor in most containers
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--no-proxy-server",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-extensions",
                "--disable-sync",
                f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND",
                f"--ignore-certificate-errors-spki-list={fingerprint(key_path)}",
                f"--user-data-dir={profile}",
                "--remote-debugging-port=0",
                "about:blank",
            ],
            folder,
            {"HOME": str(folder)},
        )
        self._address = wait_until(lambda: self._spoken(profile), "Chromium's DevTools port")

    def _spoken(self, profile):
        """Where DevTools listens, once Chromium has written it down in its profile."""
        assert self.is_alive(), f"Chromium exited with {self.child.returncode}:\n{self.stderr}"
        with contextlib.suppress(FileNotFoundError):
            port, _, path = (profile / "DevToolsActivePort").read_text().partition("\n")
            return path and f"ws://127.0.0.1:{port}{path}"

    @contextlib.asynccontextmanager
    async def page(self, door, path="/", cookies=None, script=""):
        """A page from that door, in a context of its own: no cookies but those given, nothing
        cached. The script runs before every document."""
        async with websockets.connect(
            self._address, max_size=None, compression=None, proxy=None, ping_interval=None
        ) as socket:
            devtools = DevTools(socket)
            try:
                page = await devtools.open_page()
                url = at_host(door).http(path)
                for name, value in (cookies or {}).items():
                    await page.command("Network.setCookie", name=name, value=value, url=url)
                if script:
                    await page.command("Page.addScriptToEvaluateOnNewDocument", source=script)
                await page.go(url)
                yield page
                await page.close()
            finally:
                devtools.reader.cancel()


def fingerprint(key_path):
    """What Chromium calls a key: base64 of SHA-256 of SubjectPublicKeyInfo."""
    key = serialization.load_pem_private_key(key_path.read_bytes(), None).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    octets = key.public_bytes(serialization.Encoding.DER, form)
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()


def at_host(door):
    """The same door by the name the browser knows."""
    return Door(door.name, door.port, tls=door.tls, host=HOST)


class DevTools:
    """Commands and their answers; events by name for whoever waits."""

    def __init__(self, socket):
        self.socket = socket
        #: The URL of every request that a page began, in order.
        self.requests = []
        self._numbers = itertools.count(1)
        self._answers = {}
        self._waiting = {}
        self.reader = asyncio.create_task(self._read())

    async def _read(self):
        try:
            async for text in self.socket:
                message = json.loads(text)
                if "id" in message:
                    self._settle(self._answers.pop(message["id"], None), message)
                else:
                    if message["method"] == "Network.requestWillBeSent":
                        self.requests.append(message["params"]["request"]["url"])
                    key = (message.get("sessionId"), message["method"])
                    self._settle(self._waiting.pop(key, None), message)
        finally:
            for future in [*self._answers.values(), *self._waiting.values()]:
                future.cancel()

    @staticmethod
    def _settle(future, message):
        if future is not None and not future.done():
            future.set_result(message)

    def next_event(self, session, method):
        """A future of the next event of that name."""
        future = self._waiting[session, method] = asyncio.get_running_loop().create_future()
        return future

    async def command(self, method, session=None, **parameters):
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        await self.socket.send(json.dumps(message))
        answer = await asyncio.wait_for(answer, PATIENCE)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    async def open_page(self):
        context = (await self.command("Target.createBrowserContext"))["browserContextId"]
        target = await self.command(
            "Target.createTarget", url="about:blank", browserContextId=context
        )
        session = (
            await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        )["sessionId"]
        await self.command("Page.enable", session)
        await self.command("Network.enable", session)
        return Page(self, session, context)


class Page:
    """One tab: goes somewhere, runs JavaScript there."""

    def __init__(self, devtools, session, context):
        self._devtools, self._session, self._context = devtools, session, context

    def requests(self, words):
        """How many requests the page has begun whose URL holds `words`."""
        return sum(words in url for url in self._devtools.requests)

    async def command(self, method, **parameters):
        return await self._devtools.command(method, self._session, **parameters)

    async def go(self, url):
        loaded = self._devtools.next_event(self._session, "Page.loadEventFired")
        answer = await self.command("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        await asyncio.wait_for(loaded, PATIENCE)
        await self.evaluate(RECORDER)

    async def evaluate(self, expression):
        """The value of an expression; a promise is awaited."""
        answer = await self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def open_socket(self, url, protocols=()):
        """`new WebSocket(url, protocols)`; nothing has happened on it yet."""
        return await self._record(f"socket({json.dumps(url)}, {json.dumps(list(protocols))})")

    async def open_events(self, url):
        """`new EventSource(url)`."""
        return await self._record(f"events({json.dumps(url)})")

    async def _record(self, expression):
        index = await self.evaluate(f"recorder.{expression}")
        return Recording(self, f"recorder.all[{index}]")

    async def pass_time(self, seconds):
        """Lets so much time go by for the page's timers, at once; afterwards its clock stands."""
        event = "Emulation.virtualTimeBudgetExpired"
        expired = self._devtools.next_event(self._session, event)
        budget = 1000 * seconds
        await self.command("Emulation.setVirtualTimePolicy", policy="advance", budget=budget)
        await asyncio.wait_for(expired, PATIENCE)

    async def close(self):
        await self._devtools.command(
            "Target.disposeBrowserContext", browserContextId=self._context
        )


class Recording:
    """What a page's WebSocket or EventSource was told, one event after the other."""

    def __init__(self, page, name):
        self._page, self._name = page, name

    async def next(self):
        """The next event, a dict: its `type` and what goes with it."""
        return await self._page.evaluate(f"{self._name}.next()")

    async def get(self, attribute):
        return await self._page.evaluate(f"{self._name}.source.{attribute}")

    async def send(self, message):
        if isinstance(message, str):
            value = json.dumps(message)
        else:
            value = f"Uint8Array.fromBase64('{base64.b64encode(message).decode()}')"
        await self._page.evaluate(f"{self._name}.source.send({value})")

    async def receive(self):
        """The next event, which must be a message: its text or octets."""
        event = await self.next()
        assert event["type"] == "message", event
        return message_of(event)

    async def close(self):
        await self._page.evaluate(f"{self._name}.source.close()")


def message_of(event):
    return base64.b64decode(event["octets"]) if "octets" in event else event["text"]


#: Keeps events until they are asked for; a question that comes first waits.
RECORDER = """
globalThis.recorder = {
    all: [],

    socket(url, protocols) {
        const socket = new WebSocket(url, protocols);
        socket.binaryType = "arraybuffer";
        const record = this.add(socket);
        socket.onopen = () => record({
            type: "open", protocol: socket.protocol, extensions: socket.extensions,
        });
        socket.onmessage = ({ data }) => record(typeof data === "string"
            ? { type: "message", text: data }
            : { type: "message", octets: new Uint8Array(data).toBase64() });
        socket.onerror = () => record({ type: "error" });
        socket.onclose = ({ code, reason, wasClean }) =>
            record({ type: "close", code, reason, wasClean });
        return this.all.length - 1;
    },

    events(url) {
        const source = new EventSource(url);
        const record = this.add(source);
        source.onopen = () => record({ type: "open" });
        source.onerror = () => record({ type: "error", readyState: source.readyState });
        for (const name of ["connected", "mark", "connection_rejected", "force_disconnect"])
            source.addEventListener(name, ({ data }) => record({ type: name, text: data }));
        return this.all.length - 1;
    },

    add(source) {
        const heard = [], asked = [];
        this.all.push({
            source,
            next: () => heard.length
                ? Promise.resolve(heard.shift())
                : new Promise((resolve) => asked.push(resolve)),
        });
        return (event) => asked.length ? asked.shift()(event) : heard.push(event);
    },
};
"""
