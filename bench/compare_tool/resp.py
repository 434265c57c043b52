"""A plain blocking RESP2 client, for what a comparison asks of a server beside its loads."""

from .servers import Failure


class ErrorReply(Failure):
    """The server refused a command."""


def encode(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Client:
    """One connection. Use as a context manager; every call waits for its replies."""

    def __init__(self, server, timeout_s=60.0):
        self._name = server.name
        self.socket = server.connect()
        self.socket.settimeout(timeout_s)
        self._replies = self.socket.makefile("rb")

    def call(self, *words):
        self.socket.sendall(encode(*words))
        return self.read()

    def call_all(self, commands):
        """Sends them all at once; their replies in order."""
        self.socket.sendall(b"".join(encode(*words) for words in commands))
        return [self.read() for _ in commands]

    def read(self):
        """int, bytes, str (of a status), None or a list; an error is raised."""
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise Failure("%s closed a connection" % self._name)
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"+":
            return text
        if kind == b"-":
            raise ErrorReply("%s answered: %s" % (self._name, text))
        if kind == b":":
            return int(text)
        if kind == b"$":
            return None if text == "-1" else self._replies.read(int(text) + 2)[:-2]
        if kind == b"*":
            return None if text == "-1" else [self.read() for _ in range(int(text))]
        raise Failure("%s broke the protocol: %r" % (self._name, line[:80]))

    def info(self):
        """INFO as a dictionary of texts."""
        lines = self.call("INFO").decode().split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line and line[0] != "#")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._replies.close()
        self.socket.close()
