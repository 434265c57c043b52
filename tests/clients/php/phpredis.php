<?php
// phpredis, the extension that PHP's frameworks keep their caches with.

require __DIR__ . '/checks.php';

check('strings, counters, bits and deadlines', function () {
    $r = connect();
    equal($r->set('k', "bin\0\r\n\xff"), true);
    equal($r->get('k'), "bin\0\r\n\xff");
    equal($r->get('nothing'), false);
    equal($r->set('k', '1', ['nx', 'ex' => 100]), false);
    equal($r->set('k', '1', ['xx', 'px' => 90000]), true);
    ensure($r->ttl('k') > 80 && $r->pttl('k') <= 90000, 'TTL');
    equal([$r->incr('k'), $r->incrBy('k', 40), $r->decr('k'), $r->decrBy('k', 2)], [2, 42, 41, 39]);
    equal($r->incrByFloat('f', 1.5) + $r->incrByFloat('f', 0.25), 3.25);
    equal([$r->append('s', 'Hello'), $r->append('s', ' World'), $r->strlen('s')], [5, 11, 11]);
    equal([$r->getRange('s', 0, 4), $r->setRange('s', 6, 'Redis'), $r->getSet('s', 'x')], ['Hello', 11, 'Hello Redis']);
    equal($r->mset(['a' => '1', 'b' => '2']), true);
    equal($r->mget(['a', 'missing', 'b']), ['1', false, '2']);
    equal($r->msetnx(['b' => '3', 'c' => '4']), false);
    equal([$r->setBit('bits', 7, true), $r->getBit('bits', 7), $r->bitcount('bits'), $r->bitpos('bits', 1)], [0, 1, 1, 7]);
    equal([$r->bitop('OR', 'both', 'bits', 'bits'), $r->get('both')], [1, "\x01"]);
    equal([$r->setex('t', 50, 'v'), $r->persist('t'), $r->ttl('t'), $r->ttl('gone')], [true, true, -1, -2]);
    equal([$r->expireAt('t', time() + 100), $r->pexpire('t', 30)], [true, true]);
    waitUntil(fn () => $r->exists('t') === 0, 'the key to expire');
    equal([$r->exists('a', 'b', 'gone'), $r->del('a', 'gone'), $r->unlink(['b'])], [2, 1, 1]);
    equal([$r->type('k'), $r->type('gone')], [Redis::REDIS_STRING, Redis::REDIS_NOT_FOUND]);
    equal([$r->rename('k', 'k2'), $r->renameNx('k2', 's'), $r->dbSize() > 3], [true, false, true]);
    equal([$r->select(4), $r->dbSize(), $r->set('x', '1'), $r->move('x', 5), $r->select(5), $r->get('x')],
        [true, 0, true, true, true, '1']);
});

check('lists, from both ends and in the middle; waiting for an element', function () {
    $r = connect();
    equal([$r->rPush('l', 'b', 'c'), $r->lPush('l', 'a'), $r->rPushx('no', 'x'), $r->lLen('l')], [2, 3, 0, 3]);
    equal($r->lRange('l', 0, -1), ['a', 'b', 'c']);
    equal([$r->lInsert('l', Redis::AFTER, 'b', 'b2'), $r->lIndex('l', 2), $r->lSet('l', 0, 'A')], [4, 'b2', true]);
    equal([$r->lRem('l', 'b2', 0), $r->lTrim('l', 0, 1), $r->lRange('l', 0, -1)], [1, true, ['A', 'b']]);
    equal([$r->lPop('l'), $r->rPop('l'), $r->lPop('l'), $r->exists('l')], ['A', 'b', false, 0]);
    $r->rPush('from', '1', '2');
    equal([$r->rpoplpush('from', 'to'), $r->brpoplpush('from', 'to', 1), $r->lRange('to', 0, -1)], ['2', '1', ['1', '2']]);
    equal([$r->blPop(['none', 'to'], 1), $r->brPop('to', 1), $r->blPop('to', 1)], [['to', '1'], ['to', '2'], []]);
});

