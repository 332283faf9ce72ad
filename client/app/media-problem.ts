import type { Media } from '@tandem.watch/client';

/** What is wrong with a video, and what can be done about it. */
export interface MediaProblem {
  readonly title: string;
  readonly text: string;
  /** Trying again may help without anything else being done. */
  readonly retry: boolean;
}

/** What finding out needs of its surroundings. */
export interface Surroundings {
  /** The page's own address. */
  readonly page: string;
  readonly fetch: typeof fetch;
  /** Whether this browser plays that type: '' when it does not. */
  canPlayType(type: string): string;
}

/** How long to look for the cause, in milliseconds. */
const PATIENCE_MS = 6_000;

/** `MediaError.code`; Node, where tests run, has no such names. */
const [NETWORK, DECODE] = [2, 3];

const problem = (title: string, text: string, retry = false): MediaProblem => ({ title, text, retry });

const FORMATS = 'MP4 with H.264 and AAC plays everywhere; WebM with VP9 or AV1 nearly so.';

/** What is wrong with an address before anything is loaded from it; undefined when nothing is. */
export function problemWithAddress(text: string, page: string): MediaProblem | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return problem('That is no address', 'It should begin with https:// and lead to a video file.');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return problem('That address leads nowhere for others', 'Only http and https addresses do; a file of yours can be chosen below.');
  }
  if (isMixed(url, page)) {
    return problem(
      'Browsers refuse this video here',
      'This page came by https, and the video would come by http, which is not encrypted. Try its address with https://.',
    );
  }
  return undefined;
}

/** Finds out why a video cannot be played. Never rejects. */
export async function diagnose(media: Media, code: number, surroundings: Surroundings): Promise<MediaProblem> {
  if (media.kind === 'clip') {
    return problem('The test clip does not load', 'The connection to the server failed.', true);
  }
  if (media.kind === 'file' || media.url === undefined) {
    return problem('This browser does not play your file', `It does not know its format or codec. ${FORMATS}`);
  }
  const { page } = surroundings;
  const wrong = problemWithAddress(media.url, page);
  if (wrong) return wrong;
  if (code === NETWORK) {
    return problem('The video stopped loading', 'The network or the video’s server failed on the way.', true);
  }
  if (code === DECODE) {
    return problem('This browser cannot decode the video', `The file is damaged, or uses a codec that is not known here. ${FORMATS}`);
  }
  return lookThere(media.url, surroundings);
}

async function lookThere(url: string, surroundings: Surroundings): Promise<MediaProblem> {
  const { host } = new URL(url);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    const response = await surroundings.fetch(url, { signal: stop.signal, credentials: 'omit', referrerPolicy: 'no-referrer' });
    // Only what the server says of it is of interest.
    void response.body?.cancel().catch(() => undefined);
    return judge(response, host, surroundings);
  } catch {
    return await withoutCors(url, host, stop.signal, surroundings);
  } finally {
    clearTimeout(timer);
  }
}

/** The address answered, and the page may read how. */
function judge(response: Response, host: string, { canPlayType }: Surroundings): MediaProblem {
  const { status } = response;
  if (status === 404 || status === 410) {
    return problem('There is nothing at this address', `${host} answers that it has no such file (${status}). Check the address.`);
  }
  if (status === 401 || status === 403) {
    return problem('The video’s server refuses', `${host} wants a login, or lets no other site show it (${status}). Download it and choose it as a file that everybody has.`);
  }
  if (status >= 500 || status === 429) {
    return problem('The video’s server is in trouble', `${host} answers ${status}. It may work later.`, true);
  }
  if (status >= 400) {
    return problem('The video’s server refuses', `${host} answers ${status}. Check the address.`);
  }
  const type = (response.headers.get('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/html' || type === 'application/xhtml+xml') {
    return problem(
      'That is a page, not a video',
      'The address leads to a web page that perhaps shows a video. The address of the file itself is needed: try “Copy video address” there. Sites such as YouTube give none.',
    );
  }
  if (/mpegurl|dash\+xml/.test(type)) {
    return problem('That is a list of pieces, not a video', `Streams by HLS or DASH are not played here. ${FORMATS}`);
  }
  if (/^(video|audio)\//.test(type) && canPlayType(type) === '') {
    return problem('This browser does not play this format', `It is ${type}. ${FORMATS} Another browser may know it.`);
  }
  if (/^(text|image|application)\//.test(type) && !/octet-stream|mp4|ogg/.test(type)) {
    return problem('That is no video', `${host} says that it is ${type}. The address of a video file is needed.`);
  }
  return problem('This browser does not know the codec', `The file is there, but what it holds cannot be played here. ${FORMATS} Another browser may know it.`);
}

/** The page may not read the answer, if there is one. */
async function withoutCors(url: string, host: string, signal: AbortSignal, surroundings: Surroundings): Promise<MediaProblem> {
  try {
    await surroundings.fetch(url, { signal, mode: 'no-cors', credentials: 'omit', referrerPolicy: 'no-referrer' });
  } catch {
    return problem(
      'The video’s server cannot be reached',
      `Nothing answers at ${host}. The address may be mistyped, the server down, or only reachable from another network.`,
      true,
    );
  }
  return problem(
    'Nothing playable is at this address',
    `${host} answers, but does not let this page look closer (it sends no CORS header). It may be a web page, want a login, or be in a format that this browser does not play. ${FORMATS}`,
  );
}

/** A page that came by https loads nothing by http, but from the machine itself. */
function isMixed(url: URL, page: string): boolean {
  const local = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return url.protocol === 'http:' && new URL(page).protocol === 'https:' && !local;
}
