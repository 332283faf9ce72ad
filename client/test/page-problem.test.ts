import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTION_WORDS, problemOfEnding, problemOfEntering } from '../app/problem.js';
import { TandemError } from '../src/errors.js';
import { CloseCode } from '../src/protocol/index.js';

test('whoever is not let in is told why and what to do', () => {
  for (const code of ['room_not_found', 'room_locked', 'room_full', 'banned', 'unavailable', 'timeout', 'unsupported_version'] as const) {
    const problem = problemOfEntering(new TandemError(code, 'x'));
    assert.ok(problem && problem.text.length > 20, code);
    assert.ok(problem.actions.length > 0 && problem.actions.every((a) => ACTION_WORDS[a]), code);
  }
  // What another PIN or name would mend belongs to the form.
  for (const code of ['pin_required', 'pin_invalid', 'pin_throttled', 'invalid'] as const) {
    assert.equal(problemOfEntering(new TandemError(code, 'x')), undefined, code);
  }
  assert.equal(problemOfEntering(new Error('x')), undefined);
});

test('whoever is no longer in a room is told why', () => {
  const closed = new TandemError('closed', 'x');
  assert.match(problemOfEnding(CloseCode.removed, closed).title, /removed/);
  assert.match(problemOfEnding(CloseCode.banned, closed).title, /banned/);
  assert.deepEqual(problemOfEnding(CloseCode.banned, closed).actions, ['home'], 'there is no joining again');
  assert.match(problemOfEnding(CloseCode.replaced, closed).title, /another window/);
  assert.match(problemOfEnding(CloseCode.expired, closed).title, /away for too long/);
  assert.match(problemOfEnding(1006, new TandemError('room_not_found', 'x')).title, /no such room/);
  assert.match(problemOfEnding(undefined, undefined).title, /ended/);
});
