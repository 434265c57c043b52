// ioredis 6 in RESP3, its default: the client of most Node.js job queues and session stores.

import Redis from 'ioredis';
import { ask, assert, check, finish, isRedis, port, waitUntil } from './checks.mjs';

// A client that is closed when the check ends. Errors of its connection are the check's business.
function connect(defer, options = {}) {
  const redis = new Redis({ port, host: '127.0.0.1', protocol: 3, ...options });
  redis.on('error', () => {});
  defer(() => redis.disconnect());
  return redis;
}

await check('connects in RESP3 and finds the server ready (HELLO, CLIENT SETINFO, INFO)', async (defer) => {
  const redis = connect(defer, { connectionName: 'web-1' });
  await new Promise((resolve, reject) => redis.once('ready', resolve).once('error', reject));
  assert.equal(redis.status, 'ready');
  const info = await redis.call('CLIENT', 'INFO');
  assert.match(info, / resp=3( |\n|$)/);
  assert.match(info, / name=web-1 /);
  if (!isRedis) assert.match(info, / lib-name=ioredis/);
});

await check('strings, counters and TTLs; no RESP3 type leaks into ordinary replies', async (defer) => {
  const redis = connect(defer);
  await redis.flushall();
  assert.equal(await redis.set('k', 'v', 'EX', 100, 'NX'), 'OK');
  assert.equal(await redis.set('k', 'w', 'NX'), null);
  assert.equal(await redis.get('k'), 'v');
  assert.equal(await redis.get('missing'), null);
  assert.deepEqual(await redis.mget('k', 'missing'), ['v', null]);
  assert.equal(await redis.incrby('n', 5), 5);
  assert.equal(await redis.incrbyfloat('f', 0.5), '0.5');
  const ttl = await redis.ttl('k');
  assert.ok(ttl > 0 && ttl <= 100);
  assert.equal(await redis.set('k', 'x', 'KEEPTTL', 'GET'), 'v');
  assert.ok((await redis.pttl('k')) > 0);
  assert.equal(await redis.getex('k', 'PERSIST'), 'x');
  assert.equal(await redis.ttl('k'), -1);
  assert.equal(await redis.getdel('k'), 'x');
  const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  await redis.set(binary, binary);
  assert.ok((await redis.getBuffer(binary)).equals(binary));
  await assert.rejects(redis.incr(binary), /not an integer/);
});

await check('a pipeline of 5000 commands answers in order, an error in its place', async (defer) => {
  const redis = connect(defer);
  await redis.flushall();
  const pipeline = redis.pipeline();
  for (let i = 0; i < 2500; i += 1) pipeline.set(`p:${i}`, i).get(`p:${i}`);
  pipeline.incr('p:1', 'too', 'many').get('p:2');
  const replies = await pipeline.exec();
  assert.equal(replies.length, 5002);
  for (let i = 0; i < 2500; i += 1) {
    assert.deepEqual(replies[2 * i], [null, 'OK']);
    assert.deepEqual(replies[2 * i + 1], [null, String(i)]);
  }
  assert.match(replies[5000][0].message, /wrong number of arguments/);
  assert.deepEqual(replies[5001], [null, '2']);
});

await check('automatic pipelining of concurrent commands', async (defer) => {
  const redis = connect(defer, { enableAutoPipelining: true });
  await Promise.all(Array.from({ length: 500 }, (_, i) => redis.set(`auto:${i}`, i)));
  const values = await Promise.all(Array.from({ length: 500 }, (_, i) => redis.get(`auto:${i}`)));
  assert.deepEqual(values, Array.from({ length: 500 }, (_, i) => String(i)));
});

await check('MULTI with a result each, EXECABORT, DISCARD', async (defer) => {
  const redis = connect(defer);
  await redis.flushall();
  const replies = await redis.multi().set('a', '1').incr('a').get('a').incr('b').exec();
  assert.deepEqual(replies, [[null, 'OK'], [null, 2], [null, '2'], [null, 1]]);
  const failing = await redis.multi().set('s', 'text').incr('s').get('s').exec();
  assert.match(failing[1][0].message, /not an integer/);
  assert.deepEqual(failing[2], [null, 'text']);
  await assert.rejects(redis.multi().set('a').exec(), /EXECABORT/);
  await redis.multi({ pipeline: false });
  assert.equal(await redis.set('a', '9'), 'QUEUED');
  assert.equal(await redis.discard(), 'OK');
  assert.equal(await redis.get('a'), '2');
});

