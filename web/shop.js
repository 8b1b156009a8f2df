import { watch } from './stepcast.js';
import { call } from './calls.js';
import { frame, whoForm } from './frame.js';
import { Cart } from './shop_cart.js';
import { Notices } from './shop_notices.js';
import { Order, pathOf } from './shop_order.js';
import './shop_texts.js';
import { clock, memory, say, whenSpoken, won } from './texts.js';

const period = 5000;
const listedAtMost = 20;
const laptop = 1;
// What goes wrong, and how it is ordered.
const faults = [
  ['declined', () => ({ paymentMethod: 'TEST_DECLINE' })],
  ['noStock', () => ({ quantity: 1 + left(products?.find(({ productId }) => productId === laptop)) })],
  ['timeOut', () => ({ paymentMethod: 'TEST_TIMEOUT' })],
  ['lostReply', () => ({ paymentMethod: 'TEST_LOST_REPLY' })],
  ['midway', () => ({ paymentMethod: 'TEST_SLOW', cancelled: true })],
];
const $ = (selector) => document.querySelector(selector);
let user = memory.get('user') || `user-${Math.random().toString(36).slice(2, 8)}`;
let chosen = new URL(location).searchParams.get('order') ?? '';
let stream, products, orders, timer, early, looking;
const cancelAt = new Set();  // orders that are cancelled once their stock is reserved
const nodes = { products: new Map(), orders: new Map() };

const { session, show } = frame({ enter, leave });
const cart = new Cart($('.cart'), { ordered, refused });
const order = new Order($('#order'), { refused, changed: look, operates: () => session.operates });
const notices = new Notices($('.notices'), { refused, heard: soon });

const left = (product) => (product ? product.stock - product.reserved : 0);

function become(name) {
  user = name;
  memory.set('user', name);
  $('#who').elements.user.value = name;
  orders = undefined;
  cart.open(name);
  notices.open(name);
  stream?.close();
  stream = watch({ user: name }, hear);
  look();
}

/** The server knows us as this user; with a new session, a stream that was refused goes on where it was. */
function enter(name, anew) {
  if (name !== user || !stream) {
    if (name !== user) choose('');
    return become(name);
  }
  look();
  if (!anew) return;
  notices.close();
  notices.listen();
  stream.pause();
  stream.resume();
}

/** Nobody is signed in. Who comes back goes on with what is shown, anybody else begins anew. */
function leave(forget) {
  stream?.pause();
  notices.close();
  clearTimeout(timer);
  if (forget) {
    stream?.close();
    stream = null;
    orders = undefined;
    choose('');
    cart.open('');
    notices.open('');
    paint();
  }
  look();  // products are everybody's
  show();
}

function hear({ type, state, data }) {
  if (type === 'state') show(state);
  // A stream that breaks off may be one that nobody is let into any more.
  if (state === 'reconnecting') session.check();
  if (type !== 'progress') return;
  if (data.currentStep >= 1 && cancelAt.delete(data.taskId)) call(`${pathOf(data.taskId)}/cancel`, {}).then(soon, refused);
  soon();
}

function soon() {
  early ||= setTimeout(look, 60);
}

function refused(error) {
  if (error.status === 401) session.check();
}

async function lookAtProducts() {
  products = (await call('api/products')).json;
}

async function lookAtMine() {
  if (session.state === 'out' || !stream) return;
  const asked = user;
  const [{ json }] = await Promise.all([call(`api/orders?userId=${encodeURIComponent(user)}&limit=${listedAtMost}`), cart.refresh()]);
  if (asked === user) orders = json;
  if (!chosen && orders?.length) choose(orders[0].orderId);
  else order.open(chosen);
  await order.refresh();
}

/** Asks for everything that moves, now and again; one question at a time, and once more for who asked meanwhile. Each service may be away. */
async function look() {
  clearTimeout(timer);
  clearTimeout(early);
  early = 0;
  if (looking) return void (looking = 'again');
  if (document.hidden) return;
  looking = 'once';
  const errors = [];
  await Promise.all([lookAtProducts(), lookAtMine()].map((asked) => asked.catch((error) => errors.push(error))));
  $('#shop-error').textContent = errors[0]?.message ?? '';
  errors.forEach(refused);
  paint();
  const again = looking === 'again';
  looking = '';
  if (again) look();
  else timer = setTimeout(look, period);
}
document.addEventListener('visibilitychange', look);

