// Fails when the committed client/dist is not what the sources make.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { bundle, client } from './bundle.mjs';

const dist = join(client, 'dist');
const fresh = mkdtempSync(join(tmpdir(), 'tandem-dist-'));
try {
  await bundle(fresh);
  const [committed, built] = [read(dist), read(fresh)];
  const names = [...new Set([...committed.keys(), ...built.keys()])].sort();
  const stale = names.filter((name) => committed.get(name) !== built.get(name));
  if (stale.length > 0) {
    console.error(`client/dist is not what the sources make: ${stale.join(', ')}`);
    console.error('Run `npm ci && npm run build` in client/ and commit client/dist.');
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}

function read(folder) {
  const files = new Map();
  const walk = (path) => {
    if (!statSync(path, { throwIfNoEntry: false })) return;
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const full = join(path, entry.name);
      if (entry.isDirectory()) walk(full);
      else files.set(relative(folder, full), readFileSync(full, 'latin1'));
    }
  };
  walk(folder);
  return files;
}
