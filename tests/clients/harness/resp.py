"""A RESP2/RESP3 connection that hides nothing: what was sent is what was given, and every reply
keeps the type it had on the wire.

    +text     Simple (a str)        $bytes    bytes          _ or $-1 or *-1   None
    -text     Error (a str)         :n        int            ,x                float
    *         list                  %         dict           ~                 Set (a list)
    #         bool                  =txt:     Verbatim       >                 Push (a list)
"""

import socket


class Simple(str):
    pass


class Error(str):
    pass


class Verbatim(bytes):
    """The text of a verbatim string; its three letters are in `kind`."""

    kind = b""


class Set(list):
    pass


class Push(list):
    pass


class ConnectionClosed(Exception):
    """The server ended the connection while a reply was awaited."""


def encode(*arguments):
    """One request as a multibulk; arguments are bytes, str or int."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        if isinstance(argument, int):
            argument = str(argument)
        if isinstance(argument, str):
            argument = argument.encode("utf-8", "surrogateescape")
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


class Connection:
    def __init__(self, port=None, path=None, timeout_s=20, host="127.0.0.1", receive_buffer=None):
        family = socket.AF_UNIX if path else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout_s)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(path if path else (host, port))
        if not path:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.position = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def call(self, *arguments):
        self.send(encode(*arguments))
        return self.reply()

    def pipeline(self, *requests):
        """Sends all requests in one piece and returns one reply for each."""
        self.send(b"".join(encode(*request) for request in requests))
        return [self.reply() for _ in requests]

    def _fill(self):
        if self.position > 1 << 20:
            del self.buffer[: self.position]
            self.position = 0
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        except TimeoutError:
            raise AssertionError(
                f"no reply within {self.socket.gettimeout()} s; unread: {bytes(self.buffer[self.position:][:200])!r}"
            ) from None
        if not data:
            raise ConnectionClosed(f"closed by the server; unread: {bytes(self.buffer[self.position:][:200])!r}")
        self.buffer += data

    def line(self):
        """The next line, without its CRLF."""
        searched = self.position
        while (end := self.buffer.find(b"\r\n", searched)) < 0:
            searched = max(self.position, len(self.buffer) - 1)
            before = self.position
            self._fill()
            searched -= before - self.position
        text = bytes(self.buffer[self.position : end])
        self.position = end + 2
        return text

    def _exactly(self, count):
        while len(self.buffer) - self.position < count + 2:
            self._fill()
        data = bytes(self.buffer[self.position : self.position + count])
        ending = bytes(self.buffer[self.position + count : self.position + count + 2])
        assert ending == b"\r\n", f"bulk ends with {ending!r}"
        self.position += count + 2
        return data

    def reply(self):
        line = self.line()
        assert line, "an empty line where a reply should begin"
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Simple(rest.decode("utf-8", "replace"))
        if kind == b"-":
            return Error(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._exactly(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        if kind == b"_":
            return None
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return {b"t": True, b"f": False}[rest]
        if kind == b"=":
            text = self._exactly(int(rest))
            verbatim = Verbatim(text[4:])
            verbatim.kind = text[:3]
            return verbatim
        if kind == b"%":
            return {self._key(): self.reply() for _ in range(int(rest))}
        if kind == b"~":
            return Set(self.reply() for _ in range(int(rest)))
        if kind == b">":
            return Push(self.reply() for _ in range(int(rest)))
        raise AssertionError(f"not a reply: {line[:100]!r}")

    def _key(self):
        key = self.reply()
        return key.decode("utf-8", "replace") if isinstance(key, bytes) else key

    def until_closed(self):
        """Every byte until the server closes; raises if it does not close in time."""
        data = bytes(self.buffer[self.position :])
        self.buffer.clear()
        self.position = 0
        while True:
            try:
                more = self.socket.recv(1 << 18)
            except ConnectionResetError:
                return data
            except TimeoutError:
                raise AssertionError(f"the server kept the connection open after {data[:200]!r}") from None
            if not more:
                return data
            data += more

    def in_step(self, marker="in step"):
        """Proves that exactly the awaited replies came: the next one is the answer to this."""
        reply = self.call("ECHO", marker)
        assert reply == marker.encode(), f"out of step: {reply!r} where {marker!r} was due"
