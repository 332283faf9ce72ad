// Bundles the SDK and the page into a folder, as gateways serve them. The same sources make the same bytes.
import { build } from 'esbuild';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const client = join(dirname(fileURLToPath(import.meta.url)), '..');

export const common = {
  absWorkingDir: client,
  bundle: true,
  charset: 'utf8',
  format: 'esm',
  legalComments: 'none',
  logLevel: 'warning',
  minify: true,
  target: 'es2022',
};

// The page uses the SDK that the gateway serves to everybody.
export const servedSdk = {
  name: 'served-sdk',
  setup(bundler) {
    bundler.onResolve({ filter: /^@tandem\.watch\/client$/ }, () => ({ path: '/sdk/v1/tandem.js', external: true }));
  },
};

/** What the page has beside its script and its style. */
const COPIED = [
  'index.html',
  'manifest.webmanifest',
  'icon.svg',
  'icon-192.png',
  'icon-512.png',
  'icon-square-180.png',
  'icon-square-512.png',
  'share.png',
];

/** Writes sdk/ and app/ below the folder `out`. */
export async function bundle(out) {
  await build({ ...common, entryPoints: ['src/index.ts'], outfile: join(out, 'sdk/tandem.js') });
  await build({ ...common, entryPoints: ['app/app.ts'], outfile: join(out, 'app/app.js'), plugins: [servedSdk] });
  await build({ ...common, entryPoints: ['app/app.css'], outfile: join(out, 'app/app.css') });
  await build({ ...common, entryPoints: ['app/missing.css'], outfile: join(out, 'app/missing.css') });
  mkdirSync(join(out, 'app'), { recursive: true });
  for (const file of COPIED) copyFileSync(join(client, 'app', file), join(out, 'app', file));
}
