// What the browser tests share: the real server as a child process, a proxy that cuts, the browser, and waiting on conditions.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../', import.meta.url));
const binary = process.env.STEPCAST_BIN ?? `${root}build/release/stepcast`;
const patience = 60_000;  // four browsers and four proxies may share two processors

/** Waits until `check` gives something truthy and returns it. */
export async function until(what, check) {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await check();
    if (found) return found;
    assert.ok(Date.now() < deadline, `gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function freePort() {
  const probe = net.createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The server with these settings ({'orders.step_delay': '50ms'}) and variables, ready to answer. */
export async function startServer(settings = {}, port = undefined, env = {}) {
  port ??= await freePort();
  const all = { 'server.host': '127.0.0.1', 'server.port': port, 'log.level': 'warn', ...settings };
  const child = spawn(binary, ['serve', ...Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`])], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (said = (said + text).slice(-8000)));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.once('error', (error) => (said += error));
  const base = `http://127.0.0.1:${port}`;
  await until('the server is ready', async () => {
    assert.equal(child.exitCode, null, `the server ended: ${said}`);
    return (await fetch(`${base}/readyz`).catch(() => null))?.ok;
  });
  return {
    base,
    port,
    get: async (path) => (await fetch(base + path)).json(),
    post: (path, body, headers = {}) => fetch(base + path, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: body && JSON.stringify(body) }),
    /** All events of a user, once `count` of them are there. */
    events(user, count) {
      return until(`${user} has ${count} events`, async () => {
        const events = await this.get(`/api/v2/progress/user/${encodeURIComponent(user)}`);
        return events.length >= count && events;
      });
    },
    async stop() {
      child.kill('SIGTERM');
      const code = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, patience, 'late').unref())]);
      if (code === 'late') child.kill('SIGKILL');
      assert.equal(code, 0, `the server did not end cleanly: ${said}`);
    },
  };
}

/** An issuer whose tokens a server with `settings` believes. */
export function startIssuer() {
  const folder = mkdtempSync(join(tmpdir(), 'stepcast-issuer-'));
  const file = join(folder, 'issuer.secret');
  const secret = 'a secret of the tests, of more than 32 bytes';
  writeFileSync(file, secret);
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    folder,
    settings: { 'auth.mode': 'jwt', 'auth.keys': JSON.stringify([file]), 'auth.leeway': '0s' },
    token(sub, { seconds = 600, scope = '' } = {}) {
      const text = `${encoded({ alg: 'HS256' })}.${encoded({ sub, scope, exp: Math.ceil(Date.now() / 1000 + seconds) })}`;
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    },
    stop: () => rmSync(folder, { recursive: true }),
  };
}

/** A TCP proxy before `port` that is cut, mended and frozen exactly when told. */
export async function startProxy(port) {
  const sockets = new Set();
  let whole = true;
  const keep = (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = net.createServer((from) => {
    if (!whole) return void from.destroy();
    const to = net.connect(port, '127.0.0.1');
    keep(from);
    keep(to);
    from.pipe(to).pipe(from);
    from.on('close', () => to.destroy());
    to.on('close', () => from.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    cut,
    mend: () => (whole = true),
    /** What is open passes nothing more and is not closed either: a peer that went without a word. */
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    stop: () => (cut(), new Promise((resolve) => server.close(resolve))),
  };
}

/** Event streams that say what the test says: `say` goes to the newest, `requests` are the targets that were asked for. */
export async function startScript() {
  const requests = [];
  let newest;
  const server = http.createServer((request, answer) => {
    answer.writeHead(200, { 'Content-Type': 'text/event-stream', 'Access-Control-Allow-Origin': '*' }).flushHeaders();
    newest = answer;
    requests.push(request.url);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    requests,
    say: (event, data, id = '') => newest.write(`${id && `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    stop: () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))),
  };
}

/** A page of somebody else, on an origin of its own. */
export async function startStranger(html) {
  const server = http.createServer((_, answer) => {
    answer.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    answer.end(html());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return {
    base: `http://127.0.0.1:${server.address().port}`,
    stop: () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))),
  };
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** A page that remembers what the elements on it said (window.heard) and what went wrong (page.complaints). */
export async function newPage(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(String(error)));
  page.on('console', (message) => /Content Security Policy|Uncaught/.test(message.text()) && page.complaints.push(message.text()));
  await page.addInitScript(() => {
    window.heard = [];
    for (const type of ['progress', 'recovery', 'complete', 'failed', 'reset', 'live', 'bye', 'drop'])
      addEventListener('stepcast-' + type, ({ detail }) => window.heard.push({ type, taskId: detail.data?.taskId, version: detail.data?.version, recovered: detail.recovered }));
  });
  return page;
}

export const heard = (page, type) => page.evaluate((wanted) => window.heard.filter((one) => one.type === wanted), type);

/** Opens the page of the server and waits until it is connected. */
export async function openPage(context, base) {
  const page = await newPage(context);
  await page.goto(base + '/');
  await page.locator('#connection[data-state=open]').waitFor();
  return page;
}

/** From now on, the versions that the page's own stream brings, repeated ones included. A card cannot say: it comes with the first. */
export async function listen(page) {
  await page.evaluate(async () => {
    const { watch } = await import('/stepcast.js');
    window.versions = [];
    watch({ user: document.querySelector('[name=user]').value }, ({ type, data }) => type === 'progress' && window.versions.push(data.version));
  });
  return () => page.evaluate(() => window.versions);
}

export const card = (page, n = 0) => page.locator('#task-list > li').nth(n);
/** What a task's element says; innerText does not see into it. */
export const words = (page, n = 0) => card(page, n).locator('stepcast-progress').evaluate((element) => element.list.textContent);
export const bar = (page, n = 0) => card(page, n).locator('[role=progressbar]');
export const barAt = (page, percent, n = 0) =>
  until(`bar ${n} shows ${percent} %`, async () => (await bar(page, n).count()) && (await bar(page, n).getAttribute('aria-valuenow')) === String(percent));

const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
/** What axe finds wrong with how a page can be used by everybody, a line each; empty: nothing. */
export async function faultsOf(page) {
  // A script of evaluate is not held to the page's own policy.
  await page.evaluate(axe);
  // What is fading in has the contrast of neither its beginning nor its end.
  await page.evaluate(() => Promise.all(document.getAnimations().filter(({ effect }) => effect.getComputedTiming().endTime !== Infinity)
    .map(({ finished }) => finished.catch(() => {}))));
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary}`));
}

/** Keeps a picture under build/screenshots; STEPCAST_SCREENSHOTS=1 renews the README's copy too. */
export async function picture(page, name, { keep = false, of = page, whole = false } = {}) {
  await page.evaluate(() => scrollTo(0, 0));
  mkdirSync(`${root}build/screenshots`, { recursive: true });
  const path = `${root}build/screenshots/${name}.png`;
  await of.screenshot({ path, animations: 'disabled', ...(whole && { fullPage: true }) });
  if (keep && process.env.STEPCAST_SCREENSHOTS) copyFileSync(path, `${root}tests/web/screenshots/${name}.png`);
}

/** Runs `body` with the page at `url` in a fresh profile; nothing may be complained about meanwhile. */
export async function inPage(browser, url, options, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US', ...options });
  try {
    const page = await newPage(context);
    await page.goto(url);
    await body(page, context);
    assert.deepEqual(page.complaints, []);
  } finally {
    await context.close();
  }
}
