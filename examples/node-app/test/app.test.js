import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { escapeHtml, render } from 'templates';
import { createApp } from '../dist/app.js';

const server = createApp(new URL('../dist/bundle.json', import.meta.url));
let origin;

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

test('pages carry their title and count visits', async () => {
  const first = await (await fetch(`${origin}/about`)).text();
  const second = await (await fetch(`${origin}/about`)).text();
  assert.match(first, /<title>What is inside<\/title>/);
  assert.match(first, /Visit 1 of this page/);
  assert.match(second, /Visit 2 of this page/);
});

test('the style sheet is served under the name that pages use', async () => {
  const page = await (await fetch(`${origin}/`)).text();
  const [, href] = /href="(\/style\.[0-9a-f]{8}\.css)"/.exec(page);
  assert.equal((await fetch(origin + href)).status, 200);
});

test('unknown pages are 404', async () => {
  assert.equal((await fetch(`${origin}/nowhere`)).status, 404);
});

test('templates escape', () => {
  assert.equal(escapeHtml('<&"'), '&lt;&amp;&quot;');
  assert.equal(render('{{a}} {{{a}}}', { a: '<' }), '&lt; <');
});
