// The messages of one request as a sequence over the services: which they are, and how it is drawn.
import { serviceWords } from './flow_texts.js';
import { lang, say } from './texts.js';

// Who keeps streams, sends to topics and reads them, where the messages themselves do not tell.
const keepers = { order: 'order', cart: 'order', fulfilment: 'order', stock: 'product', payment: 'payment', notification: 'notification', progress: 'progress', account: 'bank', transfer: 'bank' };
const senders = {
  'order-created': 'order', 'order-cancelled': 'order', 'order-events': 'order', 'payment-commands': 'order', 'stock-commands': 'order', 'stock-reserved': 'product',
  'stock-reservation-failed': 'product', 'product-events': 'product', 'payment-completed': 'payment', 'payment-failed': 'payment', 'event-stream-accounts': 'bank',
};
const readers = {
  'order-created': ['product'], 'order-cancelled': ['product', 'payment'], 'payment-commands': ['payment'], 'stock-commands': ['product'], 'stock-reserved': ['payment'],
  'stock-reservation-failed': ['order'], 'payment-completed': ['order'], 'payment-failed': ['order', 'product'], 'compensation-completed': ['order'], 'progress-events': ['progress'],
};
const first = ['order', 'product', 'payment', 'notification', 'bank'];
const takesBack = /cancel|fail|refus|refund|releas|compensat|undo|declin|stuck/i;

// A topic may have a prefix.
const known = (table, topic) => table[Object.keys(table).find((name) => topic.endsWith(name))];
const nameOf = (type, data) => type || data?.command || data?.type || '';

/** Lifelines and rows, in the order of `items`: an event is `at` a lifeline, a message goes `from` one `to` others, none if no other service acted on it. */
export function sequence(items) {
  const events = new Map(items.filter(({ kind }) => kind === 'event').map((item) => [item.id, item]));
  const keeper = (event) => {
    const category = Object.keys(keepers).find((name) => event.stream.startsWith(name + '-'));
    return keepers[category] ?? event.stream.split('-')[0];
  };
  const sender = ({ service, topic, causationId }) => {
    const event = events.get(causationId);
    return service || (event ? keeper(event) : known(senders, topic)) || '?';
  };
  const placed = items.map((item) => ({ item, at: item.kind === 'event' ? keeper(item) : sender(item) }));
  const rows = placed.map(({ item, at }) => {
    const { kind, topic, id, type, data } = item;
    const name = nameOf(type, data);
    const undo = takesBack.test(`${topic ?? ''} ${name}`);
    if (kind === 'event') return { item, at, to: [], name, undo };
    const acted = placed.filter(({ item: other, at: there }) => id && other.causationId === id && there !== at).map(({ at: there }) => there);
    const to = acted.length ? acted : (known(readers, topic) ?? []).filter((reader) => reader !== at);
    return { item, at, to: [...new Set(to)], name, undo };
  });
  const met = new Set(rows.flatMap(({ at, to }) => [at, ...to]));
  const lifelines = [...first.filter((name) => met.has(name)), ...[...met].filter((name) => !first.includes(name))];
  const began = Date.parse(items[0]?.at);
  for (const row of rows) {
    row.after = Date.parse(row.item.at) - began;
    row.to.sort((a, b) => lifelines.indexOf(a) - lifelines.indexOf(b));
  }
  return { lifelines, rows };
}

export const afterWords = (ms) => (ms < 1000 ? `+${ms} ms` : `+${(ms / 1000).toLocaleString(lang, { maximumFractionDigits: 2 })} s`);
export const serviceOf = (name) => serviceWords(lang, name);
/** A row as a sentence. */
export function rowWords({ item, at, to, name, after }) {
  const what = item.kind === 'event' ? say('storedBy', serviceOf(at), item.stream, name) : say('goes', serviceOf(at), to.map(serviceOf).join(', ') || say('nobody'), [item.topic, name].filter(Boolean).join(', '));
  return say('tells', afterWords(after), what);
}

const shape = (name, attributes, ...children) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
// In pixels; on a phone it is drawn closer.
const wide = { left: 128, right: 72, step: 158 };
const close = { left: 112, right: 60, step: 140 };
const heights = { message: 52, event: 32 };

/** Draws a sequence into a box that scrolls; `choose(index)` is told which row is looked at. */
export class Diagram {
  constructor(box, choose) {
    Object.assign(this, { box, choose });
    new ResizeObserver(() => this.sequence && this.width !== box.clientWidth && this.draw()).observe(box);
  }

  show(sequence, label) {
    Object.assign(this, { sequence, label });
    this.chosen = Math.min(this.chosen ?? 0, sequence.rows.length - 1);
    this.draw();
  }

  x(name) {
    return this.space.left + this.sequence.lifelines.indexOf(name) * this.step;
  }

