/** An element with these properties (`data` are those of its dataset), and what is in it: nodes and texts. */
export function node(name, { data = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  Object.assign(made.dataset, data);
  made.append(...children);
  return made;
}

/** A button that says `text`; while what its click began is under way it cannot be pressed again. */
export function button(text, className, click) {
  const made = node('button', { type: 'button', className }, text);
  made.addEventListener('click', async () => {
    made.disabled = true;
    await click();
    made.disabled = false;
  });
  return made;
}

/** Names and values as the children of a `dl`; what has no value is left out. */
export const pairs = (values) =>
  Object.entries(values).filter(([, value]) => value !== undefined && value !== '').flatMap(([name, value]) => [node('dt', {}, name), node('dd', {}, String(value))]);

/** The nodes of a list by their keys, each made once, so that who stands on one with the keyboard stays there. */
export class Kept {
  nodes = new Map();

  constructor(list) {
    this.list = list;
  }

  /** Shows one node for each item, `make(item)` where it has none yet, and `paint(node, item)` each time. */
  show(items, keyOf, make, paint) {
    const next = items.map((item) => {
      const key = keyOf(item);
      if (!this.nodes.has(key)) this.nodes.set(key, make(item));
      paint(this.nodes.get(key), item);
      return this.nodes.get(key);
    });
    if (next.length !== this.list.children.length || next.some((one, i) => one !== this.list.children[i])) this.list.replaceChildren(...next);
    for (const [key, one] of this.nodes) if (!one.isConnected) this.nodes.delete(key);
  }
}
