// BullMQ: queues whose every step is a script of BullMQ's own, and workers that wait with BZPOPMIN.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import readline from 'node:readline';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';
import { ask, assert, check, finish, port, waitUntil } from './checks.mjs';

const drivers = {
  ioredis: async (defer) => {
    const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on('error', () => {});
    defer(() => client.disconnect());
    return client;
  },
  'node-redis': async (defer) => {
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    client.on('error', () => {});
    await client.connect();
    defer(() => client.destroy());
    return client;
  },
};

let queues = 0;

// A queue of its own for a check, and what makes workers, listeners and flows for it.
async function bull(defer, driver = 'ioredis', options = {}) {
  const name = `queue-${(queues += 1)}`;
  const closers = []; // the connection last, on which the others close
  const connection = await drivers[driver]((closer) => closers.unshift(closer));
  const own = (made) => {
    made.on('error', () => {});
    closers.unshift(() => made.close(true));
    return made;
  };
  defer(async () => {
    for (const close of closers) await close();
  });
  const queue = own(new Queue(name, { connection, ...options }));
  const events = own(new QueueEvents(name, { connection, lastEventId: '0-0' })); // "$" might miss the first ones
  return {
    name,
    connection,
    queue,
    events,
    worker: (body, more = {}) => own(new Worker(name, body, { connection, ...more })),
    flow: () => own(new FlowProducer({ connection })),
    done: (job) => job.waitUntilFinished(events, 15000),
  };
}

const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const range = (count) => Array.from({ length: count }, (_, i) => i);

for (const driver of Object.keys(drivers)) {
  await check(`${driver}: jobs run in the order of arrival and give back what they made`, async (defer) => {
    const { queue, worker, done } = await bull(defer, driver);
    const seen = [];
    const first = await queue.add('double', { n: 0, text: 'ünïcode \u{1f5dd}' });
    const rest = await queue.addBulk(range(49).map((i) => ({ name: 'double', data: { n: i + 1 } })));
    assert.equal(await queue.getWaitingCount(), 50);
    worker(async (job) => {
      seen.push(job.data.n);
      return { twice: job.data.n * 2 };
    });
    const results = await Promise.all([first, ...rest].map(done));
    assert.deepEqual(results.map(({ twice }) => twice), range(50).map((i) => i * 2));
    assert.deepEqual(seen, range(50));
    const stored = await queue.getJob(first.id);
    assert.deepEqual([stored.data.text, stored.returnvalue], ['ünïcode \u{1f5dd}', { twice: 0 }]);
    assert.deepEqual(await queue.getJobCounts('wait', 'active', 'completed', 'failed', 'delayed'), {
      wait: 0, active: 0, completed: 50, failed: 0, delayed: 0,
    });
  });

  await check(`${driver}: four workers share 600 jobs, each of which runs exactly once`, async (defer) => {
    const { queue, worker } = await bull(defer, driver);
    const runs = new Map();
    for (const _ of range(4)) {
      worker(async (job) => runs.set(job.data.n, (runs.get(job.data.n) ?? 0) + 1), { concurrency: 25 });
    }
    for (const part of range(6)) {
      await queue.addBulk(range(100).map((i) => ({ name: 'work', data: { n: part * 100 + i } })));
    }
    await waitUntil(async () => (await queue.getCompletedCount()) === 600, 'all jobs to be done');
    assert.deepEqual([...runs.values()], Array(600).fill(1));
    assert.equal(await queue.getActiveCount(), 0);
  });
}

await check('a job waits in a worker that was there first: it starts at once', async (defer) => {
  const { queue, worker, done } = await bull(defer);
  const waiting = worker(async () => Date.now(), { drainDelay: 30 });
  await waiting.waitUntilReady();
  assert.equal(await done(await queue.add('first', {})) > 0, true);
  const client = (await queue.getWorkers()).length;
  assert.equal(client, 1, 'workers by CLIENT LIST');
  const asked = Date.now();
  const began = await done(await queue.add('second', {}));
  assert.ok(began - asked < 5000, `${began - asked} ms until the job began`);
});

