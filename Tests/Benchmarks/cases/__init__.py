"""One module a case; each has a `measure(options) -> Report`."""
