import { memory, say, translate, whenSpoken } from './texts.js';
import { Past } from './past.js';

const shownAtMost = 100;
const shownAtFirst = 6;
const labels = new Map();
try {
  for (const [id, label] of JSON.parse(memory.get('labels') ?? '[]')) labels.set(id, String(label));
} catch { /* what stood there was not ours */ }

/** Keeps what an order was called; the server knows only its task id. */
export function remember(taskId, label) {
  labels.set(taskId, label);
  if (labels.size > 200) labels.delete(labels.keys().next().value);
  memory.set('labels', JSON.stringify([...labels]));
}

/** The cards of one user's tasks, newest first. */
export class TaskList {
  cards = new Map();

  constructor(section) {
    this.list = section.querySelector('ol');
    this.empty = section.querySelector('#task-empty');
    this.count = section.querySelector('#task-count');
    this.note = section.querySelector('#task-more');
    this.template = document.querySelector('#task-template').content;
    this.all = section.querySelector('#task-all');
    this.all.addEventListener('click', () => {
      this.expanded = !this.expanded;
      this.paint();
    });
    whenSpoken(() => this.paint());
  }

  start(user) {
    this.user = user;
    this.hidden = 0;
    for (const id of [...this.cards.keys()]) this.drop(id);
    this.paint();
  }

  hear({ type, data, task }) {
    if (type === 'more') this.hidden = data.remaining;
    if (type === 'reset') this.hidden = 0;
    if (type === 'drop') this.drop(data.taskId);
    if (task) {
      const card = this.card(task.taskId);
      card.task = task;
      card.past.hear(task, type === 'progress' ? data : null);
      if (card.startedAt !== task.startedAt) this.place(card, task.startedAt);
    }
    if (type !== 'state') this.paint();
  }

  /** A card for a task that was just asked for; its first event may have been quicker than the answer. */
  expect(taskId) {
    const known = this.cards.get(taskId);
    if (!known) this.place(this.card(taskId), new Date().toISOString());
    else known.element.setAttribute('label', labels.get(taskId));
    this.paint();
  }

  show(taskId) {
    this.cards.get(taskId)?.node.scrollIntoView({ block: 'nearest', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  }

  card(id) {
    let card = this.cards.get(id);
    if (card) return card;
    const node = this.template.cloneNode(true).firstElementChild;
    translate(node);
    const element = node.querySelector('stepcast-progress');
    const label = labels.get(id);
    if (label) element.setAttribute('label', label);
    element.setAttribute('user', this.user);
    element.setAttribute('task', id);
    card = { id, node, element, startedAt: '', past: new Past(node.querySelector('details'), id, () => element.getAttribute('label') ?? id) };
    this.cards.set(id, card);
    return card;
  }

  place(card, startedAt) {
    card.startedAt = startedAt;
    const next = [...this.list.children].find((node) => node !== card.node && this.cards.get(node.dataset.task)?.startedAt < startedAt);
    card.node.dataset.task = card.id;
    // Moving a node that is in its place would restart its element for nothing.
    if (!card.node.isConnected || card.node.nextElementSibling !== (next ?? null)) this.list.insertBefore(card.node, next ?? null);
    while (this.list.children.length > shownAtMost) {
      this.drop(this.list.lastElementChild.dataset.task);
      this.hidden += 1;
    }
  }

  drop(id) {
    this.cards.get(id)?.node.remove();
    this.cards.delete(id);
  }

  paint() {
    const running = [...this.cards.values()].filter(({ task }) => !task || (task.status !== 'COMPLETED' && task.status !== 'FAILED')).length;
    this.empty.hidden = this.cards.size > 0;
    this.count.textContent = running ? say('running', running) : '';
    const folded = this.list.children.length - shownAtFirst;
    this.list.classList.toggle('folded', !this.expanded);
    this.all.hidden = folded <= 0;
    this.all.setAttribute('aria-expanded', Boolean(this.expanded));
    this.all.textContent = this.expanded ? say('fewer') : say('all', folded);
    this.note.textContent = this.hidden ? say('more', this.hidden) : '';
    // The element finds its language by itself, at its next tick at the latest; this makes it at once.
    for (const { element } of this.cards.values()) element.lang = document.documentElement.lang;
  }
}
