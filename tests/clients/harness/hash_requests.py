"""Random requests about hashes, for `Requests`.

Which fields HRANDFIELD chooses is each server's own, so it is asked for all that there are, for none, or
(with a negative number) compared by how many come.
"""

from harness.rules import Rule


class HashRequests:
    def hash_kinds(self):
        return [
            (30, self._hset), (6, self._hsetnx), (14, self._hash_read), (8, self._hgetall), (10, self._hdel),
            (10, self._hincrby), (10, self._hincrbyfloat), (6, self._hrandfield), (6, self._hscan),
        ]  # fmt: skip

    def _hash_field(self):
        return self.element() if self._maybe(0.3) else b"f%d" % self.chance.randrange(0, 12)

    def _hset(self):
        pairs = []
        if self._maybe(0.03):  # so many that it is another encoding; redis-server 7.0 does not count arguments
            for i in range(self._one(100, 400)):
                pairs += [b"f%d" % i, self._one(b"1", b"v", b"12345")]
        else:
            for _ in range(self.chance.randrange(1, 6)):
                pairs += [self._hash_field(), self.value()]
        if self._maybe(0.03):
            pairs = pairs[:-1]
        return [self._one(b"HSET", b"HSET", b"HMSET"), self.key(), *pairs], Rule.EXACT

    def _hsetnx(self):
        return [b"HSETNX", self.key(), self._hash_field(), self.value()], Rule.EXACT

    def _hash_read(self):
        name = self._one(b"HGET", b"HEXISTS", b"HSTRLEN", b"HLEN", b"HMGET")
        if name == b"HLEN":
            return [name, self.key()], Rule.EXACT
        count = self.chance.randrange(1, 4) if name == b"HMGET" else 1
        return [name, self.key(), *(self._hash_field() for _ in range(count))], Rule.EXACT

    def _hgetall(self):
        name = self._one(b"HGETALL", b"HKEYS", b"HVALS")
        return [name, self.key()], Rule.PAIRS if name == b"HGETALL" else Rule.UNORDERED

    def _hdel(self):
        return [b"HDEL", self.key(), *(self._hash_field() for _ in range(self.chance.randrange(1, 4)))], Rule.EXACT

    def _hincrby(self):
        return [b"HINCRBY", self.key(), self._hash_field(), self.number()], Rule.EXACT

    def _hincrbyfloat(self):
        amount = self._float() if self._maybe(0.6) else self.number()
        return [b"HINCRBYFLOAT", self.key(), self._hash_field(), amount], Rule.EXACT

    def _hrandfield(self):
        options = [self._one(b"WITHVALUES", b"withvalues", b"FOO" if self._maybe(0.1) else b"WITHVALUES")]
        options = options if self._maybe(0.4) else []
        if self._maybe(0.5):
            return [b"HRANDFIELD", self.key(), self._one(b"-1", b"-2", b"-30"), *options], Rule.AS_MANY
        number = self._one(b"0", b"100000", b"4611686018427387903", b"9223372036854775807", b"-9223372036854775808", b"x")
        return [b"HRANDFIELD", self.key(), number, *options], Rule.AS_MANY if options else Rule.UNORDERED

    def _hscan(self):
        options = [b"COUNT", b"100000"]
        if self._maybe(0.4):
            options += [b"MATCH", self._pattern()]
        if self._maybe(0.1):
            options += [self._one(b"TYPE", b"FOO", b"COUNT"), self._one(b"hash", b"0", b"-1", b"x")]
        return [b"HSCAN", self.key(), self._one(b"0", b"", b"00", b"+0", b"-0", b"x"), *options], Rule.WHOLE_SCAN
