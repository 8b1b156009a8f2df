import { frame } from './frame.js';
import { Letters } from './flow_letters.js';
import { Circuits, Sagas } from './flow_sagas.js';
import './flow_texts.js';
import { Live, Topics } from './flow_topics.js';
import { Trace } from './flow_trace.js';
import { whenSpoken } from './texts.js';

const period = 5000;
const $ = (selector) => document.querySelector(selector);
let timer, asking, barred;

const { session, show } = frame({ enter, leave });
const live = new Live($('#live'), { refused, trace: (id) => follow(id) });
const topics = new Topics($('#topics'), { listen, listed: (names) => live.offer(names) });
const trace = new Trace($('#trace'), { listen });
const letters = new Letters($('#letters'), { trace: (id) => follow(id) });
const sagas = new Sagas($('#sagas'));
const circuits = new Circuits($('#circuits'));
const parts = [trace, topics, letters, sagas, circuits];

function follow(id) {
  $('#trace').scrollIntoView();
  return trace.open(id);
}

function listen(topic, key) {
  live.open(topic, key);
  $('#live').scrollIntoView({ block: 'nearest' });
}

function enter() {
  barred = false;
  look();
}

function leave(forget) {
  clearTimeout(timer);
  live.close();
  if (forget) for (const part of parts) part.clear();
  show();
}

function refused(error) {
  if (error.status === 401) session.check();
}

/** Asks for everything that moves while somebody looks; one question at a time, and once more for who asked meanwhile. */
async function look() {
  clearTimeout(timer);
  if (asking) return void (asking = 'again');
  if (document.hidden || barred || session.state === 'out') return;
  asking = 'once';
  const errors = (await Promise.all(parts.map((part) => part.refresh().then(() => null, (error) => error)))).filter(Boolean);
  const denied = errors.find(({ status }) => status === 403);
  barred = Boolean(denied);
  document.body.toggleAttribute('data-barred', barred);
  $('#flow-error').textContent = denied?.message ?? '';
  show(errors.some(({ status }) => status === 0) ? 'reconnecting' : 'open');
  errors.filter(({ status }) => status === 401).slice(0, 1).forEach(refused);
  paint();
  const again = asking === 'again';
  asking = '';
  if (again) look();
  else timer = setTimeout(look, period);
}
document.addEventListener('visibilitychange', look);

function paint() {
  for (const [name, value, bad] of [['lag', topics.lag], ['letters', letters.count, letters.count !== '0'], ['stuck', sagas.stuck, sagas.stuck > 0], ['circuits', circuits.open, circuits.open > 0]]) {
    const tile = $(`#glance-${name}`);
    tile.textContent = value ?? '–';
    tile.toggleAttribute('data-bad', Boolean(value !== undefined && bad));
  }
}

whenSpoken(paint);
if (session.remembered) await session.check();
const { searchParams } = new URL(location);
if (searchParams.get('trace')) trace.open(searchParams.get('trace'));
look();
