from suites import redis_benchmark, redis_cli
ALL_SUITES=[redis_cli.suite, redis_benchmark.suite]
