import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { heard, newPage, startBrowser, startProxy, startScript, startServer, startStranger, until } from './support.mjs';

let browser, server, proxy, stranger, body;
before(async () => {
  stranger = await startStranger(() => `<!DOCTYPE html><html lang="en"><title>Elsewhere</title>
    <script type="module" src="${server.base}/stepcast.js"></script>${body}`);
  [browser, server] = await Promise.all([startBrowser(), startServer({ 'orders.step_delay': '60ms', 'sse.retry': '100ms', 'sse.heartbeat': '1s', 'http.cors_origins': `["${stranger.base}"]` })]);
  proxy = await startProxy(server.port);
});
after(async () => {
  await browser?.close();
  await Promise.all([proxy?.stop(), stranger?.stop()]);
  await server?.stop();
});

/** The stranger's page with `html` in it; `subscriptions` are the streams that it opened. */
async function withPage(html, check) {
  body = html;
  const context = await browser.newContext({ locale: 'en-US' });
  const page = await newPage(context);
  page.subscriptions = [];
  page.on('request', (request) => request.url().includes('/subscribe') && page.subscriptions.push(request.url()));
  try {
    await page.goto(stranger.base);
    await check(page);
    assert.deepEqual(page.complaints, []);
  } finally {
    await context.close();
  }
}

const event = (taskId, userId, eventType, percentage, more = {}) => ({ taskId, userId, eventType, percentage, ...more });
const post = async (...events) => assert.equal((await server.post('/api/v2/progress/events', events)).status, 202);
const open = (page) => page.locator('stepcast-progress[state=open]').first().waitFor();

test('the element is at most 6 KB gzipped', () => {
  const size = gzipSync(readFileSync(new URL('../../web/stepcast.js', import.meta.url))).length;
  assert.ok(size <= 6000, `${size} bytes`);
});

test('a stranger’s page on another origin shows a task to its end', () => withPage('<stepcast-progress user="stranger"></stepcast-progress>', async (page) => {
  await open(page);
  const answer = await server.post('/api/v2/progress/orders?userId=stranger&productName=Laptop&quantity=1');
  const { taskId } = await answer.json();
  await until('the bar is full', async () => (await page.getByRole('progressbar', { name: taskId }).getAttribute('aria-valuenow').catch(() => '')) === '100');
  assert.deepEqual((await heard(page, 'complete')).map(({ recovered }) => recovered), [false]);
}));

test('all elements and scripts of one user share one connection', () => withPage(`
    <stepcast-progress user="shared"></stepcast-progress>
    <stepcast-progress user="shared" task="shared-1"></stepcast-progress>
    <stepcast-progress user="shared" task="shared-2"></stepcast-progress>`, async (page) => {
  await open(page);
  await page.evaluate(async (base) => {
    const { watch } = await import(`${base}/stepcast.js`);
    window.told = [];
    watch({ user: 'shared' }, ({ type, task }) => task && window.told.push(`${type} ${task.taskId} ${task.percentage}`));
  }, server.base);
  await post(event('shared-1', 'shared', 'STARTED', 10), event('shared-2', 'shared', 'STARTED', 20));
  await until('the script is told', () => page.evaluate(() => window.told.length === 2));
  assert.deepEqual(await page.evaluate(() => window.told.sort()), ['progress shared-1 10', 'progress shared-2 20']);
  await until('four bars are shown', async () => (await page.getByRole('progressbar').count()) === 4);
  assert.equal(page.subscriptions.length, 1);
}));

test('the last element that leaves closes the connection', () => withPage('<stepcast-progress user="leaving"></stepcast-progress>', async (page) => {
  await open(page);
  const closed = page.waitForEvent('requestfailed', (request) => request.url().includes('/subscribe'));
  await page.evaluate(() => document.querySelector('stepcast-progress').remove());
  await closed;
}));

test('an element of one task waits, follows it and ends with it', () => withPage('<stepcast-progress task="single-1"></stepcast-progress>', async (page) => {
  await open(page);
  assert.equal(await page.getByRole('progressbar').getAttribute('aria-valuenow'), null);
  await post(event('single-1', 'one', 'STARTED', 0), event('single-1', 'one', 'PROGRESS', 60, { stepName: 'Half' }), event('single-2', 'one', 'STARTED', 5));
  await until('it follows', async () => (await page.getByRole('progressbar').getAttribute('aria-valuetext')) === '60%, Half');
  await post(event('single-1', 'one', 'COMPLETED', 100));
  await page.locator('stepcast-progress[state=ended]').waitFor();
  assert.equal(page.subscriptions.length, 1);
  assert.equal(await page.getByRole('progressbar').count(), 1);
  await page.reload();
  await page.locator('stepcast-progress[state=ended]').waitFor();
  await until('the end is drawn', async () => (await page.getByRole('progressbar').getAttribute('aria-valuenow')) === '100');
  assert.deepEqual((await heard(page, 'complete')).map(({ recovered }) => recovered), [true]);
}));

