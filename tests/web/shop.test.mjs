import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultsOf, inPage, picture, startBrowser, startIssuer, startServer, until } from './support.mjs';

// Of an answer that is lost a third of it is waited for, and two thirds are left for a slow machine.
const open = { 'shop.enabled': true, 'shop.payment_timeout': '6s' };
let browser, server, hasty, tokens, closed, issuer;
before(async () => {
  issuer = startIssuer();
  [browser, server, hasty, tokens, closed] = await Promise.all([startBrowser(), startServer(open), startServer({ ...open, 'shop.payment_timeout': '1s' }), startServer({ ...open, ...issuer.settings }), startServer()]);
  for (const { base } of [server, hasty, tokens]) await until('the first product is there', async () => (await fetch(`${base}/api/products/1`)).ok);
  for (const [id, name, price, stock] of [[2, '마우스', 35_000, 40], [3, '기계식 키보드', 129_000, 12]])
    await fetch(`${server.base}/api/products/${id}`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, price, stock }) });
});
after(async () => {
  await browser?.close();
  await Promise.all([server, hasty, tokens, closed].map((one) => one?.stop()));
  issuer?.stop();
});

const withPage = ({ of = server, path = '/shop', ...options }, body) => inPage(browser, of.base + path, options, body);
const textIs = (page, selector, wanted) => until(`${selector} says ${wanted}`, async () => (await page.locator(selector).count()) && wanted.test(await page.locator(selector).first().innerText()));
const add = async (page, name) => page.getByRole('button', { name: `Add ${name} to the cart` }).click();
const fault = (page, name) => page.locator(`[data-fault=${name}]`).click();
const endsAs = (page, status) => page.locator(`#order-status[data-status=${status}]`).waitFor();
/** The way of the order: each step with its state, and what was taken back. */
const way = (page) => page.locator('#saga li').evaluateAll((all) => all.map((one) => `${one.dataset.step} ${one.dataset.state}${one.querySelector('.undo') ? ' undone' : ''}`));
const reserved = async () => (await server.get('/api/products/1')).reserved;

test('what is put into the cart is ordered, and the order is watched to its confirmation', () => withPage({}, async (page) => {
  await add(page, '노트북');
  await textIs(page, '#cart-sum', /₩1,200,000/);
  await page.getByRole('button', { name: 'One 노트북 more' }).click();
  await textIs(page, '#cart-sum', /₩2,400,000/);
  await add(page, '마우스');
  await textIs(page, '#cart-sum', /₩2,435,000/);
  await page.getByRole('button', { name: 'Remove 마우스' }).click();
  await textIs(page, '#cart-sum', /₩2,400,000/);
  await page.locator('#checkout button').click();
  await endsAs(page, 'CONFIRMED');
  assert.deepEqual(await way(page), ['PENDING done', 'STOCK_RESERVED done', 'PAID done', 'CONFIRMED done', 'SHIPPED now']);
  await until('the bar is full', async () => (await page.locator('#order-bar [role=progressbar]').getAttribute('aria-valuenow')) === '100');
  assert.ok(await page.locator('#cart-none').isVisible());
  assert.match(await page.locator('#order-list button').first().innerText(), /₩2,400,000[\s\S]*Confirmed/);
  await page.reload();
  await endsAs(page, 'CONFIRMED');
}));

test('the slider takes the cart back through time', () => withPage({}, async (page) => {
  await add(page, '노트북');
  await textIs(page, '#cart-sum', /₩1,200,000/);
  await add(page, '기계식 키보드');
  await textIs(page, '#cart-sum', /₩1,329,000/);
  const slider = page.getByRole('slider', { name: 'Back in time' });
  await slider.fill('1');
  await textIs(page, '#cart-sum', /₩1,200,000/);
  await textIs(page, '#cart-then', /After change 1 of 2/);
  assert.ok(await page.locator('#checkout button').isDisabled());
  await page.getByRole('button', { name: 'Back to now' }).click();
  await textIs(page, '#cart-sum', /₩1,329,000/);
}));

