import './streams_texts.js';
import { call } from './calls.js';
import { frame, reveal } from './frame.js';
import { clock, memory, say, whenSpoken } from './texts.js';

const period = 5000;
const shownAtMost = 200;
const recentAtMost = 6;
const $ = (selector) => document.querySelector(selector);
const { session, show } = frame({ enter: () => shown && look(), leave });
const slider = $('#version');
let shown = '';      // the stream's name
let wanted = '';     // a version; '': the newest, also when it moves on
let state, timer, asking;
let events = [];     // the newest, the oldest of them first

const pathOf = (name) => `api/streams/${encodeURIComponent(name)}`;
const text = (value) => (value === undefined ? '–' : JSON.stringify(value));

function leave(forget) {
  clearTimeout(timer);
  if (forget) clear();
  show();
}

function clear() {
  [state, events] = [undefined, []];
  $('#stream').hidden = true;
}

function recent() {
  try {
    return JSON.parse(memory.get('streams') ?? '[]').filter((name) => typeof name === 'string').slice(0, recentAtMost);
  } catch {
    return [];
  }
}

/** Another stream, from its end or after one of its events. */
function open(name, version = '') {
  clear();
  [shown, wanted] = [name, version];
  $('#find').elements.stream.value = name;
  if (name) look();
}

/** Asks for the state that is wanted and for the events that are new; whoever asks meanwhile is asked for behind it. */
async function look() {
  clearTimeout(timer);
  if (asking) return void (asking = 'again');
  asking = 'once';
  const [name, version] = [shown, wanted];
  try {
    const found = (await call(`${pathOf(name)}/state${version && `?version=${version}`}`)).json;
    const known = events.at(-1)?.version ?? 0;
    const from = Math.max(found.first, known + 1, found.head - shownAtMost + 1);
    const fresh = found.head > known ? (await call(`${pathOf(name)}?from=${from}&limit=${shownAtMost}`)).json : [];
    if (name === shown) {
      state = found;
      events = [...(from > known + 1 ? [] : events), ...fresh].slice(-shownAtMost);
      told('');
      memory.set('streams', JSON.stringify([name, ...recent().filter((other) => other !== name)].slice(0, recentAtMost)));
      paint();
    }
    show('open');
  } catch (error) {
    if (name === shown) told(error.message);
    show(error.status ? 'open' : 'reconnecting');
    if (error.status === 401) session.check();
  }
  const again = asking === 'again' || name !== shown || version !== wanted;
  asking = '';
  if (again && shown) look();
  // Only who looks at the end sees it move.
  else if (!wanted && state) timer = setTimeout(() => !document.hidden && look(), period);
}
document.addEventListener('visibilitychange', () => !document.hidden && shown && !wanted && look());

const told = (why) => ($('#find-error').textContent = why);

function travel(version) {
  wanted = version >= state.head ? '' : String(version);
  look();
}

const rowOf = (texts) => {
  const row = document.createElement('tr');
  for (const one of texts) row.insertCell().textContent = one;
  return row;
};

function paint() {
  $('#recent').replaceChildren(...(recent().length ? [say('recent'), ...recent().map(chip)] : []));
  if (!state) return;
  const { version, head, event } = state;
  const url = new URL(location);
  url.searchParams.set('stream', shown);
  if (wanted) url.searchParams.set('version', wanted);
  else url.searchParams.delete('version');
  history.replaceState(null, '', url);
  $('#stream').hidden = false;
  Object.assign(slider, { min: state.first, max: head, value: wanted || version, disabled: state.first === head });
  slider.setAttribute('aria-valuetext', `${say('stateAt', version, head)}: ${event.type}`);
  $('#state-title').textContent = say('stateAt', version, head);
  $('#state-type').textContent = event.type;
  paintList();
  paintChanges();
  $('#meta').replaceChildren(...pairs(event).flatMap(([name, value]) => [Object.assign(document.createElement('dt'), { textContent: say(name) }), Object.assign(document.createElement('dd'), { textContent: value })]));
  $('#request').hidden = !event.metadata.correlationId;
  $('#request').href = `flow?trace=${encodeURIComponent(event.metadata.correlationId)}`;
  $('#state').textContent = state.state ? JSON.stringify(state.state, null, 2) : say('noState');
  $('#data').textContent = JSON.stringify(event.data, null, 2);
}

const pairs = ({ eventId, position, recordedAt, subject, schemaVersion, metadata }) =>
  Object.entries({ eventId, position, recordedAt: clock(recordedAt), subject, schemaVersion, ...metadata }).filter(([, value]) => value !== '');

function chip(name) {
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'quiet', textContent: name });
  button.addEventListener('click', () => open(name));
  return button;
}

function paintList() {
  const rows = events.map(({ version, type, recordedAt }) => {
    const row = rowOf([version, type, clock(recordedAt)]);
    row.cells[0].className = 'num';
    row.toggleAttribute('data-ahead', version > state.version);
    row.setAttribute('aria-current', version === state.version);
    row.addEventListener('click', () => travel(version));
    return row;
  });
  $('#list').replaceChildren(...rows.reverse());
  $('#list-count').textContent = say('count', state.head);
  $('#list-more').textContent = events[0]?.version > state.first ? say('logMore', events.length) : '';
  reveal($('#list').closest('.scroll'), $('#list').querySelector('[aria-current=true]'));
}

function paintChanges() {
  const { changes } = state;
  $('#changes').replaceChildren(...(changes ?? []).map(({ path, before, after }) => rowOf([path.slice(1).replaceAll('/', ' › ').replaceAll('~1', '/').replaceAll('~0', '~'), text(before), text(after)])));
  $('#changes-box').hidden = !changes?.length;
  $('#changes-none').textContent = changes?.length ? '' : say(changes ? 'noChanges' : state.state ? 'noBefore' : 'noState');
}

slider.addEventListener('input', () => travel(+slider.value));
$('#find').addEventListener('submit', (event) => {
  event.preventDefault();
  open(event.target.elements.stream.value.trim());
});

whenSpoken(paint);
const { searchParams } = new URL(location);
if (session.remembered) await session.check();
if (searchParams.get('stream') && !shown) open(searchParams.get('stream'), /^\d+$/.test(searchParams.get('version')) ? searchParams.get('version') : '');
