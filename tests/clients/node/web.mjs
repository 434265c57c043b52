// One process of a web tier: Express with express-session and connect-redis, all state in the server.
//
//   node web.mjs REDIS-PORT NAME     prints its own HTTP port, one line, once it serves
//
//   POST /login?user=U[&maxAge=MS]   a session that lives MS without being used (default one hour)
//   GET  /me                         200 {user, visits, servedBy} or 401; counts a visit
//   POST /logout                     ends the session
//   GET  /sessions                   how many sessions there are, from the store

import express from 'express';
import session from 'express-session';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';

const [redisPort, name] = process.argv.slice(2);

const client = createClient({
  url: `redis://127.0.0.1:${redisPort}`,
  RESP: 3,
  name: `web-${name}`,
  socket: { reconnectStrategy: () => 20 },
});
client.on('error', () => {});
await client.connect();

const store = new RedisStore({ client, prefix: 'sess:' });
const app = express();
app.use(
  session({
    store,
    name: 'sid',
    secret: 'the same in every process',
    resave: false,
    saveUninitialized: false,
    rolling: true,
    cookie: { maxAge: 3600 * 1000, httpOnly: true },
  }),
);

app.post('/login', (request, response, next) => {
  request.session.regenerate((problem) => {
    if (problem) return next(problem);
    request.session.user = request.query.user;
    request.session.visits = 0;
    if (request.query.maxAge) request.session.cookie.maxAge = Number(request.query.maxAge);
    response.json({ user: request.session.user, id: request.sessionID });
  });
});

app.get('/me', (request, response) => {
  if (!request.session.user) return response.status(401).json({ servedBy: name });
  request.session.visits += 1;
  response.json({ user: request.session.user, visits: request.session.visits, servedBy: name });
});

// Looks without touching: the store's own copy, no visit, no new expiry.
app.get('/peek/:id', (request, response, next) => {
  store.get(request.params.id, (problem, found) => {
    if (problem) return next(problem);
    response.json({ user: found ? found.user : null });
  });
});

app.post('/logout', (request, response, next) => {
  request.session.destroy((problem) => (problem ? next(problem) : response.json({ servedBy: name })));
});

app.get('/sessions', async (request, response) => {
  const all = await store.all();
  response.json({ length: await store.length(), users: all.map((entry) => entry.user).sort() });
});

const server = app.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
