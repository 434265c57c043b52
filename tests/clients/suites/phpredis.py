"""phpredis; the checks are in php/phpredis.php."""

from harness.programs import program_suite

suite = program_suite(
    "phpredis",
    "phpredis: every type, pipelines, transactions, scans, scripts, serialisers, messages",
    ["php", "-d", "memory_limit=256M"],
    "php/phpredis.php",
)
