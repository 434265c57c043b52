"""Random requests about sorted sets and places, for `Requests`.

Scores are quarters: redis-server 7.0 writes other numbers with more digits than later ones, which Larder
follows. So what is compared are numbers, and STOREDIST, whose scores are no quarters, is left out: the
transcripts have it. Members of many are different ones, for 7.0 and later count repeated ones differently
when they choose an encoding. Which members ZRANDMEMBER chooses is each server's own.
"""

from harness.rules import Rule

SCORES = [b"0", b"1", b"2", b"3", b"-1", b"1.5", b"-2.25", b"0.25", b"100", b"inf", b"-inf", b"1e3", b"-0", b"123456789", b"4503599627370495"]
NO_SCORES = [b"nan", b"", b"x", b" 1", b"1e400", b"1,5"]
TEXTS = [b"-", b"+", b"[a", b"(a", b"[b", b"(c", b"[", b"(", b"[1", b"[\xff"]


class SortedSetRequests:
    def sorted_set_kinds(self):
        return [
            (40, self._zadd), (12, self._zincrby), (8, self._zrem), (14, self._zread), (16, self._zrange), (10, self._zrange_of_old),
            (8, self._zcount), (6, self._zremrange), (8, self._zpop), (6, self._zmpop), (10, self._zrangestore),
            (10, self._zalgebra), (10, self._zalgebra_stored), (4, self._zintercard), (4, self._zscan), (4, self._zrandmember),
            (10, self._geoadd), (8, self._georead), (14, self._geosearch), (6, self._geosearchstore), (6, self._georadius),
        ]  # fmt: skip

    def _score(self):
        return self.chance.choice(NO_SCORES) if self._maybe(0.02) else self.chance.choice(SCORES)

    def _zmember(self):
        return self._one(b"a", b"b", b"c", b"d", b"e", b"1", b"22", b"-3", b"", b"long" * 20 if self._maybe(0.05) else b"f")

    def _zadd(self):
        if self._maybe(0.03):
            step = self._one(b"1", b"0", b"0.25")
            pairs = []
            for i in range(self._one(60, 128, 129, 200)):
                pairs += [str(i * float(step)).encode(), b"m%d" % i]
            return [b"ZADD", self.key(), *pairs], Rule.EXACT
        options = []
        while self._maybe(0.35) and len(options) < 4:
            options.append(self._one(b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR", b"nx", b"FOO" if self._maybe(0.1) else b"CH"))
        pairs = []
        for _ in range(1 if b"INCR" in options and self._maybe(0.9) else self.chance.randrange(1, 6)):
            pairs += [self._score(), self._zmember()]
        return [b"ZADD", self.key(), *options, *pairs], Rule.NUMBERS

    def _zincrby(self):
        return [b"ZINCRBY", self.key(), self._score(), self._zmember()], Rule.NUMBERS

    def _zrem(self):
        return [b"ZREM", self.key(), *(self._zmember() for _ in range(self.chance.randrange(1, 5)))], Rule.EXACT

    def _zread(self):
        name = self._one(b"ZSCORE", b"ZRANK", b"ZREVRANK", b"ZCARD", b"ZMSCORE")
        if name == b"ZCARD":
            return [name, self.key()], Rule.EXACT
        count = self.chance.randrange(1, 4) if name == b"ZMSCORE" else 1
        return [name, self.key(), *(self._zmember() for _ in range(count))], Rule.NUMBERS

    def _score_bound(self):
        return self._one(b"", b"(") + self._score()

    def _rank(self):
        return str(self.chance.randrange(-8, 9)).encode() if self._maybe(0.9) else self.number()

    def _limit(self):
        if not self._maybe(0.4):
            return []
        return [b"LIMIT", self._one(b"0", b"1", b"2", b"-1"), self._one(b"0", b"1", b"3", b"-1", b"x" if self._maybe(0.1) else b"5")]

    def _bounds(self, by):
        """A range by texts means something only where all scores are the same; others have one of everything."""
        if by == b"BYSCORE":
            return [self._score_bound(), self._score_bound()]
        if by == b"BYLEX":
            return [self._one(b"-", b"-", b"x"), self._one(b"+", b"+", b"-")]
        return [self._rank(), self._rank()]

    def _range_words(self, scores=True):
        by = self._one(b"", b"", b"BYSCORE", b"BYSCORE", b"BYLEX")
        words = self._bounds(by) + ([by] if by else [])
        if self._maybe(0.3):
            words.append(b"REV")
        words += self._limit() if by or self._maybe(0.1) else []
        if scores and self._maybe(0.4):
            words.append(b"WITHSCORES")
        return words

    def _zrange(self):
        return [b"ZRANGE", self.key(), *self._range_words()], Rule.NUMBERS

    def _zrange_of_old(self):
        name, by = self._one(
            (b"ZREVRANGE", b""), (b"ZRANGEBYSCORE", b"BYSCORE"), (b"ZREVRANGEBYSCORE", b"BYSCORE"), (b"ZRANGEBYLEX", b"BYLEX"), (b"ZREVRANGEBYLEX", b"BYLEX"),
        )  # fmt: skip
        words = self._bounds(by) + (self._limit() if by else [])
        if by != b"BYLEX" and self._maybe(0.4):
            words.append(b"withscores")
        return [name, self.key(), *words], Rule.NUMBERS

    def _zcount(self):
        if self._maybe(0.3):
            return [b"ZLEXCOUNT", self.key(), *self._bounds(b"BYLEX")], Rule.EXACT
        return [b"ZCOUNT", self.key(), *self._bounds(b"BYSCORE")], Rule.EXACT

    def _texts_of_equals(self):
        """A set of equal scores, then everything that goes by texts."""
        key = self.key()
        pairs = []
        for member in (b"a", b"b", b"c", b"ca", b"1", b"", b"\xff"):
            pairs += [b"0", member]
        bounds = [self._one(*TEXTS), self._one(*TEXTS)]
        name = self._one(b"ZRANGEBYLEX", b"ZREVRANGEBYLEX", b"ZLEXCOUNT", b"ZREMRANGEBYLEX")
        return [([b"DEL", key], Rule.EXACT), ([b"ZADD", key, *pairs], Rule.EXACT), ([name, key, *bounds], Rule.EXACT)]

    def _zremrange(self):
        if self._maybe(0.4):
            return self._texts_of_equals()
        name, by = self._one((b"ZREMRANGEBYRANK", b""), (b"ZREMRANGEBYSCORE", b"BYSCORE"))
        return [name, self.key(), *self._bounds(by)], Rule.EXACT

    def _zpop(self):
        count = [self._one(b"0", b"1", b"2", b"3", self.number())] if self._maybe(0.5) else []
        return [self._one(b"ZPOPMIN", b"ZPOPMAX"), self.key(), *count], Rule.NUMBERS

    def _zmpop(self):
        keys = [self.key() for _ in range(self.chance.randrange(1, 3))]
        count = str(len(keys)).encode() if self._maybe(0.9) else self.number()
        options = [b"COUNT", self._one(b"1", b"2", b"0")] if self._maybe(0.4) else []
        return [b"ZMPOP", count, *keys, self._one(b"MIN", b"max", b"MAX", b"UP" if self._maybe(0.1) else b"min"), *options], Rule.NUMBERS

    def _zrangestore(self):
        return [b"ZRANGESTORE", self.key(), self.key(), *self._range_words(scores=self._maybe(0.05))], Rule.EXACT

    def _zsources(self):
        keys = [self.key() for _ in range(self.chance.randrange(1, 4))]
        count = str(len(keys)).encode() if self._maybe(0.93) else self.number()
        return [count, *keys], len(keys)

    def _zoptions(self, count):
        options = []
        if self._maybe(0.4):
            options += [b"WEIGHTS", *(self._one(b"1", b"2", b"0.5", b"-1", b"0", b"inf", b"x" if self._maybe(0.1) else b"1") for _ in range(count))]
        if self._maybe(0.4):
            options += [b"AGGREGATE", self._one(b"SUM", b"min", b"MAX", b"FOO" if self._maybe(0.1) else b"sum")]
        return options

    def _zalgebra(self):
        name = self._one(b"ZUNION", b"ZINTER", b"ZDIFF")
        sources, count = self._zsources()
        options = self._zoptions(count) if name != b"ZDIFF" or self._maybe(0.05) else []
        return [name, *sources, *options, *([b"WITHSCORES"] if self._maybe(0.5) else [])], Rule.NUMBERS

    def _zalgebra_stored(self):
        name = self._one(b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE")
        sources, count = self._zsources()
        options = self._zoptions(count) if name != b"ZDIFFSTORE" or self._maybe(0.05) else []
        return [name, self.key(), *sources, *options], Rule.EXACT

    def _zintercard(self):
        sources, _ = self._zsources()
        return [b"ZINTERCARD", *sources, *([b"LIMIT", self._one(b"0", b"1", b"2", b"-1")] if self._maybe(0.4) else [])], Rule.EXACT

    def _zscan(self):
        return [b"ZSCAN", self.key(), self._one(b"0", b"", b"x", b"+0"), b"COUNT", b"100000"], Rule.WHOLE_PAIR_SCAN

    def _zrandmember(self):
        scores = [b"WITHSCORES"] if self._maybe(0.4) else []
        return [b"ZRANDMEMBER", self.key(), self._one(b"-1", b"-3", b"0", b"x", b"3", b"1000"), *scores], Rule.AS_MANY

    # -- places --------------------------------------------------------------------------------------

    def _longitude(self):
        return b"%.6f" % self.chance.uniform(-181 if self._maybe(0.02) else -10, 12) if self._maybe(0.9) else self._one(b"180", b"-180", b"0", b"x")

    def _latitude(self):
        return b"%.6f" % self.chance.uniform(-10, 90 if self._maybe(0.1) else 12) if self._maybe(0.9) else self._one(b"85.05112878", b"-85.05112878", b"0")

    def _unit(self):
        return self._one(b"m", b"km", b"KM", b"ft", b"mi", b"xx" if self._maybe(0.05) else b"km")

    def _geoadd(self):
        places = []
        for _ in range(self.chance.randrange(1, 8)):
            places += [self._longitude(), self._latitude(), self._zmember()]
        return [b"GEOADD", self.key(), *([self._one(b"NX", b"XX", b"CH")] if self._maybe(0.3) else []), *places], Rule.EXACT

    def _georead(self):
        name = self._one(b"GEOPOS", b"GEOHASH", b"GEODIST")
        members = [self._zmember() for _ in range(2 if name == b"GEODIST" else self.chance.randrange(1, 4))]
        return [name, self.key(), *members, *([self._unit()] if name == b"GEODIST" and self._maybe(0.5) else [])], Rule.EXACT

    def _size(self):
        return self._one(b"0", b"1", b"100", b"500.5", b"1000", b"3000", b"12000", b"-1" if self._maybe(0.1) else b"250")

    def _geo_options(self, stored=False):
        """The closest of several that are equally far are each server's own, so they are not stored."""
        options = []
        if self._maybe(0.4):
            options += [b"COUNT", self._one(b"1", b"2", b"3", b"0" if self._maybe(0.1) else b"5")]
            if stored or self._maybe(0.3):
                options.append(b"ANY")
        elif self._maybe(0.5):
            options.append(self._one(b"ASC", b"DESC"))
        return options

    def _geo_rule(self, words):
        return Rule.AS_MANY if b"COUNT" in words and b"ANY" not in words else Rule.EXACT

    def _geo_words(self, stored=False):
        center = [b"FROMMEMBER", self._zmember()] if self._maybe(0.4) else [b"FROMLONLAT", self._longitude(), self._latitude()]
        shape = [b"BYRADIUS", self._size(), self._unit()] if self._maybe(0.5) else [b"BYBOX", self._size(), self._size(), self._unit()]
        return center + shape + self._geo_options(stored)

    def _with(self):
        return [word for word in (b"WITHDIST", b"WITHCOORD", b"WITHHASH") if self._maybe(0.3)]

    def _geosearch(self):
        words = [*self._geo_words(), *self._with()]
        return [b"GEOSEARCH", self.key(), *words], self._geo_rule(words)

    def _geosearchstore(self):
        return [b"GEOSEARCHSTORE", self.key(), self.key(), *self._geo_words(stored=True)], Rule.EXACT

    def _georadius(self):
        if self._maybe(0.5):
            words = [self._one(b"GEORADIUSBYMEMBER", b"GEORADIUSBYMEMBER_RO"), self.key(), self._zmember()]
        else:
            words = [self._one(b"GEORADIUS", b"GEORADIUS_RO"), self.key(), self._longitude(), self._latitude()]
        stored = self._maybe(0.3)
        words += [self._size(), self._unit(), *self._geo_options(stored)]
        words += [b"STORE", self.key()] if stored else self._with()
        return words, self._geo_rule(words)
