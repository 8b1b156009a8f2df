import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { barAt, card, listen, newPage, picture, startBrowser, startIssuer, startProxy, startServer, until, words } from './support.mjs';

let browser, issuer, server, demo;
const offset = () => join(issuer.folder, 'offset');
before(async () => {
  issuer = startIssuer();
  writeFileSync(offset(), '0\n');
  const settings = { ...issuer.settings, 'orders.step_delay': '50ms', 'sse.retry': '100ms' };
  [browser, server, demo] = await Promise.all([startBrowser(), startServer(settings),
    startServer({ ...settings, 'auth.demo': true }, undefined, { STEPCAST_CLOCK_OFFSET_FILE: offset() })]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await demo?.stop();
  issuer?.stop();
});

/** Runs `body` with the page of a server in a fresh profile, in which nobody is signed in. */
async function withPage({ of = server, ...options }, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US', ...options });
  try {
    const page = await newPage(context);
    await page.goto(of.base + '/');
    await page.locator('#sign').waitFor();
    await body(page, context);
    assert.deepEqual(page.complaints, []);
  } finally {
    await context.close();
  }
}

const isIn = (page) => page.locator('#connection[data-state=open]').waitFor();
const isOut = (page) => page.locator('#connection[data-state=signedOut]').waitFor();
const paste = async (page, token) => {
  await page.locator('#sign-token textarea').fill(token);
  await page.locator('#sign-token button').click();
};
const errorOf = (page, form) => page.locator(`${form} .error`);
/** Events of a task by a worker, who may send for all. */
const send = async (to, taskId, userId, ...percentages) => {
  const answer = await to.post('/api/v2/progress/events', percentages.map((percentage) => ({ taskId, userId, eventType: 'PROGRESS', percentage, stepName: 'Reading' })),
    { Authorization: `Bearer ${issuer.token('worker', { scope: 'publish', seconds: 100_000 })}` });
  assert.equal(answer.status, 202);
};

test('a pasted token signs in, a reload keeps it, signing out ends it', () => withPage({}, async (page) => {
  await isOut(page);
  assert.ok(!(await page.locator('#sign-demo').isVisible()));
  for (const hidden of ['#order', '#who', '.plug', '#monitor', '#me']) assert.ok(!(await page.locator(hidden).isVisible()), hidden);
  await paste(page, `Bearer ${issuer.token('ada')}\n`);
  await isIn(page);
  assert.ok(!(await page.locator('#sign').isVisible()));
  assert.match(await page.locator('#me').innerText(), /Signed in as ada[\s\S]*until \d\d:\d\d/);
  assert.equal(await page.evaluate(() => document.cookie), '');
  await page.locator('#order button').click();
  await barAt(page, 100);
  assert.match(await page.locator('#snippet-send').innerText(), /Authorization: Bearer/);
  await page.reload();
  await isIn(page);
  await barAt(page, 100);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await isOut(page);
  assert.equal(await page.locator('#task-list > li').count(), 0);
  assert.equal(await page.evaluate(async () => (await fetch('api/session')).status), 401);
  await page.reload();
  await isOut(page);
}));

test('what is wrong with a token is said in words', () => withPage({}, async (page) => {
  for (const [token, wanted] of [[issuer.token('ada', { seconds: -10 }), /does not accept this token: .*expired/], ['nonsense', /does not accept this token: /],
    ['한글', /no token/], [issuer.token('ada', { scope: 'x'.repeat(5000) }), /longer than a browser’s cookie/]]) {
    await paste(page, token);
    await until(`it is said: ${wanted}`, async () => wanted.test(await errorOf(page, '#sign-token').innerText()));
  }
  await page.context().setOffline(true);
  await paste(page, issuer.token('ada'));
  await until('the outage is said', async () => /cannot be reached/.test(await errorOf(page, '#sign-token').innerText()));
  await page.context().setOffline(false);
  await page.getByRole('button', { name: '한국어' }).click();
  await paste(page, 'nonsense');
  await until('it is said in Korean', async () => /토큰을 받아들이지 않습니다/.test(await errorOf(page, '#sign-token').innerText()));
}));

test('at the end of the token the page asks for another and goes on without loss', () => withPage({}, async (page) => {
  await send(server, 'long', 'eve', 10, 20);
  await paste(page, issuer.token('eve', { seconds: 3 }));
  await isIn(page);
  const versions = await listen(page);
  await send(server, 'long', 'eve', 30);
  await barAt(page, 30);
  await isOut(page);
  assert.match(await page.locator('#sign-why').innerText(), /session has ended/);
  await send(server, 'long', 'eve', 40, 50);
  assert.match(await words(page), /30%/);
  await paste(page, issuer.token('eve'));
  await isIn(page);
  await barAt(page, 50);
  assert.deepEqual(await versions(), [3, 4, 5]);
}));

test('who signs in as somebody else finds nothing of the one before', () => withPage({}, async (page) => {
  await send(server, 'of-kim', 'kim', 10);
  await paste(page, issuer.token('kim', { seconds: 2 }));
  await barAt(page, 10);
  await isOut(page);
  await paste(page, issuer.token('lee'));
  await isIn(page);
  await page.locator('#task-empty').waitFor();
  assert.equal(await card(page).count(), 0);
}));

test('the demonstration gives a session by name, which is renewed while the page is open', async () => {
  const proxy = await startProxy(demo.port);
  await withPage({ of: proxy }, async (page) => {
    await page.locator('#sign-demo').waitFor();
    await page.getByLabel('Name').fill('mia');
    await page.getByLabel('Password').fill('x');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await isIn(page);
    await send(demo, 'of-mia', 'mia', 10);
    await barAt(page, 10);
    const versions = await listen(page);
    const renewed = page.waitForResponse((response) => response.url().endsWith('/api/auth/token') && response.request().method() === 'POST');
    proxy.cut();
    await page.locator('#connection[data-state=reconnecting]').waitFor();
    writeFileSync(offset(), `${2 * 3_600_000}\n`);  // two hours later
    proxy.mend();
    assert.equal((await renewed).status(), 200);
    await isIn(page);
    await send(demo, 'of-mia', 'mia', 20);
    await barAt(page, 20);
    assert.deepEqual(await versions(), [2]);
    assert.ok(!(await page.locator('#sign').isVisible()));
  });
  await proxy.stop();
});

test('signing out in one tab signs out the others', () => withPage({}, async (page, context) => {
  await paste(page, issuer.token('ada'));
  await isIn(page);
  const other = await newPage(context);
  await other.goto(server.base + '/');
  await isIn(other);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await isOut(other);
  await paste(other, issuer.token('ada'));
  await isIn(other);
  await isIn(page);
}));

test('picture: signing in', () => withPage({ of: demo }, async (page) => {
  await page.locator('#sign-demo').waitFor();
  await picture(page, 'sign-in', { keep: true });
}));

test('picture: signing in on a phone, in Korean, refused', () => withPage({ of: demo, locale: 'ko-KR', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (page) => {
  await page.locator('#sign-demo').waitFor();
  await paste(page, issuer.token('ada', { seconds: -10 }));
  await until('it is refused', async () => /받아들이지/.test(await errorOf(page, '#sign-token').innerText()));
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await picture(page, 'sign-in-phone', { keep: true });
}));

test('picture: signed in, in the dark', () => withPage({ colorScheme: 'dark' }, async (page) => {
  await picture(page, 'sign-in-dark');
  await paste(page, issuer.token('ada'));
  await isIn(page);
  await page.locator('#order button').click();
  await barAt(page, 100);
  await picture(page, 'signed-in-dark');
}));
