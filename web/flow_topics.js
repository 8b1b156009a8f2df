import { call, refusal } from './calls.js';
import { Part, pretty, shown } from './flow_part.js';
import { Kept, button, node, pairs } from './nodes.js';
import { clock, lang, say, whenSpoken } from './texts.js';

const shownAtMost = 200;
const count = (number) => number?.toLocaleString(lang) ?? '–';
const held = ({ messages, partitions }) => messages ?? sum(partitions.map(({ head }) => head));
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/** Topics, and how far behind their readers are. */
export class Topics extends Part {
  /** `listen(name)` begins to show what comes on a topic; `listed(names)` is told which there are. */
  constructor(section, { listen, listed }) {
    super(section);
    Object.assign(this, { listen, listed });
    this.kept = new Kept(this.$('#topic-list'));
    this.begin();
  }

  /** Records that all groups together still have to read; nothing before it is known. */
  get lag() {
    return this.found && count(sum(this.found.flatMap(({ groups }) => groups.map(({ lag }) => lag))));
  }

  async ask() {
    if (this.off) return;
    try {
      this.found = (await call('api/topics')).json.topics;
      this.listed(this.found.map(({ name }) => name));
    } catch (error) {
      if (error.code !== 'not-found') throw error;
      this.off = true;
    }
  }

  paint() {
    // Every topic has one for its dead letters: of those only what holds any.
    const topics = (this.found ?? []).filter((topic) => !topic.name.endsWith('.dlq') || held(topic) > 0);
    this.$('.off').hidden = !this.off;
    this.$('.part').hidden = Boolean(this.off);
    this.$('#topics-count').textContent = this.found ? count(topics.length) : '';
    this.kept.show(topics, ({ name }) => name, ({ name }) => this.row(name), (row, topic) => this.fill(row, topic));
  }

  row(name) {
    const row = node('tr', {}, node('th', { scope: 'row' }, button(name, 'name', () => this.listen(name))));
    for (const className of ['num', 'num', 'groups']) row.append(node('td', { className }));
    return row;
  }

  fill(row, topic) {
    const { name, partitions, groups } = topic;
    const [title, number, parts, readers] = row.cells;
    title.firstChild.setAttribute('aria-label', say('listenTo', name));
    number.textContent = count(held(topic));
    parts.textContent = count(partitions.length);
    readers.replaceChildren(...groups.map(({ group, lag, partitions: places }) => {
      const title = places.map(({ partition, position, head }) => say('placeOf', partition, position, head)).join('\n');
      const reader = group.endsWith(`.${name}`) ? group.slice(0, -name.length - 1) : group;
      return node('span', { className: 'group', data: lag > 0 ? { behind: '' } : {}, title }, `${reader} `, node('b', {}, lag > 0 ? say('behind', count(lag)) : say('upToDate')));
    }));
    if (!groups.length) readers.textContent = say('noGroup');
  }
}

