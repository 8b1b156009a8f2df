import { call } from './calls.js';
import { Diagram, afterWords, rowWords, sequence, serviceOf } from './flow_diagram.js';
import { Part, pretty } from './flow_part.js';
import { node, pairs } from './nodes.js';
import { clock, lang, say } from './texts.js';

/** What one request caused: a diagram over the services, one item as it is, and all as a table. */
export class Trace extends Part {
  /** `listen(topic, key)` begins to show what comes on a topic. */
  constructor(section, { listen }) {
    super(section);
    this.listen = listen;
    this.form = this.$('#find');
    this.diagram = new Diagram(this.$('#diagram'), (index) => this.tell(index));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.open(this.form.elements.id.value.trim());
    });
    this.$('#item-listen').addEventListener('click', () => {
      const { topic, key } = this.sequence.rows[this.diagram.chosen].item;
      this.listen(topic, key);
    });
    this.begin();
  }

  /** Shows the messages of a correlation id, or of the request that began an order or a stream. */
  open(id) {
    Object.assign(this, { id, known: id, found: undefined, unknown: false });
    this.diagram.chosen = 0;
    this.form.elements.id.value = id;
    const url = new URL(location);
    url.searchParams.set('trace', id);
    history.replaceState(null, '', url);
    return this.refresh().catch(() => {});
  }

  async ask() {
    const { id } = this;
    try {
      const found = await this.read();
      if (id !== this.id) return;
      this.fresh = found.items.length !== this.found?.items.length;
      this.found = found;
    } catch (error) {
      // It is not asked for again: what is not known now will not be.
      this.unknown = id === this.id && error.status === 404;
      throw error;
    }
  }

  async read() {
    const { id } = this;
    try {
      return (await call(`api/traces/${encodeURIComponent(this.known)}`)).json;
    } catch (error) {
      const began = error.code === 'trace-not-found' && this.known === id && (await this.correlation(id));
      if (!began || id !== this.id) throw error;
      this.known = began;
      return (await call(`api/traces/${encodeURIComponent(began)}`)).json;
    }
  }

  /** The correlation id of an order's or a stream's first event; empty: there is none. */
  async correlation(id) {
    for (const name of [`order-${id}`, id]) {
      const events = (await call(`api/streams/${encodeURIComponent(name)}?limit=1`).catch(() => null))?.json;
      if (events?.[0]?.metadata.correlationId) return events[0].metadata.correlationId;
    }
    return '';
  }

  async refresh() {
    if (!this.id || this.unknown) return;
    await super.refresh();
    this.fresh = false;
  }

  clear() {
    this.id = '';
    super.clear();
  }

  begin() {
    this.fresh = true;
    super.begin();
  }

  paint() {
    const { found } = this;
    this.$('#trace-shown').hidden = !found;
    if (!found) return;
    if (!this.fresh && this.spoken === lang) return;
    this.spoken = lang;
    const { items, truncated } = found;
    const events = items.filter(({ kind }) => kind === 'event').length;
    this.sequence = sequence(items);
    this.$('#trace-of').textContent = say('traceOf', this.id);
    this.$('#trace-count').textContent = say('traceCount', items.length - events, events);
    this.$('#trace-cut').hidden = !truncated;
    this.diagram.show(this.sequence, say('diagram', this.id));
    this.tell(this.diagram.chosen);
    this.$('#trace-rows').replaceChildren(...this.sequence.rows.map(({ item, at, to, name, undo, after }) =>
      node('tr', {}, node('td', { className: 'num' }, afterWords(after)), node('td', {}, `${say(item.kind)}${undo ? ` (${say('undoing')})` : ''}`), node('td', {}, serviceOf(at)),
        node('td', {}, item.kind === 'event' ? item.stream : to.map(serviceOf).join(', ') || say('nobody')), node('td', {}, [item.topic, name].filter(Boolean).join(' · ')))));
  }

  /** One item as it is. */
  tell(index) {
    const row = this.sequence.rows[index];
    this.$('#item').hidden = !row;
    if (!row) return;
    const { item } = row;
    const event = item.kind === 'event';
    this.$('#item-title').textContent = rowWords(row);
    this.$('#item-stream').hidden = !event;
    this.$('#item-listen').hidden = event;
    if (event) this.$('#item-stream').href = `streams?stream=${encodeURIComponent(item.stream)}&version=${item.version}`;
    const place = event ? { [say('stream')]: item.stream, [say('version')]: item.version, [say('stored')]: clock(item.at) } : { [say('topic')]: item.topic, [say('place')]: `${item.partition}:${item.offset}`, [say('key')]: item.key, [say('sent')]: clock(item.at) };
    this.$('#item-meta').replaceChildren(...pairs({ ...place, [say('id')]: item.id, [say('cause')]: item.causationId, [say('trace_')]: item.traceparent }));
    this.$('#item-data').textContent = pretty(item.data);
  }
}
