"""What must never be written, and whatever was: every token, secret and ticket of a run is
remembered, and so is every place a gateway writes to or speaks from."""

import re

#: So many characters in a row are enough to know a secret again.
WINDOW = 16
#: What secrets are made of: base64url and hexadecimal digits.
RUN = re.compile(rf"[A-Za-z0-9_-]{{{WINDOW},}}")


class Secrecy:
    def __init__(self):
        self._windows = {}
        self._files = []
        self._words = []

    def remember(self, secret):
        """Answers the secret. Of a token, what begins every one (its header) is no secret."""
        parts = secret.split(".")
        for part in parts[1:] if len(parts) == 3 else parts:
            for run in RUN.findall(part):
                self._windows[run[:WINDOW]] = self._windows[run[-WINDOW:]] = secret
        return secret

    def found_in(self, text):
        """The secrets of which a part stands in `text`."""
        found = set()
        for run in set(RUN.findall(text)):
            windows = {run[index : index + WINDOW] for index in range(len(run) - WINDOW + 1)}
            found.update(self._windows[window] for window in windows & self._windows.keys())
        return found

    # What is judged when the run is over, because a secret may be learnt after it was written.

    def watch(self, title, path):
        """A file that a gateway writes."""
        self._files.append((title, path))

    def overheard(self, title, text):
        """What a gateway said of its own."""
        self._words.append((title, text))

    def verdict(self):
        """A line for every place in which a secret stands; empty for a run that kept them all."""
        written = [
            (f"{title}, {path}", path.read_text(errors="replace"))
            for title, path in self._files
            if path.exists()
        ]
        return [
            f"{title}: {secret[:200]}"
            for title, text in [*written, *self._words]
            for secret in sorted(self.found_in(text))
        ]

    def places(self):
        return len(self._files) + len(self._words)


#: Of this run.
secrecy = Secrecy()
