import { watch } from './stepcast.js';
import { lang, memory, say, speak, translate, whenSpoken } from './texts.js';
import { remember, TaskList } from './tasks.js';
import { Plug } from './plug.js';
import { Tail } from './tail.js';
import { Monitor } from './monitor.js';

const $ = (selector) => document.querySelector(selector);
const listeners = new Set();
let user = memory.get('user') || `user-${Math.random().toString(36).slice(2, 8)}`;
let stream;

const tasks = new TaskList($('#tasks'));
const tail = new Tail($('#tail'), $('#tail-pause'), $('#tail-clear'));
const plug = new Plug($('.plug'), { user: () => user, stream: () => stream, order, listen: (listener) => listeners.add(listener) });
new Monitor($('#monitor'), $('#monitor-age'));

function hear(message) {
  if (message.type === 'state') showConnection(message.state);
  tasks.hear(message);
  tail.hear(message);
  for (const listener of listeners) listener(message);
}

function become(name) {
  user = name;
  memory.set('user', name);
  plug.abandon();
  stream?.close();
  tasks.start(name);
  tail.clear();
  stream = watch({ user: name }, hear);
  showSnippets();
}

function showConnection(state = stream?.state ?? 'connecting') {
  $('#connection').dataset.state = state;
  $('#connection').textContent = say(state);
}

/** Places an order; its task id, or an Error with a sentence for people. */
async function order(productName, quantity) {
  const query = new URLSearchParams({ userId: user, productName, quantity });
  const answer = await fetch(`api/v2/progress/orders?${query}`, { method: 'POST' }).catch(() => null);
  if (!answer) throw new Error(say('offline'));
  const body = await answer.json().catch(() => ({}));
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

$('#who').addEventListener('submit', (event) => {
  event.preventDefault();
  event.target.elements.user.blur();
});
$('#who').elements.user.addEventListener('change', ({ target }) => {
  const name = target.value.trim();
  target.value = name || user;
  if (name && name !== user) become(name);
});

for (const button of document.querySelectorAll('[data-lang]')) button.addEventListener('click', () => speak(button.dataset.lang));

function showSnippets() {
  const server = new URL('.', location).href.slice(0, -1);
  const event = `{"taskId":"import-1","userId":"${user}","eventType":"PROGRESS","percentage":40,"stepName":"Reading"}`;
  $('#snippet-send').textContent = `curl ${server}/api/v2/progress/events \\\n  -H 'Content-Type: application/json' \\\n  -d '${event}'`;
  $('#snippet-show').textContent = `<script type="module" src="${server}/stepcast.js"></script>\n<stepcast-progress user="${user}"></stepcast-progress>`;
}

$('#who').elements.user.value = user;
document.documentElement.lang = lang;
translate(document);
let product = '';
whenSpoken(() => {
  document.title = say('pageTitle');
  for (const button of document.querySelectorAll('[data-lang]')) button.setAttribute('aria-pressed', button.dataset.lang === lang);
  const field = $('#order').elements.productName;
  if (field.value === product) field.value = product = say('productDefault');
  showConnection();
});
become(user);
