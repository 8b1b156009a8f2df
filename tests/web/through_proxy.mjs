// Pages of the origins that are given, in a real browser, each with ten streams of its own. Says `live` once all of them are and a POST among
// them was heard of; when it reads a line the server was away and is back, and it says `resumed` once all of that holds again.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { startBrowser, until } from './support.mjs';

const browser = await startBrowser();
const context = await browser.newContext({ ignoreHTTPSErrors: true });

async function openStreams(origin) {
  const page = await context.newPage();
  await page.goto(`${origin}/healthz`);
  // Apache begins with six requests of a connection at once, and allows more as they end: here as many as a page's files.
  for (let files = 0; files < 10; ++files) await page.evaluate(async () => (await fetch('/healthz')).text());
  await page.evaluate(() => {
    window.streams = Array.from({ length: 10 }, (_, n) => {
      const stream = new EventSource(`/api/v2/progress/subscribe?userId=user-${location.port}-${n}`);
      const seen = { stream, live: 0, tasks: [] };
      stream.addEventListener('live', () => seen.live++);
      for (const type of ['progress', 'recovery']) stream.addEventListener(type, ({ data }) => seen.tasks.push(JSON.parse(data).taskId));
      return seen;
    });
  });
  return page;
}

/** All streams of the page are live for the nth time, and hear what it sends. */
async function prove(page, times) {
  const task = `task-${new URL(page.url()).port}-${times}`;
  const states = () => page.evaluate(() => window.streams.map(({ stream, live }) => ({ state: stream.readyState, live })));
  await until(`${page.url()} is live`, async () => {
    const all = await states();
    assert.ok(all.every(({ state }) => state !== 2), `a stream has given up: ${JSON.stringify(all)}`);
    return all.every(({ state, live }) => state === 1 && live >= times);
  });
  const answer = await page.evaluate(async (taskId) => {
    const event = { taskId, userId: `user-${location.port}-3`, eventType: 'STARTED' };
    return (await fetch('/api/v2/progress/events', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(event) })).status;
  }, task);
  assert.equal(answer, 202);
  await until('the event is heard', () => page.evaluate((taskId) => window.streams[3].tasks.includes(taskId), task));
}

try {
  const pages = await Promise.all(process.argv.slice(2).map(openStreams));
  await Promise.all(pages.map((page) => prove(page, 1)));
  for (const page of pages) assert.equal(await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol), 'h2');
  console.log('live');
  await once(process.stdin, 'data');
  await Promise.all(pages.map((page) => prove(page, 2)));
  console.log('resumed');
} finally {
  await browser.close();
  process.stdin.destroy();
}