check('sets and what is made of several', function () {
    $r = connect();
    equal([$r->sAdd('a', '1', '2', '3'), $r->sAddArray('b', ['2', '3', '4']), $r->sAdd('a', '1')], [3, 3, 0]);
    equal([sorted($r->sInter('a', 'b')), sorted($r->sUnion('a', 'b')), $r->sDiff('a', 'b')],
        [['2', '3'], ['1', '2', '3', '4'], ['1']]);
    equal([$r->sInterStore('i', 'a', 'b'), $r->sUnionStore('u', 'a', 'b'), $r->sDiffStore('d', 'a', 'b')], [2, 4, 1]);
    equal([$r->sIsMember('a', '2'), $r->sMisMember('a', '2', '9'), $r->scard('u')], [true, [1, 0], 4]);
    equal([$r->sMove('a', 'd', '2'), sorted($r->sMembers('d')), $r->sRem('d', '1', '9')], [true, ['1', '2'], 1]);
    ensure(in_array($r->sPop('u'), ['1', '2', '3', '4'], true), 'SPOP');
    equal([count($r->sRandMember('u', 2)), count($r->sPop('u', 3)), $r->exists('u')], [2, 3, 0]);
});

check('hashes', function () {
    $r = connect();
    equal([$r->hSet('h', 'name', 'Ada'), $r->hSet('h', 'name', 'Grace'), $r->hSetNx('h', 'name', 'x')], [1, 0, false]);
    equal([$r->hMSet('h', ['age' => 36, 'city' => 'London']), $r->hLen('h')], [true, 3]);
    equal($r->hMGet('h', ['name', 'none', 'age']), ['name' => 'Grace', 'none' => false, 'age' => '36']);
    equal($r->hGetAll('h'), ['name' => 'Grace', 'age' => '36', 'city' => 'London']);
    equal([$r->hIncrBy('h', 'age', 1), $r->hIncrByFloat('h', 'f', 0.5), $r->hStrLen('h', 'city')], [37, 0.5, 6]);
    equal([$r->hExists('h', 'f'), $r->hDel('h', 'f', 'none'), $r->hExists('h', 'f')], [true, 1, false]);
    equal([$r->hKeys('h'), $r->hVals('h')], [['name', 'age', 'city'], ['Grace', '37', 'London']]);
});

