import { lang, nameOf, say, whenSpoken } from './texts.js';

const period = 5000;

function bytes(n) {
  let unit = 0;
  for (; n >= 1024 && unit < 4; unit++) n /= 1024;
  return `${n.toLocaleString(lang, { maximumFractionDigits: unit ? 1 : 0 })} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}

function span(n) {
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']].map(([size, unit], i, all) => [Math.floor((i ? n % all[i - 1][0] : n) / size), unit]);
  const first = parts.findIndex(([count]) => count > 0);
  return first < 0 ? '0s' : parts.slice(first, first + 2).map(([count, unit]) => count + unit).join(' ');
}

function value(key, v) {
  if (v === null || v === '') return '–';
  if (typeof v === 'boolean') return say(v ? 'yes' : 'no');
  if (typeof v !== 'number') return String(v);
  if (/bytes$|memory|rss/i.test(key)) return bytes(v);
  if (/seconds$|uptime/i.test(key)) return span(v);
  return v.toLocaleString(lang, { maximumFractionDigits: 2 });
}

const node = (name, text, ...children) => {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  made.append(...children);
  return made;
};

/** A list of objects becomes a table, an object a list of its values, whatever the server chooses to say. */
function render(key, v) {
  if (Array.isArray(v) && v.length && typeof v[0] === 'object') {
    const columns = Object.keys(v[0]);
    const head = node('tr', null, ...columns.map((column) => node('th', nameOf(column))));
    const rows = v.map((row) => node('tr', null, ...columns.map((column) => node('td', value(column, row[column])))));
    return node('table', null, node('thead', null, head), node('tbody', null, ...rows));
  }
  if (Array.isArray(v)) return node('span', v.length ? v.map((one) => value(key, one)).join(', ') : '–');
  if (v !== null && typeof v === 'object') {
    const list = node('dl', null);
    for (const [name, inner] of Object.entries(v)) {
      const row = node('div', null, node('dt', nameOf(name)), node('dd', null, render(name, inner)));
      if (inner !== null && typeof inner === 'object') row.className = 'wide';
      list.append(row);
    }
    return list;
  }
  return node('span', value(key, v));
}

/** The server's own numbers, read only while someone can see them. */
export class Monitor {
  seen = true;

  constructor(box, age) {
    this.box = box;
    this.age = age;
    new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      this.look();
    }).observe(box.parentElement);
    document.addEventListener('visibilitychange', () => this.look());
    whenSpoken(() => this.paint());
  }

  async look() {
    clearTimeout(this.timer);
    if (!this.seen || document.hidden || this.asking) return;
    this.asking = true;
    const answer = await fetch('api/v2/progress/monitor').catch(() => null);
    this.refused = answer?.status === 401 || answer?.status === 403;
    this.numbers = answer?.ok ? await answer.json().catch(() => null) : null;
    this.asking = false;
    this.paint(true);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), period);
  }

  paint(asked = Boolean(this.numbers)) {
    this.age.textContent = this.numbers ? new Date().toLocaleTimeString(lang, { hourCycle: 'h23', hour: '2-digit', minute: '2-digit', second: '2-digit' }) : '';
    if (!asked) return;
    if (!this.numbers) return this.box.replaceChildren(node('p', say(this.refused ? 'monitorAdmins' : 'monitorDown')));
    this.box.replaceChildren(...Object.entries(this.numbers).map(([name, group]) => node('section', null, node('h3', nameOf(name)), render(name, group))));
  }
}
