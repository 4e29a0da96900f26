// Validates the HTML of every page of a running server, in three languages, and of
// failures: node validate.mjs http://127.0.0.1:8080
import { FileSystemConfigLoader, HtmlValidate } from 'html-validate';

const base = process.argv[2];
const config = {
  extends: ['html-validate:recommended', 'html-validate:document'],
  rules: {
    // Matters of taste, on which the templates have their own.
    'doctype-style': 'off',
    'attribute-boolean-style': 'off',
    'no-trailing-whitespace': 'off',
    'long-title': 'off', // names of innovations are as long as they are
    'form-dup-name': 'off', // boxes of one name are how a form asks for several
    // Files come from the same server as the page.
    'require-sri': ['error', { target: 'crossorigin' }],
  },
};
const html = new HtmlValidate(new FileSystemConfigLoader(config));

// As many views of the same page, by their query, are enough.
const mostQueries = 60;

const waiting = ['/', '/nn', '/en', '/x', '/nn/x', '/en/x', '/innovasjoner?page=0'];
const seen = new Set(waiting);
const faults = [];
let pages = 0;
let queries = 0;
while (waiting.length > 0) {
  const path = waiting.shift();
  const answer = await fetch(base + path, { headers: { accept: 'text/html' }, redirect: 'manual' });
  if (!(answer.headers.get('content-type') ?? '').startsWith('text/html')) {
    await answer.body?.cancel();
    continue;
  }
  const body = await answer.text();
  pages++;
  const report = await html.validateString(body, path);
  for (const result of report.results) {
    for (const m of result.messages) faults.push(`${path}:${m.line}:${m.column}: ${m.ruleId}: ${m.message}`);
  }
  for (const [, href] of body.matchAll(/<a\b[^>]*\bhref="([^"]*)"/g)) {
    const to = new URL(href.replaceAll('&amp;', '&'), base + path);
    const next = to.pathname + to.search;
    if (to.origin !== new URL(base).origin || seen.has(next) || /^\/(api|log)\//.test(to.pathname)) continue;
    if (to.search && ++queries > mostQueries) continue;
    seen.add(next);
    waiting.push(next);
  }
}
for (const fault of faults.slice(0, 40)) console.log(fault);
console.log(`${pages} pages, ${faults.length} faults`);
// Fewer pages than the demo has: something was not looked at.
if (faults.length > 0 || pages < 300) process.exit(1);
