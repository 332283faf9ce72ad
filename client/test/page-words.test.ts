import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyRoom, type RoomState } from '../src/state.js';
import type { RoomEvent } from '../src/protocol/index.js';
import { typingText } from '../app/chat-words.js';
import { formatOffset, formatTime, speakOffset, speakTime } from '../app/format.js';
import { actionOf, type Press } from '../app/keys.js';
import { findLinks, roomIn } from '../app/links.js';
import { badgesOf, hueOf, initialOf } from '../app/member-words.js';
import { lengthsDiffer, sourceOf, titleOf } from '../app/media-words.js';
import { noteOf } from '../app/notes.js';
import { waitingFor } from '../app/screen.js';
import { noteFor } from '../app/share.js';

const members: RoomState['members'] = [
  { id: 'a', name: 'Ann', role: 'host', joinedAt: 1 },
  { id: 'b', name: 'Ben', role: 'moderator', joinedAt: 2 },
  { id: 'c', name: 'Cleo', role: 'guest', joinedAt: 3 },
];
const room: RoomState = { ...emptyRoom, self: 'a', host: 'a', members, timeline: { ...emptyRoom.timeline, playing: true } };

test('times and offsets are written and read out', () => {
  assert.equal(formatTime(65.9), '1:05');
  assert.equal(formatTime(3725), '1:02:05');
  assert.equal(formatTime(NaN), '–:––');
  assert.equal(speakTime(3725), '1 hour 2 minutes 5 seconds');
  assert.equal(speakTime(0), '0 seconds');
  assert.equal(speakTime(Infinity), 'an unknown length');
  assert.equal(formatOffset(-3.14), '−3.1 ms');
  assert.equal(formatOffset(-0.01), '0.0 ms');
  assert.equal(speakOffset(120.4), '120 ms ahead');
  assert.equal(speakOffset(-1500), '1.5 s behind');
});

test('a link leads to a room, however it is written', () => {
  assert.equal(roomIn('https://tandem.example/r/7Q2K-9XHF-3BTW?transport=websocket'), '7Q2K-9XHF-3BTW');
  assert.equal(roomIn('/r/film%20night/'), 'film night');
  assert.equal(roomIn('https://tandem.example/r/100%'), '100%');
  assert.equal(roomIn('/r/%FF'), '%FF');
  assert.equal(roomIn('7Q2K-9XHF-3BTW'), undefined);
  assert.equal(titleOf({ kind: 'url', url: 'https://films.example/100%.mp4' }), '100%.mp4');
});

test('addresses in a line become links, and nothing else does', () => {
  const hrefs = (line: string): (string | undefined)[] => findLinks(line).map((p) => p.href);
  const joined = (line: string): string => findLinks(line).map((p) => p.text).join('');
  assert.deepEqual(findLinks('see https://a.example/x, ok'), [
    { text: 'see ' },
    { text: 'https://a.example/x', href: 'https://a.example/x' },
    { text: ', ok' },
  ]);
  assert.deepEqual(hrefs('(http://a.example/w_(x))'), [undefined, 'http://a.example/w_(x))', undefined].slice(0, 2));
  assert.deepEqual(hrefs('(see http://a.example/w)'), [undefined, 'http://a.example/w', undefined]);
  for (const line of ['javascript:alert(1)', 'data:text/html,x', 'http://', 'https://%', '<img src=x onerror=alert(1)>', '']) {
    assert.ok(hrefs(line).every((h) => h === undefined), line);
  }
  for (const line of ['a https://b.example/"><img src=x> c', 'https://a.example https://b.example!', 'x'.repeat(500)]) {
    assert.equal(joined(line), line);
  }
});

test('keys belong to the video unless something has a better claim', () => {
  const press = (key: string, more: Partial<Press> = {}): string | undefined =>
    actionOf({ key, ctrlKey: false, metaKey: false, altKey: false, tag: 'BODY', ...more });
  assert.equal(press(' '), 'play');
  assert.equal(press('K'), 'play');
  assert.equal(press('?'), 'help');
  assert.equal(press('ArrowLeft'), 'back');
  assert.equal(press('f', { ctrlKey: true }), undefined);
  assert.equal(press('x'), undefined);
  assert.equal(press('k', { tag: 'INPUT', type: 'text' }), undefined);
  assert.equal(press('k', { tag: 'SELECT' }), undefined);
  assert.equal(press(' ', { tag: 'BUTTON' }), undefined);
  assert.equal(press('k', { tag: 'BUTTON' }), 'play');
  assert.equal(press('k', { tag: 'INPUT', type: 'range' }), 'play');
  assert.equal(press('ArrowLeft', { tag: 'INPUT', type: 'range' }), undefined);
  assert.equal(press('ArrowLeft', { tag: 'BUTTON', role: 'tab' }), undefined);
  assert.equal(press('constructor'), undefined);
});

