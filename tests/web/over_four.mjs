// The shop's page at the origin that is given, whose services are processes of their own. Says what it has seen to happen; reads a line when the product
// service is away, and one when it is back.
import assert from 'node:assert/strict';
import readline from 'node:readline';
import { newPage, picture, startBrowser, until } from './support.mjs';

const [origin] = process.argv.slice(2);
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async (line) => assert.equal((await lines.next()).value, line);
const browser = await startBrowser();
const endsAs = (page, status) => page.locator(`#order-status[data-status=${status}]`).waitFor();
const orderOne = async (page) => {
  await page.getByRole('button', { name: 'Add 노트북 to the cart' }).click();
  await until('it is in the cart', () => page.locator('#cart-list li').count());
  await page.locator('#checkout button:enabled').click();
};

try {
  const page = await newPage(await browser.newContext({ locale: 'en-US' }));
  await page.goto(`${origin}/shop`);
  await page.locator('[data-fault=declined]').click();
  await endsAs(page, 'CANCELLED');
  await orderOne(page);
  await endsAs(page, 'CONFIRMED');
  await until('all is told', async () => (await page.locator('#notice-list li').count()) === 3);
  await until('the bar is full', async () => (await page.locator('#order-bar [role=progressbar]').getAttribute('aria-valuenow')) === '100');
  console.log('confirmed, refused and told');

  await hear('product is away');
  await orderOne(page);
  await endsAs(page, 'PENDING');
  await until('the page says that a service is away', async () => /A service is away/.test(await page.locator('#shop-error').innerText()));
  await picture(page, 'shop-without-products', { whole: true });
  console.log('said, and still ordered');

  await hear('product is back');
  await endsAs(page, 'CONFIRMED');
  await until('nothing is said any more', async () => (await page.locator('#shop-error').innerText()) === '');
  await until('the second order is told of', async () => (await page.locator('#notice-list li').count()) === 5);
  assert.deepEqual(page.complaints, []);
  console.log('confirmed');
} finally {
  await browser.close();
  process.stdin.destroy();
}
