// Rate limits as Node.js servers set them: rate-limiter-flexible, and INCREX and CL.THROTTLE by hand.
//
// Of rate-limiter-flexible all its ways to Redis: windows counted by a script of its own, counters
// without an end, blocks and penalties (RateLimiterRedis), and windows in transactions
// (RateLimiterRedisNonAtomic).

import { Redis } from 'ioredis';
import flexible from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { assert, check, finish, isRedis, port } from './checks.mjs';

const { RateLimiterRedis, RateLimiterRedisNonAtomic } = flexible;

async function nodeRedis(defer) {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3 });
  client.on('error', () => {});
  defer(() => client.destroy());
  await client.connect();
  await client.flushAll();
  return { client, options: { storeClient: client, useRedisPackage: true } };
}

async function ioredis(defer) {
  const client = new Redis({ port, host: '127.0.0.1', protocol: 3 });
  client.on('error', () => {});
  defer(() => client.disconnect());
  await client.flushall();
  return { client, options: { storeClient: client } };
}

for (const [name, connect] of Object.entries({ 'node-redis': nodeRedis, ioredis })) {
  for (const [way, Limiter] of Object.entries({ scripts: RateLimiterRedis, transactions: RateLimiterRedisNonAtomic })) {
    await check(`${name}, ${way}: a window of 3 points lets 3 through and says when to come back`, async (defer) => {
      const { options } = await connect(defer);
      const limiter = new Limiter({ ...options, points: 3, duration: 60, keyPrefix: 'login' });
      for (const left of [2, 1, 0]) assert.equal((await limiter.consume('user')).remainingPoints, left);
      const refusal = await limiter.consume('user').then(
        () => assert.fail('a fourth was let through'),
        (reason) => reason
      );
      assert.equal(refusal.consumedPoints, 4);
      assert.ok(refusal.msBeforeNext > 50000 && refusal.msBeforeNext <= 60000, `${refusal.msBeforeNext} ms`);
      assert.equal((await limiter.consume('other')).remainingPoints, 2);
      assert.equal((await limiter.get('user')).consumedPoints, 4);
      assert.equal(await limiter.get('nobody'), null);
      assert.equal(await limiter.delete('user'), true);
      assert.equal((await limiter.consume('user')).consumedPoints, 1);
    });
  }

  await check(`${name}, scripts: of 50 at once from two connections 10 come through, and then it blocks`, async (defer) => {
    const { client, options } = await connect(defer);
    const limiters = [options, (await connect(defer)).options].map(
      (each) => new RateLimiterRedis({ ...each, points: 10, duration: 60, blockDuration: 300, keyPrefix: 'burst' })
    );
    const all = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => limiters[i % 2].consume('user')));
    assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 10);
    const ttl = await client.ttl('burst:user');
    assert.ok(ttl > 290 && ttl <= 300, `${ttl} s`);
  });

  await check(`${name}: points without an end, blocks and rewards`, async (defer) => {
    const { client, options } = await connect(defer);
    const limiter = new RateLimiterRedis({ ...options, points: 5, duration: 0, keyPrefix: 'quota' });
    assert.equal((await limiter.consume('user', 2)).remainingPoints, 3);
    assert.equal((await limiter.penalty('user')).consumedPoints, 3);
    assert.equal((await limiter.reward('user', 2)).consumedPoints, 1);
    assert.equal(await client.ttl('quota:user'), -1);
    assert.equal((await limiter.block('user', 100)).consumedPoints, 6);
    const ttl = await client.ttl('quota:user');
    assert.ok(ttl > 90 && ttl <= 100, `${ttl} s`);
    await assert.rejects(limiter.consume('user'), (refusal) => refusal.consumedPoints === 7);
    assert.equal((await limiter.set('user', 4, 100)).consumedPoints, 4);
    assert.equal((await limiter.get('user')).remainingPoints, 1);
  });
}

if (!isRedis) {
  await check('node-redis: INCREX counts within a window and says whether it did', async (defer) => {
    const { client } = await nodeRedis(defer);
    const hit = () => client.sendCommand(['INCREX', 'hits', 'UBOUND', '2', 'EX', '60', 'ENX']);
    assert.deepEqual([await hit(), await hit(), await hit()], [[1, 1], [2, 1], [2, 0]]);
    assert.ok((await client.ttl('hits')) > 50);
    const [sum, added] = await client.sendCommand(['INCREX', 'f', 'BYFLOAT', '2.5', 'UBOUND', '2', 'SATURATE']);
    assert.deepEqual([sum, added], [2, 2]); // doubles in RESP3
  });

  await check('node-redis: its own words for INCREX', async (defer) => {
    const { client } = await nodeRedis(defer);
    const options = { by: 3, upperBound: 5, saturate: true, expiration: { type: 'EX', value: 60 } };
    assert.deepEqual(await client.increx('k', options), [3, 3]);
    assert.deepEqual(await client.increx('k', options), [5, 2]);
    assert.ok((await client.ttl('k')) > 50);
    assert.deepEqual(await client.incrExByFloat('f', 2.5, { upperBound: 2, saturate: true }), [2, 2]);
  });

  await check('ioredis: CL.THROTTLE lets a burst through, then one per interval', async (defer) => {
    const { client } = await ioredis(defer);
    const throttle = (...more) => client.call('CL.THROTTLE', 'user', 1, 1, 100, ...more);
    assert.deepEqual(await throttle(), [0, 2, 1, -1, 100]);
    assert.equal((await throttle())[0], 0);
    const [limited, limit, remaining, retryAfter, resetAfter] = await throttle();
    assert.deepEqual([limited, limit, remaining], [1, 2, 0]);
    assert.ok(retryAfter > 90 && retryAfter <= 100 && resetAfter > 190 && resetAfter <= 200);
    assert.equal((await throttle(0))[2], 0);
    assert.match(await client.get('user'), /^\d{19}$/);
  });
}

finish();
