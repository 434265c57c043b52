"""Random requests whose replies two servers must agree on, from a `random.Random`.

Everything a request can be is drawn: valid, nearly valid and nonsense options, wrong numbers of
arguments, numbers at every edge, few keys, so that requests meet each other. What is avoided is only
what cannot be compared, because it depends on when exactly a server ran it: times to live that end
during the run, and comparisons (GT, LT) of two that lie within a second.

A request is (arguments, rule): the rule says how its two replies are compared (see Rule).
"""

import time

from harness import rdb
from harness.hash_requests import HashRequests
from harness.rules import Rule
from harness.set_requests import SetRequests
from harness.sorted_set_requests import SortedSetRequests

KEYS = [b"a", b"b", b"c", b"d", b"key:{1}", b"", b"\x00\r\n", b"0", b"*"]
DATABASES = [b"0", b"1", b"2", b"15"]
NOT_DATABASES = [b"16", b"-1", b"abc", b"", b" 1", b"01", b"9223372036854775808"]
EDGES = [
    *(str(n).encode() for n in (0, 1, -1, 2, 10, 99, -7)),
    *(str(s * (2**bits + d)).encode() for s in (1, -1) for bits in (31, 32, 62, 63) for d in (-1, 0, 1)),
    *(str(s * (2**63 // 1000 + d)).encode() for s in (1, -1) for d in (-1, 0, 1)),
    b"18446744073709551615", b"18446744073709551616", b"nan", b"inf", b"-inf", b"+inf", b"1e400", b"1e-400",
    b"1e5", b"", b" 1", b"1 ", b"+1", b"-0", b"00", b"01", b"0x10", b"0x1p3", b"1.5", b"-1.5", b".5", b"5.",
    b"1.0e", b"--1", b"-", b"+", b"9" * 20, b"9" * 5000, b"0." + b"3" * 30, b"1e17", b"1e18", b"3.0e3",
    b"1\x00", b"1\r\n", b"1e4932", b"1e308", b"infinity", b"INF", b"NaN",
]
FLOATS = [b"0.1", b"-0.1", b"1.1e3", b"5.0e-5", b"10", b"-3", b"1e20", b"0.000001", b"123456789.987654321"]
VALUES = [
    b"", b"x", b"hello", b"Hello, World", b"\x00\xff\r\n", b"10", b"-3", b"3.14", b"v" * 44, b"v" * 45,
    b"w" * 63, b"w" * 65, b"z" * 500, b"y" * 5000, b"9223372036854775807", b"-9223372036854775808", b"007",
]
PATTERNS = [b"*", b"?", b"[ab]", b"[^a]", b"[a-c]", b"a*", b"*a", b"key:*", b"\\*", b"[", b"[]", b"", b"**", b"*{?}*", b"[a-", b"\\"]
WORDS = [
    b"NX", b"XX", b"GT", b"LT", b"GET", b"EX", b"PX", b"EXAT", b"PXAT", b"KEEPTTL", b"PERSIST", b"MATCH", b"COUNT",
    b"TYPE", b"ASYNC", b"SYNC", b"FOO", b"", b"string", b"list", b"set", b"zset",
]
BODIES = [  # of payloads, without their footer
    b"\x00\xc0\x05", b"\x00\xc1\xff\x7f", b"\x00\xc2\x01\x00\x00\x80", b"\x00\xc3\x06\x15\x01aa\xe0\x0a\x00", b"\x00\x40\x03abc", b"\x00\x00",
    b"", b"\x00", b"\x00\xc4", b"\x08", b"\xff", b"\x00\x80\xff\xff\xff\xff", b"\x00\x81" + b"\xff" * 8, b"\x00\xbf", b"\x00\xc3\x06\x16\x01aa\xe0\x0a\x00",
]  # fmt: skip
# Groups say when they delivered what, which DUMP tells and time decides: they have keys of their own.
GROUP_KEYS = [b"group stream", b"s"]
# Not spoiled: Redis 7.0 has another text for a list of streams that does not come out even, and since 7.2 ranks may have
# one argument more, which transactions notice.
WHOLE = [b"XREAD", b"XREADGROUP", b"ZRANK", b"ZREVRANK"]
UNKNOWN = [b"FOO", b"", b"GETT", b"G", b"a" * 200, b"'", b"SET\tk", b"get ", b"%s%n", b"\xff\xfe"]


class Requests(SetRequests, SortedSetRequests, HashRequests):
    def __init__(self, chance):
        self.chance = chance
        self.lifetimes = 0
        self.last_ms = 1  # about the last id of most streams
        self.now_s = int(time.time())
        self.kinds = [
            (30, self._set), (6, self._get), (10, self._getex), (4, self._getdel), (4, self._getset), (5, self._setex),
            (3, self._setnx), (5, self._mget), (6, self._mset), (8, self._append), (4, self._strlen),
            (10, self._getrange), (8, self._setrange), (12, self._incr), (10, self._incrby), (14, self._incrbyfloat),
            (8, self._del), (4, self._exists), (3, self._type), (20, self._expire), (14, self._ttl), (5, self._persist),
            (12, self._journey), (2, self._touch), (8, self._scan), (4, self._keys), (2, self._randomkey), (4, self._dbsize), (4, self._select),
            (1, self._flush), (3, self._echo), (5, self._nonsense), (3, self._unknown),
            (10, self._setbit), (6, self._getbit), (10, self._bitcount), (12, self._bitpos), (12, self._bitop),
            (25, self._bitfield), (10, self._lcs), (6, self._dump), (14, self._restore),
            (30, self._push), (14, self._pop), (12, self._list_move), (8, self._lmpop), (10, self._list_read),
            (30, self._xadd), (10, self._xrange), (6, self._xdel), (8, self._xtrim), (4, self._xsetid), (6, self._xread),
            (8, self._xgroup), (14, self._xreadgroup), (12, self._xclaim),
            (14, self._sort),
            (8, self._lset), (8, self._linsert), (8, self._lrem), (8, self._ltrim), (12, self._lpos),
        ]  # fmt: skip
        self.kinds += self.set_kinds() + self.sorted_set_kinds() + self.hash_kinds() + [(10, self._cardinality)]
        self.weights = [weight for weight, _ in self.kinds]

    def draw(self):
        """One request, or a few that belong together: a list of (arguments, rule)."""
        drawn = self.chance.choices(self.kinds, self.weights)[0][1]()
        requests = drawn if isinstance(drawn, list) else [drawn]
        return [(self._spoil(arguments), rule) for arguments, rule in requests]

    # Redis 7.0 compares texts by the locale and up to a NUL unless they are stored, leaves it open
    # which of two with the same weight is first, and, once a number was too large for a double, takes
    # every other that is no integer for one: so arbitrary elements are stored by their texts, others
    # are answered from lists made for it. It also turns every sorted set that it looks at into a
    # skiplist, which DUMP would show: so it looks at a copy.
    def _sort(self):
        kind = self.chance.randrange(3)
        key = b"sorted"
        if kind == 0:
            requests = [
                [b"COPY", self.key(), key, b"REPLACE"],
                [b"SORT", key, b"ALPHA", *self._sort_options(), b"STORE", self.key()],
                [b"DEL", key],
            ]
            return [(request, Rule.EXACT) for request in requests]
        if kind == 1:
            elements = [str(self.chance.randrange(-10**6, 10**6)).encode() for _ in range(self.chance.randrange(1, 200))]
            asked = [self._one(b"SORT", b"SORT_RO"), key, *self._sort_options()]
        else:
            elements = [b"a", b"b", b"c", b"d", b"0", b"1", b"{1}", b"x"] * self._one(1, 20)
            by = self._one([b"ALPHA"], [b"BY", b"nosort"], [b"BY", b"#", b"ALPHA"])
            asked = [self._one(b"SORT", b"SORT_RO"), key, *by, *self._sort_options()]
        self.chance.shuffle(elements)
        return [([b"DEL", key], Rule.EXACT), ([b"RPUSH", key, *elements], Rule.EXACT), (asked, Rule.EXACT)]

    def _sort_options(self):
        options = []
        if self._maybe(0.5):
            options += [self._one(b"ASC", b"DESC", b"desc")]
        if self._maybe(0.5):
            options += [b"LIMIT", self.number(), self.number()]
        while self._maybe(0.4):
            options += [b"GET", self._one(b"#", b"*", b"key:*", b"*->a", b"*->", b"none", b"key:{*}")]
        if self._maybe(0.05):
            options += [self._one(*WORDS)]
        return options

    # -- parts ---------------------------------------------------------------------------------------

    def _one(self, *choices):
        return self.chance.choice(choices)

    def _maybe(self, probability):
        return self.chance.random() < probability

    def key(self):
        return self.chance.choice(KEYS)

    def _pattern(self):
        return self.chance.choice(PATTERNS)

    def _float(self):
        return self.chance.choice(FLOATS)

    def value(self):
        if self._maybe(0.3):
            return self.chance.choice(EDGES)
        return self.chance.choice(FLOATS if self._maybe(0.2) else VALUES)

    def number(self):
        if self._maybe(0.4):
            return str(self.chance.randrange(-20, 20)).encode()
        return self.chance.choice(EDGES)

    def _lifetime(self, milliseconds, absolute, ordered=False):
        """A lifetime that is over at once or outlives the run; no two that are compared lie close."""
        if self._maybe(0.25):
            number = self.chance.choice(EDGES)
            if number in (b"1", b"2", b"10", b"99"):  # over in a moment, if relative
                number = number if absolute else b"0"
            if not ordered or number.startswith(b"-") or number == b"0":
                return number
        self.lifetimes += 1
        seconds = self._one(10_000, 1_000_000, 100_000_000) + self.lifetimes % 500
        if absolute:
            seconds += self.now_s
        return str(seconds * (1000 if milliseconds else 1)).encode()

    def _spoil(self, arguments):
        """Now and then: another case, an argument too few or too many."""
        if arguments[0] in WHOLE:
            return arguments
        if self._maybe(0.2):
            arguments = [self._one(bytes.lower, bytes.title)(arguments[0])] + arguments[1:]
        if self._maybe(0.015) and len(arguments) > 1:
            arguments = arguments[:-1]
        if self._maybe(0.015):
            arguments = arguments + [self._one(self.key(), self.chance.choice(WORDS))]
        return self._certain(self._within_time(arguments))

    @staticmethod
    def _certain(arguments):
        """Which member it is that SPOP or SRANDMEMBER without a number chooses is each server's own."""
        if len(arguments) == 2 and arguments[0].upper() in (b"SPOP", b"SRANDMEMBER", b"HRANDFIELD"):
            return [*arguments, b"0"]
        return arguments

    @staticmethod
    def _within_time(arguments):
        """RESTORE with a lifetime beyond the end of time: Redis answers OK and loses the key."""
        if arguments[0].upper() != b"RESTORE" or len(arguments) < 3 or len(arguments[2]) != 19:
            return arguments
        if b"ABSTTL" in (word.upper() for word in arguments[3:]):
            return arguments
        return [*arguments[:2], b"0", *arguments[3:]]

    # -- commands ------------------------------------------------------------------------------------

    def _lifetime_option(self):
        word = self._one(b"EX", b"PX", b"EXAT", b"PXAT")
        return [self._one(word, word.lower()), self._lifetime(word[:1] == b"P", word[2:] == b"AT")]

    def _set(self):
        options = []
        while self._maybe(0.35) and len(options) < 6:
            drawn = self.chance.random()
            if drawn < 0.5:
                options += [self._one(b"NX", b"XX", b"GET", b"nx", b"xx", b"get", b"KEEPTTL")]
            elif drawn < 0.95:
                options += self._lifetime_option()
            else:
                options += [self.chance.choice(WORDS)]
        return [b"SET", self.key(), self.value(), *options], Rule.EXACT

    def _get(self):
        return [b"GET", self.key()], Rule.EXACT

    def _getex(self):
        options = []
        while self._maybe(0.5) and len(options) < 5:
            options += self._lifetime_option() if self._maybe(0.6) else [self._one(b"PERSIST", b"persist", b"KEEPTTL", b"FOO")]
        return [b"GETEX", self.key(), *options], Rule.EXACT

    def _getdel(self):
        return [b"GETDEL", self.key()], Rule.EXACT

    def _getset(self):
        return [b"GETSET", self.key(), self.value()], Rule.EXACT

    def _setex(self):
        if self._maybe(0.5):
            return [b"SETEX", self.key(), self._lifetime(False, False), self.value()], Rule.EXACT
        return [b"PSETEX", self.key(), self._lifetime(True, False), self.value()], Rule.EXACT

    def _journey(self):
        """A value goes to another key or database."""
        if self._maybe(0.4):
            return [self._one(b"RENAME", b"RENAMENX"), self.key(), self.key()], Rule.EXACT
        database = self.chance.choice(DATABASES if self._maybe(0.85) else [*NOT_DATABASES, *EDGES])
        if self._maybe(0.4):
            return [b"MOVE", self.key(), database], Rule.EXACT
        options = []
        while self._maybe(0.5) and len(options) < 5:
            options += self._one([b"REPLACE"], [b"replace"], [b"DB", database], [b"db", database])
        if self._maybe(0.05):
            options += [self.chance.choice(WORDS)]
        return [b"COPY", self.key(), self.key(), *options], Rule.EXACT

    def _touch(self):
        return [b"TOUCH", *(self.key() for _ in range(self.chance.randrange(1, 4)))], Rule.EXACT

    def _setnx(self):
        return [b"SETNX", self.key(), self.value()], Rule.EXACT

    def _mget(self):
        return [b"MGET", *(self.key() for _ in range(self.chance.randrange(1, 6)))], Rule.EXACT

    def _mset(self):
        pairs = [part for _ in range(self.chance.randrange(1, 4)) for part in (self.key(), self.value())]
        return [self._one(b"MSET", b"MSETNX"), *pairs], Rule.EXACT

    def _append(self):
        return [b"APPEND", self.key(), self.value()], Rule.EXACT

    def _strlen(self):
        return [b"STRLEN", self.key()], Rule.EXACT

    def _getrange(self):
        return [self._one(b"GETRANGE", b"GETRANGE", b"SUBSTR"), self.key(), self.number(), self.number()], Rule.EXACT

    def _setrange(self):
        offset = self.number()
        if self._maybe(0.02):
            offset = self._one(b"1048575", b"1048576", b"1048570", b"100000", b"536870911", b"536870912")
        return [b"SETRANGE", self.key(), offset, self._one(b"", b"x", b"ABC", self.value())], Rule.EXACT

    def _cardinality(self):
        # Of their own: what redis-server has added before it meets registers that were overwritten stays there.
        keys = [f"cardinality:{self.chance.randrange(3)}".encode() for _ in range(self.chance.randrange(1, 4))]
        if self._maybe(0.3):
            return [b"PFCOUNT", *keys], Rule.EXACT
        if self._maybe(0.2):
            return [b"PFMERGE", *keys, *([self.key()] if self._maybe(0.1) else [])], Rule.EXACT
        if self._maybe(0.2):
            return [self._one(b"GET", b"DEL"), keys[0]], Rule.EXACT
        key = self.key() if self._maybe(0.1) else keys[0]
        many = 400 if self._maybe(0.1) else 6
        elements = [str(self.chance.randrange(5000)).encode() for _ in range(self.chance.randrange(many))]
        return [b"PFADD", key, *elements], Rule.EXACT

    def _bit_offset(self):
        if self._maybe(0.8):
            return str(self.chance.randrange(0, 700)).encode()
        if self._maybe(0.03):
            return self._one(b"8388600", b"8388607", b"8388608", b"100000", b"4294967296", b"4294967295000")
        offset = self.number()
        # Offsets that are allowed but far out would make values of megabytes.
        return b"-1" if offset.isdigit() and 5 < len(offset) < 11 else offset

    def _setbit(self):
        return [b"SETBIT", self.key(), self._bit_offset(), self._one(b"0", b"1", b"1", b"1", self.number())], Rule.EXACT

    def _getbit(self):
        return [b"GETBIT", self.key(), self._one(self._bit_offset(), b"4294967295")], Rule.EXACT

    def _bit_range(self):
        """Up to a start, an end and a unit; now and then too much."""
        parts = [self.number(), self.number(), self._one(b"BYTE", b"BIT", b"bit", b"Byte", b"FOO")]
        return parts[: self._one(0, 1, 2, 2, 3, 3)] + ([b"0"] if self._maybe(0.02) else [])

    def _bitcount(self):
        return [b"BITCOUNT", self.key(), *self._bit_range()], Rule.EXACT

    def _bitpos(self):
        bit = self._one(b"0", b"1", b"0", b"1", self.number())
        return [b"BITPOS", self.key(), bit, *self._bit_range()], Rule.EXACT

    def _bitop(self):
        operation = self._one(b"AND", b"OR", b"XOR", b"NOT", b"and", b"Not", b"FOO" if self._maybe(0.1) else b"XOR")
        count = 1 if operation.upper() == b"NOT" and self._maybe(0.9) else self.chance.randrange(1, 5)
        return [b"BITOP", operation, self.key(), *(self.key() for _ in range(count))], Rule.EXACT

    def _field(self):
        encoding = self._one(b"u", b"i") + str(self._one(1, 5, 8, 16, 31, 32, 63, 64, self.chance.randrange(1, 65))).encode()
        if self._maybe(0.04):
            encoding = self._one(b"u64", b"u0", b"i0", b"i65", b"I8", b"8", b"", b"u", b"i-1", b"u08", b"i 8")
        if self._maybe(0.3):
            return [encoding, b"#" + self._one(b"0", b"1", b"2", b"7", b"-1", b"", b"x", b"#1")]
        return [encoding, self._bit_offset()]

    def _bitfield_operation(self):
        number = self._one(self.number(), self.number(), str(self.chance.randrange(-(2**63), 2**63)).encode())
        name = self._one(b"GET", b"SET", b"INCRBY", b"get", b"Set", b"incrby", b"OVERFLOW", b"overflow")
        if name.upper() == b"OVERFLOW":
            return [name, self._one(b"WRAP", b"SAT", b"FAIL", b"sat", b"fail", b"FOO" if self._maybe(0.1) else b"wrap")]
        return [name, *self._field(), *([] if name.upper() == b"GET" else [number])]

    def _bitfield(self):
        """What FAIL keeps from changing, yet makes longer, Redis does not tell who watches: so something changes."""
        if self._maybe(0.2):
            operations = [part for _ in range(self.chance.randrange(0, 4)) for part in [b"GET", *self._field()]]
            if self._maybe(0.05):
                operations += self._bitfield_operation()
            return [self._one(b"BITFIELD_RO", b"bitfield_ro"), self.key(), *operations], Rule.EXACT
        operations = [part for _ in range(self.chance.randrange(0, 6)) for part in self._bitfield_operation()]
        if b"FAIL" in operations or b"fail" in operations:
            operations += [b"OVERFLOW", b"WRAP", b"INCRBY", b"u1", b"710", b"1"]
        if self._maybe(0.02):
            operations.append(self._one(b"GET", b"FOO", b"OVERFLOW"))
        return [b"BITFIELD", self.key(), *operations], Rule.EXACT

    def _lcs(self):
        options = []
        while self._maybe(0.5) and len(options) < 6:
            options += self._one([b"LEN"], [b"IDX"], [b"idx"], [b"WITHMATCHLEN"], [b"MINMATCHLEN", self.number()])
            if self._maybe(0.03):
                options += [self._one(b"FOO", b"MINMATCHLEN")]
        return [b"LCS", self.key(), self.key(), *options], Rule.EXACT

    def _incr(self):
        return [self._one(b"INCR", b"DECR"), self.key()], Rule.EXACT

    def _incrby(self):
        return [self._one(b"INCRBY", b"DECRBY"), self.key(), self.number()], Rule.EXACT

    def _incrbyfloat(self):
        return [b"INCRBYFLOAT", self.key(), self.chance.choice(FLOATS) if self._maybe(0.6) else self.number()], Rule.EXACT

    def _del(self):
        return [self._one(b"DEL", b"UNLINK"), *(self.key() for _ in range(self.chance.randrange(1, 4)))], Rule.EXACT

    def _exists(self):
        return [b"EXISTS", *(self.key() for _ in range(self.chance.randrange(1, 4)))], Rule.EXACT

    def _type(self):
        return [b"TYPE", self.key()], Rule.EXACT

    def _expire(self):
        name = self._one(b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT")
        options = []
        while self._maybe(0.35) and len(options) < 3:
            options += [self._one(b"NX", b"XX", b"GT", b"LT", b"gt", b"lt", b"FOO" if self._maybe(0.2) else b"XX")]
        lifetime = self._lifetime(name.startswith(b"P"), name.endswith(b"AT"), ordered=bool(options))
        return [name, self.key(), lifetime, *options], Rule.EXACT

    def _ttl(self):
        return [self._one(b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME"), self.key()], Rule.TIME

    def _persist(self):
        return [b"PERSIST", self.key()], Rule.EXACT

    def _dump(self):
        return [b"DUMP", self.key()], Rule.DUMP

    # -- lists ---------------------------------------------------------------------------------------

    def element(self):
        """Few different ones, so that they meet; now and then any value."""
        return self.value() if self._maybe(0.2) else self._one(b"a", b"b", b"c", b"1", b"2", b"-3", b"", b"300")

    def _position(self):
        return str(self.chance.randrange(-8, 9)).encode() if self._maybe(0.85) else self.number()

    def _end(self):
        return self._one(b"LEFT", b"RIGHT", b"left", b"Right", b"UP" if self._maybe(0.1) else b"LEFT")

    def _push(self):
        elements = [self.element() for _ in range(self.chance.randrange(1, 40 if self._maybe(0.1) else 6))]
        name = self._one(b"LPUSH", b"RPUSH", b"LPUSH", b"RPUSH", b"LPUSHX", b"RPUSHX")
        return [name, self.key(), *elements], Rule.EXACT

    def _pop(self):
        count = [self._one(b"0", b"1", b"2", b"3", self.number())] if self._maybe(0.5) else []
        return [self._one(b"LPOP", b"RPOP"), self.key(), *count], Rule.EXACT

    def _list_move(self):
        if self._maybe(0.4):
            return [b"RPOPLPUSH", self.key(), self.key()], Rule.EXACT
        return [b"LMOVE", self.key(), self.key(), self._end(), self._end()], Rule.EXACT

    def _lmpop(self):
        keys = [self.key() for _ in range(self.chance.randrange(1, 4))]
        count = str(len(keys)).encode() if self._maybe(0.85) else self.number()
        options = []
        while self._maybe(0.4) and len(options) < 4:
            options += [self._one(b"COUNT", b"count"), self._one(b"1", b"2", b"10", self.number())]
        return [b"LMPOP", count, *keys, self._end(), *options], Rule.EXACT

    def _list_read(self):
        if self._maybe(0.3):
            return [self._one(b"LLEN", b"TYPE"), self.key()], Rule.EXACT
        if self._maybe(0.4):
            return [b"LINDEX", self.key(), self._position()], Rule.EXACT
        return [b"LRANGE", self.key(), self._position(), self._position()], Rule.EXACT

    def _lset(self):
        return [b"LSET", self.key(), self._position(), self.element()], Rule.EXACT

    def _linsert(self):
        where = self._one(b"BEFORE", b"AFTER", b"after", b"NEAR" if self._maybe(0.1) else b"before")
        return [b"LINSERT", self.key(), where, self.element(), self.element()], Rule.EXACT

    def _lrem(self):
        count = self._one(b"0", b"1", b"-1", b"2", b"-2", self.number())
        if count == b"-9223372036854775808":  # Redis negates it, which is undefined
            count = b"-9223372036854775807"
        return [b"LREM", self.key(), count, self.element()], Rule.EXACT

    def _ltrim(self):
        if self._maybe(0.6):
            return [b"LTRIM", self.key(), self._one(b"0", b"1"), self._one(b"-1", b"-2", b"5", b"30")], Rule.EXACT
        return [b"LTRIM", self.key(), self._position(), self._position()], Rule.EXACT

    def _lpos(self):
        options = []
        while self._maybe(0.5) and len(options) < 8:
            word = self._one(b"RANK", b"COUNT", b"MAXLEN", b"rank", b"FOO" if self._maybe(0.1) else b"COUNT")
            options += [word, self._one(b"0", b"1", b"2", b"-1", b"-2", self.number())]
        # Redis 7.0 negates the lowest number there is, too.
        options = [b"-1" if option == b"-9223372036854775808" else option for option in options]
        return [b"LPOS", self.key(), self.element(), *options], Rule.EXACT

    # -- streams -------------------------------------------------------------------------------------

    def _id(self, *others):
        """An id that most streams may have, rarely one of `others` or none at all."""
        if self._maybe(0.15):
            return self._one(*others, b"-", b"+", b"(-", b"(5", self.number()) if others else self.number()
        first = str(self.chance.randrange(1, self.last_ms + 2)).encode()
        return first if self._maybe(0.2) else first + b"-" + self._one(b"0", b"1", b"2", b"7")

    def _new_id(self):
        """Behind the last one mostly; the server chooses a part only where time does not decide."""
        if self._maybe(0.1):
            return self._id()
        self.last_ms += self.chance.randrange(0, 3)
        return str(self.last_ms).encode() + self._one(b"-*", b"-*", b"-*", b"-5", b"")

    def _trimming(self):
        limit = [self._one(b"LIMIT", b"limit"), self._one(b"0", b"3", b"100", self.number())] if self._maybe(0.2) else []
        how = self._one([], [b"="], [b"~"], [b"~"])
        if self._maybe(0.5):
            return [self._one(b"MAXLEN", b"maxlen"), *how, self._one(b"0", b"3", b"20", b"150", self.number()), *limit]
        return [b"MINID", *how, self._id(), *limit]

    def _pairs(self):
        """The fields of the stream's first entry often, so that they are kept in short."""
        names = self._one([b"f"], [b"f"], [b"f", b"g"], [self.element(), self.element()])
        return [text for name in names for text in (name, self.element())]

    def _xadd(self):
        key = self._one(self.key(), *GROUP_KEYS)
        if self._maybe(0.03):
            # More than a node holds.
            return [([b"XADD", key, self._new_id(), *self._pairs()], Rule.EXACT) for _ in range(150)]
        options = [b"NOMKSTREAM"] if self._maybe(0.1) else []
        if self._maybe(0.2):
            options += self._trimming()
        return [b"XADD", key, *options, self._new_id(), *self._pairs()], Rule.EXACT

    def _xrange(self):
        count = [b"COUNT", self._one(b"1", b"3", self.number())] if self._maybe(0.5) else []
        if self._maybe(0.1):
            return [b"XLEN", self.key()], Rule.EXACT
        name = self._one(b"XRANGE", b"XREVRANGE")
        return [name, self.key(), self._id(b"-", b"+"), self._id(b"-", b"+"), *count], Rule.EXACT

    def _xdel(self):
        ids = [self._id() for _ in range(self.chance.randrange(1, 5))]
        return [b"XDEL", self._one(self.key(), *GROUP_KEYS), *ids], Rule.EXACT

    def _xtrim(self):
        return [b"XTRIM", self._one(self.key(), *GROUP_KEYS), *self._trimming()], Rule.EXACT

    def _xsetid(self):
        """Never before what was deleted: 7.0 takes that, later Redis does not."""
        self.last_ms += 2
        added = [b"ENTRIESADDED", self._one(b"1", b"1000", self.number())] if self._maybe(0.4) else []
        deleted = [b"MAXDELETEDID", self._id()] if self._maybe(0.1) else []
        return [b"XSETID", self.key(), str(self.last_ms).encode() + b"-9", *added, *deleted], Rule.EXACT

    def _read_position(self):
        """Without +, which 7.0 does not know."""
        position = self._id(b"$", b">")
        return b"0" if position == b"+" else position

    def _xread(self):
        keys = [self.key() for _ in range(self.chance.randrange(1, 3))]
        count = [b"COUNT", self._one(b"1", b"3", self.number())] if self._maybe(0.5) else []
        return [b"XREAD", *count, b"STREAMS", *keys, *(self._read_position() for _ in keys)], Rule.EXACT

    def _group(self):
        return self._one(b"g", b"g", b"h")

    def _consumer(self):
        return self._one(b"alice", b"bob", b"")

    def _xgroup(self):
        key = self.chance.choice(GROUP_KEYS)
        read = [b"ENTRIESREAD", self._one(b"0", b"3", b"-1", self.number())] if self._maybe(0.3) else []
        return self._one(
            [b"XGROUP", b"CREATE", key, self._group(), self._id(b"$"), *read],
            [b"XGROUP", b"CREATE", key, self._group(), b"0", b"MKSTREAM"],
            [b"XGROUP", b"SETID", key, self._group(), self._id(b"$"), *read],
            [b"XGROUP", b"CREATECONSUMER", key, self._group(), self._consumer()],
            [b"XGROUP", b"DELCONSUMER", key, self._group(), self._consumer()],
            [b"XGROUP", b"DESTROY" if self._maybe(0.2) else b"CREATE", key, self._group()],
        ), Rule.EXACT  # fmt: skip

    def _xreadgroup(self):
        keys = self.chance.sample(GROUP_KEYS, self.chance.randrange(1, 3))
        options = self._one([], [b"COUNT", b"1"], [b"COUNT", b"3"], [b"NOACK"])
        ids = [self._read_position() if self._maybe(0.3) else b">" for _ in keys]
        return [b"XREADGROUP", b"GROUP", self._group(), self._consumer(), *options, b"STREAMS", *keys, *ids], Rule.EXACT

    def _xclaim(self):
        """How long something was pending is for other tests: it depends on the time."""
        key, group = self.chance.choice(GROUP_KEYS), self._group()
        ids = [self._id() for _ in range(self.chance.randrange(1, 4))]
        options = self._one([], [b"JUSTID"], [b"FORCE"], [b"FORCE", b"RETRYCOUNT", b"4"], [b"LASTID", self._id()])
        return self._one(
            [b"XCLAIM", key, group, self._consumer(), b"0", *ids, *options],
            [b"XAUTOCLAIM", key, group, self._consumer(), b"0", self._id(b"-"), *self._one([], [b"COUNT", b"2"], [b"JUSTID"])],
            [b"XACK", key, group, *ids],
            [b"XPENDING", key, group],
        ), Rule.EXACT  # fmt: skip

    def _payload(self):
        """Mostly right; never one that only Redis 7.0 accepts (see tests/transcripts/dump.transcript)."""
        drawn = self.chance.random()
        if drawn < 0.7:
            return rdb.payload(rdb.plain_string(self.value()), self._one(10, 10, 9, 6))
        if drawn < 0.85:
            return rdb.payload(self.chance.choice(BODIES))
        payload = bytearray(rdb.payload(rdb.plain_string(self.value())))
        payload[self.chance.randrange(len(payload))] ^= 1 << self.chance.randrange(8)
        return bytes(payload[: self._one(len(payload), len(payload), len(payload) - 1, 10, 9)])

    def _restore(self):
        options = []
        absolute = self._maybe(0.3)
        if absolute:
            options += [self._one(b"ABSTTL", b"absttl")]
        while self._maybe(0.4) and len(options) < 5:
            options += self._one([b"REPLACE"], [b"replace"], [b"FREQ", self.number()], [b"IDLETIME", self.number()], [self.chance.choice(WORDS)])
        lifetime = b"0" if self._maybe(0.4) else self._lifetime(True, absolute)
        return [b"RESTORE", self.key(), lifetime, self._payload(), *options], Rule.EXACT

    def _scan(self):
        if self._maybe(0.5):
            options = [b"COUNT", b"1000"]
            if self._maybe(0.4):
                options += [b"MATCH", self.chance.choice(PATTERNS)]
            if self._maybe(0.3):
                options += [b"TYPE", self._one(b"string", b"STRING", b"list", b"set", b"zset", b"hash", b"", b"nonsense")]
            return [b"SCAN", self._one(b"0", b"", b"00", b"+0", b"-0"), *options], Rule.WHOLE_SCAN
        options = []
        while self._maybe(0.5) and len(options) < 6:
            options += self._one([b"COUNT", self.number()], [b"MATCH", self.chance.choice(PATTERNS)], [self.chance.choice(WORDS)])
        return [b"SCAN", self.number(), *options], Rule.PART_OF_SCAN

    def _keys(self):
        return [b"KEYS", self.chance.choice(PATTERNS)], Rule.UNORDERED

    def _randomkey(self):
        return [b"RANDOMKEY"], Rule.RANDOM_KEY

    def _dbsize(self):
        # A key whose time has passed may still count until somebody looks at it.
        return [([b"EXISTS", *KEYS], Rule.EXACT), ([b"DBSIZE"], Rule.EXACT)]

    def _select(self):
        return [b"SELECT", self.chance.choice(DATABASES if self._maybe(0.8) else NOT_DATABASES)], Rule.EXACT

    def _flush(self):
        if self._maybe(0.3):
            return [b"SWAPDB", *(self.chance.choice(DATABASES + NOT_DATABASES[:3]) for _ in range(2))], Rule.EXACT
        options = [self._one(b"ASYNC", b"SYNC", b"async", b"FOO")] if self._maybe(0.5) else []
        return [self._one(b"FLUSHDB", b"FLUSHALL"), *options], Rule.EXACT

    def _echo(self):
        return [self._one(b"ECHO", b"PING"), self.value()], Rule.EXACT

    def _nonsense(self):
        """A known command with arguments of any kind; none that could set a lifetime or the dialect."""
        name = self._one(
            b"GET", b"MGET", b"MSET", b"MSETNX", b"SETRANGE", b"GETRANGE", b"INCRBY", b"APPEND", b"DEL", b"PERSIST", b"ECHO",
            b"PING", b"SELECT", b"TYPE", b"STRLEN", b"SETNX", b"GETSET", b"GETDEL", b"INCR", b"EXISTS", b"INCRBYFLOAT",
            b"FLUSHDB", b"UNWATCH", b"DECR", b"DECRBY", b"UNLINK", b"GETBIT", b"BITCOUNT", b"BITPOS", b"BITOP",
            b"BITFIELD_RO", b"LCS", b"SUBSTR", b"LPUSH", b"RPUSHX", b"LPOP", b"RPOP", b"LLEN", b"LINDEX", b"LSET", b"LRANGE",
            b"LTRIM", b"LINSERT", b"LPOS", b"LMOVE", b"RPOPLPUSH", b"LMPOP", b"SADD", b"SREM", b"SISMEMBER", b"SMISMEMBER",
            b"SCARD", b"SMOVE", b"SINTERCARD", b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE",
            b"PFADD", b"PFCOUNT", b"PFMERGE",
            b"HSET", b"HMSET", b"HSETNX", b"HGET", b"HMGET", b"HDEL", b"HLEN", b"HSTRLEN", b"HEXISTS", b"HINCRBY",
            b"HINCRBYFLOAT",
        )  # fmt: skip
        pool = [self.key(), self.value(), self.number(), self.chance.choice(WORDS), self.chance.choice(PATTERNS)]
        return [name, *(self.chance.choice(pool) for _ in range(self.chance.randrange(0, 6)))], Rule.EXACT

    def _unknown(self):
        return [self.chance.choice(UNKNOWN), *(self.value() for _ in range(self.chance.randrange(0, 5)))], Rule.EXACT
