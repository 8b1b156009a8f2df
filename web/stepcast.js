// Live progress for any page: <stepcast-progress user="alice"></stepcast-progress>.

const home = new URL('.', import.meta.url).href.slice(0, -1);
const streams = new Map();
const over = (task) => task.status === 'COMPLETED' || task.status === 'FAILED';
const seconds = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000;

/** `detail` holds anything. */
const text = (value) => (/^[sn]/.test(typeof value) ? `${value}` : '');

/** How much of a rate is new. */
const share = (seconds) => 1 - Math.exp(-seconds / 20);

/** The server's state; `seen` is when its rate was measured, by our clock. */
const known = (data) => ({
  ...data, age: seconds(data.startedAt, data.updatedAt),
  seen: performance.now() - 1000 * (data.etaSeconds && (100 - data.percentage) / data.rate - data.etaSeconds),
});

/** The state after one more event, as the server folds it; null if `task` has it already. */
function fold(task, event) {
  if (task && event.version <= task.version) return null;
  const { version, eventType: status, timestamp: updatedAt, percentage, seq } = event;
  const seen = performance.now();
  const ended = task && over(task);
  // A retry is not dated before the end, or its number follows.
  const again = status === 'STARTED' && (seq > task?.seq || !(updatedAt < task?.updatedAt));
  if (seq <= task?.seq || (ended && !again)) return { ...task, version };
  if (!task || ended) task = { startedAt: updatedAt, rate: 0, age: 0, seen, percentage };
  const passed = (seen - task.seen) / 1000;
  const gained = percentage - task.percentage + (task.gained || 0);
  const next = { ...task, detail: null, ...event, status, updatedAt, stalled: false, gained };
  if (passed > 0.001) {
    next.age += passed;
    next.rate += (share(passed) / share(next.age)) * (Math.max(0, gained / passed) - next.rate);
    Object.assign(next, { seen, gained: 0 });
  }
  next.etaSeconds = next.rate > 0 && !over(next) ? (100 - percentage) / next.rate : null;
  return next;
}

/** One EventSource for all who watch the same: a browser opens six to a server. */
class Stream {
  tasks = new Map();
  listeners = new Set();
  state = 'connecting';
  cursor = '';
  attempts = 0;

  constructor(url, single) {
    this.url = url;
    this.single = single;
    this.open();
  }

  open() {
    const source = (this.source = new EventSource(this.url + (this.cursor && '&lastEventId=' + encodeURIComponent(this.cursor))));
    source.onopen = () => this.alive(0, (this.stale = new Set()));
    source.onerror = () => {
      this.alive(0);
      // A 502 ends an EventSource for good; here it is an outage, told each time.
      if (source.readyState === 2) {
        this.state = '';
        this.timer = setTimeout(() => this.open(), 1000 * Math.min(60, 2 ** ++this.attempts) * (0.5 + Math.random()));
      }
      this.become('reconnecting');
    };
    for (const type of ['progress', 'recovery', 'reset', 'more', 'live', 'beat', 'bye']) source.addEventListener(type, (event) => this.take(type, event));
  }

  /** A connection may die without a word: three beats that stay away are an outage. */
  alive(every = this.every) {
    this.every = every;
    clearTimeout(this.silence);
    if (every) this.silence = setTimeout(() => this.source.onerror(this.source.close()), 3000 * every);
  }

  become(state) {
    if (this.state === state) return;
    this.state = state;
    this.tell({ type: 'state', state });
  }

  tell(message) {
    for (const listener of [...this.listeners]) this.listeners.has(listener) && listener(message);
  }

  take(type, { data: text, lastEventId: id }) {
    const data = JSON.parse(text);
    const { taskId } = data;
    if (id) this.cursor = id;
    this.alive(data.every);
    if (type === 'beat') return;
    const previous = this.tasks.get(taskId);
    let task = previous;
    if (type === 'reset') this.stale = new Set(this.tasks.keys());
    if (type === 'recovery') task = known(data);
    if (type === 'progress') task = fold(task, data);
    if (task) this.keep(task);
    this.stale.delete(taskId);
    this.tell({ type, data, id, task, previous });
    if (type === 'live') {
      // After a reset, what the server did not send again is gone.
      for (const taskId of this.stale) {
        this.tasks.delete(taskId);
        this.tell({ type: 'drop', data: { taskId } });
      }
      this.attempts = 0;
      if (this.source.readyState < 2) this.become('open');
    }
    if (this.single && task && over(task)) this.stop('ended');
  }

