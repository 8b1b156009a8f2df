// As client.mjs, for clients that were written for browsers: each on a page of its own in one Chromium, on the server's origin.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const file = (name) => readFileSync(new URL(`node_modules/${name}`, import.meta.url), 'utf8');
const html = (script) => `<!DOCTYPE html><meta charset="utf-8"><script type="module">
const types = ['progress', 'recovery', 'reset', 'more', 'live', 'message'];
${script}</script>`;

const pages = {
  'event-source-polyfill': html(`
    import '/files/event-source-polyfill/src/eventsource.js';
    const source = new EventSourcePolyfill(url);
    for (const type of types) source.addEventListener(type, ({ data, lastEventId }) => say('event', { type, data, id: lastEventId }));
    source.onerror = () => say(source.readyState === 2 ? 'ended' : 'lost');`),
  'fetch-event-source': html(`
    import { fetchEventSource } from '/files/@microsoft/fetch-event-source/lib/esm/index.js';
    class Over extends Error {}
    fetchEventSource(url, {
      openWhenHidden: true,
      async onopen(answer) {
        if (answer.status === 204) throw new Over();
        if (!answer.ok) throw new Error('it answered ' + answer.status);
      },
      onmessage: ({ event, data, id }) => say('event', { type: event, data, id }),
      onclose() { throw new Error('the stream has ended'); },
      onerror(error) {
        if (error instanceof Over) throw error;
        say('lost');
      },
    }).catch(() => say('ended'));`),
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
process.on('SIGTERM', () => browser.close().finally(() => process.exit(0)));
for (let i = 2; i < process.argv.length; i += 2) {
  const [client, url] = process.argv.slice(i);
  const page = await browser.newPage();
  await page.exposeFunction('say', (call, more = {}) => console.log(JSON.stringify({ client, call, ...more })));
  await page.route('**/page.html', (route) => route.fulfill({ contentType: 'text/html', body: pages[client] }));
  await page.route('**/files/**', (route) => {
    const name = new URL(route.request().url()).pathname.replace('/files/', '');
    return route.fulfill({ contentType: 'text/javascript', body: file(name.endsWith('.js') ? name : `${name}.js`) });
  });
  await page.addInitScript((target) => (window.url = target), url);
  page.on('pageerror', (error) => console.error(client, String(error)));
  await page.goto(new URL('/page.html', url).href);
}
