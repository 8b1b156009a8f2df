import { call } from './calls.js';
import './stepcast.js';
import { whyOf } from './shop_texts.js';
import { clock, lang, say, whenSpoken, won } from './texts.js';

const steps = [['PENDING', 'placed'], ['STOCK_RESERVED', 'reserved'], ['PAID', 'paid'], ['CONFIRMED', 'confirmed'], ['SHIPPED', 'shipped']];
const statusBy = { ORDER_CREATED: 'PENDING', ORDER_STOCK_RESERVED: 'STOCK_RESERVED', ORDER_PAID: 'PAID', ORDER_CONFIRMED: 'CONFIRMED', ORDER_SHIPPED: 'SHIPPED' };
const undone = new Set(['PENDING', 'STOCK_RESERVED', 'PAID']);
export const pathOf = (id) => `api/orders/${encodeURIComponent(id)}`;

/** One order: its live bar, and its way through the services and back. */
export class Order {
  id = '';
  head = null;
  events = [];

  /** `refused(error)` is told of every refusal; `changed()` that it was cancelled here; `operates()`: who looks may make the calls of operators. */
  constructor(section, { refused, changed, operates }) {
    Object.assign(this, { section, refused, changed, operates });
    this.$ = (id) => section.querySelector('#' + id);
    this.cancelling = this.$('cancel');
    this.cancelling.addEventListener('click', () => this.cancel());
    whenSpoken(() => this.paint());
  }

  /** Shows another order, or with '' none. */
  open(id) {
    if (id === this.id) return;
    Object.assign(this, { id, head: null, events: [] });
    this.$('order-error').textContent = '';
    this.paint();
  }

  /** Asks how it stands, and what has happened since. Throws a refusal. */
  async refresh() {
    const { id } = this;
    if (!id) return;
    const head = (await call(pathOf(id))).json;
    if (id !== this.id || head.version === this.head?.version) return;
    const events = (await call(`${pathOf(id)}/events`)).json;
    if (id !== this.id || this.head?.version > head.version) return;
    Object.assign(this, { head, events: events.filter(({ version }) => version <= head.version) });
    this.paint();
  }

  async cancel() {
    this.cancelling.disabled = true;
    const error = this.$('order-error');
    error.textContent = '';
    try {
      await call(`${pathOf(this.id)}/cancel`, {});
      await this.changed();
    } catch (refusal) {
      error.textContent = refusal.message;
      this.refused(refusal);
    }
    this.cancelling.disabled = false;
  }

  /** Each step with when it was done; of a cancelled order also what was taken back of it. */
  way() {
    const at = new Map(this.events.map(({ type, metadata }) => [statusBy[type] ?? type, metadata.timestamp]));
    const cancelled = at.has('ORDER_CANCELLED');
    const next = steps.findIndex(([status]) => !at.has(status));
    return steps.map(([status, words], i) => {
      const done = at.has(status);
      const stopped = cancelled && i === next && status !== 'SHIPPED';
      const state = done ? 'done' : stopped ? 'failed' : i === next && !cancelled ? 'now' : 'ahead';
      return { status, words, at: at.get(stopped ? 'ORDER_CANCELLED' : status), state, undo: cancelled && done && undone.has(status) };
    });
  }

  paint() {
    const { id, head } = this;
    this.$('order-none').hidden = Boolean(head);
    this.$('order-shown').hidden = !head;
    const tag = this.$('order-status');
    tag.hidden = !head;
    if (!head) return;
    Object.assign(tag, { textContent: say(head.status) }).dataset.status = head.status;
    this.$('order-of').textContent = say('orderOf', won(head.totalAmount), clock(head.createdAt));
    this.paintBar();
    this.$('saga').replaceChildren(...this.way().map(({ status, words, at, state, undo }) => {
      const item = document.createElement('li');
      item.dataset.state = state;
      item.dataset.step = status;
      item.innerHTML = '<span class="dot"></span><span class="step"></span>';
      item.lastChild.textContent = say(words);
      if (at) item.lastChild.appendChild(Object.assign(document.createElement('time'), { dateTime: at, textContent: clock(at) }));
      if (undo) item.appendChild(Object.assign(document.createElement('span'), { className: 'undo', textContent: say('undo' + status) }));
      return item;
    }));
    this.$('order-reason').textContent = head.reason ? say('reasonWas', whyOf(head.reason)) : '';
    this.cancelling.hidden = ['SHIPPED', 'CANCELLED'].includes(head.status);
    this.$('order-operators').hidden = !this.operates();
    this.$('order-trace').href = `flow?trace=${encodeURIComponent(id)}`;
    this.$('order-stream').href = `streams?stream=order-${encodeURIComponent(id)}`;
  }

  /** Its task is its customer's; the stream is the one of all of the customer's tasks. */
  paintBar() {
    const box = this.$('order-bar');
    if (box.firstChild?.getAttribute('task') !== this.id) {
      const bar = document.createElement('stepcast-progress');
      bar.setAttribute('user', this.head.customerId);
      bar.setAttribute('task', this.id);
      box.replaceChildren(bar);
    }
    box.firstChild.setAttribute('label', say('orderLabel', won(this.head.totalAmount)));
    box.firstChild.lang = lang;
  }
}
