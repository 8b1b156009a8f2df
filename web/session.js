import { refusal } from './calls.js';
import { lang, memory, say, whenSpoken } from './texts.js';

const post = (path, more) => fetch(path, { method: 'POST', ...more }).catch(() => null);

async function issue(credentials) {
  const answer = await post('api/auth/token', { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(credentials) });
  if (!answer?.ok) throw await refusal(answer);
  return (await answer.json()).token;
}

/** Makes the browser's cookie of a token, as it was pasted. */
async function swap(pasted) {
  const token = pasted.replace(/^\s*bearer\s/i, '').replace(/\s/g, '');
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(say('signNoToken'));
  const answer = await post('api/session', { headers: { Authorization: `Bearer ${token}` } });
  if (!answer?.ok) throw await refusal(answer);
}

/**
 * Who this browser is signed in as, if the server asks for tokens. Whether it does shows when it refuses a stream: until then,
 * and for ever where it does not, nothing is asked and nothing shown.
 */
export class Session {
  user = '';       // empty: nobody
  state = '';      // in, out; empty: not known, or not asked for
  credentials;     // of the demonstration, while this page is open: they renew what has run out

  /**
   * `enter(user, anew)` is called when it begins, or the server says that it goes on; `anew`: by another cookie than before.
   * `leave(forget)` when it ends; `forget`: what was shown is nobody's any more.
   */
  constructor(box, mine, { enter, leave }) {
    Object.assign(this, { box, mine, enter, leave });
    [this.demo, this.paste] = box.querySelectorAll('form');
    this.demo.addEventListener('submit', (event) => this.submit(event, async ({ account, password }) => {
      const credentials = { userId: account.value.trim(), password: password.value };
      await swap(await issue(credentials));
      this.credentials = credentials;
    }));
    this.paste.addEventListener('submit', (event) => this.submit(event, ({ token }) => swap(token.value)));
    mine.querySelector('button').addEventListener('click', () => this.signOut());
    // Another tab signed in or out.
    addEventListener('storage', ({ key, newValue }) => {
      if (key !== 'stepcast.session' || newValue === this.user) return;
      this.credentials = null;
      this.check();
    });
    whenSpoken(() => this.paint());
  }

  /** The last visit had a session. */
  get remembered() {
    return Boolean(memory.get('session'));
  }

  /** Whether the server most likely lets us make the calls of operators: where it asks for no tokens, those on its own machine may. */
  get operates() {
    if (this.state) return this.state === 'in' && this.scopes.includes('admin');
    return ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  }

  /** Asks the server who we are; who asks meanwhile gets the same answer. */
  check() {
    this.asking ??= this.look(false).finally(() => (this.asking = null));
    return this.asking;
  }

  async look(anew) {
    if (this.off) return;
    const answer = await fetch('api/session').catch(() => null);
    if (answer?.ok) this.begin(await answer.json(), anew);
    else if (answer?.status === 404) this.off = true;
    else if (answer?.status === 401 && !(await this.renew())) this.end({ ended: Boolean(this.user) || this.remembered, forget: !this.user });
  }

  async renew() {
    if (!this.credentials) return false;
    const { credentials } = this;
    this.credentials = null;  // tried once
    try {
      await swap(await issue(credentials));
    } catch {
      return false;
    }
    await this.look(true);
    this.credentials = credentials;
    return true;
  }

  begin({ userId, expiresAt, scopes }, anew) {
    anew ||= this.state === 'out';
    this.scopes = scopes;
    this.user = userId;
    this.until = expiresAt && new Date(expiresAt);
    this.become('in');
    this.enter(userId, anew);
  }

  end({ ended, forget }) {
    if (this.state === 'out') return;
    this.user = '';
    this.why = ended ? 'signEnded' : 'signLead';
    this.become('out');
    this.leave(forget);
    this.offerDemo();
  }

  become(state) {
    this.state = state;
    memory.set('session', this.user);
    document.body.dataset.session = state;
    this.paint();
  }

  /** Its form is shown where the server has it. */
  async offerDemo() {
    const answer = await fetch('api/auth/token', { method: 'OPTIONS' }).catch(() => null);
    this.demo.hidden = !answer?.ok;
    this.paste.querySelector('button').className = this.demo.hidden ? 'primary' : 'secondary';
    this.box.querySelector('form:not([hidden]) :is(input, textarea)').focus({ preventScroll: true });
  }

  async submit(event, sign) {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector('button');
    const [error, other] = form === this.demo ? this.errors : this.errors.reverse();
    button.disabled = true;
    error.textContent = other.textContent = '';
    try {
      await sign(form.elements);
      form.reset();
      await this.look(true);
    } catch (refused) {
      error.textContent = refused.message;
      form.scrollIntoView({ block: 'nearest' });
    }
    button.disabled = false;
  }

  get errors() {
    return [this.demo, this.paste].map((form) => form.querySelector('.error'));
  }

  async signOut() {
    const answer = await fetch('api/session', { method: 'DELETE' }).catch(() => null);
    this.mine.querySelector('.error').textContent = answer?.ok ? '' : (await refusal(answer)).message;
    if (!answer?.ok) return;
    this.credentials = null;
    this.end({ ended: false, forget: true });
  }

  paint() {
    this.box.querySelector('#sign-why').textContent = say(this.why ?? 'signLead');
    this.mine.querySelector('b').textContent = this.user;
    const today = this.until?.toDateString() === new Date().toDateString();
    this.mine.querySelector('.hint').textContent = this.until ? say('signedUntil', this.until.toLocaleString(lang, { hourCycle: 'h23', timeStyle: 'short', dateStyle: today ? undefined : 'medium' })) : '';
  }
}
