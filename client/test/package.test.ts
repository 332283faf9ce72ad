import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, before, describe, it } from 'node:test';

/** The tests run in the client's folder. */
const client = process.cwd();
const PROGRAM = `
import { lookUpRoom, parseRoomCode, synchronise, type Room } from '@tandem.watch/client';
export const follow = (video: HTMLVideoElement, room: Room) => synchronise(video, room).stats.offsetMs?.toFixed(1);
const { members } = await lookUpRoom(parseRoomCode('7q2k-9xhf-3btw')!, { server: process.argv[2]! });
console.log(members);
`;

/** Runs a program to its end; what it wrote is the error's text when it fails. */
function run(folder: string, program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
  }
}

describe('the package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-package-'));
  const installed = join(folder, 'node_modules/@tandem.watch/client');
  after(() => rmSync(folder, { recursive: true, force: true }));

  before(() => {
    run(client, 'npm', 'pack', '--silent', '--pack-destination', folder);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
    writeFileSync(join(folder, 'package.json'), '{"name": "empty", "private": true, "type": "module"}');
    run(folder, 'npm', 'install', '--offline', '--no-audit', '--no-fund', '--silent', join(folder, tarball!));
    // Not a dependency of the package: a Node.js project has it.
    cpSync(join(client, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'), { recursive: true });
    cpSync(join(client, 'node_modules/undici-types'), join(folder, 'node_modules/undici-types'), { recursive: true });
    writeFileSync(join(folder, 'program.ts'), PROGRAM);
  });

  it('holds what it needs and nothing else', () => {
    const names = (readdirSync(installed, { recursive: true }) as string[]).filter((name) => /\.\w+$|LICENSE/.test(name));
    const others = names.filter((name) => !name.startsWith('lib/types/')).sort();
    assert.deepEqual(others, ['LICENSE', 'README.md', 'lib/index.js', 'lib/index.js.map', 'lib/tandem.js', 'package.json']);
    const declared = names.filter((name) => name.startsWith('lib/types/'));
    assert.ok(declared.includes('lib/types/index.d.ts'));
    assert.deepEqual(declared.filter((name) => !name.endsWith('.d.ts')), []);
    const { dependencies, private: withheld } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    assert.deepEqual([dependencies, withheld], [undefined, undefined]);
  });

  it('has a README whose links lead somewhere where the package is', () => {
    const readme = readFileSync(join(installed, 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
    assert.deepEqual(links.filter((link) => !/^https:|^#/.test(link)), []);
  });

  it('shows nothing internal in its declarations', () => {
    const rooms = readFileSync(join(installed, 'lib/types/room.d.ts'), 'utf8');
    assert.doesNotMatch(rooms, /@internal|\bjoin\(|constructor/);
    // A private field of a class is #private there, whatever it is.
    assert.doesNotMatch(rooms, /Replica|Session\b/);
  });

  for (const [resolution, module] of [
    ['bundler', 'esnext'],
    ['nodenext', 'nodenext'],
  ] as const) {
    it(`is found by TypeScript with the resolution ${resolution}, in the strictest of projects`, () => {
      const tsc = join(client, 'node_modules/typescript/bin/tsc');
      const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false'];
      const options = ['--module', module, '--moduleResolution', resolution, '--target', 'es2022', '--types', 'node'];
      run(folder, process.execPath, tsc, '--noEmit', ...strict, ...options, 'program.ts');
    });
  }

  it('is bundled, and what is not used is left out', () => {
    const esbuild = join(client, 'node_modules/.bin/esbuild');
    const bundle = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return run(folder, esbuild, name, '--bundle', '--format=esm', '--minify', '--log-level=warning');
    };
    const all = bundle('all.js', `export * from '@tandem.watch/client'`);
    const little = bundle('little.js', `export { parseRoomCode } from '@tandem.watch/client'`);
    assert.ok(all.length > 30_000, `all of it has ${all.length} bytes`);
    assert.ok(little.length < 1_000, `one function of it has ${little.length} bytes`);
    const single = bundle('single.js', `export { parseRoomCode } from '@tandem.watch/client/tandem.js'`);
    assert.match(single, /parseRoomCode/);
    // Content scripts and old pages are no modules.
    run(folder, esbuild, 'all.js', '--bundle', '--format=iife', '--log-level=warning', '--outfile=all.iife.js');
  });

  it('runs in Node.js', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.setHeader('Content-Type', 'application/json');
      response.end('{"id": "7Q2K9XHF3BTW", "pin": false, "locked": false, "members": 3}');
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    try {
      const esbuild = join(client, 'node_modules/.bin/esbuild');
      run(folder, esbuild, 'program.ts', '--outfile=program.js', '--log-level=warning');
      const gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { stdout } = await promisify(execFile)(process.execPath, ['program.js', gateway], { cwd: folder });
      assert.equal(stdout, '3\n');
      assert.deepEqual(asked, ['/v1/rooms/7Q2K9XHF3BTW']);
    } finally {
      server.close();
    }
  });
});