test('many tasks are followed at once and the newest are shown', () => withPage('<stepcast-progress user="many" limit="3"></stepcast-progress>', async (page) => {
  await open(page);
  const at = (seconds) => ({ timestamp: new Date(Date.now() - 60_000 + seconds * 1000).toISOString() });
  for (let i = 0; i < 5; i++) await post(event(`many-${i}`, 'many', 'STARTED', 0, at(i)), event(`many-${i}`, 'many', 'PROGRESS', 20, at(i)));
  const words = await until('the newest three are shown, and the last has both its events', async () => {
    const text = await page.evaluate(() => document.querySelector('stepcast-progress').shadowRoot.textContent);
    return /many-420%.*and 2 more/.test(text) && text;
  });
  assert.equal(await page.getByRole('progressbar').count(), 3);
  assert.ok(words.indexOf('many-4') < words.indexOf('many-3'));
}));

test('parts, variables and labels restyle it', () => withPage(`
    <style>
      stepcast-progress { --stepcast-accent: rgb(1, 2, 3); }
      stepcast-progress::part(foot) { display: none; }
    </style><stepcast-progress user="styled" task="styled-1" label="My <b>import</b>"></stepcast-progress>`, async (page) => {
  await open(page);
  await post(event('styled-1', 'styled', 'STARTED', 30));
  await until('it is shown', async () => (await page.getByRole('progressbar').getAttribute('aria-valuenow')) === '30');
  assert.equal(await page.locator('[part=fill]').evaluate((fill) => getComputedStyle(fill).backgroundColor), 'rgb(1, 2, 3)');
  assert.equal(await page.locator('[part=name]').innerText(), 'My <b>import</b>');
  assert.ok(!(await page.locator('[part=foot]').isVisible()));
}));

test('changing the user changes the tasks', () => withPage('<stepcast-progress user="before"></stepcast-progress>', async (page) => {
  await open(page);
  await post(event('of-before', 'before', 'STARTED', 1), event('of-after', 'after', 'STARTED', 2));
  await page.getByRole('progressbar', { name: 'of-before' }).waitFor();
  await page.evaluate(() => (document.querySelector('stepcast-progress').user = 'after'));
  await page.getByRole('progressbar', { name: 'of-after' }).waitFor();
  assert.equal(await page.getByRole('progressbar').count(), 1);
}));

test('what a new life of the server does not know is dropped', async () => {
  const settings = { 'sse.retry': '100ms', 'http.cors_origins': `["${stranger.base}"]` };
  let mortal = await startServer(settings);
  await withPage(`<stepcast-progress user="mortal" src="${mortal.base}"></stepcast-progress>`, async (page) => {
    await open(page);
    await mortal.post('/api/v2/progress/events', [event('mortal-1', 'mortal', 'STARTED', 10)]);
    await page.getByRole('progressbar', { name: 'mortal-1' }).waitFor();
    await mortal.stop();
    mortal = await startServer(settings, mortal.port);
    await until('it is dropped', async () => (await heard(page, 'drop')).some(({ taskId }) => taskId === 'mortal-1'));
    await until('the list is empty', async () => (await page.getByRole('progressbar').count()) === 0);
  });
  await mortal.stop();
});

test('a stream that an answer other than 200 ended is taken up again at its cursor', async () => {
  const context = await browser.newContext({ locale: 'en-US' });
  const page = await newPage(context);
  let failing = false;
  await page.route('**/subscribe?*', (route) => (failing ? route.fulfill({ status: 502, body: 'bad gateway' }) : route.continue()));
  body = `<stepcast-progress user="gateway" src="${proxy.base}"></stepcast-progress>`;
  await page.goto(stranger.base);
  await open(page);
  await post(event('gateway-1', 'gateway', 'STARTED', 0));
  await until('the first event is here', async () => (await heard(page, 'progress')).length === 1);
  failing = true;
  proxy.cut();
  await page.waitForResponse((response) => response.status() === 502);
  await post(event('gateway-1', 'gateway', 'PROGRESS', 50), event('gateway-1', 'gateway', 'COMPLETED', 100));
  failing = false;
  proxy.mend();
  const resumed = await page.waitForRequest((request) => request.url().includes('lastEventId='));
  assert.ok(resumed);
  await until('nothing was missed', async () => (await heard(page, 'progress')).length === 3);
  assert.deepEqual((await heard(page, 'progress')).map(({ version }) => version), [1, 2, 3]);
  await context.close();
});