check('sorted sets, places and HyperLogLogs', function () {
    $r = connect();
    equal($r->zAdd('z', 1, 'a', 2, 'b', 3, 'c'), 3);
    equal([$r->zAdd('z', ['NX'], 9, 'a'), $r->zAdd('z', ['XX', 'CH'], 1.5, 'a'), $r->zIncrBy('z', 2, 'a')], [0, 1, 3.5]);
    equal($r->zRange('z', 0, -1, true), ['b' => 2.0, 'c' => 3.0, 'a' => 3.5]);
    equal($r->zRevRange('z', 0, 0), ['a']);
    equal($r->zRangeByScore('z', '(2', '+inf', ['withscores' => true, 'limit' => [1, 1]]), ['a' => 3.5]);
    equal($r->zRevRangeByScore('z', 3, '-inf'), ['c', 'b']);
    equal([$r->zRank('z', 'c'), $r->zRevRank('z', 'c'), $r->zRank('z', 'none'), $r->zScore('z', 'c')], [1, 1, false, 3.0]);
    equal([$r->zCount('z', 2, 3), $r->zCard('z'), $r->zRem('z', 'c', 'none')], [2, 3, 1]);
    equal([$r->zAdd('w', 10, 'b'), $r->zUnionStore('u', ['z', 'w'], [1, 2], 'SUM'), $r->zScore('u', 'b')], [1, 2, 22.0]);
    equal([$r->zInterStore('i', ['z', 'w']), $r->zRange('i', 0, -1, true)], [1, ['b' => 12.0]]);
    $r->zAdd('lex', 0, 'a', 0, 'b', 0, 'c', 0, 'd');
    equal([$r->zRangeByLex('lex', '[b', '(d'), $r->zLexCount('lex', '-', '+'), $r->zRemRangeByLex('lex', '-', '[a')],
        [['b', 'c'], 4, 1]);
    equal([$r->zPopMax('lex'), $r->zPopMin('lex', 2)], [['d' => 0.0], ['b' => 0.0, 'c' => 0.0]]);
    equal([$r->bzPopMin(['none', 'z'], 1), $r->bzPopMax('none', 1)], [['z', 'b', '2'], []]);
    equal([$r->zRemRangeByRank('z', 0, 0), $r->zRemRangeByScore('u', 20, 30), $r->exists('z')], [1, 1, 0]);

    equal($r->geoAdd('g', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
    equal(round($r->geoDist('g', 'Palermo', 'Catania', 'km'), 1), 166.3);
    equal([$r->geoHash('g', 'Palermo'), $r->geoRadius('g', 15, 37, 100, 'km')], [['sqc8b49rny0'], ['Catania']]);
    equal(round((float) $r->geoPos('g', 'Palermo')[0][0], 3), 13.361);
    equal([$r->pfAdd('p', ['a', 'b', 'c']), $r->pfCount('p'), $r->pfMerge('q', ['p']), $r->pfCount('q')], [1, 3, true, 3]);
});

check('streams and their groups', function () {
    $r = connect();
    $first = $r->xAdd('s', '*', ['n' => '1', 'text' => 'one']);
    $second = $r->xAdd('s', '*', ['n' => '2'], 100, true);
    equal([$r->xLen('s'), $r->xRange('s', '-', '+', 1)], [2, [$first => ['n' => '1', 'text' => 'one']]]);
    equal($r->xRead(['s' => $first]), ['s' => [$second => ['n' => '2']]]);
    equal([$r->xGroup('CREATE', 's', 'g', '0'), $r->xReadGroup('g', 'ada', ['s' => '>'], 1)],
        [true, ['s' => [$first => ['n' => '1', 'text' => 'one']]]]);
    equal($r->xPending('s', 'g'), [1, $first, $first, [['ada', '1']]]);
    equal(array_keys($r->xClaim('s', 'g', 'bob', 0, [$first], ['FORCE'])), [$first]);
    equal([$r->xAck('s', 'g', [$first]), $r->xPending('s', 'g')[0], $r->xDel('s', [$first]), $r->xTrim('s', 0)], [1, 0, 1, 1]);
    equal([$r->xInfo('STREAM', 's')['length'], $r->xInfo('GROUPS', 's')[0]['name']], [0, 'g']);
});

check('a pipeline of 3000 requests and a large value', function () {
    $r = connect();
    $pipe = $r->pipeline();
    for ($i = 0; $i < 1000; $i += 1) {
        $pipe->set("k$i", "v$i")->incr('n')->get("k$i");
    }
    $replies = $pipe->exec();
    equal(count($replies), 3000);
    equal(array_slice($replies, -3), [true, 1000, 'v999']);
    $large = random_bytes(8 << 20);
    $r->set('large', $large);
    ensure($r->get('large') === $large, '8 MiB came back different');
});

check('MULTI and EXEC, errors within, WATCH that fails', function () {
    $r = connect();
    equal($r->multi()->set('a', '1')->incr('a')->lPush('a', 'x')->get('a')->exec(), [true, 2, false, '2']);
    $r->watch('a');
    connect()->set('a', '10');
    equal($r->multi()->set('a', '20')->exec(), false);
    $r->watch(['a', 'b']);
    equal([$r->unwatch(), $r->get('a')], [true, '10']);
    $r->multi()->set('a', '30');
    equal([$r->discard(), $r->get('a')], [true, '10']);
});

check('scans find every key and every part, with patterns', function () {
    $r = connect();
    $r->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $pairs = $parts = [];
    for ($i = 0; $i < 1000; $i += 1) {
        $pairs[($i % 10 ? 'user:' : 'item:') . $i] = 'x';
        $parts["f$i"] = (string) $i;
    }
    $r->mset($pairs);
    $found = [];
    for ($cursor = null; ($keys = $r->scan($cursor, 'item:*', 50)) !== false;) {
        array_push($found, ...$keys);
    }
    equal(sorted(array_unique($found)), sorted(array_values(preg_grep('/^item:/', array_keys($pairs)))));
    equal(count($r->keys('user:*')), 900);
    $r->hMSet('h', $parts);
    $r->sAddArray('s', array_keys($parts));
    $r->zAdd('z', ...array_merge(...array_map(fn ($f, $n) => [(int) $n, $f], array_keys($parts), $parts)));
    $hash = $members = $scores = [];
    for ($cursor = null; ($some = $r->hScan('h', $cursor, null, 100)) !== false;) {
        $hash += $some;
    }
    for ($cursor = null; ($some = $r->sScan('s', $cursor, 'f9*', 100)) !== false;) {
        array_push($members, ...$some);
    }
    for ($cursor = null; ($some = $r->zScan('z', $cursor)) !== false;) {
        $scores += $some;
    }
    ksort($hash) && ksort($parts);
    equal($hash, $parts);
    equal(count(array_unique($members)), 111);
    equal([count($scores), $scores['f999']], [1000, 999.0]);
});

check('scripts: by text, by hash, with errors', function () {
    $r = connect();
    equal($r->eval('return {KEYS[1], ARGV[1], 3, false, {"deep"}}', ['k', 'v'], 1), ['k', 'v', 3, false, ['deep']]);
    $script = 'redis.call("SET", KEYS[1], ARGV[1]) return redis.call("STRLEN", KEYS[1])';
    $sha = $r->script('load', $script);
    equal([$sha, $r->script('exists', $sha, str_repeat('0', 40))], [sha1($script), [1, 0]]);
    equal($r->evalSha($sha, ['key', 'four'], 1), 4);
    equal([$r->evalSha(str_repeat('0', 40)), preg_match('/^NOSCRIPT /', $r->getLastError())], [false, 1]);
    raises('/^MINE text$/', fn () => $r->eval('return redis.error_reply("MINE text")'));
});

check('serialisers and a prefix: values and keys come back as they went', function () {
    $value = ['n' => 1, 'f' => 1.5, 'list' => [true, null, 'ünï'], 'deep' => ['x' => ['y' => 'z']]];
    foreach ([Redis::SERIALIZER_PHP, Redis::SERIALIZER_JSON, Redis::SERIALIZER_IGBINARY] as $serializer) {
        $r = connect();
        $r->setOption(Redis::OPT_SERIALIZER, $serializer);
        $r->setOption(Redis::OPT_PREFIX, "app$serializer:");
        $r->set('k', $value);
        $r->hSet('h', 'f', $value);
        $r->rPush('l', $value, 'text');
        equal([$r->get('k'), $r->hGet('h', 'f'), $r->lRange('l', 0, -1)], [$value, $value, [$value, 'text']]);
        equal($r->mget(['k', 'none']), [$value, false]);
        equal(sorted(connect()->keys("app$serializer:*")), ["app$serializer:h", "app$serializer:k", "app$serializer:l"]);
    }
});

check('messages on channels and patterns, to a process that listens for ever', function () {
    $child = pcntl_fork();
    if ($child === 0) {
        $heard = connect();
        connect()->psubscribe(['news.*', 'end'], function ($redis, ...$what) use ($heard) {
            $heard->rPush('heard', json_encode($what));
        });
    }
    try {
        $r = connect();
        waitUntil(fn () => $r->pubsub('numpat') === 2, 'the listener');
        equal([$r->publish('news.1', 'first'), $r->publish('other', 'x'), $r->publish('end', "\u{1f5dd}")], [1, 0, 1]);
        waitUntil(fn () => $r->lLen('heard') === 2, 'two messages');
        equal(array_map(fn ($line) => json_decode($line), $r->lRange('heard', 0, -1)),
            [['news.*', 'news.1', 'first'], ['end', 'end', "\u{1f5dd}"]]);
    } finally {
        posix_kill($child, SIGKILL);
        pcntl_waitpid($child, $status);
    }
});

check('errors, passwords and settings', function () {
    $r = connect();
    $r->set('k', 'text');
    equal([$r->lPush('k', 'x'), rtrim($r->getLastError(), "\0")],
        [false, 'WRONGTYPE Operation against a key holding the wrong kind of value']);
    $secured = ask('secured');
    raises('/NOAUTH/', fn () => connect($secured['port'])->get('k'));
    $other = connect($secured['port']);
    raises('/WRONGPASS/', fn () => $other->auth('wrong'));
    equal([$other->auth($secured['password']), $other->set('k', 'v')], [true, true]);
    equal(connect($secured['port'])->auth(['default', $secured['password']]), true);
    equal([$r->ping(), $r->ping('hello'), $r->echo('x')], [true, 'hello', 'x']);
    ensure(abs($r->time()[0] - time()) <= 1, 'TIME');
    equal($r->config('GET', 'maxmemory-policy'), ['maxmemory-policy' => 'noeviction']);
    ensure(str_starts_with($r->info('server')['redis_version'], '7.'), 'INFO');
    equal([$r->client('setname', 'php'), $r->client('getname')], [true, 'php']);
    ensure(in_array('php', array_column($r->client('list'), 'name'), true), 'CLIENT LIST');
    $r->set('o', '12345');
    equal([$r->object('encoding', 'o'), $r->object('refcount', 'o')], ['int', 1]);
    $dump = $r->dump('o');
    equal([$r->restore('copy', 0, $dump), $r->get('copy'), $r->rawCommand('STRLEN', 'copy')], [true, '12345', 5]);
});

check('persistent connections are used again and come back after a restart', function () {
    global $port;
    $open = function () use ($port): Redis {
        $redis = new Redis();
        $redis->pconnect('127.0.0.1', (int) $port, 5);
        return $redis;
    };
    $r = $open();
    $id = $r->rawCommand('CLIENT', 'ID');
    unset($r);
    equal($open()->rawCommand('CLIENT', 'ID'), $id);
    equal(ask('restart')['status'], 0);
    equal($open()->set('k', 'v'), true);
});

finish();
