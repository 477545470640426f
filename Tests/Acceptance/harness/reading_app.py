"""An app in the test itself that reads with h11, and says exactly what it is told to."""

import contextlib

import h11


class ReadingApp:
    """Requests are `[method, target, body, whole]`; `garbage` is what is none."""

    def __init__(self):
        self.writers = []
        self.forget()

    def forget(self, answer=None, then="stay"):
        """A new scene: what it says to requests for `/asked…`, and whether it stays then."""
        self.requests, self.heads, self.garbage = [], [], []
        self.answer, self.then = answer, then

    async def serve(self, reader, writer):
        self.writers.append(writer)
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        with contextlib.suppress(ConnectionError, h11.LocalProtocolError):
            while octets := await reader.read(65536):
                if not self.take(parser, octets, writer):
                    break
        writer.close()

    def take(self, parser, octets, writer):
        """False when the connection is not to be read any more."""
        try:
            parser.receive_data(octets)
            while True:
                event = parser.next_event()
                if isinstance(event, h11.Request):
                    request = [event.method.decode(), event.target.decode(), b"", False]
                    self.requests.append(request)
                    self.heads.append({k.decode(): v.decode("latin-1") for k, v in event.headers})
                elif isinstance(event, h11.Data):
                    self.requests[-1][2] += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    self.requests[-1][3] = True
                    if not self.reply(parser, writer):
                        return False
                else:
                    return event is h11.NEED_DATA
        except h11.RemoteProtocolError:
            self.garbage.append(octets)
            return False

    def reply(self, parser, writer):
        target = self.requests[-1][1]
        if self.answer is not None and target.startswith("/asked"):
            writer.write(self.answer)
            if self.then == "close":
                return False
            # What it said is no business of the parser's, which goes on.
            parser.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            parser.send(h11.EndOfMessage())
            parser.start_next_cycle()
            return True
        body = target.encode()
        length = [("Content-Length", str(len(body)))]
        writer.write(parser.send(h11.Response(status_code=200, headers=length)))
        if self.requests[-1][0] != "HEAD":
            writer.write(parser.send(h11.Data(data=body)))
        parser.send(h11.EndOfMessage())
        parser.start_next_cycle()
        return True

    def hang_up(self):
        for writer in self.writers:
            writer.close()
