// A BullMQ worker of its own process that takes a job and never ends it: someone to be killed at work.
//
//   node bullmq_worker.mjs REDIS-PORT QUEUE LOCK-MS     prints the id of each job that it took

import { Redis } from 'ioredis';
import { Worker } from 'bullmq';

const [port, queue, lockMs] = process.argv.slice(2);
const connection = new Redis({ port: Number(port), host: '127.0.0.1', maxRetriesPerRequest: null });
new Worker(
  queue,
  async (job) => {
    process.stdout.write(`${job.id}\n`);
    await new Promise(() => {});
  },
  { connection, lockDuration: Number(lockMs), skipStalledCheck: true },
);
setInterval(() => {}, 60000);
