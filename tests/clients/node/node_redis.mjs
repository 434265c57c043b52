// node-redis 6 in RESP3, its default: what connect-redis and many caches stand on.

import { BasicClientSideCache, createClient, createClientPool } from 'redis';
import { ask, assert, check, finish, isRedis, port, waitUntil } from './checks.mjs';

// A connected client that is closed when the check ends.
async function connect(defer, options = {}) {
  const { at = port, ...rest } = options;
  const client = createClient({ url: `redis://127.0.0.1:${at}`, RESP: 3, ...rest });
  client.on('error', () => {});
  defer(() => client.destroy());
  await client.connect();
  return client;
}

await check('the handshake: HELLO 3 with a name, CLIENT SETINFO, MAINT_NOTIFICATIONS refused', async (defer) => {
  const client = await connect(defer, { name: 'web-1', database: 2, maintNotifications: 'auto' });
  const info = await client.sendCommand(['CLIENT', 'INFO']);
  assert.match(info, / resp=3( |\n|$)/);
  assert.match(info, / name=web-1 /);
  assert.match(info, / db=2 /);
  if (!isRedis) assert.match(info, / lib-name=node-redis/);
  assert.equal(await client.ping(), 'PONG');
});

await check('SET with its options, and the values that come back', async (defer) => {
  const client = await connect(defer);
  await client.flushAll();
  assert.equal(await client.set('k', '1', { condition: 'NX', expiration: { type: 'EX', value: 100 } }), 'OK');
  assert.equal(await client.set('k', '2', { condition: 'NX' }), null);
  assert.equal(await client.set('missing', '2', { condition: 'XX' }), null);
  assert.equal(await client.set('k', '3', { GET: true, expiration: 'KEEPTTL' }), '1');
  const ttl = await client.ttl('k');
  assert.ok(ttl > 0 && ttl <= 100);
  await client.set('k', '4', { expiration: { type: 'PXAT', value: 4000000000123 } });
  assert.equal(await client.pExpireTime('k'), 4000000000123);
  await client.set('k', '5');
  assert.equal(await client.ttl('k'), -1);
  assert.equal(await client.getEx('k', { type: 'PX', value: 50000 }), '5');
  assert.ok((await client.pTTL('k')) > 0);
  assert.equal(await client.getDel('k'), '5');
  assert.equal(await client.get('k'), null);
});

await check('SET IFEQ through a raw command', async (defer) => {
  const client = await connect(defer);
  await client.set('k', 'old');
  if (isRedis) {
    await assert.rejects(client.sendCommand(['SET', 'k', 'new', 'IFEQ', 'old']), /syntax error/);
  } else {
    assert.equal(await client.sendCommand(['SET', 'k', 'new', 'IFEQ', 'other']), null);
    assert.equal(await client.sendCommand(['SET', 'k', 'new', 'IFEQ', 'old']), 'OK');
    assert.equal(await client.get('k'), 'new');
  }
});

await check('numbers, ranges and several keys at once', async (defer) => {
  const client = await connect(defer);
  await client.flushAll();
  assert.deepEqual([await client.incr('n'), await client.incrBy('n', 41), await client.decrBy('n', 2)], [1, 42, 40]);
  assert.equal(Number(await client.incrByFloat('f', 10.5)), 10.5);
  assert.equal(await client.append('s', 'hello world'), 11);
  assert.equal(await client.getRange('s', -5, -1), 'world');
  assert.equal(await client.setRange('s', 6, 'there'), 11);
  await client.mSet({ a: '1', b: '2' });
  assert.deepEqual(await client.mGet(['a', 'missing', 'b']), ['1', null, '2']);
  assert.equal(await client.mSetNX({ b: '3', c: '3' }), 0);
  assert.equal(await client.exists(['a', 'b', 'c']), 2);
  assert.equal(await client.unlink(['a', 'b']), 2);
  assert.equal(await client.expire('n', 100, 'NX'), 1);
  assert.equal(await client.expire('n', 50, 'GT'), 0);
});