await check('a job id, a deduplication id: the second of the same is not added', async (defer) => {
  const { queue, worker, done } = await bull(defer);
  const events = [];
  await queue.add('a', { v: 1 }, { jobId: 'only' });
  await queue.add('a', { v: 2 }, { jobId: 'only' });
  const kept = await queue.add('b', { v: 3 }, { deduplication: { id: 'often', ttl: 20000 } });
  const dropped = await queue.add('b', { v: 4 }, { deduplication: { id: 'often', ttl: 20000 } });
  assert.equal(dropped.id, kept.id);
  assert.equal(await queue.getDeduplicationJobId('often'), kept.id);
  assert.equal(await queue.getWaitingCount(), 2);
  assert.deepEqual((await queue.getJob('only')).data, { v: 1 });
  assert.equal(await queue.removeDeduplicationKey('often'), 1);
  const third = await queue.add('b', { v: 5 }, { deduplication: { id: 'often' } });
  worker(async (job) => events.push(job.data.v));
  await done(third);
  assert.deepEqual(events, [1, 3, 5]);
  await queue.add('b', { v: 6 }, { deduplication: { id: 'often' } }); // over with the job that had it
  await waitUntil(() => events.length === 4, 'the job after it');
});

await check('delayed jobs start when due, in the order of their delays; promoted ones at once', async (defer) => {
  const { queue, worker, done } = await bull(defer);
  const order = [];
  const late = await queue.add('late', {}, { delay: 500 });
  const early = await queue.add('early', {}, { delay: 250 });
  const far = await queue.add('far', {}, { delay: 3600000 });
  const moved = await queue.add('moved', {}, { delay: 3600000 });
  assert.equal(await queue.getDelayedCount(), 4);
  assert.deepEqual((await queue.getDelayed()).map(({ name }) => name), ['early', 'late', 'far', 'moved']);
  worker(async (job) => {
    order.push(job.name);
    return Date.now() - job.timestamp;
  });
  assert.ok((await done(early)) >= 250);
  assert.ok((await done(late)) >= 500);
  await moved.changeDelay(100);
  await done(moved);
  assert.equal(await far.getState(), 'delayed');
  await far.promote();
  await done(far);
  assert.deepEqual(order, ['early', 'late', 'moved', 'far']);
});

await check('priorities: the lowest number first, none before all, equal ones in order; changeable', async (defer) => {
  const { queue, worker } = await bull(defer);
  await queue.pause();
  const order = [];
  for (const [name, priority] of [['c', 10], ['a', 1], ['d', 10], ['b', 5], ['e', 2097151]]) {
    await queue.add(name, {}, { priority });
  }
  await queue.add('none', {});
  const lazy = await queue.add('lifted', {}, { priority: 100 });
  assert.deepEqual(await queue.getCountsPerPriority([0, 1, 5, 10, 100]), { 0: 1, 1: 1, 5: 1, 10: 2, 100: 1 });
  assert.equal(await queue.getPrioritizedCount(), 6);
  await lazy.changePriority({ priority: 2 });
  worker(async (job) => order.push(job.name));
  await queue.resume();
  await waitUntil(() => order.length === 7, 'all seven');
  assert.deepEqual(order, ['none', 'a', 'lifted', 'b', 'c', 'd', 'e']);
});

await check('a failing job is tried again with growing pauses, and keeps what went wrong', async (defer) => {
  const { queue, worker, done } = await bull(defer);
  const times = [];
  worker(async (job) => {
    if (job.name === 'never') throw new UnrecoverableError('no use');
    times.push(Date.now());
    if (times.length < 4) throw new Error(`try ${times.length}`);
    return 'at last';
  });
  const job = await queue.add('flaky', {}, { attempts: 5, backoff: { type: 'exponential', delay: 60 } });
  assert.equal(await done(job), 'at last');
  const gaps = range(3).map((i) => times[i + 1] - times[i]);
  assert.ok(gaps[0] >= 60 && gaps[1] >= 120 && gaps[2] >= 240, `${gaps}`);
  const stored = await queue.getJob(job.id);
  assert.deepEqual([stored.attemptsMade, stored.stacktrace.length], [4, 3]);
  assert.match(stored.stacktrace[2], /try 3/);

  await assert.rejects(done(await queue.add('never', {}, { attempts: 5 })), /no use/);
  const [failed] = await queue.getFailed();
  assert.deepEqual([failed.name, failed.failedReason, failed.attemptsMade], ['never', 'no use', 1]);
});

