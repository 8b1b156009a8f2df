// Clients of npm, each used as its documentation says: `node client.mjs NAME URL [NAME URL…]`. Each call that one makes into the
// program is a line of JSON that names the client: event (with type, data, id), lost (it will connect again), ended (it will not).
const types = ['progress', 'recovery', 'reset', 'more', 'live', 'message'];

/** An EventSource as browsers have it. */
function listen(source, say) {
  for (const type of types) source.addEventListener(type, ({ data, lastEventId }) => say('event', { type, data, id: lastEventId }));
  // Some close themselves only behind the call that tells why.
  source.onerror = () => queueMicrotask(() => say(source.readyState === 2 ? 'ended' : 'lost'));
}

async function eventsource(version, url, say) {
  const module = await import(`eventsource-${version}`);
  const EventSource = module.EventSource ?? module.default;  // version 2 exports it alone
  listen(new EventSource(url), say);
}

async function launchdarkly(url, say) {
  const { EventSource } = await import('launchdarkly-eventsource');
  const source = new EventSource(url, { initialRetryDelayMillis: 100 });
  for (const type of types) source.addEventListener(type, ({ data, lastEventId }) => say('event', { type, data, id: lastEventId }));
  source.addEventListener('retrying', () => say('lost'));
  source.addEventListener('closed', () => say('ended'));
  source.addEventListener('error', () => {});
}

async function undici(url, say) {
  const { EventSource } = await import('undici');
  listen(new EventSource(url), say);
}

const clients = { 'launchdarkly-eventsource': launchdarkly, undici };
for (const version of [2, 3, 4, 5]) clients[`eventsource ${version}`] = (url, say) => eventsource(version, url, say);

for (let i = 2; i < process.argv.length; i += 2) {
  const [client, url] = process.argv.slice(i);
  await clients[client](url, (call, more = {}) => console.log(JSON.stringify({ client, call, ...more })));
}
setInterval(() => {}, 1 << 30);  // one that has ended keeps no process alive, and the others may go on