function choose(id) {
  chosen = id;
  const url = new URL(location);
  if (id) url.searchParams.set('order', id);
  else url.searchParams.delete('order');
  history.replaceState(null, '', url);
  order.open(id);
}

function ordered(id) {
  choose(id);
  look();
  const { top } = $('#order').getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) $('#order').scrollIntoView();
}

async function fail(make, button) {
  const { cancelled, quantity = 1, paymentMethod = 'CREDIT_CARD' } = make();
  const error = $('#fail-error');
  error.textContent = '';
  button.disabled = true;
  try {
    const { json } = await call('api/orders', { userId: user, orderItems: [{ productId: laptop, quantity }], shippingAddress: $('#checkout').elements.address.value.trim(), paymentMethod });
    if (cancelled) cancelAt.add(json.orderId);
    ordered(json.orderId);
  } catch (refusal) {
    error.textContent = refusal.message;
    refused(refusal);
  }
  button.disabled = false;
}

/** The node of a key, made once, so that who stands on it with the keyboard stays there. */
function kept(all, key, make) {
  if (!all.has(key)) all.set(key, make());
  return all.get(key);
}

function fill(list, all, next) {
  if (next.length !== list.children.length || next.some((node, i) => node !== list.children[i])) list.replaceChildren(...next);
  for (const [key, node] of all) if (!node.isConnected) all.delete(key);
}

function element(html, click) {
  const node = document.createElement('li');
  node.innerHTML = html;
  node.querySelector('button').addEventListener('click', click);
  return node;
}

function paintProducts() {
  const made = (products ?? []).map((product) => {
    const node = kept(nodes.products, product.productId, () =>
      element('<span class="name"></span><span class="left"></span><span class="price"></span><button type="button" class="secondary"></button>', () => cart.add(product.productId)));
    const free = left(product);
    [product.name, free > 0 ? say('left', free) : say('soldOut'), won(product.price)].forEach((text, i) => (node.children[i].textContent = text));
    const button = node.querySelector('button');
    button.textContent = say('add');
    button.setAttribute('aria-label', say('addNamed', product.name));
    button.hidden = session.state === 'out';
    return node;
  });
  fill($('#product-list'), nodes.products, made);
  $('#products-count').textContent = made.length ? say('productsCount', made.length) : '';
}

function paintOrders() {
  const made = (orders ?? []).map(({ orderId, createdAt, totalAmount, status }) => {
    const node = kept(nodes.orders, orderId, () =>
      element('<button type="button"><span class="when"></span><span class="sum-of"></span><span class="tag"></span></button>', () => {
        choose(orderId);
        look();
      }));
    const button = node.firstElementChild;
    [clock(createdAt), won(totalAmount), say(status)].forEach((text, i) => (button.children[i].textContent = text));
    button.lastElementChild.dataset.status = status;
    button.setAttribute('aria-current', orderId === chosen);
    return node;
  });
  fill($('#order-list'), nodes.orders, made);
  $('#orders-count').textContent = made.length ? say('ordersCount', made.length) : '';
  $('#orders-none').hidden = !orders || made.length > 0;
}

function paint() {
  paintProducts();
  paintOrders();
}

for (const [name, make] of faults) {
  const button = document.createElement('button');
  Object.assign(button, { type: 'button', innerHTML: `<b data-text="${name}"></b><span data-text="${name}Text"></span>` }).dataset.fault = name;
  for (const child of button.children) child.textContent = say(child.dataset.text);
  button.addEventListener('click', () => fail(make, button));
  $('#faults').append(button);
}

whoForm($('#who'), () => user, (name) => {
  choose('');
  become(name);
});

whenSpoken(paint);
if (session.remembered) await session.check();
if (!stream && session.state !== 'out') become(user);
