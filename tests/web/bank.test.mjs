import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { faultsOf, inPage, picture, startBrowser, startIssuer, startServer, until } from './support.mjs';

let browser, server, folder, issuer, closed;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stepcast-bank-'));
  issuer = startIssuer();
  [browser, server, closed] = await Promise.all([startBrowser(), startServer(), startServer(issuer.settings)]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await closed?.stop();
  issuer?.stop();
  rmSync(folder, { recursive: true });
});

const withPage = ({ of = server, path = '/bank', ...options }, body) => inPage(browser, of.base + path, options, body);

let accounts = 0;
/** Opens an account on the page; its name. */
async function open(page, won = 10_000, name = `A-${++accounts}`) {
  await page.locator('#open [name=accountId]').fill(name);
  await page.locator('#open [name=initialBalance]').fill(String(won));
  await page.locator('#open button').click();
  await until(`${name} is shown`, async () => (await page.locator('#account-title').textContent()) === name);
  return name;
}
const balanceIs = (page, won) => until(`the balance is ${won}`, async () => (await page.locator('#balance').textContent()) === won);
async function move(page, kind, amount, to) {
  await page.locator(`#money [value=${kind}]`).check({ force: true });
  if (to !== undefined) await page.locator('#money [name=to]').fill(to);
  if (amount !== undefined) await page.locator('#money [name=amount]').fill(String(amount));
  await page.locator('#money button').click();
}
const errorIs = (page, wanted) => until(`it is said: ${wanted}`, async () => wanted.test(await page.locator('#money-error').innerText()));
const rows = (page) => page.locator('#log tr').evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.firstChild?.textContent ?? '').join(' ')));
const held = (page, name) => page.locator('#account-list button', { has: page.locator('.id', { hasText: new RegExp(`^${name}$`) }) }).locator('.held').textContent();

test('money that is paid in and out moves the balance, and each event stands beside it', () => withPage({}, async (page) => {
  const name = await open(page);
  await balanceIs(page, '₩10,000');
  await move(page, 'deposit', 2500);
  await balanceIs(page, '₩12,500');
  assert.match(await page.locator('#money-done').innerText(), /₩2,500 paid in\. The balance is ₩12,500\./);
  await page.locator('#money [name=note]').fill('lunch');
  await move(page, 'withdraw', 500);
  await balanceIs(page, '₩12,000');
  assert.deepEqual(await rows(page), ['3 Paid out −₩500 ₩12,000', '2 Paid in +₩2,500 ₩12,500', '1 Opened +₩10,000 ₩10,000']);
  assert.match(await page.locator('#log tr').first().locator('small').first().innerText(), /^lunch$/);
  await until('the list follows', async () => (await held(page, name)) === '₩12,000');
  await page.reload();
  await balanceIs(page, '₩12,000');
  assert.equal(await page.locator('#account-title').innerText(), name);
}));

test('a transfer shows its bar and arrives at the other account', () => withPage({}, async (page) => {
  const to = await open(page, 0);
  const from = await open(page, 1000);
  await move(page, 'transfer', 300, to);
  const bar = page.locator('#transfer-list [role=progressbar]').first();
  await until('the bar is full', async () => (await bar.count()) && (await bar.getAttribute('aria-valuenow')) === '100');
  assert.equal(await bar.getAttribute('aria-label'), `₩300 to ${to}`);
  await balanceIs(page, '₩700');
  await until('the other has it', async () => (await held(page, to)) === '₩300');
  await page.getByRole('button', { name: to }).click();
  await balanceIs(page, '₩300');
  assert.deepEqual(await rows(page), ['2 Transfer received +₩300 ₩300', '1 Opened +₩0 ₩0'].map((row) => row.replace('+₩0 ', ' ')));
  assert.equal(await page.locator('#log tr').first().locator('small').first().innerText(), from);
}));

test('a transfer that is refused says so on its bar, and the money stays', () => withPage({}, async (page) => {
  const to = await open(page, 0);
  await move(page, 'close');
  await until('it is closed', async () => (await page.locator('#account-status').innerText()) === 'Closed');
  await open(page, 1000);
  await move(page, 'transfer', 300, to);
  const list = page.locator('#transfer-list stepcast-progress').first();
  await until('the bar tells of the refund', async () => (await list.count()) && /Failed · Money is back/.test(await list.evaluate((element) => element.list.textContent)));
  await balanceIs(page, '₩1,000');
  await until('the events tell it', async () => (await rows(page)).length === 3);
  assert.deepEqual((await rows(page)).slice(0, 2), ['3 Transfer came back +₩300 ₩1,000', '2 Transfer sent −₩300 ₩700']);
}));

