<?php
// The PHP side of harness/programs.py: checks are said on stdout, one line of JSON each.

declare(strict_types=1);
error_reporting(E_ALL);
set_error_handler(function (int $kind, string $text, string $file, int $line): bool {
    throw new ErrorException($text, 0, $kind, $file, $line);
});

[, $port, $kind] = $argv;
$checks = 0;

function say(array $message): void
{
    fwrite(STDOUT, json_encode($message, JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR) . "\n");
}

// Asks the harness to "stop", "start" or "restart" the server, or for a "secured" one.
function ask(string $question): array
{
    say(['ask' => $question]);
    return json_decode(fgets(STDIN), true);
}

function check(string $title, callable $body): void
{
    global $checks;
    $checks += 1;
    try {
        connect()->flushAll();
        $body();
        say(['check' => $title, 'ok' => true]);
    } catch (Throwable $problem) {
        $place = basename($problem->getFile()) . ':' . $problem->getLine();
        foreach ($problem->getTrace() as $frame) {
            if (($frame['file'] ?? __FILE__) !== __FILE__) {
                $place = basename($frame['file']) . ':' . $frame['line'];
                break;
            }
        }
        say(['check' => $title, 'ok' => false, 'why' => get_class($problem) . " at $place: {$problem->getMessage()}"]);
    }
}

function equal(mixed $got, mixed $want, string $what = ''): void
{
    if ($got !== $want) {
        throw new LogicException("$what: got " . var_export($got, true) . ', not ' . var_export($want, true));
    }
}

function ensure(bool $condition, string $what): void
{
    if (!$condition) {
        throw new LogicException($what);
    }
}

function raises(string $pattern, callable $body): void
{
    try {
        $body();
    } catch (RedisException $problem) {
        ensure(preg_match($pattern, $problem->getMessage()) === 1, $problem->getMessage());
        return;
    }
    throw new LogicException("no RedisException like $pattern");
}

function sorted(array $values): array
{
    sort($values);
    return $values;
}

// Polls until `condition()` gives something true and returns it.
function waitUntil(callable $condition, string $what): mixed
{
    $end = microtime(true) + 15;
    while (!($value = $condition())) {
        ensure(microtime(true) < $end, "waited in vain: $what");
        usleep(10000);
    }
    return $value;
}

function connect(?int $at = null): Redis
{
    global $port;
    $redis = new Redis();
    $redis->connect('127.0.0.1', $at ?? (int) $port, 5, null, 0, 20);
    return $redis;
}

function finish(): never
{
    global $checks;
    say(['done' => $checks]);
    exit(0);
}
