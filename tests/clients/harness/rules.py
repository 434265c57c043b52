"""How two replies to the same request are compared."""

import enum


class Rule(enum.Enum):
    EXACT = "byte for byte"
    UNORDERED = "the same elements in any order"
    TIME = "points in time and times to live: the same but for the time between two servers"
    WHOLE_SCAN = "the same keys in any order, if the cursor says that these are all"
    PART_OF_SCAN = "errors byte for byte; cursors and how much one call finds are each server's own"
    RANDOM_KEY = "a key or none"
    NUMBERS = "numbers that are the same, in however many digits; all else byte for byte"
    WHOLE_PAIR_SCAN = "as WHOLE_SCAN, of members with their scores"
    PAIRS = "the same fields with the same values, in any order"
    AS_MANY = "as many elements"
    DUMP = "byte for byte; of lists the type only, for each server divides them as it likes; of large sets in any order"
