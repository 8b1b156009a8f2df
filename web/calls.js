import { say } from './texts.js';

/** An answer as an Error with a sentence for people; `code` and `status` are the answer's. */
export async function refusal(answer) {
  if (!answer) return Object.assign(new Error(say('offline')), { status: 0 });
  const { code, detail, title } = await answer.json().catch(() => ({}));
  const sentence = say(code);
  // Why a token is no good only the server knows.
  const words = code === 'invalid-token' ? `${sentence}: ${detail}` : sentence !== code ? sentence : detail || title || answer.status;
  return Object.assign(new Error(words), { code, status: answer.status });
}

/** What the server answers to a GET, or with `body` to a POST; throws a refusal. `more` may bring another method, headers and a signal. */
export async function call(path, body, more = {}) {
  const sent = body && { method: more.method ?? 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...more.headers } };
  const answer = await fetch(path, { ...more, ...sent }).catch(() => null);
  if (!answer?.ok) throw await refusal(answer);
  return { json: await answer.json(), more: /rel="next"/.test(answer.headers.get('Link') ?? '') };
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
/** An id that nobody has had; `crypto.randomUUID` is not there on plain http. */
export const newId = (bytes = 16) => hex(crypto.getRandomValues(new Uint8Array(bytes)));
