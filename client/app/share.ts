import { formatRoomCode } from '@tandem.watch/client';
// uqr: MIT, no dependencies, kept by the people behind Nuxt; what is used of it adds some 4 kB, gzipped, to the page.
import { encode } from 'uqr';
import { openDialog } from './dialogs.js';
import { byId, makeSvg, setText } from './dom.js';
import type { Part } from './watch.js';

const COPIED_MS = 2_000;
/** The margin that readers of QR codes want, in modules. */
const MARGIN = 3;

/** Link, code and QR code of the room, to bring others in. */
export function prepareSharing({ room, signal }: Part): void {
  const dialog = byId('share-dialog', HTMLDialogElement);
  const link = location.origin + location.pathname;
  const [linkField, codeField] = [byId('share-link', HTMLInputElement), byId('share-code', HTMLInputElement)];
  linkField.value = link;
  codeField.value = formatRoomCode(room.state.id);
  setText(byId('share-note', HTMLParagraphElement), noteFor(location.hostname, room.state.settings.pin));
  for (const [id, field] of [
    ['copy-link', linkField],
    ['copy-code', codeField],
  ] as const) {
    field.addEventListener('focus', () => field.select(), { signal });
    const copy = byId(id, HTMLButtonElement);
    copy.addEventListener('click', () => void copyFrom(field, copy), { signal });
  }

  const native = byId('share-native', HTMLButtonElement);
  const share = (navigator as Partial<Navigator>).share?.bind(navigator);
  native.hidden = share === undefined;
  const data = { title: 'tandem', text: 'Watch with me', url: link };
  // Who closes the system's dialog has changed their mind; that is no error.
  native.addEventListener('click', () => void share?.(data).catch(() => undefined), { signal });

  const open = (): void => {
    drawCode(byId('share-qr', SVGSVGElement), link);
    setText(byId('share-note', HTMLParagraphElement), noteFor(location.hostname, room.state.settings.pin));
    openDialog(dialog);
  };
  byId('share-button', HTMLButtonElement).addEventListener('click', open, { signal });
  signal.addEventListener('abort', () => dialog.close());
}

/** What one should know before sending the link. */
export function noteFor(host: string, pin: boolean): string {
  const notes: string[] = [];
  if (/^(localhost|127\.|\[::1\])/.test(host)) notes.push('This address works on this computer only: open tandem by an address that others reach.');
  if (pin) notes.push('The room asks for its PIN, which is not in the link.');
  return notes.join(' ');
}

function drawCode(svg: SVGSVGElement, text: string): void {
  const { data, size } = encode(text, { ecc: 'M', border: MARGIN });
  let path = '';
  for (const [y, row] of data.entries()) {
    for (const [x, dark] of row.entries()) if (dark) path += `M${x} ${y}h1v1h-1z`;
  }
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('shape-rendering', 'crispEdges');
  svg.replaceChildren(makeSvg('path', { d: path, fill: '#000' }));
}

async function copyFrom(field: HTMLInputElement, copy: HTMLButtonElement): Promise<void> {
  const label = copy.querySelector('span');
  let copied = true;
  try {
    // Pages that are no secure context have no clipboard; they may still copy what is selected.
    if (!(navigator as Partial<Navigator>).clipboard) throw new Error('no clipboard');
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.select();
    copied = document.execCommand('copy');
  }
  const word = copied ? 'Copied' : 'Copy it by hand';
  setText(byId('share-done', HTMLParagraphElement), word);
  if (!label) return;
  setText(label, word);
  setTimeout(() => setText(label, 'Copy'), COPIED_MS);
}