test('the slider moves the balance, the events and the other accounts through time', () => withPage({}, async (page) => {
  const other = await open(page, 50);
  const name = await open(page, 100);
  for (const amount of [10, 20, 30]) {
    await move(page, 'deposit', amount);
    await until('it is done', async () => (await page.locator('#money-done').innerText()) !== '');
  }
  await page.getByRole('button', { name: other }).click();
  await balanceIs(page, '₩50');
  await move(page, 'deposit', 1);
  await balanceIs(page, '₩51');
  await page.getByRole('button', { name }).click();
  await balanceIs(page, '₩160');
  const slider = page.getByRole('slider', { name: 'Back in time' });
  for (const [version, won] of [[1, '₩100'], [2, '₩110'], [3, '₩130']]) {
    await slider.fill(String(version));
    await balanceIs(page, won);
    assert.equal(await page.locator('#log tr[aria-current=true] td').first().innerText(), String(version));
    assert.equal(await page.locator('#log tr[data-ahead]').count(), 4 - version);
    assert.match(await slider.getAttribute('aria-valuetext'), new RegExp(`After event ${version} of 4, .*: ${won}`));
  }
  await until('the other account stands in the past too', async () => (await held(page, other)) === '₩50');
  assert.match(await page.locator('#accounts-when').innerText(), /As they stood at/);
  // The whole bank’s past is dear, and does not change: the next look asks for the account alone.
  const again = [];
  page.on('request', (request) => /[?&]at=/.test(request.url()) && again.push(request.url()));
  await Promise.all([page.waitForResponse((response) => response.url().endsWith(`/api/accounts/${name}`)), page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))]);
  assert.deepEqual(again, []);
  await page.getByRole('button', { name: 'Back to now' }).click();
  await balanceIs(page, '₩160');
  await until('the other account is back', async () => (await held(page, other)) === '₩51');
  // Who looks at the past and moves money sees it move.
  await slider.fill('1');
  await balanceIs(page, '₩100');
  await move(page, 'deposit', 1);
  await balanceIs(page, '₩161');
}));

test('a slider that was moved away stays there, whatever comes meanwhile', () => withPage({}, async (page) => {
  const name = await open(page, 100);
  await move(page, 'deposit', 10);
  await balanceIs(page, '₩110');
  // The answer for the past comes behind one that tells of a new event.
  await page.route('**/api/accounts/*?version=1', async (route) => {
    assert.ok((await server.post(`/api/accounts/${name}/deposits`, { amount: 5 })).ok);
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.locator('#log tr').nth(2).waitFor();
    await route.continue();
  });
  await page.getByRole('slider').fill('1');
  await balanceIs(page, '₩100');
  assert.equal(await page.getByRole('slider').inputValue(), '1');
  assert.equal(await page.locator('#log tr[data-ahead]').count(), 2);
}));

test('what cannot be done is said in words, in both languages', () => withPage({}, async (page) => {
  const name = await open(page, 100);
  await move(page, 'withdraw', 101);
  await errorIs(page, /not enough money/);
  await move(page, 'transfer', 1, name);
  await errorIs(page, /the same account/);
  await move(page, 'transfer', 1, 'nobody');
  await errorIs(page, /no such account/);
  await move(page, 'close');
  await errorIs(page, /still money in the account/);
  await page.getByRole('button', { name: '한국어' }).click();
  await move(page, 'withdraw', 101);
  await errorIs(page, /잔액이 부족합니다/);
  await page.locator('#open [name=accountId]').fill(name);
  await page.locator('#open button').click();
  await until('the name is taken', async () => /이미 있는 계좌/.test(await page.locator('#open .error').innerText()));
}));

test('what is sent again after an outage counts once', () => withPage({}, async (page) => {
  await open(page, 100);
  // It arrives, and its answer does not.
  let answers = 0;
  await page.route('**/deposits', async (route) => {
    await route.fetch();
    answers++;
    await route.abort();
  });
  await move(page, 'deposit', 7);
  await errorIs(page, /cannot be reached\. Send it again: it counts only once\./);
  await page.unroute('**/deposits');
  await page.locator('#money button').click();
  await balanceIs(page, '₩107');
  assert.equal(answers, 1);
  await move(page, 'deposit', 7);
  await balanceIs(page, '₩114');
}));

test('with tokens everybody sees their own accounts, and signs in on the page', () => withPage({ of: closed }, async (page) => {
  const enter = async (name, more) => {
    await page.locator('#sign-token textarea').fill(issuer.token(name, more));
    await page.locator('#sign-token button').click();
    await page.locator('#connection[data-state=open]').waitFor();
  };
  await page.locator('#sign').waitFor();
  assert.ok(!(await page.locator('#open').isVisible()));
  await enter('ada');
  const adas = await open(page, 500, 'ada-1');
  await open(page, 0, 'ada-2');
  await page.getByRole('button', { name: adas }).click();
  await move(page, 'transfer', 200, 'ada-2');
  const bar = page.locator('#transfer-list [role=progressbar]').first();
  await until('the bar is full', async () => (await bar.count()) && (await bar.getAttribute('aria-valuenow')) === '100');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('#sign').waitFor();
  assert.equal(await page.locator('#account-list li').count(), 0);
  assert.ok(!(await page.locator('#account').isVisible()));
  await enter('eve');
  await page.locator('#account-none').waitFor();
  await page.goto(`${closed.base}/bank?account=ada-1`);
  await until('it is refused in words', async () => /belongs to somebody else/.test(await page.locator('#accounts-error').innerText()));
  // An admin sees all accounts, and how their transfers stand.
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('#sign').waitFor();
  await enter('root', { scope: 'admin' });
  await page.getByRole('button', { name: adas }).click();
  await balanceIs(page, '₩300');
  await until('the transfer is told of', async () => (await page.locator('#transfer-list p').innerText()) === '₩200 to ada-2: arrived');
}));

