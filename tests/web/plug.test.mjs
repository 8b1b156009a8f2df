import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { barAt, heard, listen, openPage, picture, startBrowser, startProxy, startServer, until, words } from './support.mjs';

let browser, server, proxy;
before(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer({ 'orders.step_delay': '300ms', 'sse.retry': '100ms' })]);
  proxy = await startProxy(server.port);
});
after(async () => {
  await browser?.close();
  await proxy?.stop();
  await server?.stop();
});

async function withPage(base, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US' });
  try {
    const page = await openPage(context, base);
    await body(page, await page.getByLabel('I am').inputValue());
    assert.deepEqual(page.complaints, []);
  } finally {
    await context.close();
  }
}

test('a connection that is cut in the middle comes back with every step shown once', () => withPage(proxy.base, async (page, user) => {
  const versions = await listen(page);
  await page.locator('#order button').click();
  await barAt(page, 25);
  proxy.cut();
  await page.locator('#connection[data-state=reconnecting]').waitFor();
  await server.events(user, 5);
  assert.ok((await versions()).length < 5);
  proxy.mend();
  await barAt(page, 100);
  assert.deepEqual(await versions(), [1, 2, 3, 4, 5]);
  assert.equal((await heard(page, 'complete')).length, 1);
  assert.equal((await heard(page, 'reset')).length, 0);
}));

test('pull the plug: V1 believes the past, V2 knows every step', () => withPage(server.base, async (page, user) => {
  await page.locator('#plug-start').click();
  await page.locator('.plug[data-phase=cut]').waitFor();
  assert.equal(await page.getByRole('switch', { name: 'Plug' }).getAttribute('aria-checked'), 'false');
  await page.locator('#connection[data-state=paused]').waitFor();
  await server.events(user, 5);
  await page.getByRole('switch', { name: 'Plug' }).click();
  await page.locator('.plug[data-phase=done]').waitFor();
  const kinds = (lane) => page.locator(`#lane-${lane} .steps li`).evaluateAll((steps) => steps.map((step) => step.dataset.kind));
  assert.deepEqual(await kinds('v1'), ['live', 'live', 'missed', 'missed', 'missed']);
  assert.deepEqual(await kinds('v2'), ['live', 'live', 'caught', 'caught', 'caught']);
  assert.match(await page.locator('#lane-v1 .verdict').innerText(), /Believes the order stands at 25%/);
  assert.match(await page.locator('#lane-v2 .verdict').innerText(), /All 5 steps/);
  assert.match(await words(page), /100%/);
  await picture(page, 'plug', { keep: true, of: page.locator('.plug') });
  assert.ok(await page.locator('#plug-start').isVisible());
}));

test('V1 is open only while the demo runs, so that connections are left for orders', () => withPage(server.base, async (page) => {
  const open = new Set();
  page.on('request', (request) => request.url().includes('/subscribe') && open.add(request));
  for (const end of ['requestfailed', 'requestfinished']) page.on(end, (request) => open.delete(request));
  await page.locator('#plug-start').click();
  await page.locator('.plug[data-phase=cut]').waitFor();
  await until('both are closed', () => open.size === 0);
  await page.getByRole('switch').click();
  await page.locator('.plug[data-phase=done]').waitFor();
  await until('only V2 is open', () => open.size === 1 && [...open][0].url().includes('/v2/'));
}));

test('a new life of the server empties the page and goes on', async () => {
  const port = server.port;
  const context = await browser.newContext({ locale: 'en-US' });
  const page = await openPage(context, server.base);
  await page.locator('#order button').click();
  await barAt(page, 100);
  await server.stop();
  await page.locator('#connection[data-state=reconnecting]').waitFor();
  await page.locator('#order button').click();
  await until('the order is refused in words', async () => /cannot be reached/.test(await page.locator('#order-error').innerText()));
  server = await startServer({ 'orders.step_delay': '50ms', 'sse.retry': '100ms' }, port);
  await page.locator('#connection[data-state=open]').waitFor();
  await page.locator('#task-empty').waitFor();
  await page.locator('#order button').click();
  await barAt(page, 100);
  assert.deepEqual(page.complaints, []);
  await context.close();
});
