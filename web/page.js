import { watch } from './stepcast.js';
import { frame, whoForm } from './frame.js';
import { memory, say, whenSpoken } from './texts.js';
import { remember, TaskList } from './tasks.js';
import { Plug } from './plug.js';
import { Tail } from './tail.js';
import { Monitor } from './monitor.js';

const $ = (selector) => document.querySelector(selector);
const listeners = new Set();
let user = memory.get('user') || `user-${Math.random().toString(36).slice(2, 8)}`;
let stream;

const { session, show } = frame({ enter, leave });
const tasks = new TaskList($('#tasks'));
const tail = new Tail($('#tail'), $('#tail-pause'), $('#tail-clear'));
const plug = new Plug($('.plug'), { user: () => user, stream: () => stream, order, listen: (listener) => listeners.add(listener) });
new Monitor($('#monitor'), $('#monitor-age'));

function hear(message) {
  if (message.type === 'state') show(message.state);
  // A stream that breaks off may be one that nobody is let into any more.
  if (message.state === 'reconnecting') session.check();
  tasks.hear(message);
  tail.hear(message);
  for (const listener of listeners) listener(message);
}

function become(name) {
  user = name;
  memory.set('user', name);
  $('#who').elements.user.value = name;
  plug.abandon();
  stream?.close();
  tasks.start(name);
  tail.clear();
  stream = watch({ user: name }, hear);
  showSnippets();
}

/** The server knows us as this user; with a new session, a stream that was refused goes on where it was. */
function enter(name, anew) {
  if (name !== user || !stream) return become(name);
  showSnippets();
  if (!anew) return;
  stream.pause();
  stream.resume();
}

/** Nobody is signed in. Who comes back goes on with what is shown, anybody else begins anew. */
function leave(forget) {
  plug.abandon();
  stream?.pause();
  if (forget) {
    stream?.close();
    stream = null;
    tasks.start('');
    tail.clear();
  }
  show();
}

/** Places an order; its task id, or an Error with a sentence for people. */
async function order(productName, quantity) {
  const query = new URLSearchParams({ userId: user, productName, quantity });
  const answer = await fetch(`api/v2/progress/orders?${query}`, { method: 'POST' }).catch(() => null);
  if (!answer) throw new Error(say('offline'));
  const body = await answer.json().catch(() => ({}));
  if (answer.status === 401) session.check();
  if (!answer.ok) throw new Error(body.detail || body.title || answer.status);
  remember(body.taskId, `${productName} × ${quantity}`);
  tasks.expect(body.taskId);
  return body.taskId;
}

$('#order').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { productName, quantity } = event.target.elements;
  const button = event.target.querySelector('button');
  button.disabled = true;
  $('#order-error').textContent = '';
  try {
    tasks.show(await order(productName.value.trim(), quantity.value));
  } catch (error) {
    $('#order-error').textContent = say('orderFailed', error.message);
  }
  button.disabled = false;
});

whoForm($('#who'), () => user, become);

function showSnippets() {
  const server = new URL('.', location).href.slice(0, -1);
  const event = `{"taskId":"import-1","userId":"${user}","eventType":"PROGRESS","percentage":40,"stepName":"Reading"}`;
  const token = session.state ? '-H "Authorization: Bearer $TOKEN" \\\n  ' : '';
  $('#snippet-send').textContent = `curl ${server}/api/v2/progress/events \\\n  ${token}-H 'Content-Type: application/json' \\\n  -d '${event}'`;
  $('#snippet-show').textContent = `<script type="module" src="${server}/stepcast.js"></script>\n<stepcast-progress user="${user}"></stepcast-progress>`;
}

let product = '';
whenSpoken(() => {
  const field = $('#order').elements.productName;
  if (field.value === product) field.value = product = say('productDefault');
});
if (session.remembered) await session.check();
if (!stream && session.state !== 'out') become(user);
