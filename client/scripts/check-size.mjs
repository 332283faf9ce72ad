// Fails when what browsers load has outgrown its budget (size-budget.json), or when a document states another size.
// Sizes are in bytes; the documents state them in kB of 1,000 bytes, rounded.
import { build } from 'esbuild';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { client, common, servedSdk } from './bundle.mjs';

/** How far the size that a document states may be off. */
const STATED_WITHIN = 0.1;
const DOCUMENTS = ['README.md', '../docs/sdk.md'];

const budgets = JSON.parse(readFileSync(join(client, 'size-budget.json'), 'utf8'));
const problems = [];
for (const [part, budget] of Object.entries(budgets)) {
  const size = measure(join(client, 'dist', budget.folder));
  console.log(`${part}: ${show('minified', size, budget)}, ${show('gzip', size, budget)}`);
  for (const kind of ['minified', 'gzip']) {
    if (size[kind] <= budget[kind]) continue;
    problems.push(
      `${part} has ${size[kind]} bytes ${kind}, ${size[kind] - budget[kind]} more than its budget of ${budget[kind]}.`,
      `  Its largest modules: ${await largestModules(budget.entry)}.`,
      '  If it is worth that to everybody who opens a room, raise the budget in client/size-budget.json in the same commit and say why.',
    );
  }
  for (const document of DOCUMENTS) checkStated(document, part, size);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

/** Everything that a browser loads from the folder but pictures, each file compressed by itself as servers do. */
function measure(folder) {
  const size = { minified: 0, gzip: 0 };
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!/\.(js|css|html)$/.test(name)) continue;
    const data = readFileSync(join(folder, name));
    size.minified += data.length;
    size.gzip += gzipSync(data, { level: 9 }).length;
  }
  return size;
}

async function largestModules(entry) {
  const { metafile } = await build({ ...common, entryPoints: [entry], plugins: [servedSdk], metafile: true, write: false });
  const [{ inputs }] = Object.values(metafile.outputs);
  const modules = Object.entries(inputs).map(([name, { bytesInOutput }]) => ({ name, bytes: bytesInOutput }));
  modules.sort((a, b) => b.bytes - a.bytes);
  return modules.slice(0, 8).map(({ name, bytes }) => `${name} ${bytes}`).join(', ');
}

function show(kind, size, budget) {
  return `${size[kind]} of ${budget[kind]} bytes ${kind}`;
}

/** Documents state a size in a table: `| the SDK | 45 kB | 15 kB |`. */
function checkStated(document, part, size) {
  const text = readFileSync(join(client, document), 'utf8');
  const [, minified, gzip] = new RegExp(`^\\| ${part}[^|]*\\| (\\d+) kB \\| (\\d+) kB \\|`, 'm').exec(text) ?? [];
  const near = (stated, bytes) => Math.abs(stated * 1000 - bytes) <= Math.max(bytes * STATED_WITHIN, 1000);
  if (near(Number(minified), size.minified) && near(Number(gzip), size.gzip)) return;
  const [m, g] = [size.minified, size.gzip].map((bytes) => Math.round(bytes / 1000));
  problems.push(
    `client/${document} states ${minified ? `${minified} kB and ${gzip} kB` : 'no size'} for ${part}.`,
    `  Its line in the table of sizes is to be: | ${part} | ${m} kB | ${g} kB |`,
  );
}