test('a proxy’s 502 does not cost the cursor of a stream that brought no event yet', async () => {
  const context = await browser.newContext({ locale: 'en-US' });
  const page = await newPage(context);
  let failing = false;
  await page.route('**/subscribe?*', (route) => (failing ? route.fulfill({ status: 502, body: 'bad gateway' }) : route.continue()));
  await post(event('quiet-1', 'quiet', 'STARTED', 0));
  body = `<stepcast-progress user="quiet" src="${proxy.base}"></stepcast-progress>`;
  await page.goto(stranger.base);
  await open(page);
  failing = true;
  proxy.cut();
  await page.waitForResponse((response) => response.status() === 502);
  await post(event('quiet-1', 'quiet', 'PROGRESS', 50), event('quiet-1', 'quiet', 'COMPLETED', 100));
  failing = false;
  proxy.mend();
  await until('nothing was missed', async () => (await heard(page, 'progress')).length === 2);
  assert.deepEqual((await heard(page, 'progress')).map(({ version }) => version), [2, 3]);
  assert.equal((await heard(page, 'reset')).length, 0);
  await context.close();
});

/** The element on a stream that the test itself speaks for. */
async function withScript(check) {
  const script = await startScript();
  try {
    await withPage(`<stepcast-progress user="scripted" src="${script.base}"></stepcast-progress>`, async (page) => {
      await until('the stream is asked for', () => script.requests.length === 1);
      await check(page, script);
    });
  } finally {
    await script.stop();
  }
}

const words = (page) => page.locator('stepcast-progress').evaluate((element) => element.shadowRoot.textContent);
const state = (page) => page.locator('stepcast-progress').getAttribute('state');

