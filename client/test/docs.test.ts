import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

/** The tests run in the client's folder. */
const client = process.cwd();
const page = readFileSync(join(client, '../docs/sdk.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'tandem-docs-'));
const tsc = join(client, 'node_modules/typescript/bin/tsc');

function compile(...options: string[]): void {
  try {
    execFileSync(process.execPath, [tsc, ...options], { cwd: client, encoding: 'utf8' });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout);
  }
}

/** The declarations that users get, without comments. */
function declarations(): string {
  const types = join(folder, 'types');
  compile('-p', 'tsconfig.types.json', '--outDir', types, '--removeComments');
  const names = (readdirSync(types, { recursive: true }) as string[]).filter((name) => name.endsWith('.d.ts'));
  return names.map((name) => readFileSync(join(types, name), 'utf8')).join('\n');
}

/** What the SDK exports. */
function exported(): string[] {
  const index = readFileSync(join(client, 'src/index.ts'), 'utf8');
  return [...index.matchAll(/^export (?:type )?\{([^}]+)\}/gm)].flatMap(([, names]) => names!.match(/\w+/g) ?? []);
}

/** The members of an interface, a class or an object, or the texts of a union; empty for anything else. */
function membersOf(declared: string, name: string): string[] {
  const start = new RegExp(`(?:interface|class|type|const) ${name}\\b[^{;=]*[{=:]`).exec(declared);
  if (!start) return [];
  const body = declared.slice(start.index + start[0].length - 1);
  const union = /^=\s*((?:\|?\s*'\w+'\s*)+);/.exec(body);
  if (union) return [...union[1]!.matchAll(/'(\w+)'/g)].map(([, text]) => text!);
  if (!/^[:=]?\s*\{/.test(body)) return [];
  const members: string[] = [];
  let depth = 0;
  let text = '';
  for (const c of body.slice(body.indexOf('{'))) {
    if ('})]'.includes(c)) depth--;
    if (depth === 1) text += c;
    if ('{(['.includes(c)) depth++;
    if (depth === 0) break;
    if (depth !== 1 || c !== ';') continue;
    const member = /^\s*(?:(?:readonly|get|set|static|override)\s+)*([\w#]+)/.exec(text)?.[1];
    if (member && !member.startsWith('#') && member !== 'constructor') members.push(member);
    text = '';
  }
  return members;
}

/** The parts of the page that tell of a type: below a heading, in a table or in a paragraph that begins with its name. */
function sections(): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of page.split(/\n\n+/)) {
    const name = /^(?:\| )?`(\w+)`/.exec(part)?.[1];
    if (name) found.set(name, part);
  }
  for (const part of page.split(/^(?=##+ )/m)) {
    const heading = part.split('\n', 1)[0]!;
    for (const [, name] of heading.matchAll(/`(\w+)`/g)) found.set(name!, part);
  }
  return found;
}

/** Every name in a text's code. */
function named(text: string): Set<string> {
  const code = [...text.matchAll(/```[^]*?```|`[^`\n]+`/g)].map(([c]) => c);
  return new Set(code.flatMap((c) => c.match(/\w+/g) ?? []));
}

describe('docs/sdk.md', () => {
  after(() => rmSync(folder, { recursive: true, force: true }));
  const declared = declarations();
  const names = exported();

  it('names everything that the SDK exports', () => {
    assert.ok(names.length > 50, `the index was not read: ${names.join(' ')}`);
    const all = named(page);
    assert.deepEqual(names.filter((name) => !all.has(name)), []);
  });

  it('names every member of every type in the part that tells of it', () => {
    const bySection = sections();
    assert.deepEqual(membersOf(declared, 'ListenOptions'), ['signal']);
    assert.ok(membersOf(declared, 'Room').includes('subscribe'), 'a class is read');
    assert.ok(membersOf(declared, 'CloseCode').includes('replaced'), 'an object is read');
    assert.ok(membersOf(declared, 'ErrorCode').includes('forbidden'), 'a union is read');
    const missing = [...names, 'EventDetails'].flatMap((name) => {
      // What an entry of the log holds is told where the entry is.
      const section = bySection.get(name === 'EventDetails' ? 'RoomEvent' : name);
      const known = named(section ?? page);
      return membersOf(declared, name).flatMap((member) => (known.has(member) ? [] : `${name}.${member}`));
    });
    // The details of Environment's parts are for their implementers to read in the types.
    const parts = /^(WebSocketLike|WebTransportLike|DatagramsLike|KeyValueStore)\./;
    assert.deepEqual(missing.filter((m) => !parts.test(m)), []);
  });

  it('names nothing that is not there', () => {
    const room = sections().get('Room')!;
    const methods = [...room.matchAll(/^\| `(\w+)\(/gm)].map(([, name]) => name!);
    assert.ok(methods.length > 20);
    assert.deepEqual(methods.filter((name) => !membersOf(declared, 'Room').includes(name)), []);
  });

  it('has examples that compile, as the other documents have', () => {
    const snippets = join(folder, 'snippets');
    mkdirSync(snippets);
    let count = 0;
    for (const document of ['../docs/sdk.md', '../README.md', 'README.md']) {
      const text = readFileSync(join(client, document), 'utf8');
      for (const [, , code] of text.matchAll(/^( *)```js\n([^]*?)^ *```/gm)) {
        const given = /\broom =/.test(code!) ? '' : `declare const room: import('@tandem.watch/client').Room;\n`;
        writeFileSync(join(snippets, `${count++}.ts`), `${given}${code}\nexport {};\n`);
      }
    }
    assert.ok(count >= 6, `${count} examples`);
    const served = ['https://tandem.example', 'http://localhost:4001'].map(
      (gateway) => `declare module '${gateway}/sdk/v1/tandem.js' { export * from '@tandem.watch/client'; }\n`,
    );
    const ws = `declare module 'ws' { export const WebSocket: typeof globalThis.WebSocket; }\n`;
    writeFileSync(join(snippets, 'served.d.ts'), [...served, ws].join(''));
    const options = { extends: join(client, 'tsconfig.json'), include: ['.'] };
    const paths = { '@tandem.watch/client': [join(client, 'src/index.ts')] };
    const compilerOptions = { strict: false, exactOptionalPropertyTypes: false, noEmit: true, noUnusedLocals: false, paths };
    writeFileSync(join(snippets, 'tsconfig.json'), JSON.stringify({ ...options, compilerOptions }));
    compile('-p', snippets);
  });
});
