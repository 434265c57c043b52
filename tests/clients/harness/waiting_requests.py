"""Random requests that wait for a key, and others that may end the wait."""

from harness.rules import Rule


class WaitingRequests:
    """Of the class Requests, whose parts it uses."""

    def draw_waiting(self):
        """A request that waits for ever, and the keys it waits for."""
        keys = [self.key() for _ in range(self.chance.randrange(1, 3))]
        kind = self.chance.randrange(8)
        if kind < 2:
            return [self._one(b"BLPOP", b"BRPOP"), *keys, b"0"], keys
        if kind == 2:
            return [b"BLMOVE", keys[0], self.key(), self._end(), self._end(), b"0"], keys[:1]
        if kind == 3:
            return [b"BRPOPLPUSH", keys[0], self.key(), b"0"], keys[:1]
        if kind == 4:
            return [b"BLMPOP", b"0", str(len(keys)).encode(), *keys, self._end(), b"COUNT", self._one(b"1", b"2", b"9")], keys
        if kind == 5:
            return [self._one(b"BZPOPMIN", b"BZPOPMAX"), *keys, b"0"], keys
        if kind == 6:
            return [b"BZMPOP", b"0", str(len(keys)).encode(), *keys, self._one(b"MIN", b"MAX"), b"COUNT", self._one(b"1", b"3")], keys
        return [b"XREAD", b"BLOCK", b"0", b"STREAMS", keys[0], b"$"], keys[:1]

    def draw_ending(self, keys):
        """A few requests, most of them about one of these keys: a list of (arguments, rule)."""
        key = self.chance.choice(keys)
        # Without it the key mostly has another type.
        first = [[b"DEL", key]] if self._maybe(0.7) else []
        ways = [
            [[b"RPUSH", key, b"1", b"2", b"3"]],
            [[b"LPUSH", key, b"x"], [b"LLEN", key]],
            [[b"ZADD", key, b"1", b"one", b"2", b"two"]],
            [[b"XADD", key, b"7000000000000000-1", b"f", b"v"], [b"DEL", key]],  # beyond what time makes
            [[b"DEL", key], [b"RPUSH", key, b"after"]],
            [[b"DEL", key], [b"ZADD", key, b"5", b"five"]],
            [[b"DEL", b"other"], [b"RPUSH", b"other", b"a", b"b"], [b"RENAME", b"other", key]],
            [[b"DEL", b"other", key], [b"RPUSH", b"other", b"2", b"1"], [b"SORT", b"other", b"STORE", key]],  # Redis serves nobody if it replaces
            [[b"DEL", b"other"], [b"RPUSH", b"other", b"m"], [b"LMOVE", b"other", key, b"LEFT", b"RIGHT"]],
            [[b"DEL", b"other"], [b"ZADD", b"other", b"3", b"m"], [b"COPY", b"other", key, b"REPLACE"]],
            [[b"MULTI"], [b"DEL", key], [b"RPUSH", key, b"p"], [b"RPUSH", key, b"q"], [b"EXEC"]],
            [[b"MULTI"], [b"DEL", key], [b"RPUSH", key, b"p"], [b"LPOP", key], [b"EXEC"]],
            [[b"DEL", key], [b"EVAL", b"redis.call('RPUSH', KEYS[1], 'from') return redis.call('RPUSH', KEYS[1], 'script')", b"1", key]],
            [[b"SET", key, b"text"], [b"DEL", key], [b"LPUSH", key, b"text"]],
        ]  # fmt: skip
        way = first + self.chance.choice(ways) + (self.chance.choice(ways) if self._maybe(0.5) else [])
        return [(request, Rule.EXACT) for request in way]

    def scripted(self, request):
        """The same from a script, if it is one request that fits there."""
        arguments, rule = request
        name = arguments[0].upper()
        if len(arguments) > 500 or name in self.NOT_SCRIPTED:
            return request
        return [b"EVAL", b"return redis.pcall(unpack(ARGV))", b"0", *arguments], rule

    # What a script says of these is its own, or they are refused by another text.
    NOT_SCRIPTED = {b"SELECT", b"ECHO", b"SCAN", b"FLUSHALL", b"FLUSHDB"}
