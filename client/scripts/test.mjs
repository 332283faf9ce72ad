// Bundles the tests, which are TypeScript, and runs them with `node --test`.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { client } from './bundle.mjs';

const out = mkdtempSync(join(tmpdir(), 'tandem-test-'));
try {
  const names = readdirSync(join(client, 'test')).filter((name) => name.endsWith('.test.ts'));
  await build({
    absWorkingDir: client,
    bundle: true,
    entryPoints: names.map((name) => join('test', name)),
    format: 'esm',
    logLevel: 'warning',
    outdir: out,
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    sourcemap: 'inline',
    target: 'node18',
  });
  const files = names.map((name) => join(out, name.replace(/\.ts$/, '.mjs')));
  const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { cwd: client, stdio: 'inherit' });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