await check('commands of one tick go out as one pipeline and answer in order', async (defer) => {
  const client = await connect(defer);
  const replies = await Promise.all(
    Array.from({ length: 3000 }, (_, i) => [client.set(`p:${i}`, String(i)), client.get(`p:${i}`)]).flat(),
  );
  for (let i = 0; i < 3000; i += 1) assert.deepEqual(replies.slice(2 * i, 2 * i + 2), ['OK', String(i)]);
  const many = await client.multi().set('x', '1').get('x').incr('x').execAsPipeline();
  assert.deepEqual(many, ['OK', '1', 2]);
});

await check('multi().exec(): results, errors in their places, abort', async (defer) => {
  const client = await connect(defer);
  await client.flushAll();
  assert.deepEqual(await client.multi().set('a', '1').incr('a').mGet(['a', 'b']).exec(), ['OK', 2, ['2', null]]);
  const failing = await client.multi().set('s', 'text').incr('s').get('s').exec().catch((error) => error);
  assert.match(String(failing.replies?.[1] ?? failing), /not an integer/);
  assert.equal(await client.get('s'), 'text');
  await assert.rejects(client.multi().addCommand(['NO-SUCH-COMMAND']).set('a', '9').exec(), /EXECABORT|unknown command/);
  assert.equal(await client.get('a'), '2');
});

await check('WATCH: a touched key is a WatchError, an untouched one is not', async (defer) => {
  const client = await connect(defer);
  const other = await connect(defer);
  await client.set('stock', '5');
  await client.watch('stock');
  await other.decr('stock');
  await assert.rejects(client.multi().set('stock', '100').exec(), { name: /WatchError|Error/, message: /watch/i });
  assert.equal(await client.get('stock'), '4');
  await client.watch(['stock', 'another']);
  assert.deepEqual(await client.multi().decr('stock').exec(), [3]);
});

await check('scanIterator finds every key, with MATCH, COUNT and TYPE', async (defer) => {
  const client = await connect(defer);
  await client.flushAll();
  await client.mSet(Array.from({ length: 1500 }, (_, i) => [`${i % 5 ? 'user' : 'item'}:${i}`, 'x']));
  const collect = async (options) => {
    const keys = new Set();
    for await (const batch of client.scanIterator(options)) for (const key of [batch].flat()) keys.add(key);
    return keys.size;
  };
  assert.equal(await collect({}), 1500);
  assert.equal(await collect({ MATCH: 'item:*', COUNT: 100 }), 300);
  assert.equal(await collect({ TYPE: 'string' }), 1500);
  assert.equal(await collect({ TYPE: 'list' }), 0);
});

await check('pub/sub: channels, patterns and shard channels on one client', async (defer) => {
  const client = await connect(defer);
  const publisher = await connect(defer);
  const heard = [];
  const listener = (message, channel) => heard.push([channel, message]);
  await client.subscribe('news', listener);
  await client.pSubscribe('n*', listener);
  await client.sSubscribe('shard', listener);
  assert.equal(await publisher.publish('news', 'one'), 2);
  assert.equal(await publisher.sPublish('shard', 'two'), 1);
  await waitUntil(() => heard.length === 3, 'three messages');
  assert.deepEqual(heard, [['news', 'one'], ['news', 'one'], ['shard', 'two']]);
  assert.equal(await client.ping(), 'PONG');
  await client.unsubscribe();
  await client.pUnsubscribe();
  await client.sUnsubscribe();
  assert.deepEqual(await publisher.pubSubChannels(), []);
});

await check('client-side caching: hits stay at home, changes are heard of', async (defer) => {
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0 });
  const client = await connect(defer, { clientSideCache: cache });
  const other = await connect(defer);
  await other.flushAll();
  await other.set('k', '1');
  assert.equal(await client.get('k'), '1');
  for (let i = 0; i < 10; i += 1) assert.equal(await client.get('k'), '1');
  assert.equal(cache.stats().hitCount, 10);
  await other.set('k', '2');
  await waitUntil(async () => (await client.get('k')) === '2', 'the new value');
  await other.set('gone', 'x', { expiration: { type: 'PX', value: 60 } });
  assert.equal(await client.get('gone'), 'x');
  await waitUntil(async () => (await client.get('gone')) === null, 'the key to expire, here too');
  await other.flushAll();
  await waitUntil(async () => (await client.get('k')) === null, 'everything to be gone');
});

