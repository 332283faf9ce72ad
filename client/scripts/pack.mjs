// Builds what the npm package holds, in lib: the SDK as a readable module with its source map, as the one small file that
// gateways serve, and its declarations; and the licence. `npm pack` and `npm publish` call it; none of it is committed.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { client, common } from './bundle.mjs';

const lib = join(client, 'lib');
rmSync(lib, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: ['src/index.ts'],
  outfile: join(lib, 'index.js'),
  // Whoever uses it minifies it with the rest. No gateway serves it, so its address tells none.
  define: { 'import.meta.url': 'undefined' },
  minify: false,
  sourcemap: true,
});
await build({ ...common, entryPoints: ['src/index.ts'], outfile: join(lib, 'tandem.js') });

const tsc = join(client, 'node_modules/typescript/bin/tsc');
const types = join(lib, 'types');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.types.json', '--outDir', types], { cwd: client, stdio: 'inherit' });
const needed = reachable(join(types, 'index.d.ts'));
for (const name of readdirSync(types, { recursive: true })) {
  if (name.endsWith('.d.ts') && !needed.has(join(types, name))) rmSync(join(types, name));
}

copyFileSync(join(client, '../LICENSE'), join(client, 'LICENSE'));

/** The declarations that those in a file refer to, itself included: users get no others. */
function reachable(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)\.js'|import\('(\.[^']+)\.js'\)/g)) {
    reachable(join(dirname(file), `${path}.d.ts`), found);
  }
  return found;
}
