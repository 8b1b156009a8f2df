import { call, newId } from './calls.js';
import { clock, say, whenSpoken, won } from './texts.js';

/** One customer's cart: what is in it now, or was after any of its changes, and the form that orders it. */
export class Cart {
  user = '';
  head = null;  // as it stands now
  view = null;  // what is shown: the head, or a past
  items = new Map();

  /** `ordered(orderId)`: it has become an order. `refused(error)` is told of every refusal. */
  constructor(section, { ordered, refused }) {
    Object.assign(this, { section, ordered, refused });
    const $ = (id) => section.querySelector('#' + id);
    [this.list, this.none, this.sum, this.past, this.slider, this.then, this.back, this.form] =
      ['cart-list', 'cart-none', 'cart-sum', 'cart-past', 'cart-version', 'cart-then', 'cart-back', 'checkout'].map($);
    this.error = this.form.querySelector('.error');
    this.form.elements.address.value = say('addressDefault');
    this.slider.addEventListener('input', () => this.travel());
    this.back.addEventListener('click', () => {
      this.now();
      this.slider.focus({ preventScroll: true });
    });
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.checkOut();
    });
    whenSpoken(() => this.paint());
  }

  path(more = '') {
    return `api/cart${more}${more.includes('?') ? '&' : '?'}userId=${encodeURIComponent(this.user)}`;
  }

  open(user) {
    Object.assign(this, { user, head: null, view: null, tried: null });
    this.error.textContent = '';
    this.paint();
  }

  async refresh() {
    const { user } = this;
    const { json } = await call(this.path());
    if (user === this.user) this.take(json);
  }

  /** A newer state of it; a slider that was moved away stays. */
  take(cart) {
    if (this.head?.version > cart.version) return;
    const follow = !this.view || this.view.version === this.head.version;
    this.head = cart;
    this.slider.max = Math.max(1, cart.version);
    if (follow) this.now();
    else this.paint();
  }

  now() {
    this.slider.value = this.head.version;
    this.show(this.head);
  }

  show(view) {
    this.view = view;
    this.paint();
  }

  /** Asks for one past at a time; a slider that was dragged meanwhile asks once more when the answer is there. */
  async travel() {
    if (this.asking) return;
    this.asking = true;
    const { user } = this;
    let version;
    while (user === this.user && version !== this.slider.value) {
      version = this.slider.value;
      if (+version === this.head.version) this.now();
      else {
        const answer = await call(this.path(`?version=${version}`)).catch((error) => error);
        if (user === this.user && answer.json) this.show(answer.json);
        else if (user === this.user) this.then.textContent = answer.message;
      }
    }
    this.asking = false;
  }

  /** So many of a product are in it from now on. */
  async put(productId, quantity) {
    const { user } = this;
    const path = this.path(`/items/${productId}`);
    try {
      const { json } = quantity ? await call(path, { quantity }, { method: 'PUT' }) : await call(path, undefined, { method: 'DELETE' });
      if (user !== this.user) return;
      this.take(json);
      this.now();
      this.error.textContent = '';
    } catch (error) {
      this.error.textContent = error.message;
      this.refused(error);
    }
  }

  add(productId) {
    const { quantity = 0 } = this.head?.items.find((item) => item.productId === productId) ?? {};
    return this.put(productId, quantity + 1);
  }

  async checkOut() {
    const { user, form } = this;
    const body = { userId: user, shippingAddress: form.elements.address.value.trim(), paymentMethod: 'CREDIT_CARD' };
    const same = JSON.stringify([body, this.head?.version]);
    // Only what may have been carried out keeps its key.
    if (this.tried?.same !== same) this.tried = { same, key: newId() };
    const button = form.querySelector('button');
    button.disabled = true;
    this.error.textContent = '';
    try {
      const { json } = await call('api/cart/checkout', body, { headers: { 'Idempotency-Key': this.tried.key } });
      this.tried = null;
      if (user === this.user) await this.refresh();
      this.ordered(json.orderId);
    } catch (error) {
      const unsure = !error.status || error.status >= 500;
      if (!unsure) this.tried = null;
      this.error.textContent = unsure ? say('mayRetry', error.message) : error.message;
      this.refused(error);
    }
    this.paint();
  }

  /** A product's line. It stays the same node, so that who stands on it with the keyboard stays there. */
  item(productId) {
    let node = this.items.get(productId);
    if (node) return node;
    node = document.createElement('li');
    node.innerHTML = `<span class="name"></span><span class="cost"></span>
      <span class="stepper"><button type="button">−</button><output></output><button type="button">+</button></span><button type="button" class="quiet"></button>`;
    const [less, more, gone] = node.querySelectorAll('button');
    const quantity = () => this.head.items.find((one) => one.productId === productId)?.quantity ?? 0;
    less.addEventListener('click', () => this.put(productId, Math.max(1, quantity() - 1)));
    more.addEventListener('click', () => this.put(productId, quantity() + 1));
    gone.addEventListener('click', () => this.put(productId, 0));
    this.items.set(productId, node);
    return node;
  }

  paint() {
    const { head, view } = this;
    const shown = view?.items ?? [];
    const past = Boolean(view) && view.version < head.version;
    const nodes = shown.map(({ productId, name, price, quantity }) => {
      const node = this.item(productId);
      const [less, more, gone] = node.querySelectorAll('button');
      node.querySelector('.name').textContent = name;
      node.querySelector('.cost').textContent = won(price * quantity);
      node.querySelector('output').textContent = quantity;
      [[less, 'less'], [more, 'more1'], [gone, 'removeNamed']].forEach(([button, words]) => button.setAttribute('aria-label', say(words, name)));
      gone.textContent = say('remove');
      less.disabled = past || quantity === 1;
      more.disabled = gone.disabled = past;
      return node;
    });
    if (nodes.length !== this.list.children.length || nodes.some((node, i) => node !== this.list.children[i])) this.list.replaceChildren(...nodes);
    this.section.querySelector('#cart-count').textContent = shown.length ? say('cartCount', shown.length) : '';
    this.none.hidden = shown.length > 0;
    this.sum.textContent = shown.length ? say('total', won(view.totalAmount)) : '';
    this.past.hidden = !(head?.version > 1);
    this.section.toggleAttribute('data-past', past);
    this.back.hidden = !past;
    const words = !view ? '' : past ? say('cartThen', view.version, head.version, clock(view.updatedAt)) : say('cartHead', head.version);
    this.then.textContent = words;
    this.slider.setAttribute('aria-valuetext', words);
    this.form.querySelector('button').disabled = past || !shown.length;
  }
}