test('a declined card takes back the stock', () => withPage({}, async (page) => {
  const before = await reserved();
  await fault(page, 'declined');
  await endsAs(page, 'CANCELLED');
  assert.deepEqual(await way(page), ['PENDING done undone', 'STOCK_RESERVED done undone', 'PAID failed', 'CONFIRMED ahead', 'SHIPPED ahead']);
  assert.equal(await page.locator('#order-reason').innerText(), 'Cancelled: the payment was declined');
  await until('the stock is back', async () => (await reserved()) === before);
}));

test('what is not in stock is not ordered', () => withPage({}, async (page) => {
  await textIs(page, '#product-list .left', /left/);
  await fault(page, 'noStock');
  await endsAs(page, 'CANCELLED');
  assert.deepEqual(await way(page), ['PENDING done undone', 'STOCK_RESERVED failed', 'PAID ahead', 'CONFIRMED ahead', 'SHIPPED ahead']);
  assert.equal(await page.locator('#order-reason').innerText(), 'Cancelled: not enough in stock');
}));

test('a provider that never answers ends the order, and one whose answer is lost does not', async () => {
  await withPage({ of: hasty }, async (page) => {
    await fault(page, 'timeOut');
    await endsAs(page, 'CANCELLED');
    assert.deepEqual(await way(page), ['PENDING done undone', 'STOCK_RESERVED done undone', 'PAID failed', 'CONFIRMED ahead', 'SHIPPED ahead']);
    assert.equal(await page.locator('#order-reason').innerText(), 'Cancelled: the payment provider did not answer');
  });
  await withPage({}, async (page) => {
    await fault(page, 'lostReply');
    await endsAs(page, 'CONFIRMED');
  });
});

test('an order is cancelled midway, and after it was confirmed', () => withPage({}, async (page) => {
  await fault(page, 'midway');
  await endsAs(page, 'CANCELLED');
  assert.equal(await page.locator('#order-reason').innerText(), 'Cancelled: by the customer');
  await add(page, '노트북');
  await page.locator('#checkout button:enabled').click();
  await endsAs(page, 'CONFIRMED');
  await page.locator('#cancel').click();
  await endsAs(page, 'CANCELLED');
  assert.deepEqual(await way(page), ['PENDING done undone', 'STOCK_RESERVED done undone', 'PAID done undone', 'CONFIRMED done', 'SHIPPED ahead']);
  assert.ok(!(await page.locator('#cancel').isVisible()));
}));

test('notifications come live, go on after a reload, and are read on every page of the user', () => withPage({}, async (page, context) => {
  await fault(page, 'declined');
  await textIs(page, '#notice-list', /Your order has been received/);
  await page.reload();
  await textIs(page, '#notices-unread', /1 new/);
  const other = await context.newPage();
  await other.goto(`${server.base}/shop`);
  await textIs(other, '#notices-unread', /1 new/);
  await page.getByRole('button', { name: 'All read' }).click();
  await until('both know that it is read', async () => !(await page.locator('#notices-unread').isVisible()) && !(await other.locator('#notices-unread').isVisible()));
}));

test('what cannot be done is said in words, in both languages', () => withPage({}, async (page) => {
  await add(page, '노트북');
  await textIs(page, '#cart-sum', /₩1,200,000/);
  await page.route('**/api/cart/checkout', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body: '{"code":"empty-cart","status":409}' }));
  await page.locator('#checkout button').click();
  await textIs(page, '#checkout .error', /The cart is empty/);
  await page.getByRole('button', { name: '한국어' }).click();
  await page.locator('#checkout button').click();
  await textIs(page, '#checkout .error', /장바구니가 비어 있습니다/);
}));

test('a checkout whose answer is lost orders once', () => withPage({}, async (page) => {
  await add(page, '노트북');
  await textIs(page, '#cart-sum', /₩1,200,000/);
  await page.route('**/api/cart/checkout', async (route) => {
    await route.fetch();
    await route.abort();
  });
  await page.locator('#checkout button').click();
  await textIs(page, '#checkout .error', /Send it again: it counts only once/);
  await until('it has been ordered', async () => (await page.locator('#order-list li').count()) === 1);
  assert.equal(await page.locator('#order-list li').count(), 1);
}));

