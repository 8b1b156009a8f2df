import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { faultsOf, inPage, picture, startBrowser, startIssuer, startServer, until } from './support.mjs';

/** A payment provider and a receiver of webhooks: what `refuses` names, by the end of its path or a piece of its body, is answered by 503. */
async function startOthers() {
  const refuses = new Set();
  const server = http.createServer((request, answer) => {
    let body = '';
    request.on('data', (piece) => (body += piece));
    request.on('end', () => answer.writeHead([...refuses].some((one) => request.url.endsWith(one) || body.includes(one)) ? 503 : 200).end());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { base: `http://127.0.0.1:${server.address().port}`, refuses, stop: () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))) };
}

let browser, others, server, closed, issuer, folder;
before(async () => {
  issuer = startIssuer();
  others = await startOthers();
  folder = mkdtempSync(join(tmpdir(), 'stepcast-flow-'));
  writeFileSync(join(folder, 'secret'), `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`);
  const settings = {
    'store.path': join(folder, 'journal'), 'shop.enabled': true, 'shop.saga': 'orchestration', 'shop.payment_url': others.base, 'shop.payment_timeout': '1m', 'shop.compensation_timeout': '1s',
    'shop.circuit_failures': 2, 'shop.circuit_open_for': '300ms', 'shop.ship_after': '1h',
    'webhooks.accounting.url': `${others.base}/hook`, 'webhooks.accounting.secret_file': join(folder, 'secret'), 'webhooks.accounting.max_attempts': 1, 'webhooks.accounting.allow_private': true,
  };
  [browser, server, closed] = await Promise.all([startBrowser(), startServer(settings), startServer(issuer.settings)]);
  await until('the first product is there', async () => (await fetch(`${server.base}/api/products/1`)).ok);
});
after(async () => {
  await browser?.close();
  await Promise.all([server, closed, others].map((one) => one?.stop()));
  issuer?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const withPage = ({ of = server, path = '/flow', ...options }, body) => inPage(browser, of.base + path, options, body);
const textIs = (page, selector, wanted) => until(`${selector} says ${wanted}`, async () => (await page.locator(selector).count()) && wanted.test(await page.locator(selector).first().innerText()));

async function order(paymentMethod = 'CREDIT_CARD') {
  const answer = await server.post('/api/orders', { userId: 'kim', orderItems: [{ productId: 1, quantity: 1 }], paymentMethod });
  assert.equal(answer.status, 202);
  return (await answer.json()).orderId;
}
const comes = (id, status) => until(`order ${id} is ${status}`, async () => (await server.get(`/api/orders/${id}`)).status === status);
/** It is undone in the end: where that took too long for a slow machine, it is resumed once more. */
const goesBack = (id) => until(`the saga of ${id} is COMPENSATED`, async () => {
  const { status } = await server.get(`/api/sagas/${id}`);
  if (status === 'STUCK') await server.post(`/api/sagas/${id}/resume`);
  return status === 'COMPENSATED';
});
const stands = (id, status) => until(`the saga of ${id} is ${status}`, async () => (await server.get(`/api/sagas/${id}`)).status === status);

/** An order that was cancelled while the provider gives nothing back. */
async function stuck() {
  const id = await order();
  await comes(id, 'CONFIRMED');
  others.refuses.add('/refunds');
  assert.equal((await server.post(`/api/orders/${id}/cancel`)).status, 202);
  await stands(id, 'STUCK');
  return id;
}

/** A task whose end the receiver of webhooks did not take; those of orders it takes. */
async function letter() {
  others.refuses.add('task-');
  const before = (await server.get('/api/dead-letters')).length;
  assert.ok((await server.post('/api/v2/progress/events', { taskId: `task-${Date.now()}`, userId: 'kim', eventType: 'COMPLETED' })).ok);
  await until('there is a dead letter', async () => (await server.get('/api/dead-letters')).length > before);
  others.refuses.delete('task-');
}

test('a saga that is stuck is found, looked into and resumed', () => withPage({}, async (page) => {
  const id = await stuck();
  const row = page.locator('#saga-list li', { hasText: id });
  await page.getByRole('radio', { name: /^Stuck/ }).check();
  await row.waitFor();
  await until('it is told at a glance', async () => (await page.locator('#glance-stuck').innerText()) === '1');
  await row.getByRole('button', { name: `Steps of ${id}` }).click();
  await until('its steps are told', async () => /payment\s*Stuck/.test(await row.locator('.steps-of').innerText()));
  assert.equal(await page.locator('#saga-list > li').count(), 1);
  others.refuses.clear();
  await row.getByRole('button', { name: `Resume ${id}` }).click();
  await textIs(page, '#sagas-said', /goes on/);
  await goesBack(id);
  await until('it is listed no more', async () => (await row.count()) === 0);
}));

test('circuits tell of calls that are not answered', () => withPage({}, async (page) => {
  await textIs(page, '#circuit-list', /Charging\s+Closed/);
  others.refuses.add('/charges');
  const id = await order();
  await page.locator('#circuit-list .tag:is([data-state=open], [data-state=half-open])').first().waitFor();
  await until('it is told at a glance', async () => (await page.locator('#glance-circuits').innerText()) === '1');
  others.refuses.clear();
  await comes(id, 'CONFIRMED');
}));

test('a dead letter is read, handed over again, and given up', () => withPage({}, async (page) => {
  await letter();
  const row = page.locator('#letter-list > li').first();
  await row.getByRole('button', { name: /^Content of/ }).click();
  await until('its content is told', async () => /"taskId": "task-/.test(await row.locator('pre').innerText()));
  others.refuses.add('task-');
  await row.getByRole('button', { name: /^Hand .* over again$/ }).click();
  await textIs(page, '#letters .error', /It failed again/);
  others.refuses.clear();
  await row.getByRole('button', { name: /^Hand .* over again$/ }).click();
  await textIs(page, '#letters-said', /It was handled/);
  await textIs(page, '#letters-none', /There are none/);
  await letter();
  page.on('dialog', (dialog) => dialog.accept());
  await page.getByRole('button', { name: /^Give .* up$/ }).click();
  await textIs(page, '#letters-said', /given up/);
  assert.deepEqual(await server.get('/api/dead-letters'), []);
}));

test('with tokens it is for operators', () => withPage({ of: closed }, async (page) => {
  const enter = async (token) => {
    await page.locator('#sign-token textarea').fill(token);
    await page.locator('#sign-token button').click();
  };
  await page.locator('#sign').waitFor();
  await enter(issuer.token('ada'));
  await textIs(page, '#flow-error', /Only operators may look here/);
  assert.ok(!(await page.locator('#letters').isVisible()));
  await page.reload();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('#sign').waitFor();
  await enter(issuer.token('root', { scope: 'admin' }));
  await textIs(page, '#letters-none', /There are none/);
  await textIs(page, '#circuits-none', /calls no other system/);
}));

test('every page leads to it, in both languages', () => withPage({ path: '/bank' }, async (page) => {
  await page.locator('nav a', { hasText: 'Flow' }).click();
  await textIs(page, '#letters-none', /There are none/);
  assert.equal(await page.locator('.top nav a[aria-current=page]').innerText(), 'Flow');
  await page.getByLabel('Correlation id, order, or stream').fill('nothing');
  await page.getByRole('button', { name: 'Show' }).click();
  await textIs(page, '#trace .error', /Nothing is known of this id/);
  await page.getByRole('button', { name: '한국어' }).click();
  await page.getByRole('button', { name: '보기', exact: true }).click();
  await textIs(page, '#trace .error', /아는 것이 없습니다/);
  await textIs(page, '#letters-none', /없습니다/);
}));

test('the keyboard filters sagas, looks into one and resumes it', () => withPage({}, async (page) => {
  const id = await stuck();
  others.refuses.clear();
  await page.getByRole('radio', { name: /^All/ }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('button', { name: `Steps of ${id}` }).waitFor();
  const tabTo = async (name) => {
    for (let i = 0; i < 20; i++) {
      if ((await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))) === name) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`Tab never reaches ${name}`);
  };
  await tabTo(`Steps of ${id}`);
  await page.keyboard.press('Enter');
  await until('its steps are told', async () => /Stuck/.test(await page.locator('.steps-of').innerText()));
  await tabTo(`Resume ${id}`);
  await page.keyboard.press('Enter');
  await textIs(page, '#sagas-said', /goes on/);
  await goesBack(id);
}));

/** The rows of the diagram that are messages: topic, from, to, and `undo` where they take something back. */
const messages = (page) => page.locator('#diagram .message').evaluateAll((all) => all.map((one) => `${one.getAttribute('aria-label')}${one.classList.contains('undo') ? ' undo' : ''}`));

test('the shop leads to an order’s messages, which go over the services and back', () => withPage({}, async (page) => {
  const id = await order();
  await comes(id, 'CONFIRMED');
  assert.equal((await server.post(`/api/orders/${id}/cancel`)).status, 202);
  await goesBack(id);
  await page.goto(`${server.base}/shop?order=${id}`);
  await page.locator('#order-trace').click();
  await textIs(page, '#trace-of', new RegExp(id));
  await until('the refund is told', async () => (await messages(page)).some((one) => /payment-commands.*REFUND.* undo$/.test(one)));
  const all = await messages(page);
  for (const wanted of [/Order to Payment, payment-commands/, /Payment to Order.*, payment-completed/, /Order to Product, stock-commands/, /Product to Order, stock-reserved/, /Order to Product, stock-commands, RELEASE undo$/])
    assert.ok(all.some((one) => wanted.test(one)), `${wanted} of ${all.join('\n')}`);
  const rows = page.locator('#diagram .item');
  await page.getByText('As a table').click();
  assert.equal(await page.locator('#trace-rows tr').count(), await rows.count());
  await rows.first().click();
  assert.match(await page.locator('#item-data').innerText(), /1200000/);
  await page.keyboard.press('End');
  await until('the last one is told', async () => (await page.locator('#item-title').innerText()) === (await rows.last().getAttribute('aria-label')));
  await page.keyboard.press('Home');
  assert.equal(await rows.first().getAttribute('aria-selected'), 'true');
  await page.locator('#item-stream').or(page.locator('#item-listen')).first().waitFor();
}));

test('a stream leads to the messages of its events, and an event to its stream', () => withPage({}, async (page) => {
  const id = await order();
  await comes(id, 'CONFIRMED');
  await page.goto(`${server.base}/streams?stream=order-${id}`);
  await page.locator('#request').click();
  await page.locator('#diagram .event').first().click();
  await page.locator('#item-stream').click();
  await page.locator('#state-title').waitFor();
}));

test('topics tell how far they are read, and show what comes on one', () => withPage({}, async (page) => {
  await page.getByRole('button', { name: 'Listen to order-created', exact: true }).click();
  await textIs(page, '#live-state', /^order-created: live$/);
  const id = await order();
  const record = page.locator('#records li', { hasText: id });
  await record.locator('summary').click();
  await until('it is told in lines', async () => new RegExp(`"orderId": "${id}"`).test(await record.locator('pre').innerText()));
  await page.getByRole('button', { name: 'Pause' }).click();
  const other = await order();
  await textIs(page, '#live-state', /paused, 1 passed by/);
  await page.getByRole('button', { name: 'Go on' }).click();
  await textIs(page, '#records .gap', /1 passed by meanwhile/);
  assert.equal(await page.locator('#records li', { hasText: other }).count(), 0);
  await until('it is read to its end', async () => /up to date/.test(await page.locator('#topic-list tr', { has: page.getByRole('button', { name: 'Listen to order-created', exact: true }) }).innerText()));
  await record.getByRole('button', { name: 'All messages of this request' }).click();
  await textIs(page, '#trace-of', /Request/);
}));

test('of a key only its records are shown, and of a flood the newest 200', () => withPage({}, async (page) => {
  const send = (events) => server.post('/api/v2/progress/events', events);
  const event = (taskId, percentage) => ({ taskId, userId: 'flood', eventType: 'PROGRESS', percentage });
  await page.locator('#listen select').selectOption('progress-events');
  await page.getByRole('button', { name: 'Listen', exact: true }).click();
  await textIs(page, '#live-state', /: live$/);
  for (let sent = 0; sent < 250; sent += 50) assert.ok((await send(Array.from({ length: 50 }, (_, i) => event(`flood-${sent + i}`, 1)))).ok);
  await page.locator('#records li', { hasText: 'flood-249' }).waitFor();
  assert.equal(await page.locator('#records li').count(), 200);
  await page.getByLabel('Only this key').fill('flood-249');
  await page.getByRole('button', { name: 'Listen', exact: true }).click();
  await textIs(page, '#live-state', /: live$/);
  assert.ok((await send([{ ...event('other', 2), userId: 'other' }, event('flood-249', 2)])).ok);
  await page.locator('#records li').first().waitFor();
  assert.deepEqual(await page.locator('#records summary b').allInnerTexts(), ['flood-249']);
}));

/** The page of a server where something waits for somebody. */
const troubled = (options, body) => withPage(options, async (page) => {
  const id = await stuck();
  await letter();
  await page.locator('#saga-list li', { hasText: id }).waitFor();
  await page.locator('#letter-list > li').first().waitFor();
  await page.locator('#saga-list [aria-expanded]').first().click();
  await page.locator('#letter-list [aria-expanded]').first().click();
  await page.locator('.steps-of li').first().waitFor();
  await page.locator('#letter-list pre').waitFor();
  await page.getByRole('button', { name: /order-created/ }).click();
  await page.getByRole('textbox').first().fill(id);
  await page.locator('#find button').click();
  await page.locator('#diagram .item').first().waitFor();
  await order();
  await page.locator('#records li').first().waitFor();
  await body(page);
  others.refuses.clear();
  assert.equal((await server.post(`/api/sagas/${id}/resume`)).status, 202);
  for (const { id: its } of await server.get('/api/dead-letters')) await fetch(`${server.base}/api/dead-letters/${its}`, { method: 'DELETE' });
});

test('picture: the flow', () => troubled({ locale: 'ko-KR' }, async (page) => {
  await picture(page, 'flow', { whole: true });
  assert.deepEqual(await faultsOf(page), []);
}));

test('picture: the flow in the dark, on a phone, and nothing is wider than it', () => troubled({ colorScheme: 'dark', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (page) => {
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await picture(page, 'flow-phone-dark', { whole: true });
  assert.deepEqual(await faultsOf(page), []);
}));
