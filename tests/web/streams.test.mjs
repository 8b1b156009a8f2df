import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultsOf, inPage, picture, startBrowser, startIssuer, startServer, until } from './support.mjs';

let browser, server, issuer, closed;
before(async () => {
  issuer = startIssuer();
  [browser, server, closed] = await Promise.all([startBrowser(), startServer(), startServer(issuer.settings)]);
  const made = async (path, body, headers) => assert.ok((await server.post(path, body, headers)).ok, path);
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await made('/api/accounts', { accountId: 'A', owner: 'ada', initialBalance: 100 }, { traceparent });
  await made('/api/accounts', { accountId: 'B', owner: 'ada' });
  for (const amount of [10, 20]) await made('/api/accounts/A/deposits', { amount, source: 'wages' });
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await closed?.stop();
  issuer?.stop();
});

const withPage = ({ of = server, path = '/streams', ...options }, body) => inPage(browser, of.base + path, options, body);

const find = async (page, name) => {
  await page.getByLabel('Stream', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Show' }).click();
};
const titleIs = (page, title) => until(`it is ${title}`, async () => (await page.locator('#state-title').textContent()) === title);
const errorIs = (page, wanted) => until(`it is said: ${wanted}`, async () => wanted.test(await page.locator('#find-error').innerText()));
const changes = (page) => page.locator('#changes tr').evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(' ')));

test('a stream shows its events, what came with them, the state and what changed', () => withPage({}, async (page) => {
  await find(page, 'account-A');
  await titleIs(page, 'After event 3 of 3');
  assert.deepEqual(await page.locator('#list tr td:nth-child(2)').allInnerTexts(), ['MONEY_DEPOSITED', 'MONEY_DEPOSITED', 'ACCOUNT_CREATED']);
  assert.ok((await changes(page)).includes('balance 110 130'));
  assert.match(await page.locator('#state').innerText(), /"balance": 130/);
  assert.match(await page.locator('#data').innerText(), /"source": "wages"/);
  await page.getByRole('slider').fill('1');
  await titleIs(page, 'After event 1 of 3');
  assert.ok((await changes(page)).includes('balance – 100'));
  assert.match(await page.locator('#meta').innerText(), /trace\s+00-0af7651916cd43dd8448eb211c80319c/);
  assert.equal(await page.locator('#list tr[data-ahead]').count(), 2);
  await page.locator('#list tr').nth(1).click();
  await titleIs(page, 'After event 2 of 3');
  await page.reload();
  await titleIs(page, 'After event 2 of 3');
  await page.locator('#recent button', { hasText: 'account-A' }).waitFor();
}));

test('who looks at the end of a stream sees it move', () => withPage({ path: '/streams?stream=account-B' }, async (page) => {
  await titleIs(page, 'After event 1 of 1');
  assert.ok((await server.post('/api/accounts/B/deposits', { amount: 5 })).ok);
  await titleIs(page, 'After event 2 of 2');
  assert.deepEqual((await changes(page)).filter((change) => change.startsWith('balance')), ['balance 0 5']);
}));

test('the account’s page leads to its stream', () => withPage({ path: '/bank?account=A' }, async (page) => {
  await page.locator('#log-stream').click();
  await titleIs(page, 'After event 3 of 3');
  await page.getByRole('link', { name: 'Progress' }).click();
  await page.locator('#order').waitFor();
}));

test('what is no stream is said in words, in both languages', () => withPage({}, async (page) => {
  await find(page, 'account-nobody');
  await errorIs(page, /There is no such stream/);
  await page.getByRole('button', { name: '한국어' }).click();
  await page.getByRole('button', { name: '보기' }).click();
  await errorIs(page, /없는 스트림입니다/);
}));

test('with tokens it is for operators', () => withPage({ of: closed }, async (page) => {
  const enter = async (token) => {
    await page.locator('#sign-token textarea').fill(token);
    await page.locator('#sign-token button').click();
  };
  await find(page, 'account-A');
  await page.locator('#sign').waitFor();
  await enter(issuer.token('ada'));
  await errorIs(page, /Only operators may look/);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('#sign').waitFor();
  await enter(issuer.token('root', { scope: 'admin' }));
  await errorIs(page, /no such stream/);
}));

test('the keyboard finds a stream and goes through it', () => withPage({}, async (page) => {
  await page.getByLabel('Stream', { exact: true }).focus();
  await page.keyboard.type('account-A');
  await page.keyboard.press('Enter');
  await titleIs(page, 'After event 3 of 3');
  await page.getByRole('slider').focus();
  await page.keyboard.press('ArrowLeft');
  await titleIs(page, 'After event 2 of 3');
  assert.match(await page.getByRole('slider').getAttribute('aria-valuetext'), /After event 2 of 3: MONEY_DEPOSITED/);
}));

test('picture: a stream', () => withPage({ locale: 'ko-KR', path: '/streams?stream=account-A' }, async (page) => {
  await page.locator('#changes tr').first().waitFor();
  await picture(page, 'streams');
  assert.deepEqual(await faultsOf(page), []);
}));

test('picture: a stream in the dark, on a phone, and nothing is wider than it', () => withPage({ colorScheme: 'dark', path: '/streams?stream=account-A&version=2', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (page) => {
  await page.locator('#changes tr').first().waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await picture(page, 'streams-phone-dark', { whole: true });
  assert.deepEqual(await faultsOf(page), []);
}));

test('axe finds nothing on the first page', () => withPage({ path: '/' }, async (page) => {
  await page.locator('#order button').click();
  await page.locator('#task-list [role=progressbar]').waitFor();
  assert.deepEqual(await faultsOf(page), []);
}));
