import { byId, make } from './dom.js';
import { openDialog } from './dialogs.js';
import { actionOf, goesOn, HELP, type KeyAction } from './keys.js';

/** Runs what keys are for, unless a dialog is open or a field has the focus. */
export function listenToKeys(run: Readonly<Record<KeyAction, () => void>>, signal: AbortSignal): void {
  const press = (event: KeyboardEvent): void => {
    const { key, ctrlKey, metaKey, altKey, repeat, target, defaultPrevented } = event;
    if (defaultPrevented || !(target instanceof Element) || document.querySelector('dialog[open]')) return;
    const action = actionOf({
      key,
      ctrlKey,
      metaKey,
      altKey,
      tag: target.tagName,
      ...(target instanceof HTMLInputElement && { type: target.type }),
      ...(target.role && { role: target.role }),
    });
    if (!action) return;
    event.preventDefault();
    if (!repeat || goesOn(action)) run[action]();
  };
  document.addEventListener('keydown', press, { signal });
}

/** The dialog that tells the keys. */
export function openHelp(): void {
  const list = byId('help-keys', HTMLDListElement);
  const rows = HELP.flatMap(([keys, does]) => [
    make('dt', {}, ...keys.flatMap((key, i) => [...(i > 0 ? [' '] : []), make('kbd', {}, key)])),
    make('dd', {}, does),
  ]);
  list.replaceChildren(...rows);
  openDialog(byId('help-dialog', HTMLDialogElement));
}
