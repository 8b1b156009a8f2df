import { say, stepWords, whenSpoken } from './texts.js';

// A status that is written again would be said again.
const write = (node, text) => node.textContent === text || (node.textContent = text);
const over = (event) => event.eventType === 'COMPLETED' || event.eventType === 'FAILED';

/**
 * One order seen by two connections that are cut together: V1, a plain EventSource without ids, and the page's own stream.
 * V1 is open only while the demo runs and closes itself at its first error: a browser has six connections to a server.
 */
export class Plug {
  phase = 'plugIdle';   // which sentence describes the moment
  pulled = false;
  taskId = '';
  steps = new Map();    // version -> event, as far as anyone here knows
  v1Seen = new Set();
  v2Seen = new Map();   // version -> 'live' or 'caught'

  constructor(section, page) {
    this.page = page;
    this.section = section;
    this.startButton = section.querySelector('#plug-start');
    this.switch = section.querySelector('#plug-switch');
    this.lanes = ['v1', 'v2'].map((name) => section.querySelector('#lane-' + name));
    this.startButton.addEventListener('click', () => this.start());
    this.switch.addEventListener('click', () => (this.pulled ? this.plugIn() : this.pull()));
    page.listen((message) => this.hear(message));
    whenSpoken(() => this.paint());
  }

  async start() {
    this.abandon();
    this.running = true;
    this.early = [];
    this.become('plugOrdering');
    try {
      await this.openV1();
      this.taskId = await this.page.order(say('demo'), 1);
    } catch {
      this.abandon();
      return this.become('plugError');
    }
    if (this.phase === 'plugOrdering') this.become('plugSoon');
    const early = this.early;
    this.early = [];
    for (const take of early) take();
  }

  /** Done once V1 listens: what is sent before that, it would miss without any plug. */
  openV1() {
    this.v1?.close();
    const source = (this.v1 = new EventSource(`api/v1/progress/subscribe?userId=${encodeURIComponent(this.page.user())}`));
    source.addEventListener('progress', ({ data }) => this.take(JSON.parse(data), (event) => this.v1Seen.add(event.version)));
    return new Promise((resolve, reject) => {
      source.onopen = resolve;
      source.onerror = (error) => {
        source.close();
        if (this.v1 === source) this.v1 = null;
        this.paint();
        reject(error);
      };
    });
  }

  hear(message) {
    if (!this.running) return;
    if (message.type === 'state' && message.state === 'open' && !this.v1 && !this.pulled) this.openV1().catch(() => {});
    if (message.type === 'progress' && message.task) {
      const kind = this.page.stream().state === 'open' ? 'live' : 'caught';
      this.take(message.data, (event) => this.v2Seen.set(event.version, kind));
    }
    this.paint();
  }

  /** Events can come before the answer that says which task is ours. */
  take(event, note) {
    if (!this.taskId) return void this.early.push(() => this.take(event, note));
    if (event.taskId !== this.taskId) return;
    this.steps.set(event.version, event);
    note(event);
    const bothSawAStep = this.v1Seen.has(2) && this.v2Seen.has(2);
    if (this.phase === 'plugSoon' && bothSawAStep && !this.ended) this.pull();
    if (this.ended && !this.pulled) this.finish();
    this.paint();
  }

  get ended() {
    return [...this.steps.values()].some(over);
  }

  pull() {
    this.pulled = true;
    this.v1?.close();
    this.v1 = null;
    this.page.stream().pause();
    this.become('plugCut');
    this.switch.focus({ preventScroll: true });
  }

  plugIn() {
    this.pulled = false;
    this.become('plugBack');
    this.page.stream().resume();
  }

  /** V1 gets a moment for the last event, which both are sent at the same time. */
  finish() {
    clearTimeout(this.grace);
    this.grace = setTimeout(() => {
      this.close();
      this.paint();
    }, 1000);
  }

  close() {
    clearTimeout(this.grace);
    this.running = false;
    this.v1?.close();
    this.v1 = null;
  }

  /** Ends the demo, whatever its state, and forgets what it showed. */
  abandon() {
    this.close();
    if (this.pulled) this.page.stream()?.resume();
    Object.assign(this, { pulled: false, taskId: '', steps: new Map(), v1Seen: new Set(), v2Seen: new Map() });
    this.become('plugIdle');
  }

  become(phase) {
    this.phase = phase;
    this.paint();
  }

  kind(lane, version) {
    if (lane === 0) {
      if (this.v1Seen.has(version)) return 'live';
      const lost = this.v2Seen.get(version) === 'caught' || (!this.running && this.v2Seen.has(version));
      return lost ? 'missed' : 'ahead';
    }
    return this.v2Seen.get(version) ?? 'ahead';
  }

  paint() {
    const { section, running, pulled } = this;
    section.dataset.phase = running ? (pulled ? 'cut' : 'running') : this.taskId ? 'done' : 'idle';
    write(section.querySelector('#plug-status'), running || this.phase === 'plugError' ? say(this.phase) : '');
    this.startButton.hidden = running;
    this.startButton.textContent = say(this.taskId && !running ? 'plugAgain' : 'plugStart');
    this.switch.hidden = !running || !this.taskId;
    this.switch.setAttribute('aria-checked', !pulled);
    this.lanes.forEach((lane, i) => this.paintLane(lane, i));
  }

  paintLane(lane, i) {
    const known = [...this.steps.values()];
    // A producer may claim any number of steps.
    const of = Math.min(50, Math.max(5, ...known.map((event) => (over(event) ? event.version : event.totalSteps + 1))));
    const kinds = Array.from({ length: this.taskId ? of : 0 }, (_, k) => this.kind(i, k + 1));
    const seen = kinds.map((kind, k) => (kind === 'live' || kind === 'caught' ? k + 1 : 0)).filter(Boolean);
    const lost = kinds.includes('missed');
    lane.querySelector('.steps').replaceChildren(...kinds.map((kind, k) => this.step(kind, this.steps.get(k + 1))));
    lane.dataset.result = !this.taskId ? '' : seen.length === of ? 'whole' : lost ? 'lost' : '';
    const last = this.steps.get(Math.max(0, ...seen));
    const verdict = !this.taskId ? '' : seen.length === of ? say('verdictAll', of)
      : !lost ? say('verdictWait', seen.length, of)
      : last && over(last) ? say('verdictGap', seen.length, of) : say('verdictLost', seen.length, of, last?.percentage ?? 0);
    write(lane.querySelector('.verdict'), verdict);
  }

  step(kind, event) {
    const item = document.createElement('li');
    item.dataset.kind = kind;
    const shown = event && kind !== 'ahead';
    for (const [name, text] of [['dot', ''], ['name', shown ? stepWords(event.stepName) : ''], ['percent', shown ? `${event.percentage}%` : ''], ['badge', say(kind)]]) {
      const span = item.appendChild(document.createElement('span'));
      span.className = name;
      span.textContent = text;
    }
    return item;
  }
}