  keep(task) {
    this.tasks.set(task.taskId, task);
    if (this.tasks.size > 1000) this.tasks.delete([...this.tasks.values()].find(over)?.taskId ?? this.tasks.keys().next().value);
  }

  stop(state) {
    clearTimeout(this.timer);
    this.alive(0);
    this.source.close();
    this.become(state);
  }
}

/** Calls `listener({type, data, id, task, previous})` for every message of `user`, or of one `task`. */
export function watch({ src = home, user, task }, listener) {
  const url = `${src.replace(/\/$/, '')}/api/v2/progress/subscribe${user ? '?userId=' : '/'}${encodeURIComponent(user || task)}${user ? '&' : '?'}beat=1`;
  let stream = streams.get(url);
  if (!stream) streams.set(url, (stream = new Stream(url, !user)));
  const mine = (message) => (!task || (message.data?.taskId ?? task) === task) && listener(message);
  stream.listeners.add(mine);
  for (const known of stream.tasks.values()) mine({ type: 'recovery', data: known, task: known });
  mine({ type: 'state', state: stream.state });
  return {
    get state() { return stream.state; },
    get tasks() { return stream.tasks; },
    /** For everyone. */
    pause() { stream.stop('paused'); },
    resume() {
      if (stream.state !== 'paused') return;
      stream.become('reconnecting');
      stream.open();
    },
    close() {
      if (!stream.listeners.delete(mine) || stream.listeners.size) return;
      stream.stop('ended');
      if (streams.get(url) === stream) streams.delete(url);
    },
  };
}

/** Sentences by language; add a language, or `steps` (step name to words) to one. */
export const texts = {
  en: {
    open: 'No tasks yet', waiting: 'Waiting for the first step', done: 'Done', failed: 'Failed', stalled: 'No news for a while',
    connecting: 'Connecting…', reconnecting: 'Reconnecting…', paused: 'Disconnected', more: (n) => `and ${n} more`,
    left: (t) => `${t} left`, took: (t) => `took ${t}`, time: (n, unit) => `${n} ${['s', 'min', 'h'][unit]}`,
  },
  ko: {
    open: '아직 작업이 없습니다', waiting: '첫 단계를 기다리는 중', done: '완료', failed: '실패', stalled: '한동안 소식이 없습니다',
    connecting: '연결 중…', reconnecting: '다시 연결하는 중…', paused: '연결 끊김', more: (n) => `외 ${n}건`,
    left: (t) => `${t} 남음`, took: (t) => `${t} 걸림`, time: (n, unit) => `${n}${['초', '분', '시간'][unit]}`,
  },
};

const style = new CSSStyleSheet();
style.replaceSync(`
:host { display: block; }
:host([hidden]) { display: none; }
[part=list] { display: grid; gap: var(--stepcast-gap, 1.25em); }
[part~=task] { --tone: var(--stepcast-accent, #2470e0); }
[part~=completed] { --tone: var(--stepcast-done, #1d9d68); }
[part~=failed] { --tone: var(--stepcast-failed, #d6453d); }
[part~=stalled] { --tone: var(--stepcast-stalled, #c07a12); }
[part=head], [part=foot] { display: flex; justify-content: space-between; gap: 1em; align-items: baseline; }
[part=name] { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
[part=percent] { font-weight: 600; font-variant-numeric: tabular-nums; color: var(--tone); white-space: nowrap; }
[part=bar] { height: var(--stepcast-height, .5em); margin: .5em 0; border-radius: var(--stepcast-radius, 1em); overflow: hidden;
  background: var(--stepcast-track, color-mix(in srgb, currentColor 12%, transparent)); }
[part=fill] { height: 100%; border-radius: inherit; background: var(--tone); transform: translateX(-100%); transition: transform .4s ease-out, background .4s; }
[part~=waiting] [part=fill] { transform: none; opacity: .35; animation: wait 1.6s ease-in-out infinite alternate; }
@keyframes wait { to { opacity: .08; } }
[part=foot], [part=note] { font-size: .875em; color: var(--stepcast-muted, color-mix(in srgb, currentColor 68%, transparent)); }
[part=time] { white-space: nowrap; font-variant-numeric: tabular-nums; }
[part=note]:not(:empty) { margin: .5em 0; }
[part=live] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { [part=fill] { transition: none; animation: none !important; } }
@media (forced-colors: active) { [part=bar] { border: 1px solid; } [part=fill] { background: Highlight; forced-color-adjust: none; } }
`);

