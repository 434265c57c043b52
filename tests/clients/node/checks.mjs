// The Node.js side of harness/programs.py: checks are said on stdout, one line of JSON each.

import assert from 'node:assert/strict';
import readline from 'node:readline';

const kCheckDeadlineMs = 30000;

export const port = Number(process.argv[2]);
export const isRedis = process.argv[3] === 'redis';
export { assert };

const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');
const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Asks the harness to "stop", "start" or "restart" the server, or for a "secured" one.
export async function ask(question) {
  say({ ask: question });
  return JSON.parse((await answers.next()).value);
}

// Polls until `condition()` gives something true and returns it.
export async function waitUntil(condition, what) {
  const end = Date.now() + 15000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((wake) => setTimeout(wake, 10));
  }
}

let count = 0;

// One check: `body` gets a function that registers what must be closed afterwards.
export async function check(title, body) {
  const closers = [];
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`still running after ${kCheckDeadlineMs} ms`)), kCheckDeadlineMs);
    });
    await Promise.race([body((closer) => closers.push(closer)), late]);
    say({ check: title, ok: true });
  } catch (problem) {
    say({ check: title, ok: false, why: `${problem.stack ?? problem}` });
  } finally {
    clearTimeout(timer);
    for (const close of closers) await close();
    count += 1;
  }
}

// Ends the program: nothing a library may still hold open keeps it.
export function finish() {
  process.stdout.write(JSON.stringify({ done: count }) + '\n', () => process.exit(0));
}
