import { lang, say, stepWords } from './texts.js';

const shownAtMost = 200;
const clock = (timestamp) => new Date(timestamp).toLocaleTimeString(lang, { hourCycle: 'h23', hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 1 });

/** What a task went through: its events, and a slider that asks the server how things stood after any of them. */
export class Past {
  rows = new Map();
  version = 0;

  constructor(details, taskId, name) {
    this.details = details;
    this.taskId = taskId;
    this.name = name;
    this.slider = details.querySelector('input');
    this.then = details.querySelector('.then');
    this.body = details.querySelector('tbody');
    this.scroll = details.querySelector('.scroll');
    details.addEventListener('toggle', () => details.open && this.load());
    this.slider.addEventListener('input', () => this.travel());
  }

  /** The newest state of the task, and the event that led to it if there was one. */
  hear(task, event) {
    const atHead = !this.version || +this.slider.value === this.version;
    this.version = task.version;
    this.slider.max = task.version;
    if (atHead) this.slider.value = task.version;
    if (!this.details.open) return;
    if (event && this.rows.has(event.version - 1)) this.add(event);
    else if (!this.rows.has(task.version)) this.load();
    if (atHead) this.show(task);
  }

  async load() {
    const from = Math.max(1, this.version - shownAtMost + 1);
    const answer = await fetch(`api/v2/progress/history/${encodeURIComponent(this.taskId)}?from=${from}&limit=${shownAtMost}`).catch(() => null);
    if (!answer?.ok) return;
    const events = await answer.json().catch(() => []);
    this.rows.clear();
    this.body.replaceChildren();
    events.forEach((event, i) => this.add({ version: from + i, ...event }));
    this.scroll.setAttribute('aria-label', say('historyOf', this.name()));
    this.travel();
  }

  add(event) {
    if (this.rows.has(event.version)) return;
    const row = document.createElement('tr');
    row.dataset.type = event.eventType;
    for (const [text, kind] of [[event.version], [clock(event.timestamp)], [stepWords(event.stepName) || event.eventType], [event.percentage, 'num']]) {
      const cell = row.insertCell();
      cell.textContent = text;
      if (kind) cell.className = kind;
    }
    row.addEventListener('click', () => {
      this.slider.value = event.version;
      this.travel();
    });
    this.rows.set(event.version, row);
    this.body.append(row);
    if (this.rows.size > shownAtMost) {
      const oldest = this.rows.keys().next().value;
      this.rows.get(oldest).remove();
      this.rows.delete(oldest);
    }
  }

  /** Asks for one state at a time; a slider dragged meanwhile asks once more when the answer is there. */
  async travel() {
    if (this.asking) return;
    this.asking = true;
    let version;
    while (version !== this.slider.value) {
      version = this.slider.value;
      const answer = await fetch(`api/v2/progress/status/${encodeURIComponent(this.taskId)}?version=${version}`).catch(() => null);
      const state = answer?.ok && (await answer.json().catch(() => null));
      if (state) this.show(state);
      else if (answer?.status === 410) this.then.textContent = say('gone');
    }
    this.asking = false;
  }

  show(state) {
    const words = `${state.percentage}% · ${stepWords(state.stepName) || state.status}`;
    const bold = document.createElement('b');
    bold.textContent = words;
    this.then.replaceChildren(bold, ' ', say('then', state.version, this.version));
    this.slider.setAttribute('aria-valuetext', `${say('then', state.version, this.version)}: ${words}`);
    for (const [version, row] of this.rows) row.setAttribute('aria-current', version === state.version);
  }
}
