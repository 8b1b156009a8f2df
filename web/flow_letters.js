import { call, refusal } from './calls.js';
import { Part, pretty, shown } from './flow_part.js';
import { Kept, button, node, pairs } from './nodes.js';
import { clock, lang, say } from './texts.js';

const listedAtMost = 100;
const pathOf = (id, what = '') => `api/dead-letters/${id}${what}`;
/** What could not be handled: why, what it says, and handing it over again. */
export class Letters extends Part {
  /** `trace(id)` shows the messages of a correlation id. */
  constructor(section, { trace }) {
    super(section);
    this.trace = trace;
    this.kept = new Kept(this.$('#letter-list'));
    this.begin();
  }

  /** How many there are, as text; nothing before it is known. */
  get count() {
    return this.found && `${this.found.letters.length}${this.found.more ? '+' : ''}`;
  }

  async ask() {
    const { json, more } = await call(`api/dead-letters?limit=${listedAtMost}`);
    this.found = { letters: json, more };
  }

  paint() {
    const { letters = [], more } = this.found ?? {};
    this.kept.show(letters, ({ id }) => id, (letter) => this.row(letter), (row, letter) => this.fill(row, letter));
    this.$('#letters-count').textContent = this.count ?? '';
    this.$('#letters-none').hidden = !this.found || letters.length > 0;
    this.$('#letters-more').textContent = more ? say('firstOnly', letters.length) : '';
  }

  row({ id }) {
    const look = button('', 'quiet', () => this.look(row, id));
    look.setAttribute('aria-expanded', 'false');
    const row = node('li', {}, node('span', { className: 'id' }), node('span', { className: 'tag' }), node('span', { className: 'where hint' }),
      node('span', { className: 'does' }, look, button('', 'quiet', () => this.giveUp(id)), button('', 'secondary', () => this.redrive(id))),
      node('p', { className: 'why' }), node('div', { className: 'more', hidden: true }));
    return row;
  }

  fill(row, letter) {
    const [id, error, where, does, why] = row.children;
    const name = say('letterOf', letter.topic, shown(letter.key) ?? say('noKey'));
    id.textContent = name;
    error.textContent = say('class_' + letter.errorClass).replace(/^class_/, '');
    error.dataset.status = letter.behind ? 'COMPENSATING' : 'STUCK';
    where.textContent = say('letterAt', letter.consumer, clock(letter.parkedAt), letter.attempts, letter.redrives);
    why.textContent = letter.behind ? say('behindWhy') : letter.errorMessage;
    for (const [i, [text, label]] of [['content', 'contentOf'], ['giveUp', 'giveUpNamed'], ['redrive', 'redriveNamed']].entries()) {
      does.children[i].textContent = say(text);
      does.children[i].setAttribute('aria-label', say(label, name));
    }
    const box = row.lastChild;
    if (!box.hidden && (row.spoken !== lang || row.redrives !== letter.redrives)) this.read(box, letter.id);
    Object.assign(row, { spoken: lang, redrives: letter.redrives });
  }

  async look(row, id) {
    const box = row.lastChild;
    const look = row.querySelector('[aria-expanded]');
    look.setAttribute('aria-expanded', String(box.hidden));
    box.hidden = !box.hidden;
    if (!box.hidden) await this.read(box, id);
  }

  /** The record as it came, and what was done about it. */
  async read(box, id) {
    try {
      const { json } = await call(pathOf(id));
      const headers = Object.fromEntries(json.headers.map(([name, value]) => [shown(name), shown(value)]));
      const correlation = headers['correlation-id'];
      box.replaceChildren(
        node('dl', { className: 'pairs' }, ...pairs({ [say('place')]: `${json.topic} ${json.partition}:${json.offset}`, [say('sent')]: clock(json.timestamp), ...headers })),
        node('pre', { tabIndex: 0 }, json.value === undefined ? say('tombstone') : pretty(shown(json.value))),
        ...json.history.map(({ attempt, result, at, by, errorMessage }) => node('p', { className: 'hint' }, say('attempt', attempt, say('result_' + result), clock(at), by ?? '', errorMessage ?? ''))),
        ...(correlation ? [button(say('itsTrace'), 'quiet', () => this.trace(correlation))] : []));
      Object.assign(box.querySelector('pre'), { role: 'region', ariaLabel: say('content') });
    } catch (refused) {
      this.error.textContent = refused.message;
    }
  }

  /** It is handed over beside: what came of it is asked for until it is known. */
  redrive(id) {
    let letter;
    return this.act(async () => {
      await call(pathOf(id, '/redrive'), {});
      do {
        if (letter) await new Promise((resolve) => setTimeout(resolve, 200));
        letter = (await call(pathOf(id))).json;
      } while (letter.status === 'REDRIVING');
      if (letter.status !== 'HANDLED') throw new Error(say('redriveFailed', letter.topic, letter.history.at(-1)?.errorMessage ?? ''));
    }, () => say('redriven', letter.topic));
  }

  giveUp(id) {
    if (!confirm(say('giveUpSure'))) return;
    return this.act(async () => {
      const answer = await fetch(pathOf(id), { method: 'DELETE' }).catch(() => null);
      if (!answer?.ok) throw await refusal(answer);
    }, () => say('givenUp'));
  }
}
