// Builds client/dist, which is committed: the gateway embeds it. A build that fails leaves the last one in place.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, client } from './bundle.mjs';

const dist = join(client, 'dist');
const fresh = mkdtempSync(join(tmpdir(), 'tandem-dist-'));
try {
  const built = join(fresh, 'dist');
  await bundle(built);
  rmSync(dist, { recursive: true, force: true });
  cpSync(built, dist, { recursive: true });
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
