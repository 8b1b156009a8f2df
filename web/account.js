import { call } from './calls.js';
import { reveal } from './frame.js';
import { clock, lang, say, whenSpoken, won } from './texts.js';

const shownAtMost = 200;
const transfersAtMost = 4;
export const pathOf = (id) => `api/accounts/${encodeURIComponent(id)}`;

/** What an event does to the balance. */
const changeOf = ({ eventType, data }) => ({ ACCOUNT_CREATED: data.initialBalance, MONEY_DEPOSITED: data.amount, MONEY_WITHDRAWN: -data.amount })[eventType] ?? 0;

/** What happened, and the words that came with it: of a transfer, the other account. */
function tell({ eventType, eventId, data }) {
  const note = data.source ?? data.purpose ?? data.reason ?? '';
  if (!data.transferId || eventType === 'TRANSFER_SETTLED') return { what: say(eventType), note };
  const what = eventType === 'MONEY_WITHDRAWN' ? 'sent' : eventId.endsWith(':back') ? 'refunded' : 'received';
  return { what: say(what), note: note.replace(/^(Refund of the t|T)ransfer (to|from) /, '') };
}

function row(texts, kinds = []) {
  const made = document.createElement('tr');
  texts.forEach((text, i) => Object.assign(made.insertCell(), { textContent: text, className: kinds[i] ?? '' }));
  return made;
}

/** One account: its balance now or after any of its events, with these beside it. */
export class Account {
  id = '';
  head = null;    // as it stands now
  view = null;    // what is shown: the head, or a past
  events = [];    // the newest, the oldest of them first
  begun = [];     // transfers from here, the newest first: {id, label}
  nodes = new Map();

  /** `moved()`: another moment is shown. `mayWatch(owner)`: whether that user's stream is open to us. */
  constructor(section, { moved, mayWatch }) {
    Object.assign(this, { section, moved, mayWatch });
    const $ = (id) => section.querySelector('#' + id);
    [this.slider, this.log, this.back, this.list] = [$('version'), $('log'), $('back'), $('transfer-list')];
    this.$ = $;
    this.slider.addEventListener('input', () => this.travel());
    this.back.addEventListener('click', () => {
      this.now();
      this.slider.focus({ preventScroll: true });
    });
    whenSpoken(() => this.paint());
  }

  /** Whether a past is shown. */
  get past() {
    return this.view && this.view.version < this.head.version ? this.view : null;
  }

  /** Shows another account, or with '' none. Throws a refusal. */
  async open(id) {
    if (id === this.id) return;
    Object.assign(this, { id, head: null, view: null, events: [], begun: [] });
    this.section.hidden = true;
    if (id) await this.refresh();
  }

  /** Asks how it stands now, and for the events that are new. */
  async refresh() {
    const { id } = this;
    if (!id) return;
    const head = (await call(pathOf(id))).json;
    const known = this.events.at(-1)?.version ?? 0;
    const from = Math.max(known + 1, head.version - shownAtMost + 1);
    const fresh = head.version > known ? (await call(`${pathOf(id)}/events?from=${from}&limit=${shownAtMost}`)).json : [];
    // Another account was chosen meanwhile, or another answer was quicker.
    if (id !== this.id || this.head?.version > head.version) return;
    const newest = this.events.at(-1)?.version ?? 0;
    const kept = from > newest + 1 ? [] : this.events;
    this.events = [...kept, ...fresh.filter(({ version }) => version > newest && version <= head.version)].slice(-shownAtMost);
    let balance = head.balance;
    for (const event of [...this.events].reverse()) {
      event.balance = balance;
      balance -= changeOf(event);
    }
    // A slider that was moved away stays, also while its answer is under way.
    const follow = !this.head || +this.slider.value === this.head.version;
    this.head = head;
    this.slider.max = head.version;
    this.section.hidden = false;
    if (follow) this.now();
    else this.paint();
  }

  now() {
    this.slider.value = this.head.version;
    this.show(this.head);
  }

  /** Asks for one past at a time; a slider that was dragged meanwhile asks once more when the answer is there. */
  async travel() {
    if (this.asking) return;
    this.asking = true;
    const { id } = this;
    let version;
    while (id === this.id && version !== this.slider.value) {
      version = this.slider.value;
      if (+version === this.head.version) this.now();
      else {
        const answer = await call(`${pathOf(id)}?version=${version}`).catch((error) => error);
        if (id === this.id && answer.json) this.show(answer.json);
        else if (id === this.id) this.$('then').textContent = answer.message;
      }
    }
    this.asking = false;
  }

