// Clients of npm, each used as its documentation says: `node client.mjs NAME URL`. Each call that one makes into the program
// is a line of JSON: event (with type, data, id), lost (it will connect again), ended (it will not).
const types = ['progress', 'recovery', 'reset', 'more', 'live', 'message'];
const say = (call, more = {}) => console.log(JSON.stringify({ call, ...more }));
const event = (type, data, id) => say('event', { type, data, id });

async function eventsource(version, url) {
  const { EventSource } = await import(`eventsource-${version}`);
  const source = new EventSource(url);
  for (const type of types) source.addEventListener(type, (message) => event(message.type, message.data, message.lastEventId));
  source.onerror = () => say(source.readyState === EventSource.CLOSED ? 'ended' : 'lost');
}

async function launchdarkly(url) {
  const { EventSource } = await import('launchdarkly-eventsource');
  const source = new EventSource(url, { initialRetryDelayMillis: 100 });
  for (const type of types) source.addEventListener(type, (message) => event(message.type, message.data, message.lastEventId));
  source.addEventListener('retrying', () => say('lost'));
  source.addEventListener('closed', () => say('ended'));
  source.addEventListener('error', () => {});
}

async function fetchEventSource(url) {
  // It is written for browsers.
  globalThis.window = globalThis;
  globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
  const { fetchEventSource: follow } = await import('@microsoft/fetch-event-source');
  class Over extends Error {}
  await follow(url, {
    onopen: async (answer) => {
      if (answer.status === 204) throw new Over();
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    },
    onmessage: (message) => event(message.event, message.data, message.id),
    onclose: () => {
      throw new Error('the stream has ended');
    },
    onerror: (error) => {
      if (error instanceof Over) throw error;
      say('lost');
    },
  }).catch(() => say('ended'));
}

const clients = {
  'eventsource-3': (url) => eventsource(3, url),
  'eventsource-4': (url) => eventsource(4, url),
  'launchdarkly-eventsource': launchdarkly,
  'fetch-event-source': fetchEventSource,
};
const [name, url] = process.argv.slice(2);
await clients[name](url);
