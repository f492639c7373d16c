import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Counter } from 'counter';
import { render } from 'templates';

/** The application as an HTTP server, over the bundle that scripts/build.js wrote. */
export function createApp(bundleFile) {
  const { assets, layout, pages, stylesheet, version } = JSON.parse(readFileSync(bundleFile, 'utf8'));
  const counter = new Counter();

  const respond = (url) => {
    if (url === '/healthz') return { status: 200, type: 'text/plain', body: `ok ${counter.total()}\n` };
    if (Object.hasOwn(assets, url)) return { status: 200, type: 'text/css', body: assets[url] };
    if (!Object.hasOwn(pages, url)) return { status: 404, type: 'text/plain', body: 'not found\n' };
    const { title, body } = pages[url];
    const values = { title, body, stylesheet, version, visits: counter.visit(url) };
    return { status: 200, type: 'text/html; charset=utf-8', body: render(layout, values) };
  };

  return createServer((request, response) => {
    const { status, type, body } = respond(request.url);
    response.writeHead(status, { 'content-type': type }).end(body);
  });
}