const make = (parent, part, more) => Object.assign(parent.appendChild(document.createElement('div')), { part }, more);
const put = (node, text) => node.textContent === text || (node.textContent = text);

export class StepcastProgress extends HTMLElement {
  static observedAttributes = ['user', 'task', 'src', 'limit', 'lang', 'label'];
  #rows = new Map();
  #done = new Set();

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [style];
    this.note = make(root, 'note');
    this.list = make(root, 'list', { role: 'list' });
    this.rest = make(root, 'note');
    this.live = make(root, 'live', { role: 'status', ariaLive: 'polite' });
  }

  connectedCallback() { this.#restart(); }
  disconnectedCallback() { this.#halt(); }
  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (/user|task|src/.test(name)) this.#restart();
    else this.#paint();
  }

  get user() { return this.getAttribute('user'); }
  set user(value) { this.setAttribute('user', value); }
  get task() { return this.getAttribute('task'); }
  set task(value) { this.setAttribute('task', value); }
  get tasks() { return this.watching?.tasks ?? new Map(); }

  #halt() {
    this.watching?.close();
    this.watching = null;
    for (const timer of [this.clock, this.late, this.saying]) clearTimeout(timer);
    this.saying = 0;
  }

  #restart() {
    this.#halt();
    this.#rows.clear();
    this.#done.clear();
    this.list.replaceChildren();
    this.more = 0;
    const src = this.getAttribute('src') || home;
    const { user, task } = this;
    if (user || task) this.watching = watch({ src, user, task }, (message) => this.#hear(message));
    // A stream starts with recent tasks; an older one is asked for.
    if (user && task) this.late = setTimeout(async () => {
      if (this.#shown(task)) return;
      const answer = await fetch(`${src}/api/v2/progress/status/${encodeURIComponent(task)}`).catch(() => null);
      const data = answer?.ok && (await answer.json());
      if (data && task === this.task && !this.#shown(task)) this.#hear({ type: 'recovery', data, task: (this.old = known(data)) });
    }, 2000);
    this.old = null;
    this.clock = setInterval(() => this.#paint(), 1000);
    this.#paint();
  }

  #shown(id) { return this.tasks.get(id) ?? (this.old?.taskId === id ? this.old : null); }

  #hear(message) {
    const { type, data, task } = message;
    if (type === 'state') this.setAttribute('state', message.state);
    if (/more|reset/.test(type)) this.more = data.remaining ?? 0;
    if (type === 'drop') this.#done.delete(data.taskId);
    if (type === 'progress' && !task) return;
    this.#send(type, message);
    if (task && !over(task)) this.#done.delete(task.taskId);
    else if (task && !this.#done.has(task.taskId)) {
      this.#done.add(task.taskId);
      this.#send(task.status === 'FAILED' ? 'failed' : 'complete', { ...message, recovered: type === 'recovery' });
    }
    if (task && type === 'progress') this.#say(task);
    this.frame ||= requestAnimationFrame(() => this.#paint());
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent('stepcast-' + name, { detail, bubbles: true, composed: true }));
  }

  get #texts() {
    const lang = this.closest('[lang]')?.lang || navigator.language;
    return texts[lang.slice(0, 2)] ?? texts.en;
  }

  #time(value) {
    const unit = value < 59.5 ? 0 : value < 3570 ? 1 : 2;
    return this.#texts.time(Math.max(1, Math.round(value / 60 ** unit)), unit);
  }

  #name(task) {
    return this.getAttribute('label') || text(task.detail?.title) || task.taskId;
  }

  /** Ticks are not said; at most one sentence in two seconds. */
  #say(task) {
    const words = `${this.#name(task)}: ${this.#step(task)}`;
    if (words === this.said) return;
    this.said = words;
    this.saying ||= setTimeout(() => {
      this.saying = 0;
      put(this.live, this.said);
    }, this.live.textContent ? 2000 : 0);
  }

  #step(task) {
    const t = this.#texts;
    const name = text(t.steps?.[task.stepName]) || task.stepName;
    if (task.status === 'FAILED') return [t.failed, name, text(task.detail?.reason)].filter(Boolean).join(' · ');
    return name || (over(task) ? t.done : '');
  }

  #paint() {
    this.frame = 0;
    const t = this.#texts;
    const only = this.task;
    const tasks = only ? [this.#shown(only) ?? { taskId: only, waiting: true }] : [...this.tasks.values()];
    tasks.sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
    const most = +this.getAttribute('limit') || 20;
    const rows = tasks.slice(0, most).map((task) => this.#row(task));
    if (rows.length !== this.list.children.length || rows.some((row, i) => row !== this.list.children[i])) this.list.replaceChildren(...rows);
    for (const [id, row] of this.#rows) if (!rows.includes(row)) this.#rows.delete(id);
    const state = this.getAttribute('state');
    const rest = Math.max(0, tasks.length - most) + (only ? 0 : this.more);
    put(this.note, /reconn|paus/.test(state) ? t[state] : '');
    put(this.rest, rest ? t.more(rest) : (!tasks.length && t[state]) || '');
  }

  #row(task) {
    let row = this.#rows.get(task.taskId);
    if (!row) {
      row = make(this.list, 'task', { role: 'listitem' });
      const head = make(row, 'head');
      row.name = make(head, 'name');
      row.percent = make(head, 'percent');
      row.bar = make(row, 'bar', { role: 'progressbar', ariaValueMin: 0, ariaValueMax: 100 });
      row.fill = make(row.bar, 'fill');
      const foot = make(row, 'foot');
      row.step = make(foot, 'step');
      row.time = make(foot, 'time');
      this.#rows.set(task.taskId, row);
    }
    const t = this.#texts;
    const { waiting, stalled, percentage = 0 } = task;
    const kind = waiting ? 'waiting' : over(task) ? task.status.toLowerCase() : stalled ? 'stalled' : 'running';
    const step = waiting ? t.waiting : this.#step(task);
    const { bar } = row;
    row.part = 'task ' + kind;
    put(row.name, this.#name(task));
    put(row.percent, waiting ? '' : `${percentage}%`);
    put(row.step, task.totalSteps > 0 && !over(task) ? `${step ? step + ' · ' : ''}${task.currentStep}/${task.totalSteps}` : step);
    put(row.time, this.#pace(task, kind, t));
    bar.ariaLabel = this.#name(task);
    bar.ariaValueText = waiting ? step : `${percentage}%, ${step}`;
    bar.ariaValueNow = waiting ? null : percentage;
    row.fill.style.transform = waiting ? '' : `translateX(${percentage - 100}%)`;
    return row;
  }

  #pace(task, kind, t) {
    if (over(task)) return task.startedAt ? t.took(this.#time(seconds(task.startedAt, task.updatedAt))) : '';
    if (kind === 'stalled') return t.stalled;
    const { rate } = task;
    if (!(rate > 0) || task.etaSeconds == null) return '';
    const left = (100 - task.percentage) / rate - (performance.now() - task.seen) / 1000;
    const pace = rate >= 1 ? [Math.round(rate), 0] : rate * 60 >= 1 ? [Math.round(rate * 60), 1] : [Math.round(rate * 3600), 2];
    return `${pace[0]}%/${t.time('', pace[1]).trim()} · ${t.left(this.#time(left))}`;
  }
}

customElements.get('stepcast-progress') ?? customElements.define('stepcast-progress', StepcastProgress);