/** What comes on a topic from now on, the newest first. */
export class Live {
  /** `refused(error)` is told of every refusal; `trace(id)` shows the messages of a correlation id. */
  constructor(section, { refused, trace }) {
    Object.assign(this, { section, refused, trace });
    this.$ = (selector) => section.querySelector(selector);
    [this.form, this.list, this.pausing, this.clearing, this.error] = ['#listen', '#records', '#live-pause', '#live-clear', '.error'].map(this.$);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.open(this.form.elements.topic.value, this.form.elements.key.value);
    });
    this.pausing.addEventListener('click', () => this.pause(!this.paused));
    this.clearing.addEventListener('click', () => this.list.replaceChildren());
    document.addEventListener('visibilitychange', () => this.look());
    whenSpoken(() => this.paint());
  }

  /** Which topics there are to choose from. */
  offer(names) {
    this.section.hidden = false;
    const { topic } = this.form.elements;
    if (names.join() === [...topic.options].map(({ value }) => value).join()) return;
    const chosen = topic.value;
    topic.replaceChildren(...names.map((name) => node('option', { value: name }, name)));
    if (names.includes(chosen)) topic.value = chosen;
  }

  open(topic, key = '') {
    Object.assign(this.form.elements.topic, { value: topic });
    this.form.elements.key.value = key;
    this.close();
    Object.assign(this, { topic, key, paused: false, passed: 0 });
    this.list.replaceChildren();
    this.look();
  }

  close() {
    this.stream?.close();
    this.stream = this.topic = undefined;
    this.state = '';
    this.paint();
  }

  /** Listens for as long as somebody looks; what comes meanwhile is not shown later. */
  look() {
    if (!this.topic || document.hidden) {
      if (this.topic) this.state = 'waiting';
      this.stream?.close();
      this.stream = undefined;
      return this.paint();
    }
    if (this.stream) return;
    const path = `api/topics/${encodeURIComponent(this.topic)}/tail${this.key && `?key=${encodeURIComponent(this.key)}`}`;
    const stream = (this.stream = new EventSource(path));
    this.error.textContent = '';
    this.state = 'connecting';
    stream.addEventListener('live', () => this.become('listening'));
    stream.addEventListener('record', ({ data }) => this.hear(JSON.parse(data)));
    stream.addEventListener('missed', ({ data }) => this.miss(JSON.parse(data).count));
    stream.addEventListener('error', () => (stream.readyState === EventSource.CLOSED ? this.ask(stream, path) : this.become('reconnecting')));
    this.paint();
  }

  become(state) {
    this.state = state;
    this.paint();
  }

  /** A stream that was refused does not say why; the same call does. */
  async ask(stream, path) {
    const asking = new AbortController();
    const answer = await fetch(path, { signal: asking.signal }).catch(() => null);
    const error = answer?.ok ? null : await refusal(answer);
    asking.abort();
    if (stream !== this.stream) return;
    this.close();
    if (error) this.error.textContent = error.message;
    if (error) this.refused(error);
  }

  pause(paused) {
    this.paused = paused;
    if (!paused && this.passed) this.put(node('li', { className: 'gap' }, say('passed', this.passed)));
    this.passed = 0;
    this.paint();
  }

  hear(record) {
    if (this.paused) {
      this.passed += 1;
      return this.paint();
    }
    this.put(this.row(record));
  }

  miss(many) {
    if (!this.paused) return this.put(node('li', { className: 'gap' }, say('missed', many)));
    this.passed += many;
    this.paint();
  }

  put(row) {
    this.list.prepend(row);
    while (this.list.children.length > shownAtMost) this.list.lastElementChild.remove();
  }

  /** One line of a record; the whole of it, over many lines, only for who asks. */
  row({ partition, offset, at, key, headers, value, encoding, bytes }) {
    const line = value === null ? say(bytes ? 'tooLarge' : 'tombstone', bytes) : typeof value === 'string' ? value : JSON.stringify(value);
    const whole = node('details', {}, node('summary', {}, node('time', { dateTime: at }, clock(at)), node('span', { className: 'place' }, `${partition}:${offset}`), node('b', {}, shown(key) ?? '–'), node('span', { className: 'line' }, line)));
    whole.addEventListener('toggle', () => {
      if (whole.children.length > 1) return;
      const correlation = headers['correlation-id'];
      const named = Object.fromEntries(Object.entries(headers).map(([name, one]) => [name, shown(one)]));
      whole.append(
        node('dl', { className: 'pairs' }, ...pairs({ ...named, [say('encoding')]: encoding })),
        node('pre', {}, value === null ? line : pretty(value)),
        ...(correlation ? [button(say('itsTrace'), 'quiet', () => this.trace(correlation))] : []));
    });
    return node('li', {}, whole);
  }

  paint() {
    const { topic, state, paused, passed } = this;
    this.$('#live-state').textContent = topic ? say(paused ? 'pausedAt' : 'live_' + state, topic, passed) : '';
    for (const one of [this.pausing, this.clearing]) one.hidden = !topic;
    this.pausing.setAttribute('aria-pressed', String(Boolean(paused)));
    this.pausing.textContent = say(paused ? 'goOn' : 'pause');
    this.list.dataset.empty = say(topic ? 'recordsNone' : 'recordsIdle');
  }
}
