// What every page has: the header with the way to the others and the languages, and signing in.
import { extra } from './pages.js';
import { Session } from './session.js';
import { lang, say, speak, translate, whenSpoken } from './texts.js';

const pages = [['./', 'navProgress'], ['bank', 'navBank'], ...(extra.includes('shop') ? [['shop', 'navShop']] : []), ['flow', 'navFlow'], ['streams', 'navStreams']];

const top = `
  <a class="brand" href="./"><img src="icon.svg" alt="" width="28" height="28">Stepcast</a>
  <nav data-label="pages">${pages.map(([path, name]) => `<a href="${path}" data-text="${name}"></a>`).join('')}</nav>
  <span id="connection" class="pill" role="status"></span>
  <div class="lang" role="group" data-label="language">
    <button type="button" data-lang="ko" lang="ko">한국어</button>
    <button type="button" data-lang="en" lang="en">English</button>
  </div>`;

const sign = `
  <h2 id="sign-title" data-text="signTitle"></h2>
  <p class="hint" id="sign-why" role="status"></p>
  <form id="sign-demo" hidden>
    <label class="field"><span data-text="signName"></span>
      <input name="account" required maxlength="128" autocomplete="username" autocapitalize="none" spellcheck="false"></label>
    <label class="field"><span data-text="signPassword"></span>
      <input name="password" type="password" required maxlength="128" autocomplete="current-password" aria-describedby="demo-hint"></label>
    <p class="hint" id="demo-hint" data-text="signDemo"></p>
    <p class="error" role="alert"></p>
    <button class="primary" type="submit" data-text="signIn"></button>
  </form>
  <form id="sign-token">
    <label class="field"><span data-text="signToken"></span>
      <textarea name="token" required rows="3" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="token-hint"></textarea></label>
    <p class="hint" id="token-hint" data-text="signTokenHint"></p>
    <p class="error" role="alert"></p>
    <button class="primary" type="submit" data-text="signWithToken"></button>
  </form>`;

const mine = `
  <p><span data-text="signedAs"></span> <b></b></p>
  <button type="button" class="quiet" data-text="signOut"></button>
  <p class="hint"></p>
  <p class="error" role="alert"></p>`;

/** The form in which one says who one is: `become(name)` is told a name that is not `user()`. */
export function whoForm(form, user, become) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    form.elements.user.blur();
  });
  form.elements.user.addEventListener('change', ({ target }) => {
    const name = target.value.trim();
    target.value = name || user();
    if (name && name !== user()) become(name);
  });
}

/** Scrolls `box`, and nothing around it, until `node` can be seen within it. */
export function reveal(box, node) {
  if (!node) return;
  const [outer, inner] = [box, node].map((one) => one.getBoundingClientRect());
  if (inner.top < outer.top || inner.bottom > outer.bottom) box.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
}

/**
 * Fills `.top`, `#sign` and `#me` of the page and speaks. `calls` are those of the Session, which it returns, with `show(state)`:
 * it tells how the connection stands.
 */
export function frame(calls) {
  const [header, box, me] = [['.top', top], ['#sign', sign], ['#me', mine]].map(([selector, html]) => {
    const node = document.querySelector(selector);
    node.innerHTML = html;
    return node;
  });
  const here = location.pathname.replace(/(index)?\.html$/, '');
  for (const link of header.querySelectorAll('nav a')) if (link.pathname === here) link.setAttribute('aria-current', 'page');
  const buttons = header.querySelectorAll('[data-lang]');
  for (const button of buttons) button.addEventListener('click', () => speak(button.dataset.lang));
  document.documentElement.lang = lang;
  translate(document);
  const session = new Session(box, me, calls);
  const pill = header.querySelector('#connection');
  let state = 'connecting';
  const show = (next = state) => {
    state = next;
    const shown = session.state === 'out' ? 'signedOut' : state;
    pill.dataset.state = shown;
    pill.textContent = say(shown);
  };
  whenSpoken(() => {
    document.title = say('pageTitle');
    for (const button of buttons) button.setAttribute('aria-pressed', button.dataset.lang === lang);
    show();
  });
  return { session, show };
}