await check('binary values as buffers', async (defer) => {
  const client = await connect(defer);
  const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  await client.sendCommand(['SET', 'binary', binary]);
  assert.equal(await client.strLen('binary'), 256);
});

await check('CONFIG GET, INFO, DBSIZE, TIME, COMMAND COUNT and CLIENT LIST are understood', async (defer) => {
  const client = await connect(defer);
  await client.flushAll();
  const policy = await client.configGet('maxmemory-policy');
  assert.equal(policy['maxmemory-policy'], 'noeviction');
  assert.match(await client.info('server'), /redis_version:7\./);
  assert.equal(await client.dbSize(), 0);
  assert.equal((await client.time()).length, 2);
  assert.ok((await client.commandCount()) >= 50);
  const list = await client.clientList();
  assert.ok(list.some((entry) => Number(entry.id) > 0 && entry.addr.startsWith('127.0.0.1:')));
});

await check('a pool of clients works in parallel', async (defer) => {
  const pool = createClientPool({ url: `redis://127.0.0.1:${port}`, RESP: 3 }, { minimum: 2, maximum: 8 });
  pool.on('error', () => {});
  defer(() => pool.destroy());
  await pool.connect();
  await pool.set('pooled', '0');
  await Promise.all(Array.from({ length: 400 }, () => pool.execute((client) => client.incr('pooled'))));
  assert.equal(await pool.get('pooled'), '400');
});

await check('a password: accepted, refused, missing', async (defer) => {
  const secured = await ask('secured');
  const right = await connect(defer, { at: secured.port, password: secured.password });
  assert.equal(await right.set('k', 'v'), 'OK');
  const named = await connect(defer, { at: secured.port, username: 'default', password: secured.password });
  assert.equal(await named.get('k'), 'v');
  const socket = { reconnectStrategy: false };
  await assert.rejects(connect(defer, { at: secured.port, password: 'wrong', socket }), /WRONGPASS/);
  await assert.rejects(
    connect(defer, { at: secured.port, socket }).then((client) => client.get('k')),
    /NOAUTH/,
  );
});

await check('RESP2 on request: the same replies', async (defer) => {
  const client = await connect(defer, { RESP: 2 });
  assert.equal(await client.set('k', 'v'), 'OK');
  assert.deepEqual(await client.mGet(['k', 'missing']), ['v', null]);
  assert.deepEqual(await client.multi().get('k').incr('n').exec(), ['v', await client.get('n').then(Number)]);
  assert.equal((await client.configGet('appendonly')).appendonly, 'no');
});

await check('a killed connection comes back with its name and database', async (defer) => {
  const client = await connect(defer, { name: 'phoenix', database: 3 });
  const admin = await connect(defer);
  const id = await client.clientId();
  assert.equal(await admin.sendCommand(['CLIENT', 'KILL', 'ID', String(id)]), 1);
  await waitUntil(async () => (await client.clientId().catch(() => id)) > id, 'a new connection');
  assert.match(await client.sendCommand(['CLIENT', 'INFO']), / name=phoenix .* db=3 /);
});

await check('after a restart of the server: reconnects and sends what was asked meanwhile', async (defer) => {
  const client = await connect(defer, { socket: { reconnectStrategy: () => 20 } });
  await client.set('k', 'v');
  assert.equal((await ask('stop')).status, 0);
  await waitUntil(() => !client.isReady, 'the client to notice');
  const waiting = client.set('asked', 'meanwhile');
  await ask('start');
  assert.equal(await waiting, 'OK');
  assert.equal(await client.get('asked'), 'meanwhile');
  assert.match(await client.sendCommand(['CLIENT', 'INFO']), / resp=3( |\n|$)/);
});

finish();
