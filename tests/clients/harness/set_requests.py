"""Random requests about sets, for `Requests`.

Which members SPOP and SRANDMEMBER choose is each server's own, so they are asked for all that there are,
for none, or (SRANDMEMBER with a negative number) compared by how many come.
"""

from harness.rules import Rule


class SetRequests:
    def set_kinds(self):
        return [
            (30, self._sadd), (10, self._srem), (8, self._smove), (12, self._member_read), (8, self._smembers),
            (6, self._spop), (8, self._srandmember), (14, self._set_algebra), (12, self._set_store), (8, self._sintercard),
            (6, self._sscan),
        ]  # fmt: skip

    def _member(self):
        if self._maybe(0.4):
            return str(self.chance.randrange(-5, 40)).encode()
        return self.element()

    def _set_keys(self, most=3):
        return [self.key() for _ in range(self.chance.randrange(1, most + 1))]

    def _sadd(self):
        if self._maybe(0.04):  # so many that it is another encoding
            first, step = self.chance.randrange(0, 500), self._one(1, 1, 1000, 10**7)
            members = [str(first + step * i).encode() for i in range(self._one(100, 130, 520, 700))]
            return [b"SADD", self.key(), *members], Rule.EXACT
        return [b"SADD", self.key(), *(self._member() for _ in range(self.chance.randrange(1, 8)))], Rule.EXACT

    def _srem(self):
        return [b"SREM", self.key(), *(self._member() for _ in range(self.chance.randrange(1, 5)))], Rule.EXACT

    def _smove(self):
        return [b"SMOVE", self.key(), self.key(), self._member()], Rule.EXACT

    def _member_read(self):
        if self._maybe(0.3):
            return [b"SCARD", self.key()], Rule.EXACT
        if self._maybe(0.5):
            return [b"SISMEMBER", self.key(), self._member()], Rule.EXACT
        return [b"SMISMEMBER", self.key(), *(self._member() for _ in range(self.chance.randrange(1, 5)))], Rule.EXACT

    def _smembers(self):
        return [b"SMEMBERS", self.key()], Rule.UNORDERED

    def _spop(self):
        count = self._one(b"0", b"100000", b"100000", b"-1", b"x", b"1.5", b"9223372036854775807", b"9223372036854775808")
        return [b"SPOP", self.key(), count, *([b"1"] if self._maybe(0.03) else [])], Rule.UNORDERED

    def _srandmember(self):
        if self._maybe(0.5):
            return [b"SRANDMEMBER", self.key(), self._one(b"-1", b"-2", b"-30")], Rule.AS_MANY
        number = self._one(b"0", b"100000", b"9223372036854775807", b"-9223372036854775808", b"x", b"1.5", b"")
        return [b"SRANDMEMBER", self.key(), number], Rule.UNORDERED

    def _set_algebra(self):
        return [self._one(b"SINTER", b"SUNION", b"SDIFF"), *self._set_keys()], Rule.UNORDERED

    def _set_store(self):
        name = self._one(b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE")
        return [name, self.key(), *self._set_keys()], Rule.EXACT

    def _sintercard(self):
        keys = self._set_keys()
        count = str(len(keys)).encode() if self._maybe(0.85) else self.number()
        options = []
        while self._maybe(0.4) and len(options) < 4:
            options += [self._one(b"LIMIT", b"limit"), self._one(b"0", b"1", b"3", self.number())]
        if self._maybe(0.04):
            options += [self._one(b"LIMIT", b"FOO")]
        return [b"SINTERCARD", count, *keys, *options], Rule.EXACT

    def _sscan(self):
        options = [b"COUNT", b"100000"]
        if self._maybe(0.4):
            options += [b"MATCH", self._pattern()]
        if self._maybe(0.1):
            options += [self._one(b"TYPE", b"FOO", b"COUNT", b"NOVALUES"), self._one(b"set", b"0", b"-1", b"x")]
        return [b"SSCAN", self.key(), self._one(b"0", b"", b"00", b"+0", b"-0", b"x"), *options], Rule.WHOLE_SCAN