await check('jobs that failed can be tried again, one or all', async (defer) => {
  const { queue, worker } = await bull(defer);
  let broken = true;
  worker(async (job) => {
    if (broken) throw new Error('down');
    return job.data.n;
  });
  await queue.addBulk(range(30).map((n) => ({ name: 'call', data: { n } })));
  await waitUntil(async () => (await queue.getFailedCount()) === 30, 'all to fail');
  broken = false;
  const [one] = await queue.getFailed();
  await one.retry();
  await waitUntil(async () => (await queue.getCompletedCount()) === 1, 'the one');
  await queue.retryJobs({ state: 'failed', count: 10 });
  await waitUntil(async () => (await queue.getCompletedCount()) === 30, 'the others');
  assert.equal(await queue.getFailedCount(), 0);
  const values = (await queue.getCompleted()).map(({ returnvalue }) => returnvalue).sort((a, b) => a - b);
  assert.deepEqual(values, range(30));
});

async function killedAtWork(defer, name) {
  const program = fileURLToPath(new URL('bullmq_worker.mjs', import.meta.url));
  const child = spawn('node', [program, String(port), name, '400'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  defer(() => child.kill('SIGKILL'));
  const { value: id } = await readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return {
    id,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

await check('the job of a worker that was killed is found stalled and done by another, once', async (defer) => {
  const { name, queue, events, worker, done } = await bull(defer);
  const stalled = [];
  events.on('stalled', ({ jobId }) => stalled.push(jobId));
  const job = await queue.add('work', {});
  const victim = await killedAtWork(defer, name);
  assert.equal(victim.id, job.id);
  assert.equal(await job.getState(), 'active');
  let runs = 0;
  worker(async () => (runs += 1), { stalledInterval: 100, lockDuration: 400 });
  await sleep(600); // its lock, prolonged while it lives, would have ended
  assert.equal(runs, 0, 'taken from a worker that is alive');
  await victim.kill();
  assert.equal(await done(job), 1);
  assert.equal(runs, 1);
  await waitUntil(() => stalled.length === 1, 'the word of it');
  assert.deepEqual(stalled, [job.id]);
  assert.equal((await queue.getJob(job.id)).stalledCounter, 1);
});

await check('a job that stalls more often than allowed has failed', async (defer) => {
  const { name, queue, worker } = await bull(defer);
  const job = await queue.add('poison', {});
  await (await killedAtWork(defer, name)).kill();
  let runs = 0;
  worker(async () => (runs += 1), { stalledInterval: 100, lockDuration: 400, maxStalledCount: 0 });
  await waitUntil(() => job.isFailed(), 'the job to fail');
  assert.match((await queue.getJob(job.id)).failedReason, /stalled more than allowable limit/);
  assert.equal(runs, 0);
});

await check('schedulers make jobs again and again: every so often with a limit, and by cron', async (defer) => {
  const { queue, worker } = await bull(defer);
  const seen = { tick: [], cron: [] };
  worker(async (job) => seen[job.name].push(job.data.n));
  await queue.upsertJobScheduler('every', { every: 120, limit: 4 }, { name: 'tick', data: { n: 7 } });
  await queue.upsertJobScheduler('cron', { pattern: '* * * * * *' }, { name: 'cron', data: { n: 8 } });
  await queue.upsertJobScheduler('never', { pattern: '0 0 1 1 *', tz: 'Europe/Berlin' }, { name: 'cron' });
  assert.equal(await queue.getJobSchedulersCount(), 3);
  const one = await queue.getJobScheduler('cron');
  assert.deepEqual([one.pattern, one.template.data], ['* * * * * *', { n: 8 }]);
  await waitUntil(() => seen.tick.length === 4 && seen.cron.length >= 1, 'four ticks and one of the cron');
  assert.deepEqual(seen.tick, [7, 7, 7, 7]);
  assert.equal((await queue.getJobScheduler('every')).iterationCount, 4);
  assert.equal(await queue.removeJobScheduler('cron'), true);
  assert.equal(await queue.removeJobScheduler('cron'), false);
  const left = (await queue.getJobSchedulers()).map(({ key }) => key);
  assert.ok(left.includes('never') && !left.includes('cron'), `${left}`);
  assert.deepEqual((await queue.getDelayed()).map(({ repeatJobKey }) => repeatJobKey), ['never']);
});

await check('flows: parents wait for their children, three deep, and get what they made', async (defer) => {
  const { name, queue, worker, flow, done } = await bull(defer);
  worker(
    async (job) => {
      const children = Object.values(await job.getChildrenValues());
      return children.length ? children.reduce((sum, value) => sum + value, 0) : job.data.n;
    },
    { concurrency: 8 },
  );
  const leaf = (n) => ({ name: 'leaf', queueName: name, data: { n } });
  const branch = (ns) => ({ name: 'branch', queueName: name, data: {}, children: ns.map(leaf) });
  const tree = { name: 'root', queueName: name, data: {}, children: [branch([1, 2, 3]), branch([10, 20]), leaf(100)] };
  const producer = flow();
  const { job, children } = await producer.add(tree);
  assert.equal(children.length, 3);
  assert.equal(await done(job), 136);
  assert.deepEqual(await job.getDependenciesCount(), { processed: 3, unprocessed: 0, ignored: 0, failed: 0 });
  const whole = await producer.getFlow({ id: job.id, queueName: name });
  assert.deepEqual(whole.children.map((child) => child.children?.length ?? 0).sort(), [0, 2, 3]);
  assert.equal(await queue.getWaitingChildrenCount(), 0);
});

await check('flows: a child that fails fails its parent, is ignored, or goes, as was asked', async (defer) => {
  const { name, queue, worker, flow, done } = await bull(defer);
  worker(async (job) => {
    if (job.name === 'bad') throw new Error('broken child');
    if (job.name === 'parent') return Object.keys(await job.getIgnoredChildrenFailures()).length;
    return 1;
  });
  const family = (opts) => ({
    name: 'parent',
    queueName: name,
    children: [
      { name: 'good', queueName: name },
      { name: 'bad', queueName: name, opts },
    ],
  });
  const producer = flow();
  const strict = await producer.add(family({ failParentOnFailure: true }));
  await assert.rejects(done(strict.job), /failed/);
  assert.equal(await done((await producer.add(family({ ignoreDependencyOnFailure: true }))).job), 1);
  const careless = await producer.add(family({ removeDependencyOnFailure: true }));
  assert.equal(await done(careless.job), 0);
  assert.equal(await queue.getFailedCount(), 4, 'three children and one parent');
});

await check('a rate limit: no more jobs start in a window than it allows', async (defer) => {
  const { queue, worker } = await bull(defer);
  const starts = [];
  await queue.addBulk(range(12).map((n) => ({ name: 'call', data: { n } })));
  worker(async () => starts.push(Date.now()), { limiter: { max: 4, duration: 400 }, concurrency: 4 });
  await waitUntil(() => starts.length === 4, 'the first window');
  assert.ok((await queue.getRateLimitTtl(4)) > 0);
  await waitUntil(() => starts.length === 12, 'all');
  const windows = starts[11] - starts[0];
  assert.ok(windows >= 700, `three windows of 400 ms passed in ${windows} ms`);
});

await check('a limit of jobs at once that holds over all workers', async (defer) => {
  const { queue, worker } = await bull(defer);
  await queue.setGlobalConcurrency(3);
  assert.equal(await queue.getGlobalConcurrency(), 3);
  let now = 0;
  let most = 0;
  let runs = 0;
  const body = async () => {
    most = Math.max(most, (now += 1));
    await sleep(5);
    now -= 1;
    runs += 1;
  };
  for (const _ of range(3)) worker(body, { concurrency: 10 });
  await queue.addBulk(range(60).map((n) => ({ name: 'call', data: { n } })));
  await waitUntil(() => runs === 60, 'all');
  assert.equal(most, 3);
});

await check('QueueEvents tells the life of a job in order, from the past, too', async (defer) => {
  const { name, connection, queue, events, worker, done } = await bull(defer);
  const names = ['added', 'waiting', 'active', 'progress', 'completed', 'failed', 'paused', 'resumed'];
  const listen = (to, into) => {
    for (const each of names) to.on(each, (what) => into.push([each, what.jobId, what.data ?? what.returnvalue]));
  };
  const heard = [];
  listen(events, heard);
  worker(async (job) => {
    await job.updateProgress(50);
    await job.log('half');
    return 'all';
  });
  const job = await queue.add('work', {});
  await done(job);
  const life = () => heard.filter(([, id]) => id === job.id);
  await waitUntil(() => life().length === 5, 'five events');
  const wanted = [['added'], ['waiting'], ['active'], ['progress', 50], ['completed', 'all']];
  assert.deepEqual(life().map(([each, , value]) => (value === undefined ? [each] : [each, value])), wanted);
  await queue.pause();
  await queue.resume();
  await waitUntil(() => heard.some(([each]) => each === 'resumed'), 'word of the pause');

  const again = new QueueEvents(name, { connection, lastEventId: '0-0' });
  defer(() => again.close());
  const replayed = [];
  listen(again, replayed);
  await waitUntil(() => replayed.filter(([, id]) => id === job.id).length === 5, 'the past');
  assert.deepEqual(replayed.filter(([, id]) => id === job.id), life());
  await queue.trimEvents(0);
  assert.equal(await connection.xlen(`bull:${name}:events`), 0);
});

await check('progress, logs and changed data are seen by others', async (defer) => {
  const { queue, worker, done } = await bull(defer);
  worker(async (job) => {
    for (const i of range(5)) await job.log(`line ${i}`);
    await job.updateProgress({ part: 0.5 });
    await job.updateData({ ...job.data, changed: true });
  });
  const job = await queue.add('work', { was: 1 });
  await done(job);
  assert.deepEqual(await queue.getJobLogs(job.id, 1, 2), { logs: ['line 1', 'line 2'], count: 5 });
  const stored = await queue.getJob(job.id);
  assert.deepEqual([stored.progress, stored.data], [{ part: 0.5 }, { was: 1, changed: true }]);
});

await check('a paused queue keeps its jobs; resumed, it goes on where it was', async (defer) => {
  const { queue, worker } = await bull(defer);
  const seen = [];
  await queue.pause();
  worker(async (job) => seen.push(job.data.n));
  await queue.addBulk(range(5).map((n) => ({ name: 'work', data: { n } })));
  assert.deepEqual([await queue.isPaused(), seen.length, await queue.count()], [true, 0, 5]);
  const counts = await queue.getJobCounts('paused', 'wait');
  assert.equal(counts.paused + counts.wait, 5);
  await queue.resume();
  await waitUntil(() => seen.length === 5, 'all');
  assert.deepEqual(seen, range(5));
  assert.equal(await queue.isPaused(), false);
});

await check('finished jobs are kept by number, and cleaned by age and kind', async (defer) => {
  const { queue, worker } = await bull(defer, 'ioredis', { defaultJobOptions: { removeOnComplete: 10 } });
  let runs = 0;
  worker(async (job) => {
    runs += 1;
    if (job.name === 'bad') throw new Error('bad');
  });
  await queue.addBulk(range(30).map((n) => ({ name: n % 3 ? 'good' : 'bad', data: { n } })));
  await queue.add('gone', {}, { removeOnComplete: true });
  await waitUntil(async () => runs === 31 && (await queue.getFailedCount()) === 10, 'all');
  await waitUntil(async () => (await queue.getCompletedCount()) === 10, 'the older to be gone');
  assert.deepEqual((await queue.getCompleted(0, 2)).map(({ data }) => data.n), [29, 28, 26]);
  assert.equal((await queue.clean(0, 4, 'failed')).length, 4);
  assert.equal((await queue.clean(3600000, 100, 'failed')).length, 0, 'jobs an hour old');
  assert.equal((await queue.clean(0, 0, 'failed')).length, 6);
  assert.equal(await queue.getFailedCount(), 0);
});

await check('remove, drain and obliterate leave what they should: in the end no key at all', async (defer) => {
  const { name, connection, queue, flow } = await bull(defer);
  const jobs = await queue.addBulk(range(20).map((n) => ({ name: 'work', data: { n } })));
  await queue.add('later', {}, { delay: 3600000 });
  assert.equal(await queue.remove(jobs[3].id), 1);
  assert.equal(await queue.getJob(jobs[3].id), undefined);
  await jobs[4].remove();
  assert.equal(await queue.getJob(jobs[4].id), undefined);
  assert.equal(await queue.getWaitingCount(), 18);
  await queue.drain();
  assert.deepEqual([await queue.getWaitingCount(), await queue.getDelayedCount()], [0, 1]);
  const { job } = await flow().add({ name: 'p', queueName: name, children: [{ name: 'c', queueName: name }] });
  await job.remove();
  assert.equal(await queue.getWaitingCount(), 0, 'the child went with its parent');
  await queue.addBulk(range(20).map((n) => ({ name: 'work', data: { n } })));
  await queue.obliterate();
  assert.deepEqual(await connection.keys(`bull:${name}:*`), []);
});

await check('obliterate refuses while a job runs, unless it is forced', async (defer) => {
  const { name, connection, queue, worker } = await bull(defer);
  let began = false;
  const busy = worker(async () => {
    began = true;
    await sleep(60000);
  });
  await queue.add('long', {});
  await waitUntil(() => began, 'the job to begin');
  await assert.rejects(queue.obliterate(), /active jobs/);
  await busy.close(true);
  await queue.obliterate({ force: true });
  assert.deepEqual(await connection.keys(`bull:${name}:*`), []);
});

await check('lists of jobs by state, paged and in both directions; counts as metrics', async (defer) => {
  const { queue, worker } = await bull(defer);
  const running = worker(async () => 1, { autorun: false, metrics: { maxDataPoints: 10 } });
  await queue.addBulk(range(25).map((n) => ({ name: 'work', data: { n } })));
  const numbers = async (...how) => (await queue.getJobs(...how)).map(({ data }) => data.n);
  assert.deepEqual(await numbers(['waiting'], 0, 3, true), [0, 1, 2, 3]);
  assert.deepEqual(await numbers(['waiting'], 0, 3, false), [24, 23, 22, 21]);
  assert.deepEqual(await numbers(['waiting'], 20, 100, true), [20, 21, 22, 23, 24]);
  running.run();
  await waitUntil(async () => (await queue.getCompletedCount()) === 25, 'all');
  assert.equal((await queue.getMetrics('completed')).meta.count, 25);
  assert.match(await queue.exportPrometheusMetrics(), /bullmq_job_count\{[^}]*state="completed"\} 25\n/);
});

await check('after a restart of the server, workers wait again and do what comes', async (defer) => {
  const { queue, worker } = await bull(defer);
  const seen = [];
  worker(async (job) => seen.push(job.data.n));
  await queue.add('before', { n: 1 });
  await waitUntil(() => seen.length === 1, 'the job before');
  assert.equal((await ask('restart')).status, 0);
  await waitUntil(() => queue.add('after', { n: 2 }).then(() => true, () => false), 'the queue to be back');
  await waitUntil(() => seen.includes(2), 'the job after');
});

finish();
