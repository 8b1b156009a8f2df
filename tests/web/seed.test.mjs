import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { newPage, startBrowser, startProxy, startServer, until } from './support.mjs';

// The page of the seed, verbatim. Its script is inline, which our own pages forbid: it is put on our origin in the browser.
const html = readFileSync(new URL('../seeds/page.html', import.meta.url), 'utf8');

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

async function openSeed() {
  const page = await newPage(await browser.newContext());
  const subscribed = page.waitForResponse((response) => response.url().includes('/subscribe'));
  await page.route('**/seed.html', (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }));
  await page.goto(`${proxy.base}/seed.html`);
  await subscribed;
  return page;
}

const status = (page, wanted) => until(`the status says ${wanted}`, async () => wanted.test(await page.locator('#status').innerText()));

test('the seed’s page orders, moves to 100 % and lists its history', async () => {
  const page = await openSeed();
  assert.equal(await page.locator('#status').innerText(), '대기 중');
  await page.getByRole('button', { name: '주문하기' }).click();
  await status(page, /^주문 검증: 25%$/);
  await status(page, /: 100%$/);
  assert.equal(await page.locator('#progressBar').evaluate((bar) => bar.value), 100);
  await page.getByRole('button', { name: '히스토리 조회' }).click();
  await until('the history is listed', async () => (await page.locator('#history div').count()) === 5);
  assert.deepEqual(await page.locator('#history div').allInnerTexts(), [
    'STARTED: 주문 접수 (0%)', 'PROGRESS: 주문 검증 (25%)', 'PROGRESS: 재고 확인 (50%)', 'PROGRESS: 결제 처리 (75%)', 'COMPLETED: 주문 완료 (100%)',
  ]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('the seed’s page recovers the state after its connection was cut', async () => {
  const page = await openSeed();
  await page.getByRole('button', { name: '주문하기' }).click();
  await status(page, /: 25%$/);
  proxy.cut();
  await page.evaluate(() => {
    window.shown = [];
    new MutationObserver(() => window.shown.push(document.getElementById('status').textContent)).observe(document.getElementById('status'), { childList: true });
  });
  const user = await page.evaluate('userId');
  await server.events(user, 4);
  proxy.mend();
  await until('the state is recovered', () => page.evaluate(() => window.shown.some((text) => text.startsWith('[복구]'))));
  await status(page, /: 100%$/);
  await page.context().close();
});