await check('WATCH: a transaction on a touched key is null, on an untouched one runs', async (defer) => {
  const redis = connect(defer);
  const other = connect(defer);
  await redis.set('stock', '5');
  await redis.watch('stock');
  await other.decr('stock');
  assert.equal(await redis.multi().set('stock', '100').exec(), null);
  await redis.watch('stock');
  assert.deepEqual(await redis.multi().decr('stock').exec(), [[null, 3]]);
});

await check('defineCommand: scripts as commands, loaded when they are missing, in pipelines and MULTI', async (defer) => {
  const redis = connect(defer, {
    scripts: { echoTwice: { numberOfKeys: 1, lua: 'return {KEYS[1], ARGV[1], ARGV[1]}' } },
  });
  await redis.flushall();
  redis.defineCommand('addTo', {
    numberOfKeys: 1,
    lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
  });
  assert.equal(await redis.addTo('n', 5), 5);
  assert.equal(await redis.addTo('n', 5), 10);
  await redis.script('FLUSH');
  assert.equal(await redis.addTo('n', 1), 11);
  assert.deepEqual(await redis.echoTwice('k', 'a'), ['k', 'a', 'a']);
  const results = await redis.pipeline().addTo('n', 1).get('n').echoTwice('k', 'b').exec();
  assert.deepEqual(results, [[null, 12], [null, '12'], [null, ['k', 'b', 'b']]]);
  const transaction = await redis.multi().addTo('n', 1).get('n').exec();
  assert.deepEqual(transaction, [[null, 13], [null, '13']]);
  // What is missing in a pipeline is sent again behind it.
  await redis.script('FLUSH');
  const missing = await redis.pipeline().addTo('n', 1).get('n').echoTwice('k', 'c').exec();
  assert.deepEqual([missing[0], missing[2]], [[null, 14], [null, ['k', 'c', 'c']]]);
  await assert.rejects(redis.eval('return x', 0), /nonexistent global variable 'x'/);
  await assert.rejects(redis.eval("return redis.call('INCR', 'k', 1)", 0), /Wrong number of args/);
});

await check('scanStream and scan find every key once, with match and count', async (defer) => {
  const redis = connect(defer);
  await redis.flushall();
  await redis.mset(Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`${i % 5 ? 'user' : 'item'}:${i}`, i])));
  const found = [];
  for await (const keys of redis.scanStream({ match: 'item:*', count: 100 })) found.push(...keys);
  assert.equal(new Set(found).size, 300);
  const typed = [];
  for await (const keys of redis.scanStream({ type: 'hash' })) typed.push(...keys);
  assert.deepEqual(typed, []);
});

await check('CONFIG GET and INFO have the shapes of RESP3', async (defer) => {
  const redis = connect(defer);
  const config = await redis.config('GET', 'maxmemory-policy');
  const entries = Array.isArray(config) ? config : Object.entries(config).flat();
  assert.deepEqual(entries, ['maxmemory-policy', 'noeviction']);
  assert.match(await redis.info('server'), /redis_version:7\./);
  assert.equal(await redis.client('SETNAME', 'named'), 'OK');
  assert.match(await redis.client('LIST'), / name=named /);
});