test('the page is reached from every page where the shop is open, and is not there where it is closed', async () => {
  await withPage({ path: '/bank' }, async (page) => {
    await page.locator('nav a', { hasText: 'Shop' }).click();
    await page.locator('#product-list li').first().waitFor();
    assert.equal(await page.locator('nav a[aria-current=page]').innerText(), 'Shop');
  });
  await withPage({ of: closed, path: '/bank' }, async (page) => {
    await page.locator('nav a').first().waitFor();
    assert.deepEqual(await page.locator('nav a').allInnerTexts(), ['Progress', 'Bank', 'Flow', 'Streams']);
  });
  for (const path of ['/shop', '/shop.js', '/shop.css']) assert.equal((await fetch(closed.base + path)).status, 404);
});

test('with tokens a customer signs in, and sees only what is theirs', () => withPage({ of: tokens }, async (page) => {
  const enter = async (name) => {
    await page.locator('#sign-token textarea').fill(issuer.token(name));
    await page.locator('#sign-token button').click();
    await page.locator('#connection[data-state=open]').waitFor();
  };
  await page.locator('#sign').waitFor();
  await textIs(page, '#product-list', /노트북/);
  await enter('ada');
  await add(page, '노트북');
  await page.locator('#checkout button:enabled').click();
  await endsAs(page, 'CONFIRMED');
  assert.ok(!(await page.locator('#order-operators').isVisible()), 'links are for who may follow them');
  await textIs(page, '#notice-list', /Your order has been received/);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('#sign').waitFor();
  assert.equal(await page.locator('#order-list li').count(), 0);
  await enter('eve');
  await page.locator('#orders-none').waitFor();
  assert.equal(await page.locator('#notice-list li').count(), 0);
}));

test('everything is reached and done by the keyboard', () => withPage({}, async (page) => {
  await textIs(page, '#product-list', /노트북/);
  const tabTo = async (selector) => {
    for (let i = 0; i < 60; i++) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`Tab never reaches ${selector}`);
  };
  await tabTo('#product-list button');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await textIs(page, '#cart-sum', /₩\d/);
  await tabTo('#checkout [name=address]');
  await page.keyboard.press('Enter');
  await endsAs(page, 'CONFIRMED');
  await tabTo('#cancel');
  await page.keyboard.press('Enter');
  await endsAs(page, 'CANCELLED');
}));

/** A shop in use, for the pictures. */
async function use(page, name) {
  const put = page.locator('#product-list button');
  await page.locator('#who [name=user]').fill(name);
  await page.locator('#who [name=user]').press('Enter');
  await put.first().click();
  await page.locator('#cart-list li').first().waitFor();
  await page.locator('#checkout button:enabled').click();
  await endsAs(page, 'CONFIRMED');
  await fault(page, 'declined');
  await endsAs(page, 'CANCELLED');
  await put.nth(1).click();
  await until('it is in the cart', async () => (await page.locator('#cart-list li').count()) === 1);
  await put.nth(2).click();
  await until('both are in the cart', async () => (await page.locator('#cart-list li').count()) === 2);
  await until('all is told', async () => (await page.locator('#notice-list li').count()) === 3);
}

test('picture: the shop', () => withPage({ locale: 'ko-KR' }, async (page) => {
  await use(page, 'jiwoo');
  await picture(page, 'shop', { keep: true, whole: true });
  assert.deepEqual(await faultsOf(page), []);
}));

test('picture: the shop in the dark', () => withPage({ colorScheme: 'dark' }, async (page) => {
  await use(page, 'ada');
  await picture(page, 'shop-dark', { whole: true });
  assert.deepEqual(await faultsOf(page), []);
}));

test('picture: the shop on a phone, and nothing is wider than it', () => withPage({ locale: 'ko-KR', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (page) => {
  await use(page, 'minjun');
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await picture(page, 'shop-phone', { whole: true });
  assert.deepEqual(await faultsOf(page), []);
}));

test('picture: a shop without orders, and signed out', () => withPage({ of: tokens }, async (page) => {
  await page.locator('#sign').waitFor();
  await picture(page, 'shop-signed-out');
  assert.deepEqual(await faultsOf(page), []);
  await page.locator('#sign-token textarea').fill(issuer.token('new'));
  await page.locator('#sign-token button').click();
  await page.locator('#order-none').waitFor();
  await picture(page, 'shop-empty');
  assert.deepEqual(await faultsOf(page), []);
}));
