"""Sends the same random requests to two servers and compares every reply.

A round: three clients, each with a connection to either server, in RESP2 or RESP3. One after the
other they send a few requests at once (as multibulks or inline) and read all replies before the next
client's turn, so that both servers see one order. Transactions stay open across turns and are closed
over: the others write what was watched meanwhile. At the end of a round all that is stored is compared.
"""

import random
import select
import time

from harness.requests import DATABASES, KEYS, Requests
from harness.resp import Connection, ConnectionClosed, encode
from harness.rules import Rule

TURNS_IN_A_ROUND = 60
MAY_DIFFER_MS = 5000  # between two servers that were asked at the same time, on a busy machine
CHECKSUM_BYTES = 8  # at the end of a payload of DUMP
QUICKLIST_2 = b"\x12"  # the type of a list in a payload of DUMP
SKIPLIST = b"\x05"
WITHOUT_ORDER = (b"\x02", b"\x04")  # types whose elements each server writes in an order of its own: sets, hashes
TIME_RULES_IN_MS = {b"PTTL", b"PEXPIRETIME"}

# Where replies may differ, and why. Each takes (arguments, first reply, second reply), as raw trees.
INTENDED_DIFFERENCES = [
    (
        "an echo in an error stops at a NUL in Redis; Larder shows CR, LF and NUL as blanks",
        lambda arguments, one, other: one[0] == other[0] == b"-" and any(b"\0" in a for a in arguments),
    ),
    (
        "a score of -0 is 0 in small sorted sets; those of Redis's listpacks are smaller than Larder's",
        lambda arguments, one, other: one[0] == other[0] == b"$"
        and None not in (one[2], other[2])
        and one[2][:1] == other[2][:1] == SKIPLIST
        and without_signs_of_zero(one[2]) == without_signs_of_zero(other[2]),
    ),
]


class Mismatch(Exception):
    pass


class RawConnection(Connection):
    """Replies as trees that keep every byte: (type, header without it, text or list of trees)."""

    def raw_reply(self):
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind in b"$=!" and rest != b"-1":
            return kind, rest, self._exactly(int(rest))
        if kind in b"*~>%" and rest != b"-1":
            count = int(rest) * (2 if kind == b"%" else 1)
            return kind, rest, [self.raw_reply() for _ in range(count)]
        return kind, rest, None


def without_signs_of_zero(payload):
    return payload[:-CHECKSUM_BYTES].replace(bytes(7) + b"\x80", bytes(8))


def same_payload(one, other):
    """Whether two payloads of DUMP hold the same, as far as can be said without reading them."""
    if one[:1] == QUICKLIST_2:
        return other[:1] == QUICKLIST_2
    return one[:1] in WITHOUT_ORDER and sorted(one[:-CHECKSUM_BYTES]) == sorted(other[:-CHECKSUM_BYTES])


def same_numbers(one, other):
    """Whether two trees are the same but for how numbers in them are written."""
    if one == other:
        return True
    if one[0] != other[0] or one[0] not in b"$,*":
        return False
    if one[0] == b"*":
        return None not in (one[2], other[2]) and one[1] == other[1] and all(map(same_numbers, one[2], other[2]))
    texts = (one[1], other[1]) if one[0] == b"," else (one[2], other[2])
    try:
        return float(texts[0]) == float(texts[1])
    except (TypeError, ValueError):
        return False


def pairs_of(elements):
    return sorted(zip(elements[::2], elements[1::2]))


