import { call } from './calls.js';
import { Part } from './flow_part.js';
import { Kept, button, node, pairs } from './nodes.js';
import { clock, lang, say } from './texts.js';

const listedAtMost = 100;
const pathOf = ({ sagaId, saga }, what = '') => `api/sagas/${encodeURIComponent(sagaId)}${what}?saga=${encodeURIComponent(saga)}`;
const tag = (status) => node('span', { className: 'tag', data: { status } }, say(status));

/** Sagas that have not ended, by how they stand; one that is stuck is resumed here. */
export class Sagas extends Part {
  constructor(section) {
    super(section);
    this.kept = new Kept(this.$('#saga-list'));
    this.filter = this.$('#filter');
    this.filter.addEventListener('change', () => this.refresh().catch(() => {}));
    this.begin();
  }

  get stuck() {
    return this.found?.counts.STUCK;
  }

  async ask() {
    const status = this.filter.elements.status.value;
    const { json, more } = await call(`api/sagas?limit=${listedAtMost}${status && `&status=${status}`}`);
    if (status === this.filter.elements.status.value) this.found = { ...json, more };
  }

  paint() {
    const { sagas = [], counts = {}, more } = this.found ?? {};
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
    for (const { value, nextElementSibling } of this.filter.elements.status) nextElementSibling.textContent = say('filter', say(value || 'ALL'), value ? counts[value] ?? '–' : this.found ? all : '–');
    this.kept.show(sagas, ({ saga, sagaId }) => `${saga} ${sagaId}`, () => this.row(), (row, saga) => this.fill(row, saga));
    this.$('#sagas-none').hidden = !this.found || sagas.length > 0;
    this.$('#sagas-more').textContent = more ? say('firstOnly', sagas.length) : '';
  }

  row() {
    const row = node('li', {}, node('span', { className: 'id' }), node('span', { className: 'tag' }), node('span', { className: 'where hint' }), node('span', { className: 'does' }), node('div', { className: 'more', hidden: true }));
    const [, , , does, more] = row.children;
    const look = button('', 'quiet', () => this.look(row));
    look.setAttribute('aria-expanded', 'false');
    more.append(node('dl', { className: 'pairs' }), node('ol', { className: 'steps-of' }));
    does.append(look, button('', 'secondary', () => this.resume(row.saga)));
    return row;
  }

  fill(row, saga) {
    const moved = row.saga?.updatedAt !== saga.updatedAt || row.spoken !== lang;
    Object.assign(row, { saga, spoken: lang });
    const [id, status, where, does, more] = row.children;
    id.textContent = saga.sagaId;
    status.textContent = say(saga.status);
    status.dataset.status = saga.status;
    where.textContent = say('sagaAt', saga.saga, saga.step, clock(saga.updatedAt));
    does.firstChild.textContent = say('steps');
    does.lastChild.textContent = say('resume');
    does.firstChild.setAttribute('aria-label', say('stepsOf', saga.sagaId));
    does.lastChild.setAttribute('aria-label', say('resumeNamed', saga.sagaId));
    does.lastChild.hidden = saga.status !== 'STUCK';
    if (!more.hidden && moved) this.read(row);
  }

  async look(row) {
    const [, , , does, more] = row.children;
    more.hidden = !more.hidden;
    does.firstChild.setAttribute('aria-expanded', String(!more.hidden));
    if (!more.hidden) await this.read(row);
  }

  /** Its steps, and why it stands where it does. */
  async read({ saga, lastChild }) {
    try {
      const { json } = await call(pathOf(saga));
      const [list, steps] = lastChild.children;
      list.replaceChildren(...pairs({ [say('why')]: json.reason, [say('owner')]: json.owner, [say('begun')]: clock(saga.startedAt) }));
      steps.replaceChildren(...json.steps.map(({ step, status }) => node('li', {}, node('b', {}, step), tag(status))));
    } catch (refusal) {
      this.error.textContent = refusal.message;
    }
  }

  resume(saga) {
    return this.act(() => call(pathOf(saga, '/resume'), {}), () => say('resumed', saga.sagaId));
  }
}

/** The circuits of this process, with how their calls go. */
export class Circuits extends Part {
  constructor(section) {
    super(section);
    this.begin();
  }

  get open() {
    return this.found?.filter(({ state }) => state !== 'closed').length;
  }

  async ask() {
    this.found = (await call('api/circuits')).json.circuits;
  }

  paint() {
    this.$('#circuit-list').replaceChildren(...(this.found ?? []).map(({ step, state, failures, underWay, atMost, opened, putOff, openUntil }) =>
      node('li', { data: { state } },
        node('h3', {}, say('step_' + step)), node('span', { className: 'tag', data: { state } }, say('circuit_' + state)),
        node('p', { className: 'hint' }, state === 'closed' ? say('closedText') : say(state === 'open' ? 'openText' : 'halfOpenText', clock(openUntil))),
        node('dl', { className: 'pairs' }, ...pairs({ [say('underWay')]: atMost ? say('of', underWay, atMost) : underWay, [say('failures')]: failures, [say('putOff')]: putOff, [say('opened')]: opened })))));
    this.$('#circuits-none').hidden = this.found?.length !== 0;
  }
}
