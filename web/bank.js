import { watch } from './stepcast.js';
import './bank_texts.js';
import { Account } from './account.js';
import { call, newId } from './calls.js';
import { frame, reveal, whoForm } from './frame.js';
import { Money } from './money.js';
import { clock, memory, say, whenSpoken, won } from './texts.js';

const period = 5000;
const listedAtMost = 100;
const $ = (selector) => document.querySelector(selector);
let user = memory.get('user') || `user-${Math.random().toString(36).slice(2, 8)}`;
let chosen = new URL(location).searchParams.get('account') ?? '';
let stream, accounts, more, at, timer, early, looking, listedAt, revealed;
const items = new Map();

const { session, show } = frame({ enter, leave });
const account = new Account($('#account'), { moved, mayWatch: (owner) => session.state !== 'in' || owner === user });
const money = new Money($('#money'), account, refused);

function become(name) {
  user = name;
  memory.set('user', name);
  $('#who').elements.user.value = name;
  stream?.close();
  stream = watch({ user: name }, hear);
  look();
}

/** The server knows us as this user; with a new session, a stream that was refused goes on where it was. */
function enter(name, anew) {
  if (name !== user && account.head) choose('');
  if (name !== user || !stream) return become(name);
  look();
  if (!anew) return;
  stream.pause();
  stream.resume();
}

/** Nobody is signed in. Who comes back goes on with what is shown, anybody else begins anew. */
function leave(forget) {
  stream?.pause();
  clearTimeout(timer);
  if (forget) {
    stream?.close();
    stream = null;
    accounts = undefined;
    // An account that a link names is still asked for.
    if (account.head) choose('');
    else account.open('');
    paint();
  }
  show();
}

function hear({ type, state }) {
  if (type === 'state') show(state);
  // A stream that breaks off may be one that nobody is let into any more.
  if (state === 'reconnecting') session.check();
  // A transfer may have moved.
  if (type === 'progress') early ||= setTimeout(look, 200);
}

function refused(error) {
  if (error.status === 401) session.check();
}

function moved() {
  const then = account.past?.lastUpdated;
  if (then !== at) {
    at = then;
    look();
  }
  paint();
}

/** Asks for all accounts and the chosen one, now and again; one question at a time, and once more for who asked meanwhile. */
async function look() {
  clearTimeout(timer);
  clearTimeout(early);
  early = 0;
  if (looking) return void (looking = 'again');
  if (document.hidden || session.state === 'out') return;
  looking = 'once';
  try {
    const asked = at;
    // A past does not change.
    if (!asked || asked !== listedAt) {
      const answer = await call(`api/accounts?limit=${listedAtMost}${asked ? `&at=${encodeURIComponent(asked)}` : ''}`);
      if (asked === at) [accounts, more, listedAt] = [answer.json, answer.more, asked];
    }
    if (!chosen && accounts?.length) await choose((accounts.find(({ owner }) => owner === user) ?? accounts[0]).accountId);
    if (chosen === account.id) await account.refresh();
    else await account.open(chosen);
    $('#accounts-error').textContent = '';
  } catch (error) {
    $('#accounts-error').textContent = error.message;
    refused(error);
  }
  paint();
  const again = looking === 'again';
  looking = '';
  if (again) look();
  else timer = setTimeout(look, period);
}
document.addEventListener('visibilitychange', look);

async function choose(id) {
  chosen = id;
  money.clear();
  const url = new URL(location);
  if (id) url.searchParams.set('account', id);
  else url.searchParams.delete('account');
  history.replaceState(null, '', url);
  at = undefined;
  try {
    await account.open(id);
    $('#accounts-error').textContent = '';
  } catch (error) {
    $('#accounts-error').textContent = error.message;
    refused(error);
  }
  paint();
}

/** An account's line in the list. It stays the same node, so that who stands on it with the keyboard stays there. */
function item(id) {
  let node = items.get(id);
  if (node) return node;
  node = document.createElement('li');
  const button = node.appendChild(document.createElement('button'));
  button.type = 'button';
  for (const name of ['id', 'owner', 'held']) button.appendChild(document.createElement('span')).className = name;
  button.addEventListener('click', () => choose(id));
  items.set(id, node);
  return node;
}

function paint() {
  const listed = [...(accounts ?? [])].sort((a, b) => (b.owner === user) - (a.owner === user) || (a.accountId < b.accountId ? -1 : 1));
  const nodes = listed.map((one) => {
    // Of several events at one moment the list knows the last; what is chosen stands after a certain one.
    const { accountId, owner, balance, status } = one.accountId === account.view?.accountId ? account.view : one;
    const node = item(accountId);
    const button = node.firstElementChild;
    [accountId, owner, status === 'CLOSED' ? say(status) : won(balance)].forEach((text, i) => (button.children[i].textContent = text));
    button.setAttribute('aria-current', accountId === chosen);
    return node;
  });
  const list = $('#account-list');
  if (nodes.length !== list.children.length || nodes.some((node, i) => node !== list.children[i])) list.replaceChildren(...nodes);
  for (const [id, node] of items) if (!node.isConnected) items.delete(id);
  if (revealed !== chosen && items.has(chosen)) reveal(list, items.get((revealed = chosen)));
  $('#accounts-count').textContent = listed.length ? say('count', listed.length) : '';
  $('#accounts-none').hidden = !accounts || listed.length > 0;
  $('#account-none').hidden = !accounts || listed.length > 0 || Boolean(chosen);
  $('#accounts-when').textContent = at ? say('accountsThen', clock(at)) : more ? say('accountsMore', listed.length) : '';
  $('#accounts-sum').textContent = listed.length ? say('together', won(listed.reduce((sum, { balance }) => sum + BigInt(balance), 0n))) : '';
  const known = $('#known-accounts');
  const others = listed.map(({ accountId }) => accountId).filter((id) => id !== chosen);
  if (others.join('\n') !== [...known.children].map(({ value }) => value).join('\n')) known.replaceChildren(...others.map((value) => Object.assign(document.createElement('option'), { value })));
}

const open = $('#open');
const propose = () => (open.elements.accountId.value = `ACC-${newId(2).toUpperCase()}`);
open.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { accountId, initialBalance } = open.elements;
  const [button, error] = [open.querySelector('button'), open.querySelector('.error')];
  button.disabled = true;
  error.textContent = '';
  try {
    const { json } = await call('api/accounts', { accountId: accountId.value.trim(), owner: user, initialBalance: Number(initialBalance.value) });
    propose();
    await choose(json.accountId);
    look();
    const { top } = $('#account').getBoundingClientRect();
    if (top < 0 || top > innerHeight) $('#account').scrollIntoView();
  } catch (refusal) {
    error.textContent = refusal.message;
    refused(refusal);
  }
  button.disabled = false;
});

whoForm($('#who'), () => user, become);

whenSpoken(paint);
propose();
if (session.remembered) await session.check();
if (!stream && session.state !== 'out') become(user);
