import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bar, barAt, card, heard, listen, newPage, openPage, picture, startBrowser, startServer, until, words } from './support.mjs';

let server, browser;
before(async () => {
  [server, browser] = await Promise.all([startServer({ 'orders.step_delay': '120ms' }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs `body` with the page in a fresh profile; nothing may be complained about meanwhile. */
async function withPage(options, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US', ...options });
  try {
    const page = await openPage(context, server.base);
    await body(page, context);
    assert.deepEqual(page.complaints, []);
  } finally {
    await context.close();
  }
}

const order = (page) => page.locator('#order button').click();

test('an order moves to 100 % and every step is told once', () => withPage({}, async (page) => {
  assert.ok(await page.locator('#task-empty').isVisible());
  const versions = await listen(page);
  await order(page);
  await barAt(page, 100);
  assert.ok(!(await page.locator('#task-empty').isVisible()));
  assert.deepEqual(await versions(), [1, 2, 3, 4, 5]);
  assert.equal((await heard(page, 'complete')).length, 1);
  assert.match(await words(page), /Laptop × 1[\s\S]*Order complete/);
}));

test('an order above the stock fails visibly and says why', () => withPage({ locale: 'ko-KR' }, async (page) => {
  await page.getByLabel('수량').fill('5000');
  await order(page);
  await until('it failed', async () => (await heard(page, 'failed')).length === 1);
  await until('the reason is shown', async () => /실패 · 재고 확인 · .*재고/.test(await words(page)));
}));

test('several tasks run at once, newest first, and old ones fold away', () => withPage({}, async (page) => {
  for (let i = 1; i <= 8; i++) {
    await page.getByLabel('Product').fill(`Thing ${i}`);
    await order(page);
    await page.locator('#task-list > li').nth(i - 1).waitFor({ state: 'attached' });
  }
  for (let i = 0; i < 8; i++) await until('all are done', async () => (await bar(page, i).getAttribute('aria-valuenow')) === '100');
  assert.match(await words(page, 0), /Thing 8/);
  assert.ok(!(await card(page, 7).isVisible()));
  await page.locator('#task-all').click();
  assert.match(await words(page, 7), /Thing 1/);
}));

test('two tabs of one user show the same task', () => withPage({}, async (page, context) => {
  const other = await openPage(context, server.base);
  await order(page);
  await barAt(page, 100);
  await barAt(other, 100);
  assert.match(await words(other), /Order complete/);
}));

test('a second user sees nothing of the first, and the first finds everything again', () => withPage({}, async (page) => {
  const who = page.getByLabel('I am');
  const first = await who.inputValue();
  await order(page);
  await barAt(page, 100);
  await who.fill('someone-else');
  await who.press('Enter');
  await page.locator('#task-empty').waitFor();
  await who.fill(first);
  await who.press('Enter');
  await barAt(page, 100);
  await page.reload();
  assert.equal(await who.inputValue(), first);
  await barAt(page, 100);
}));

test('the slider shows every past state and the history lists every event', () => withPage({}, async (page) => {
  await order(page);
  await barAt(page, 100);
  await card(page).locator('summary').click();
  const rows = card(page).locator('tbody tr');
  await until('the history is there', async () => (await rows.count()) === 5);
  const slider = card(page).getByRole('slider');
  for (const [version, percent] of [[1, 0], [2, 25], [4, 75], [5, 100]]) {
    await slider.fill(String(version));
    await until(`version ${version} is shown`, async () => (await card(page).locator('.then b').innerText()).startsWith(`${percent}%`));
    assert.equal(await rows.nth(version - 1).getAttribute('aria-current'), 'true');
    assert.match(await slider.getAttribute('aria-valuetext'), new RegExp(`${version} of 5`));
  }
}));

test('an open history follows a running task', () => withPage({}, async (page) => {
  const userId = await page.getByLabel('I am').inputValue();
  const post = (eventType, currentStep) => server.post('/api/v2/progress/events', { taskId: `follow-${userId}`, userId, eventType, currentStep, totalSteps: 3, stepName: `Part ${currentStep}` });
  await post('STARTED', 0);
  await card(page).locator('summary').click();
  const rows = card(page).locator('tbody tr');
  await until('the first event is listed', async () => (await rows.count()) === 1);
  await post('PROGRESS', 1);
  await until('the second event is listed', async () => (await rows.count()) === 2);
  await until('the state follows', async () => /33% · Part 1/.test(await card(page).locator('.then').innerText()));
}));

test('the language follows the browser, can be switched and is remembered', () => withPage({ locale: 'ko-KR' }, async (page) => {
  const title = page.locator('h1');
  assert.match(await title.innerText(), /주문하고/);
  await order(page);
  await barAt(page, 100);
  assert.match(await words(page), /주문 완료/);
  await page.getByRole('button', { name: 'English' }).click();
  assert.match(await title.innerText(), /Place an order/);
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  await until('the element speaks English', async () => /Order complete/.test(await words(page)));
  await page.reload();
  assert.match(await title.innerText(), /Place an order/);
}));

test('everything can be done by keyboard', () => withPage({}, async (page) => {
  const tabTo = (selector) => until(`Tab reaches ${selector}`, async () => {
    await page.keyboard.press('Tab');
    return page.evaluate((wanted) => document.activeElement?.matches(wanted), selector);
  });
  await tabTo('.skip');
  await tabTo('[name=productName]');
  await tabTo('#order button');
  await page.keyboard.press('Enter');
  await barAt(page, 100);
  await tabTo('summary');
  await page.keyboard.press('Enter');
  await tabTo('.slider input');
  await page.keyboard.press('Home');
  await until('the first state is shown', async () => /^0% · /.test(await card(page).locator('.then').innerText()));
  await tabTo('#plug-start');
  await page.keyboard.press('Enter');
  await page.locator('.plug[data-phase=cut]').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'plug-switch');
  await page.keyboard.press('Space');
  await page.locator('.plug[data-phase=done]').waitFor();
}));

test('a screen reader gets a named bar with words and hears steps', () => withPage({}, async (page) => {
  await page.evaluate(() => {
    window.said = new Set();
    const watch = (element) => new MutationObserver(() => window.said.add(element.live.textContent)).observe(element.live, { childList: true });
    new MutationObserver(() => document.querySelectorAll('#task-list stepcast-progress').forEach((element) => element.seen || (watch(element), (element.seen = true))))
      .observe(document.querySelector('#task-list'), { childList: true });
  });
  await order(page);
  await barAt(page, 100);
  const one = bar(page);
  assert.deepEqual(await Promise.all(['aria-valuemin', 'aria-valuemax', 'aria-valuenow', 'aria-valuetext', 'aria-label'].map((name) => one.getAttribute(name))),
    ['0', '100', '100', '100%, Order complete', 'Laptop × 1']);
  await until('the end is said', () => page.evaluate(() => [...window.said].some((sentence) => sentence.includes('Order complete'))));
  const live = page.locator('#task-list stepcast-progress [aria-live]');
  assert.deepEqual([await live.getAttribute('aria-live'), await live.getAttribute('role')], ['polite', 'status']);
  assert.equal(await page.locator('#tail').getAttribute('aria-live'), 'off');
  for (const name of ['Product', 'Quantity', 'I am']) assert.equal(await page.getByLabel(name, { exact: true }).count(), 1, name);
}));

test('a hundred ticks of one step are said once', () => withPage({}, async (page) => {
  const userId = await page.getByLabel('I am').inputValue();
  const event = (n) => ({ taskId: `ticks-${userId}`, userId, eventType: n ? 'PROGRESS' : 'STARTED', percentage: n, stepName: 'Copying' });
  await server.post('/api/v2/progress/events', [event(0)]);
  await card(page).waitFor();
  await page.evaluate(() => {
    window.changes = 0;
    const { live } = document.querySelector('#task-list stepcast-progress');
    new MutationObserver(() => window.changes++).observe(live, { childList: true });
  });
  await server.post('/api/v2/progress/events', Array.from({ length: 99 }, (_, i) => event(i + 1)));
  await barAt(page, 99);
  assert.ok((await page.evaluate(() => window.changes)) <= 1);
}));

test('the raw events are listed, bounded, and can be paused', () => withPage({}, async (page) => {
  const userId = await page.getByLabel('I am').inputValue();
  const lines = page.locator('#tail > div');
  await page.locator('#tail > [data-type=live]').waitFor();
  assert.match(await lines.first().locator('.id').innerText(), /^\w+\.\d+$/);
  const batch = (task) => Array.from({ length: 150 }, (_, i) => ({ taskId: `${task}-${userId}`, userId, eventType: 'PROGRESS', percentage: Math.floor(i / 2), stepName: 'Reading' }));
  await server.post('/api/v2/progress/events', batch('a'));
  await server.post('/api/v2/progress/events', batch('b'));
  await until('the newest is listed', async () => (await lines.count()) > 0 && /"version":150/.test(await lines.first().innerText()) && /b-user/.test(await lines.first().innerText()));
  assert.equal(await lines.count(), 200);
  await page.locator('#tail-pause').click();
  await page.locator('#tail-clear').click();
  await server.post('/api/v2/progress/events', [{ taskId: `c-${userId}`, userId, eventType: 'STARTED' }]);
  await until('the task is shown', async () => (await page.locator('#task-list > li').count()) === 3);
  assert.equal(await lines.count(), 0);
}));

test('where no token is asked for, nothing of a session is asked or shown', () => withPage({}, async (_, context) => {
  const page = await newPage(context);
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(server.base + '/');
  await page.locator('#connection[data-state=open]').waitFor();
  await order(page);
  await barAt(page, 100);
  assert.deepEqual(asked.filter((url) => /session|auth/.test(url) && !url.endsWith('.js')), []);
  assert.deepEqual([await page.locator('#sign').isVisible(), await page.locator('#me').isVisible()], [false, false]);
  assert.ok(await page.getByLabel('I am').isVisible());
}));

test('the server tells its numbers', () => withPage({}, async (page) => {
  await page.locator('#monitor').scrollIntoViewIfNeeded();
  for (const name of ['Store', 'Bus', 'Broadcaster', 'Sessions', 'Process']) await page.locator('#monitor h3', { hasText: new RegExp(`^${name}$`, 'i') }).waitFor();
}));

test('motion stops where it is not wanted', () => withPage({ reducedMotion: 'reduce' }, async (page) => {
  await order(page);
  await barAt(page, 100);
  assert.equal(await page.locator('#task-list [part=fill]').first().evaluate((fill) => getComputedStyle(fill).transitionProperty), 'none');
}));

/** Tasks in every state, for the pictures. */
async function fill(page, step) {
  const userId = await page.locator('[name=user]').inputValue();
  await page.locator('[name=quantity]').fill('250');
  await order(page);
  await until('it failed', async () => (await heard(page, 'failed')).length === 1);
  await page.locator('[name=quantity]').fill('1');
  await order(page);
  await barAt(page, 100);
  const base = Date.now() - 42_000;
  const shown = async () => (await Promise.all([0, 1, 2].map((n) => words(page, n)))).join();
  // An import of 42 seconds, for the page.
  for (const [eventType, currentStep, after, percent] of [['STARTED', 0, 0, '0%'], ['PROGRESS', 9, 20, '22%'], ['PROGRESS', 25, 42, '62%']]) {
    await page.evaluate((later) => {
      const begin = (window.began ??= performance.now());
      performance.now = () => begin + later;
    }, after * 1000);
    await server.post('/api/v2/progress/events', { taskId: `import-${userId}`, userId, eventType, currentStep, totalSteps: 40, stepName: step, detail: { title: 'catalogue.csv' }, timestamp: new Date(base + after * 1000).toISOString() });
    await until('the import is shown', async () => (await page.locator('#task-list > li').count()) === 3);
    await until(`it stands at ${percent}`, async () => (await shown()).includes(`catalogue.csv${percent}`));
  }
}

test('picture: desktop', () => withPage({ locale: 'ko-KR' }, async (page) => {
  await fill(page, '상품 목록 읽기');
  await picture(page, 'desktop', { keep: true });
}));

test('picture: the empty page', () => withPage({ locale: 'ko-KR' }, (page) => picture(page, 'empty')));

test('picture: a phone, and nothing is wider than it', () => withPage({ locale: 'ko-KR', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (page) => {
  await fill(page, '상품 목록 읽기');
  await card(page, 2).locator('summary').tap();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await page.evaluate(() => { for (const open of document.querySelectorAll('details[open]')) open.open = false; });
  await picture(page, 'phone', { keep: true });
}));

test('picture: the raw events on a phone', () => withPage({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (page) => {
  await fill(page, 'Reading the catalogue');
  await picture(page, 'phone-tail', { of: page.locator('section', { has: page.locator('#tail') }) });
}));

test('picture: in the dark', () => withPage({ colorScheme: 'dark' }, async (page) => {
  await fill(page, 'Reading the catalogue');
  const [r, g, b] = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number));
  assert.ok(r + g + b < 150, `the ground is rgb(${r}, ${g}, ${b})`);
  await picture(page, 'dark', { keep: true });
}));