test('members have their role and their troubles', () => {
  const badges = (id: string, presence: object, state = room): string[] => {
    const member = state.members.find((m) => m.id === id)!;
    return badgesOf({ ...state, presence: new Map([[id, { member: id, ...presence }]]) }, member).map((b) => b.text);
  };
  assert.deepEqual(badges('a', {}), ['host', 'you']);
  assert.deepEqual(badges('b', { offsetMs: -200 }), ['moderator', '200 ms behind']);
  assert.deepEqual(badges('b', { offsetMs: -188 }), badges('b', { offsetMs: -212 }), 'words that stand still');
  assert.deepEqual(badges('c', { offsetMs: 20 }), []);
  assert.deepEqual(badges('c', { buffering: true, offsetMs: 900 }), ['buffering']);
  assert.deepEqual(badges('c', { away: true, buffering: true }), ['reconnecting']);
  const paused = { ...room, timeline: { ...room.timeline, playing: false } };
  assert.deepEqual(badges('c', { offsetMs: 900 }, paused), [], 'an offset of before the pause is not shown');
  assert.equal(initialOf('élan'), 'É');
  assert.equal(initialOf('👩‍🚀 Ann'), '👩‍🚀');
  assert.equal(initialOf(''), '?');
  assert.equal(hueOf('m_1'), hueOf('m_1'));
});

test('comings and goings are told with names, also of those who are gone', () => {
  const names = new Map([['a', 'Ann'], ['b', 'Ben']]);
  const note = (event: object): string | undefined => noteOf({ number: 1, at: 1, ...event } as RoomEvent, names, 'a');
  assert.equal(note({ type: 'joined', joined: { id: 'c', name: 'Cleo' } }), 'Cleo came in');
  assert.equal(note({ type: 'left', left: { member: 'b', reason: 'left' } }), 'Ben left');
  assert.equal(note({ type: 'left', left: { member: 'b', reason: 'banned' } }), 'Ben was banned');
  assert.equal(note({ type: 'left', left: { member: 'z', reason: 'expired' } }), 'Somebody is gone');
  assert.equal(note({ type: 'host', host: { member: 'a' } }), 'You are host now');
  assert.equal(note({ type: 'host', host: { member: '' } }), undefined);
  assert.equal(note({ type: 'role', role: { member: 'b', role: 'moderator' } }), 'Ben is moderator now');
  assert.equal(note({ type: 'renamed', renamed: { member: 'b', name: 'Benny' } }), 'Ben is called Benny now');
  assert.equal(note({ type: 'media', by: 'b', media: { kind: 'url', url: 'https://a.example/f%20x.mp4' } }), 'Ben chose “f x.mp4”');
  assert.equal(note({ type: 'timeline' }), undefined);
});

test('whoever is waited for is named', () => {
  const gate = (waiting: string[], ready: string[] = []): string =>
    waitingFor({ members, self: 'a', gate: { number: 1, waiting, ready, needed: 1, deadline: 0 } });
  assert.equal(gate(['b', 'c'], ['b']), 'Waiting for Cleo…');
  assert.equal(gate(['a', 'b', 'c']), 'Waiting for Ben and Cleo…');
  assert.equal(gate(['a']), 'Loading…');
  assert.equal(gate(['b'], ['b']), '');
  assert.equal(gate(['x', 'y']), 'Waiting for 2 to be ready…');
});

test('media have a name and a place, whatever their address', () => {
  assert.equal(titleOf({ kind: 'url', url: 'https://a.example/d/The%20film.mp4?x=1' }), 'The film.mp4');
  assert.equal(titleOf({ kind: 'url', url: 'https://a.example/' }), 'a.example');
  assert.equal(titleOf({ kind: 'url', url: 'https://a.example/%E0%A4%A' }), '%E0%A4%A');
  assert.equal(titleOf({ kind: 'url', url: 'https://a.example/x', title: 'X' }), 'X');
  assert.equal(sourceOf({ kind: 'url', url: 'https://a.example:8443/x' }), 'From a.example:8443');
  assert.equal(lengthsDiffer(60_000, 60_900), undefined);
  assert.equal(lengthsDiffer(60_000, undefined), undefined);
  assert.match(lengthsDiffer(60_000, 90_000) ?? '', /30 s shorter/);
  assert.match(lengthsDiffer(7_200_000, 3_600_000) ?? '', /60 minutes longer/);
});

test('who types, and what to know before sharing', () => {
  assert.equal(typingText({ members, self: 'a', typing: ['a', 'b'] }), 'Ben is typing…');
  assert.equal(typingText({ members, self: 'a', typing: ['b', 'c'] }), 'Ben and Cleo are typing…');
  assert.match(noteFor('localhost', false), /this computer only/);
  assert.equal(noteFor('tandem.example', false), '');
  assert.match(noteFor('tandem.example', true), /PIN/);
});
