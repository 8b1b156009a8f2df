import { say, whenSpoken } from './texts.js';

const keptAtMost = 200;

/** The raw messages of the page's stream, the newest first. Reads the stream that the page has open anyway. */
export class Tail {
  paused = false;

  constructor(list, pause, clear) {
    this.list = list;
    pause.addEventListener('click', () => {
      this.paused = !this.paused;
      pause.setAttribute('aria-pressed', this.paused);
      pause.textContent = say(this.paused ? 'goOn' : 'pause');
    });
    clear.addEventListener('click', () => this.clear());
    whenSpoken(() => {
      pause.textContent = say(this.paused ? 'goOn' : 'pause');
      list.dataset.empty = say('tailEmpty');
    });
  }

  clear() {
    this.list.replaceChildren();
  }

  hear({ type, data, id }) {
    if (this.paused || !data || type === 'drop') return;
    const line = document.createElement('div');
    line.dataset.type = type;
    for (const [name, text] of [['kind', type], ['data', JSON.stringify(data)], ['id', type === 'progress' || type === 'live' ? id : '']]) {
      const span = line.appendChild(document.createElement('span'));
      span.className = name;
      span.textContent = text;
    }
    this.list.prepend(line);
    while (this.list.children.length > keptAtMost) this.list.lastElementChild.remove();
  }
}