  draw() {
    const { lifelines, rows } = this.sequence;
    const held = this.box.contains(document.activeElement);
    this.width = this.box.clientWidth;
    const { left, right, step } = (this.space = this.width < 500 ? close : wide);
    this.step = Math.max(step, (this.width - left - right) / Math.max(1, lifelines.length - 1));
    const width = left + this.step * (lifelines.length - 1) + right;
    const heads = shape('svg', { class: 'heads', width, height: 40, 'aria-hidden': 'true' }, ...lifelines.map((name) => this.head(name)));
    let y = 8;
    const made = rows.map((row, index) => {
      const height = heights[row.item.kind];
      y += height;
      return this.row(row, index, y - height, height, width);
    });
    const lines = shape('g', { 'aria-hidden': 'true' }, ...lifelines.map((name) => shape('line', { class: 'life', x1: this.x(name), x2: this.x(name), y1: 0, y2: y + 8 })));
    this.list = shape('svg', { class: 'seq', width, height: y + 8, role: 'listbox', 'aria-label': this.label }, lines, ...made);
    this.list.addEventListener('keydown', (event) => this.move(event));
    const { scrollLeft, scrollTop } = this.box;
    this.box.replaceChildren(heads, this.list);
    Object.assign(this.box, { scrollLeft, scrollTop });
    this.mark();
    if (held) this.option(this.chosen)?.focus();
  }

  head(name) {
    const words = serviceOf(name);
    return shape('g', {}, shape('rect', { x: this.x(name) - 54, y: 4, width: 108, height: 30, rx: 8 }), shape('text', { x: this.x(name), y: 24, 'text-anchor': 'middle' }, words));
  }

  row(row, index, top, height, width) {
    const drawn = row.item.kind === 'event' ? this.event(row, top + height / 2) : this.message(row, top + 30);
    const group = shape('g', { class: `item ${row.item.kind}${row.undo ? ' undo' : ''}${row.item.kind === 'message' && !row.to.length ? ' alone' : ''}`, role: 'option', 'aria-label': rowWords(row) },
      shape('rect', { class: 'hit', x: 4, y: top + 1, width: width - 8, height: height - 2, rx: 6 }),
      shape('text', { class: 'time', x: 12, y: top + height / 2 + 4 }, afterWords(row.after)), ...drawn);
    group.addEventListener('click', () => this.pick(index));
    return group;
  }

  /** A mark on the lifeline of who stored it. */
  event({ at, name, item }, y) {
    const x = this.x(at);
    const last = this.sequence.lifelines.length > 1 && this.sequence.lifelines.at(-1) === at;
    return [shape('circle', { class: 'mark', cx: x, cy: y, r: 5 }),
      shape('text', { class: 'what', x: last ? x - 12 : x + 12, y: y + 4, 'text-anchor': last ? 'end' : 'start' }, name, shape('tspan', { class: 'soft', dx: 6 }, item.stream.split('-')[0]))];
  }

  /** An arrow to each who acted on it; without any a stub that ends in a ring. */
  message({ at, to, name, item }, y) {
    const x = this.x(at);
    const last = this.sequence.lifelines.length > 1 && this.sequence.lifelines.at(-1) === at;
    if (!to.length) {
      const side = last ? -1 : 1;
      return [shape('line', { class: 'way', x1: x, x2: x + 30 * side, y1: y, y2: y }), shape('circle', { class: 'ring', cx: x + 34 * side, cy: y, r: 4 }),
        ...this.words(x + 46 * side, y + 4, side > 0 ? 'start' : 'end', item.topic, name, 15)];
    }
    const ends = to.map((reader) => this.x(reader)).sort((a, b) => Math.abs(a - x) - Math.abs(b - x));
    const side = Math.sign(ends[0] - x);
    return [shape('circle', { class: 'tip', cx: x, cy: y, r: 4 }), ...[Math.min(x, ...ends), Math.max(x, ...ends)].filter((end) => end !== x).map((end) => shape('line', { class: 'way', x1: x, x2: end - 6 * Math.sign(end - x), y1: y, y2: y })),
      ...ends.map((end) => {
        const back = -9 * Math.sign(end - x);
        return shape('path', { class: 'tip', d: `M${end},${y} l${back},-5 v10 z` });
      }),
      ...this.words(x + (side * this.step) / 2, y - 7, 'middle', item.topic, name, 21)];
  }

  words(x, y, anchor, topic, name, below) {
    const text = [shape('text', { class: 'what', x, y, 'text-anchor': anchor }, topic)];
    if (name) text.push(shape('text', { class: 'soft', x, y: y + below, 'text-anchor': anchor }, name));
    return text;
  }

  option(index) {
    return this.list.querySelectorAll('.item')[index];
  }

  mark() {
    this.list.querySelectorAll('.item').forEach((one, index) => {
      one.setAttribute('aria-selected', String(index === this.chosen));
      one.setAttribute('tabindex', index === this.chosen ? '0' : '-1');
    });
  }

  pick(index) {
    this.chosen = index;
    this.mark();
    this.option(index).focus({ preventScroll: true });
    this.option(index).scrollIntoView({ block: 'nearest', inline: 'nearest' });
    this.choose(index);
  }

  move(event) {
    const last = this.sequence.rows.length - 1;
    const next = { ArrowDown: this.chosen + 1, ArrowUp: this.chosen - 1, Home: 0, End: last }[event.key];
    if (event.key === 'Enter' || event.key === ' ') this.choose(this.chosen);
    else if (next === undefined) return;
    event.preventDefault();
    if (next >= 0 && next <= last) this.pick(next);
  }
}
