import { call } from './calls.js';
import { clock, lang, say, whenSpoken } from './texts.js';

const shownAtMost = 20;
/** The services write amounts without their commas. */
const withCommas = (text) => text.replace(/\d{4,}/g, (digits) => Number(digits).toLocaleString(lang));

/** What a user is told, as it comes: one stream, which goes on where it was cut. */
export class Notices {
  user = '';
  told = new Map();  // by version, the oldest first
  readUpTo = 0;
  attempts = 0;

  /** `refused(error)` is told of every refusal; `heard()` of every notification. */
  constructor(section, { refused, heard }) {
    Object.assign(this, { refused, heard });
    [this.list, this.none, this.unread, this.button] = ['#notice-list', '#notices-none', '#notices-unread', '#notices-read'].map((id) => section.querySelector(id));
    this.button.addEventListener('click', () => this.markRead());
    whenSpoken(() => this.paint());
  }

  open(user) {
    this.close();
    Object.assign(this, { user, told: new Map(), readUpTo: 0, cursor: '' });
    this.paint();
    if (user) this.listen();
  }

  close() {
    this.source?.close();
    clearTimeout(this.timer);
  }

  listen() {
    const cursor = this.cursor && `&lastEventId=${encodeURIComponent(this.cursor)}`;
    const source = (this.source = new EventSource(`api/notifications/subscribe?userId=${encodeURIComponent(this.user)}${cursor}`));
    const on = (type, take) => source.addEventListener(type, ({ data, lastEventId }) => {
      if (lastEventId) this.cursor = lastEventId;
      take(JSON.parse(data));
      this.paint();
    });
    on('recovery', ({ latest, readUpTo }) => {
      this.told = new Map(latest.map((one) => [one.version, one]));
      this.readUpTo = readUpTo;
    });
    on('notification', (one) => {
      if (one.type === 'READ') this.readUpTo = Math.max(this.readUpTo, one.upTo);
      else {
        this.told.set(one.version, one);
        if (this.told.size > shownAtMost) this.told.delete(this.told.keys().next().value);
        this.heard();
      }
    });
    on('live', () => (this.attempts = 0));
    // Any answer but a stream ends an EventSource for good.
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) this.timer = setTimeout(() => this.listen(), 1000 * Math.min(60, 2 ** ++this.attempts) * (0.5 + Math.random()));
    };
  }

  async markRead() {
    try {
      const { json } = await call('api/notifications/read', { userId: this.user, upTo: Math.max(...this.told.keys()) });
      this.readUpTo = Math.max(this.readUpTo, json.readUpTo);
      this.paint();
    } catch (error) {
      this.refused(error);
    }
  }

  paint() {
    const all = [...this.told.values()].reverse();
    const fresh = all.filter(({ version }) => version > this.readUpTo).length;
    const rows = all.map(({ version, type, message, timestamp }) => {
      const row = document.createElement('li');
      row.toggleAttribute('data-unread', version > this.readUpTo);
      const words = say(type);
      row.append(
        Object.assign(document.createElement('span'), { textContent: lang === 'ko' || words === type ? withCommas(message) : words }),
        Object.assign(document.createElement('time'), { dateTime: timestamp, textContent: clock(timestamp) }),
      );
      return row;
    });
    this.list.replaceChildren(...rows);
    this.none.hidden = all.length > 0;
    this.unread.hidden = !fresh;
    this.unread.textContent = say('unread', fresh);
    this.button.hidden = !fresh;
  }
}