test('a journal brings the accounts back', async () => {
  const settings = { 'store.path': join(folder, 'journal.db') };
  let durable = await startServer(settings);
  const name = 'kept';
  await withPage({ of: durable }, async (page) => {
    await open(page, 100, name);
    await move(page, 'deposit', 11);
    await balanceIs(page, '₩111');
  });
  await durable.stop();
  durable = await startServer(settings);
  await withPage({ of: durable, path: `/bank?account=${name}` }, async (page) => {
    await balanceIs(page, '₩111');
    await page.getByRole('slider').fill('1');
    await balanceIs(page, '₩100');
  });
  await durable.stop();
});

test('everything is reached and done by the keyboard', () => withPage({}, async (page) => {
  await open(page, 100);
  const focused = (selector) => page.evaluate((wanted) => document.activeElement?.matches(wanted), selector);
  const tabTo = async (selector) => {
    for (let i = 0; i < 60; i++) {
      if (await focused(selector)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`Tab never reaches ${selector}`);
  };
  await page.evaluate(() => document.activeElement.blur());
  await tabTo('nav a[aria-current=page]');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Bank');
  await tabTo('#account-list button');
  await tabTo('#money [type=radio]');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.locator('#money button').innerText(), 'Pay out');
  await tabTo('#money [name=amount]');
  await page.keyboard.type('40');
  await page.keyboard.press('Enter');
  await balanceIs(page, '₩60');
  await page.evaluate(() => document.activeElement.blur());
  await tabTo('#version');
  await page.keyboard.press('Home');
  await balanceIs(page, '₩100');
  // The list is asked for again and again; who stands on it stays there.
  await page.evaluate(() => document.activeElement.blur());
  await tabTo('#account-list button');
  await page.locator('#back').evaluate((button) => button.click());
  await balanceIs(page, '₩60');
  await page.locator('#account-list button').first().focus();
  await move(page, 'deposit', 1);
  await balanceIs(page, '₩61');
}));

/** A bank with a past, for the pictures. */
async function fill(page) {
  const [rent, savings] = ['Rent', 'Savings'].map((name) => `${name}-${++accounts}`);
  await open(page, 250_000, savings);
  await open(page, 0, rent);
  await open(page, 1_800_000, `Wages-${accounts}`);
  for (const [kind, amount, to, note] of [['deposit', 3_200_000, undefined, 'November'], ['withdraw', 64_500, undefined, 'Groceries'], ['transfer', 850_000, rent], ['transfer', 400_000, savings]]) {
    if (note) await page.locator('#money [name=note]').fill(note);
    await move(page, kind, amount, to);
    await until('it is accepted', async () => (await page.locator('#money-done').innerText()) !== '');
  }
  await until('both have arrived', async () => (await page.locator('#transfer-list [aria-valuenow="100"]').count()) === 2);
  await balanceIs(page, '₩3,685,500');
}

test('picture: the bank', () => withPage({ locale: 'ko-KR' }, async (page) => {
  await fill(page);
  await picture(page, 'bank', { keep: true });
  assert.deepEqual(await faultsOf(page), []);
}));

test('picture: the bank in the past, in the dark', () => withPage({ colorScheme: 'dark' }, async (page) => {
  await fill(page);
  await page.getByRole('slider').fill('3');
  await balanceIs(page, '₩4,935,500');
  await picture(page, 'bank-past-dark');
  assert.deepEqual(await faultsOf(page), []);
}));

test('picture: the bank on a phone, and nothing is wider than it', () => withPage({ locale: 'ko-KR', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (page) => {
  await fill(page);
  await page.locator('#money [value=transfer]').check({ force: true });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await picture(page, 'bank-phone', { whole: true });
  assert.deepEqual(await faultsOf(page), []);
}));

test('picture: a bank without accounts, and signed out', () => withPage({ of: closed, viewport: { width: 1280, height: 700 } }, async (page) => {
  await page.locator('#sign').waitFor();
  await picture(page, 'bank-signed-out');
  assert.deepEqual(await faultsOf(page), []);
  await page.locator('#sign-token textarea').fill(issuer.token('new'));
  await page.locator('#sign-token button').click();
  await page.locator('#account-none').waitFor();
  await picture(page, 'bank-empty');
  assert.deepEqual(await faultsOf(page), []);
}));
