import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose, problemWithAddress, type Surroundings } from '../app/media-problem.js';
import { parseSubtitles } from '../app/subtitle-file.js';
import { describePlot, pathOf, scaleOf, spreadOf } from '../app/vitals-words.js';
import { emptyRoom } from '../src/state.js';

const SRC_NOT_SUPPORTED = 4;
const url = 'https://films.example/f.mp4';

/** The surroundings of a page whose requests are answered so: by a response, or by a failure. */
function surroundings(...answers: (Response | Error)[]): Surroundings {
  return {
    page: 'https://tandem.example/r/X',
    canPlayType: (type) => (type === 'video/mp4' ? 'maybe' : ''),
    fetch: () => {
      const answer = answers.shift();
      return answer instanceof Response ? Promise.resolve(answer) : Promise.reject(answer ?? new Error('asked too often'));
    },
  };
}

const answer = (status: number, type: string): Response => new Response('x', { status, headers: { 'Content-Type': type } });
const blocked = new TypeError('Failed to fetch');

test('what is wrong with a video is told in words', async () => {
  const title = async (...answers: (Response | Error)[]): Promise<string> =>
    (await diagnose({ kind: 'url', url }, SRC_NOT_SUPPORTED, surroundings(...answers))).title;
  assert.equal(await title(answer(404, 'text/html')), 'There is nothing at this address');
  assert.equal(await title(answer(403, 'text/html')), 'The video’s server refuses');
  assert.equal(await title(answer(503, 'text/html')), 'The video’s server is in trouble');
  assert.equal(await title(answer(200, 'text/html; charset=utf-8')), 'That is a page, not a video');
  assert.equal(await title(answer(200, 'application/x-mpegURL')), 'That is a list of pieces, not a video');
  assert.equal(await title(answer(200, 'video/x-matroska')), 'This browser does not play this format');
  assert.equal(await title(answer(200, 'video/mp4')), 'This browser does not know the codec');
  assert.equal(await title(answer(200, 'application/octet-stream')), 'This browser does not know the codec');
  assert.equal(await title(answer(200, 'application/pdf')), 'That is no video');
  assert.equal(await title(blocked, answer(200, '')), 'Nothing playable is at this address');
  assert.equal(await title(blocked, blocked), 'The video’s server cannot be reached');
});

test('what needs no looking is told at once', async () => {
  const of = async (media: Parameters<typeof diagnose>[0], code: number): Promise<string> =>
    (await diagnose(media, code, surroundings())).title;
  assert.equal(await of({ kind: 'url', url }, 2), 'The video stopped loading');
  assert.equal(await of({ kind: 'url', url }, 3), 'This browser cannot decode the video');
  assert.equal(await of({ kind: 'file', title: 'f.mkv' }, 4), 'This browser does not play your file');
  assert.equal(await of({ kind: 'url', url: 'http://films.example/f.mp4' }, 4), 'Browsers refuse this video here');
});

test('addresses are judged before they are given to others', () => {
  const [https, http] = ['https://tandem.example/', 'http://tandem.example/'];
  assert.equal(problemWithAddress(url, https), undefined);
  assert.equal(problemWithAddress('http://films.example/f.mp4', http), undefined);
  assert.equal(problemWithAddress('http://localhost:8000/f.mp4', https), undefined);
  assert.match(problemWithAddress('http://films.example/f.mp4', https)?.title ?? '', /refuse/);
  assert.match(problemWithAddress('films.example/f.mp4', https)?.title ?? '', /no address/);
  for (const bad of ['javascript:alert(1)', 'file:///home/me/f.mp4', 'data:video/mp4,x', 'blob:https://x/y']) {
    assert.match(problemWithAddress(bad, https)?.title ?? '', /nowhere/, bad);
  }
});

test('subtitles are read from WebVTT and SubRip', () => {
  const vtt = '\uFEFFWEBVTT - title\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\nNOTE no\r\n\r\nintro\r\n00:01.500 --> 00:03.000 align:start\r\n<v Ann>Hello <i>you</i>\r\nthere\r\n\r\n01:00:00.000 --> 01:00:01.000\r\nlate\r\n';
  assert.deepEqual(parseSubtitles(vtt), [
    { start: 1.5, end: 3, text: 'Hello <i>you</i>\nthere' },
    { start: 3600, end: 3601, text: 'late' },
  ]);
  const srt = '2\n00:00:04,000 --> 00:00:05,000\n{\\an8}<font color="red">Second</font>\n\n1\n00:00:01,000 --> 00:00:02,250\nFirst';
  assert.deepEqual(parseSubtitles(srt), [
    { start: 1, end: 2.25, text: 'First' },
    { start: 4, end: 5, text: 'Second' },
  ]);
});

test('nothing in a file of subtitles is more than text, or without bound', () => {
  const hostile = 'WEBVTT\n\n00:01.000 --> 00:02.000\n<img src=x onerror=alert(1)>a<script>b</script><c.x onclick=y>c</c>\u0000<i onmouseover=z>d</i><b\n';
  assert.deepEqual(parseSubtitles(hostile), [{ start: 1, end: 2, text: 'abc\uFFFD<i>d</i><b>' }]);
  assert.deepEqual(parseSubtitles('00:02.000 --> 00:01.000\nbackwards\n'), []);
  assert.deepEqual(parseSubtitles('<html><body>no subtitles</body></html>'), []);
  const many = '00:01.000 --> 00:02.000\nx\n\n'.repeat(30_000);
  assert.equal(parseSubtitles(many).length, 20_000);
  assert.ok(parseSubtitles(`00:01.000 --> 00:02.000\n${'x'.repeat(100_000)}`)[0]!.text.length <= 2_000);
});

test('the spread is that of those who play', () => {
  const presence = (...list: object[]): ReadonlyMap<string, never> => new Map(list.map((p, i) => [`m${i}`, { member: `m${i}`, ...p } as never]));
  const room = { self: 'm0', timeline: { ...emptyRoom.timeline, playing: true } };
  const all = presence({ offsetMs: 500 }, { offsetMs: -10 }, { offsetMs: 400, away: true }, { buffering: true }, { offsetMs: 5 });
  assert.equal(spreadOf({ ...room, presence: all }, 2), 15, 'the own offset is the fresh one');
  assert.equal(spreadOf({ ...room, presence: all }, undefined), 15);
  assert.equal(spreadOf({ ...room, presence: presence({ offsetMs: 1 }) }, 2), undefined);
  assert.equal(spreadOf({ ...room, timeline: emptyRoom.timeline, presence: all }, 2), undefined);
});

test('the plot shows what was measured, and gaps where nothing was', () => {
  const points = [
    { at: 0, offset: 0 },
    { at: 500, offset: 25 },
    { at: 1000, offset: undefined },
    { at: 2000, offset: -100 },
  ];
  assert.equal(scaleOf(points), 100);
  assert.equal(pathOf(points, 2000, 2000, 100, 200, 100), 'M0.0 50.0L50.0 37.5M200.0 100.0');
  assert.equal(describePlot(points), 'My offset: minus 100 milliseconds now, from minus 100 to 25 in the last minute');
  assert.equal(describePlot(points.slice(0, 3)), 'My offset: not playing');
});