  show(view) {
    this.view = view;
    this.paint();
    this.moved();
  }

  /** A transfer from here that was just asked for. */
  expect(id, label) {
    this.begun.unshift({ id, label });
    this.paintTransfers();
  }

  paint() {
    if (!this.view) return;
    const { $, view, head } = this;
    const when = clock(view.lastUpdated);
    const moment = this.past ? say('thenAt', view.version, head.version, when) : say('headAt', head.version, when);
    $('account-title').textContent = view.accountId;
    Object.assign($('account-status'), { textContent: say(view.status) }).dataset.status = view.status;
    $('balance').textContent = won(view.balance);
    $('log-stream').href = `streams?stream=${encodeURIComponent(`account-${view.accountId}`)}`;
    $('account-of').textContent = say('ownedBy', view.owner, clock(view.createdAt));
    $('then').textContent = moment;
    this.slider.setAttribute('aria-valuetext', `${moment}: ${won(view.balance)}`);
    this.slider.disabled = head.version === 1;
    this.section.toggleAttribute('data-past', Boolean(this.past));
    this.back.hidden = !this.past;
    this.paintLog();
    this.paintTransfers();
  }

  paintLog() {
    const rows = this.events.map((event) => {
      const { what, note } = tell(event);
      const change = changeOf(event);
      const made = row([event.version, what, change ? `${change > 0 ? '+' : '−'}${won(Math.abs(change))}` : '', won(event.balance)], ['count', '', 'num', 'num']);
      const beside = made.cells[1].appendChild(document.createElement('div'));
      for (const text of [note, clock(event.metadata.timestamp)]) if (text) beside.appendChild(document.createElement('small')).textContent = text;
      made.cells[2].dataset.sign = Math.sign(change);
      made.toggleAttribute('data-ahead', event.version > this.view.version);
      made.setAttribute('aria-current', event.version === this.view.version);
      made.addEventListener('click', () => {
        this.slider.value = event.version;
        this.travel();
      });
      return made;
    });
    this.log.replaceChildren(...rows.reverse());
    this.$('log-count').textContent = say('logCount', this.head.version);
    this.$('log-more').textContent = this.events[0]?.version > 1 ? say('logMore', this.events.length) : '';
    reveal(this.log.closest('.scroll'), this.log.querySelector('[aria-current=true]'));
  }

  /** Those that were begun here and those that the events tell of, each with its live bar. */
  paintTransfers() {
    const known = new Map(this.begun.map(({ id, label }) => [id, label]));
    for (const event of [...this.events].reverse())
      if (event.eventType === 'MONEY_WITHDRAWN' && event.data.transferId && !known.has(event.data.transferId))
        known.set(event.data.transferId, () => say('transferLabel', won(event.data.amount), tell(event).note));
    const shown = [...known].slice(0, transfersAtMost);
    const nodes = shown.map(([id, label]) => {
      const node = this.nodes.get(id) ?? this.bar(id);
      const shown = node.firstElementChild;
      shown.setAttribute('label', label());
      shown.lang = lang;
      if (shown.localName === 'p') this.tellStatus(id, shown);
      return node;
    });
    this.nodes = new Map(shown.map(([id], i) => [id, nodes[i]]));
    this.$('transfers').hidden = !nodes.length;
    // Moving a node that is in its place would restart its element for nothing.
    if (nodes.length !== this.list.children.length || nodes.some((node, i) => node !== this.list.children[i])) this.list.replaceChildren(...nodes);
  }

  /** Its task is its owner's: who may not watch that is told how the transfer stands. */
  bar(id) {
    const item = document.createElement('li');
    const { owner } = this.head;
    const bar = item.appendChild(document.createElement(this.mayWatch(owner) ? 'stepcast-progress' : 'p'));
    if (bar.localName === 'p') return item;
    bar.setAttribute('user', owner);
    bar.setAttribute('task', id);
    return item;
  }

  async tellStatus(id, shown) {
    const ended = ['COMPLETED', 'REFUNDED'].includes(shown.dataset.status);
    const answer = ended || (await call(`api/transfers/${encodeURIComponent(id)}`).catch(() => null));
    if (answer?.json) shown.dataset.status = answer.json.status;
    if (shown.dataset.status) shown.textContent = `${shown.getAttribute('label')}: ${say(shown.dataset.status)}`;
  }
}
