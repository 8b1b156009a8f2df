import { pathOf } from './account.js';
import { call, newId } from './calls.js';
import { say, whenSpoken, won } from './texts.js';

const routes = { deposit: ['deposits', 'source'], withdraw: ['withdrawals', 'purpose'], close: ['close', 'reason'] };

/** The form that pays in, pays out, transfers and closes. What it sends again after an outage counts once. */
export class Money {
  /** `refused(error)` is told of every refusal. */
  constructor(form, account, refused) {
    Object.assign(this, { form, account, refused });
    [this.button, this.hint, this.error, this.done] = ['button', '.hint', '.error', '.done'].map((selector) => form.querySelector(selector));
    form.addEventListener('change', ({ target }) => target.name === 'kind' && this.choose());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
    whenSpoken(() => this.choose());
  }

  get kind() {
    return this.form.elements.kind.value;
  }

  clear() {
    this.error.textContent = this.done.textContent = '';
  }

  choose() {
    for (const field of this.form.querySelectorAll('[data-of]')) {
      field.hidden = !field.dataset.of.split(' ').includes(this.kind);
      field.querySelector('input').disabled = field.hidden;
    }
    this.button.textContent = say(this.kind + 'It');
    this.hint.textContent = say(this.kind + 'Hint');
    this.clear();
  }

  /** The call that the form stands for, with an id of its own. */
  wish() {
    const { kind, account: { id } } = this;
    const { to, amount, note } = this.form.elements;
    if (kind === 'transfer') return { path: 'api/transfers', body: { from: id, to: to.value.trim(), amount: Number(amount.value) } };
    const [route, noteName] = routes[kind];
    return { path: `${pathOf(id)}/${route}`, body: { ...(kind !== 'close' && { amount: Number(amount.value) }), [noteName]: note.value.trim() } };
  }

  async send() {
    const { kind, account } = this;
    const { path, body } = this.wish();
    const same = JSON.stringify([path, body]);
    // Only what may have been carried out keeps its id.
    if (this.tried?.same !== same) this.tried = { same, key: newId() };
    const { key } = this.tried;
    this.clear();
    this.button.disabled = true;
    try {
      const { json } = kind === 'transfer' ? await call(path, { transferId: key, ...body }) : await call(path, body, { headers: { 'Idempotency-Key': key } });
      this.tried = null;
      for (const name of ['amount', 'note']) this.form.elements[name].value = '';
      this.done.textContent = say(kind + 'Done', body.amount && won(body.amount), json.newBalance !== undefined && won(json.newBalance));
      if (kind === 'transfer') account.expect(key, () => say('transferLabel', won(body.amount), body.to));
      else if (account.head) account.now();
      await account.refresh();
    } catch (error) {
      const unsure = !error.status || error.status >= 500;
      if (!unsure) this.tried = null;
      this.error.textContent = unsure ? say('mayRetry', error.message) : error.message;
      this.refused(error);
    }
    this.button.disabled = false;
  }
}