def agree(arguments, rule, one, other):
    """Whether two replies to this request mean the same."""
    if one == other:
        return True
    if any(applies(arguments, one, other) for _, applies in INTENDED_DIFFERENCES):
        return True
    if one[0] != other[0] or one[0] in b"-+":
        return False
    if rule == Rule.DUMP:
        return one[0] == b"$" and None not in (one[2], other[2]) and same_payload(one[2], other[2])
    if rule == Rule.NUMBERS:
        return same_numbers(one, other)
    if rule == Rule.WHOLE_PAIR_SCAN and one[0] == b"*":
        found, all_there_is = (pairs_of(reply[2][1][2]) for reply in (one, other))
        cursors_end = one[2][0][2] == other[2][0][2] == b"0"
        return cursors_end and len(found) == len(all_there_is) and all(
            a[0] == b[0] and same_numbers(a[1], b[1]) for a, b in zip(found, all_there_is)
        )
    if rule == Rule.PAIRS and None not in (one[2], other[2]):
        return one[:2] == other[:2] and pairs_of(one[2]) == pairs_of(other[2])
    if rule == Rule.AS_MANY:
        return one[:2] == other[:2] if one[0] == b"*" else (one[2] is None) == (other[2] is None)
    if rule == Rule.UNORDERED and None not in (one[2], other[2]):
        return one[1] == other[1] and sorted(one[2]) == sorted(other[2])
    if rule == Rule.TIME and one[0] == b":":
        first, second = int(one[1]), int(other[1])
        unit_ms = 1 if arguments[0].upper() in TIME_RULES_IN_MS else 1000
        return min(first, second) > 0 and abs(first - second) * unit_ms <= MAY_DIFFER_MS
    if rule == Rule.WHOLE_SCAN and one[0] == b"*":
        found, all_there_is = one[2][1][2], other[2][1][2]
        if one[2][0][2] != b"0":  # it may stop early where another worker is at work
            return set(found) <= set(all_there_is)
        return other[2][0][2] == b"0" and sorted(found) == sorted(all_there_is)
    if rule == Rule.PART_OF_SCAN:
        return one[0] == b"*" and len(one[2]) == len(other[2]) == 2
    if rule == Rule.RANDOM_KEY:
        return one[0] == b"$" and (one[2] is None) == (other[2] is None)
    return False


def inline(arguments):
    """The request as a line of quoted words."""

    def quoted(word):
        plain = all(33 <= byte < 127 and byte not in b"\"'\\" for byte in word)
        if word and plain:
            return word
        escaped = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in word)
        return b'"' + escaped.encode() + b'"'

    return b" ".join(quoted(word) for word in arguments) + b"\r\n"


class Client:
    """A connection to each server, and what the transaction on it holds so far."""

    def __init__(self, ports, dialect, name):
        self.connections = [RawConnection(port=port) for port in ports]
        self.name = name
        self.queue = None  # of (arguments, rule), while a transaction is open
        for connection in self.connections:
            connection.send(encode("HELLO", dialect))
            connection.raw_reply()

    def close(self):
        for connection in self.connections:
            connection.close()

    def exchange(self, requests, as_lines):
        """Sends all of them to both servers, reads all replies, raises Mismatch at the first that differs."""
        data = b"".join(inline(a) if as_lines else encode(*a) for a, _ in requests)
        for connection in self.connections:
            connection.send(data)
        for arguments, rule in requests:
            replies = []
            for which, connection in enumerate(self.connections):
                try:
                    replies.append(connection.raw_reply())
                except ConnectionClosed as problem:
                    raise Mismatch(f"{arguments!r}: server {which} closed the connection: {problem}") from None
                except AssertionError as problem:
                    raise Mismatch(f"{arguments!r}: server {which}: {problem}") from None
            if not self._replies_agree(arguments, rule, *replies):
                raise Mismatch(f"{shown(arguments)}\n      gave {shown(replies[0])}\n      not  {shown(replies[1])}")
            self._follow(arguments, rule, replies[1])

    def _replies_agree(self, arguments, rule, one, other):
        is_exec = arguments[0].upper() == b"EXEC"
        if not is_exec or one[2] is None or other[2] is None or self.queue is None:
            return agree(arguments, rule if self.queue is None else Rule.EXACT, one, other)
        if one[:2] != other[:2] or len(one[2]) != len(self.queue):
            return False
        return all(agree(*queued, *pair) for queued, *pair in zip(self.queue, one[2], other[2]))

    def _follow(self, arguments, rule, reply):
        name = arguments[0].upper()
        if name == b"MULTI" and reply[:2] == (b"+", b"OK"):
            self.queue = []
        elif name == b"EXEC" or (name in (b"DISCARD", b"RESET") and reply[0] != b"-"):
            self.queue = None
        elif self.queue is not None and reply[:2] == (b"+", b"QUEUED"):
            self.queue.append((arguments, rule))


def shown(value, limit=300):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