await check('subscriber: channels, patterns, two dialects, resubscribing after a restart', async (defer) => {
  for (const protocol of [2, 3]) {
    const subscriber = connect(defer, { protocol });
    const publisher = connect(defer);
    const heard = [];
    subscriber.on('message', (channel, message) => heard.push([channel, message]));
    subscriber.on('pmessage', (pattern, channel, message) => heard.push([pattern, channel, message]));
    assert.equal(await subscriber.subscribe('news', 'sport'), 2);
    assert.equal(await subscriber.psubscribe('s*'), 3);
    assert.equal(await publisher.publish('news', 'one'), 1);
    assert.equal(await publisher.publish('sport', 'two'), 2);
    await waitUntil(() => heard.length === 3, 'three messages');
    assert.deepEqual(heard, [['news', 'one'], ['sport', 'two'], ['s*', 'sport', 'two']]);
    await subscriber.unsubscribe('sport');
    assert.deepEqual(await publisher.pubsub('NUMSUB', 'news', 'sport'), ['news', 1, 'sport', 0]);
    await ask('restart');
    await waitUntil(async () => (await publisher.publish('news', 'again')) === 1, 'the subscription to come back');
    await waitUntil(() => heard.some(([, message]) => message === 'again'), 'a message after the restart');
    await subscriber.quit();
    await waitUntil(async () => (await publisher.publish('news', 'nobody')) === 0, 'the subscriber to leave');
  }
});

await check('CLIENT TRACKING: invalidations are pushes', async (defer) => {
  const redis = connect(defer);
  const other = connect(defer);
  const { socket } = await new Promise((resolve) => redis.once('ready', () => resolve({ socket: redis.stream })));
  let seen = '';
  socket.on('data', (data) => { seen += data.toString('latin1'); });
  assert.equal(await redis.client('TRACKING', 'ON'), 'OK');
  assert.equal(await redis.get('cached'), null);
  await other.set('cached', '1');
  await waitUntil(() => seen.includes('>2\r\n$10\r\ninvalidate\r\n*1\r\n$6\r\ncached\r\n'), 'the invalidation');
  assert.equal(await redis.get('cached'), '1');
});

await check('db and keyPrefix: two applications share a server without seeing each other', async (defer) => {
  const one = connect(defer, { db: 1, keyPrefix: 'one:' });
  const two = connect(defer, { db: 2 });
  await one.set('k', '1');
  assert.equal(await two.get('one:k'), null);
  await two.select(1);
  assert.equal(await two.get('one:k'), '1');
  assert.equal(await one.dbsize(), 1);
});

await check('a password: accepted, refused, missing', async (defer) => {
  const secured = await ask('secured');
  const right = connect(defer, { port: secured.port, password: secured.password });
  assert.equal(await right.set('k', 'v'), 'OK');
  const named = connect(defer, { port: secured.port, username: 'default', password: secured.password });
  assert.equal(await named.get('k'), 'v');
  for (const password of ['wrong', undefined]) {
    const refused = connect(defer, { port: secured.port, password, maxRetriesPerRequest: 0, retryStrategy: null });
    await assert.rejects(refused.get('k'), /WRONGPASS|NOAUTH|closed|ended/i);
  }
});

await check('RESP2 on request: the same replies', async (defer) => {
  const redis = connect(defer, { protocol: 2 });
  assert.equal(await redis.set('k', 'v'), 'OK');
  assert.deepEqual(await redis.mget('k', 'missing'), ['v', null]);
  assert.match(await redis.call('CLIENT', 'INFO'), / resp=2( |\n|$)/);
  assert.deepEqual(await redis.multi().get('k').exec(), [[null, 'v']]);
});

await check('a killed connection comes back with its name and database', async (defer) => {
  const redis = connect(defer, { connectionName: 'phoenix', db: 3 });
  const admin = connect(defer);
  await redis.set('k', 'before');
  const id = await redis.client('ID');
  assert.equal(await admin.client('KILL', 'ID', id), 1);
  await waitUntil(async () => (await redis.client('ID')) > id, 'a new connection');
  assert.equal(await redis.get('k'), 'before');
  assert.match(await redis.client('INFO'), / name=phoenix .* db=3 /);
});

await check('after a restart of the server: reconnects and sends what was asked meanwhile', async (defer) => {
  const redis = connect(defer, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  await redis.set('k', 'v');
  assert.equal((await ask('stop')).status, 0);
  await waitUntil(() => redis.status !== 'ready', 'the client to notice');
  const waiting = redis.set('asked', 'meanwhile');
  await ask('start');
  assert.equal(await waiting, 'OK');
  assert.equal(await redis.get('asked'), 'meanwhile');
  assert.match(await redis.client('INFO'), / resp=3( |\n|$)/);
});

finish();