test('until the catch-up has ended nothing is said to be empty or open', () => withScript(async (page, script) => {
  script.say('recovery', { taskId: 'one', userId: 'scripted', status: 'PROGRESS', percentage: 5, version: 1, startedAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z' });
  await until('the task is shown', async () => /one/.test(await words(page)));
  assert.equal(await state(page), 'connecting');
  script.say('reset', { reason: 'epoch' });
  script.say('live', { cursor: 'e.1' }, 'e.1');
  await until('what was not sent again is dropped', async () => (await heard(page, 'drop')).length === 1);
  await until('it is open and empty', async () => (await state(page)) === 'open' && /No tasks yet/.test(await words(page)));
  assert.equal((await heard(page, 'live')).length, 1);
}));

test('why a stream ends is told to the page, which may renew its session', () => withScript(async (page, script) => {
  script.say('live', { cursor: 'e.3' }, 'e.3');
  script.say('bye', { reason: 'auth' });
  await until('it is told', async () => (await heard(page, 'bye')).length === 1);
}));

test('a stream that died without a word is opened again at its cursor', () => withScript(async (page, script) => {
  script.say('live', { cursor: 'e.7' }, 'e.7');
  script.say('beat', { every: 0.1 });
  await until('it is open again', () => script.requests.length === 2);
  assert.match(script.requests[0], /[?&]beat=1(&|$)/);
  assert.match(script.requests[1], /[?&]lastEventId=e\.7(&|$)/);
  assert.equal(await state(page), 'reconnecting');
  script.say('live', { cursor: 'e.7' }, 'e.7');
  await until('it is live again', async () => (await state(page)) === 'open');
}));

test('what happened while a connection was dead is told after the beats stayed away', () => withPage(`<stepcast-progress user="asleep" src="${proxy.base}"></stepcast-progress>`, async (page) => {
  await open(page);
  await post(event('asleep-1', 'asleep', 'STARTED', 0));
  await until('the first event is here', async () => (await heard(page, 'progress')).length === 1);
  proxy.freeze();
  await post(event('asleep-1', 'asleep', 'PROGRESS', 50), event('asleep-1', 'asleep', 'COMPLETED', 100));
  await until('nothing was missed', async () => (await heard(page, 'progress')).length === 3);
  assert.deepEqual((await heard(page, 'progress')).map(({ version }) => version), [1, 2, 3]);
  assert.equal(page.subscriptions.length, 2);
}));

/** The server's fold of a rate (src/domain/progress/model.cpp), in its own words. */
class Measured {
  constructor(at, percentage) {
    Object.assign(this, { at, percentage, rate: 0, weight: 0, pending: 0 });
  }
  step(at, percentage) {
    const gained = percentage - this.percentage + this.pending;
    const passed = at - this.at;
    this.percentage = percentage;
    this.pending = passed > 0 ? 0 : gained;
    if (passed <= 0) return;
    this.at = at;
    const kept = Math.exp(-passed / 20) * this.weight;
    this.weight = kept + 1 - Math.exp(-passed / 20);
    this.rate += (1 - kept / this.weight) * (Math.max(0, gained / passed) - this.rate);
  }
}

test('rate and time left are the server’s, whatever the worker’s clock says', () => withScript(async (page, script) => {
  await page.evaluate(() => (performance.now = () => window.now));
  const element = page.locator('stepcast-progress');
  const known = () => element.evaluate(({ tasks }) => tasks.get('paced') ?? {});
  const stamp = (seconds) => new Date(Date.UTC(2020, 0, 1) + seconds * 1000).toISOString();
  const server = new Measured(0, 10);
  let version = 0;
  const tell = async (at, percentage) => {
    await page.evaluate((now) => (window.now = now), 1000 * at);
    server.step(at, percentage);
    script.say('progress', { taskId: 'paced', userId: 'scripted', eventType: version ? 'PROGRESS' : 'STARTED', percentage, currentStep: 0, totalSteps: 0, stepName: '', version: ++version, timestamp: stamp(-at) });
    await until(`version ${version} is here`, async () => (await known()).version === version);
    const { rate } = await known();
    assert.ok(Math.abs(rate - server.rate) < 1e-9, `version ${version}: ${rate}, the server has ${server.rate}`);
  };
  script.say('live', { cursor: 'e.1' }, 'e.1');
  // A pace, a bunch, a step back, a pause.
  for (const [at, percentage] of [[0, 10], [5, 20], [10, 30], [10, 31], [10, 33], [12, 20], [15, 26], [60, 50]]) await tell(at, percentage);
  // Another page that comes late is told the same state, and goes on as exactly.
  await page.evaluate(() => (window.now = 68_000));
  const { rate, percentage } = server;
  script.say('recovery', { ...(await known()), startedAt: stamp(0), updatedAt: stamp(60), rate, etaSeconds: (100 - percentage) / rate - 8, age: undefined, seen: undefined });
  await until('it is taken', async () => (await known()).seen === 60_000);
  await tell(70, 60);
  await until('the time left is shown', async () => (await words(page)).includes(`· ${Math.round(40 / server.rate)} s left`));
}));

test('late and stale events move nothing here either, and a retry begins anew', () => withScript(async (page, script) => {
  const stamp = (seconds) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
  const known = () => page.locator('stepcast-progress').evaluate(({ tasks }) => tasks.get('late') ?? {});
  let version = 0;
  const tell = async (eventType, percentage, at, more = {}) => {
    script.say('progress', { taskId: 'late', userId: 'scripted', eventType, percentage, currentStep: 0, totalSteps: 0, stepName: '', version: ++version, timestamp: stamp(at), ...more });
    await until(`version ${version} is here`, async () => (await known()).version === version);
    const { status, percentage: shown } = await known();
    return `${status} ${shown}`;
  };
  script.say('live', { cursor: 'e.1' }, 'e.1');
  assert.equal(await tell('STARTED', 0, 0, { seq: 1 }), 'STARTED 0');
  assert.equal(await tell('PROGRESS', 60, 2, { seq: 3 }), 'PROGRESS 60');
  assert.equal(await tell('PROGRESS', 30, 1, { seq: 2 }), 'PROGRESS 60');
  assert.equal(await tell('COMPLETED', 100, 9, { seq: 4 }), 'COMPLETED 100');
  assert.equal(await tell('PROGRESS', 70, 10), 'COMPLETED 100');
  assert.equal(await tell('STARTED', 0, 5), 'COMPLETED 100');
  assert.equal(await tell('STARTED', 1, 5, { seq: 5 }), 'STARTED 1');
  assert.equal(await tell('FAILED', 2, 11), 'FAILED 2');
  assert.equal(await tell('STARTED', 3, 11), 'STARTED 3');
}));

test('nothing that a producer puts into detail or a name hides a task or the others', () => withPage('<stepcast-progress user="odd"></stepcast-progress>', async (page) => {
  await open(page);
  const odd = [{ title: { toString: 1 } }, { title: ['a'] }, { title: true }, { title: null }, { title: 7 }, { toString: 1 }, { reason: { valueOf: 1 } }, JSON.parse('{"__proto__":{"title":"x"}}')];
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'x'.repeat(128), '\u202Eodd', '<b>bold</b>'];
  await post(...odd.map((detail, i) => event(`odd-${i}`, 'odd', 'FAILED', 10 * i, { detail })));
  await post(...names.map((name) => event(name.startsWith('\u202E') ? 'odd-rtl' : name, 'odd', 'PROGRESS', 5, { stepName: name })));
  await post(event('odd-last', 'odd', 'PROGRESS', 50, { stepName: 'after all' }));
  await until('all are shown', async () => (await page.getByRole('progressbar').count()) === odd.length + names.length + 1);
  const shown = await page.locator('stepcast-progress').evaluate((element) => element.list.textContent);
  assert.match(shown, /after all/);
  assert.doesNotMatch(shown, /native code|\[object/);
}));