class Differential:
    """ports: of the server under test and of the reference."""

    def __init__(self, ports, seed):
        self.ports = ports
        self.chance = random.Random(seed)
        self.requests = Requests(self.chance)
        self.sent = 0
        self.said = []  # this round's turns, for the report

    def play(self, count):
        """Plays rounds until so many requests were sent. Raises Mismatch with what was said before."""
        target = self.sent + count
        while self.sent < target:
            self.said = []
            try:
                self._round()
            except Mismatch as problem:
                turns = "\n".join(f"      {line}" for line in self.said[-40:])
                raise Mismatch(f"{problem}\n    after\n{turns}") from None

    def _round(self):
        clients = [Client(self.ports, self.chance.choice((2, 3)), name) for name in "ABC"]
        try:
            self._turn(clients[0], [([b"FLUSHALL"], Rule.EXACT)], False)
            for _ in range(TURNS_IN_A_ROUND):
                client = self.chance.choice(clients)
                other = self.chance.choice(clients)
                if client is not other and client.queue is other.queue is None and self.chance.random() < 0.2:
                    self._waiting_turn(client, other)
                    continue
                requests = []
                while not requests or (len(requests) < 50 and self.chance.random() < 0.75):
                    requests += self._control(client) if self.chance.random() < 0.12 else self.requests.draw()
                # An empty line asks nothing, a first word that is empty does.
                as_lines = self.chance.random() < 0.1 and all(len(inline(a)) < 60_000 for a, _ in requests)
                self._turn(client, requests, as_lines)
            self._compare_all(clients[0])
        finally:
            for client in clients:
                client.close()

    def _control(self, client):
        open_now = client.queue is not None
        names = [b"EXEC", b"EXEC", b"DISCARD", b"MULTI"] if open_now else [b"MULTI", b"MULTI", b"WATCH", b"WATCH", b"UNWATCH", b"EXEC"]
        name = self.chance.choice(names) if self.chance.random() < 0.9 else self.chance.choice([b"MULTI", b"EXEC", b"DISCARD", b"WATCH", b"UNWATCH", b"RESET"])
        arguments = [name]
        if name == b"WATCH":
            arguments += [self.requests.key() for _ in range(self.chance.randrange(1, 4))]
        elif self.chance.random() < 0.02:
            arguments += [b"now"]
        return [(arguments, Rule.EXACT)]

    def _turn(self, client, requests, as_lines):
        for arguments, _ in requests:
            self.said.append(f"{client.name}{'|' if as_lines else '>'} {shown(arguments, 160)}")
        self.sent += len(requests)
        client.exchange(requests, as_lines)

    def _waiting_turn(self, waiter, other):
        """One waits for a key, the other does something that may end it; then the wait is ended."""
        arguments, keys = self.requests.draw_waiting()
        if self.chance.random() < 0.8:  # most keys are there, and of another type
            self._turn(other, [([b"DEL", *keys], Rule.EXACT)], False)
        self.said.append(f"{waiter.name}? {shown(arguments, 160)}")
        self.sent += 1
        ids = [connection.call("CLIENT", "ID") for connection in waiter.connections]
        for connection in waiter.connections:
            connection.send(encode(*arguments))
        for waiting, asking in zip(waiter.connections, other.connections):
            self._until_it_waits(waiting, asking)
        self._turn(other, self.requests.draw_ending(keys), False)
        ends = [c.call("CLIENT", "UNBLOCK", number) for c, number in zip(other.connections, ids)]
        replies = [connection.raw_reply() for connection in waiter.connections]
        if ends[0] != ends[1] or not agree(arguments, Rule.EXACT, *replies):
            raise Mismatch(f"{shown(arguments)}\n      gave {shown(replies[0])} {ends[0]}\n      not  {shown(replies[1])} {ends[1]}")

    @staticmethod
    def _until_it_waits(waiting, asking):
        """Or until it is answered."""
        deadline = time.monotonic() + 20
        while not select.select([waiting.socket], [], [], 0)[0]:
            if b"blocked_clients:1" in asking.call("INFO", "clients"):
                return
            if time.monotonic() > deadline:
                raise Mismatch("a client that should wait neither waits nor is answered")

    def _compare_all(self, client):
        requests = [([b"RESET"], Rule.EXACT)]
        for database in DATABASES:
            requests += [([b"SELECT", database], Rule.EXACT), ([b"KEYS", b"*"], Rule.UNORDERED)]
            requests += [([b"GET", key], Rule.EXACT) for key in KEYS]
            requests += [([b"LRANGE", key, b"0", b"-1"], Rule.EXACT) for key in KEYS]
            requests += [([b"SMEMBERS", key], Rule.UNORDERED) for key in KEYS]
            requests += [([b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"], Rule.NUMBERS) for key in KEYS]
            requests += [([b"HGETALL", key], Rule.PAIRS) for key in KEYS]
            requests += [([b"DUMP", key], Rule.DUMP) for key in KEYS]
            requests += [([b"PTTL", key], Rule.TIME) for key in KEYS]
            requests += [([b"DBSIZE"], Rule.EXACT)]
        self._turn(client, requests, False)
