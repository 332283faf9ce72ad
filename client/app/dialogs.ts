import { byId, onSubmit, setText } from './dom.js';

/** Makes each dialog of the page close by its cross, by Escape, and by a click beside it. */
export function prepareDialogs(): void {
  for (const dialog of document.querySelectorAll('dialog')) {
    for (const cross of dialog.querySelectorAll('[data-close]')) cross.addEventListener('click', () => dialog.close());
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog && isBeside(dialog, event)) dialog.close();
    });
  }
}

/** Opens a dialog; the browser moves the focus into it, and back when it closes. */
export function openDialog(dialog: HTMLDialogElement): void {
  if (!dialog.open) dialog.showModal();
}

/** Closes whatever dialog is open. */
export function closeDialogs(): void {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
}

/** A question before something that is not taken back, or for a word. */
export interface Question {
  readonly title: string;
  readonly text?: string;
  /** What the button says that does it. */
  readonly yes: string;
  /** Asks for a line of text, which begins as `value`. */
  readonly field?: { readonly label: string; readonly value: string };
}

/** Asks. Resolves with what was typed, which is nothing without a field, or with undefined when it was called off. */
export function ask({ title, text = '', yes, field }: Question): Promise<string | undefined> {
  const dialog = byId('ask-dialog', HTMLDialogElement);
  const input = byId('ask-input', HTMLInputElement);
  setText(byId('ask-title', HTMLHeadingElement), title);
  setText(byId('ask-text', HTMLParagraphElement), text);
  setText(byId('ask-yes', HTMLButtonElement), yes);
  byId('ask-field', HTMLDivElement).hidden = field === undefined;
  setText(byId('ask-label', HTMLLabelElement), field?.label ?? '');
  input.value = field?.value ?? '';
  input.required = field !== undefined;
  return new Promise((resolve) => {
    const over = new AbortController();
    const { signal } = over;
    let answer: string | undefined;
    const done = (): void => {
      answer = input.value.trim();
      dialog.close();
    };
    const closed = (): void => {
      over.abort();
      resolve(answer);
    };
    onSubmit(byId('ask-form', HTMLFormElement), done, { signal });
    dialog.addEventListener('close', closed, { signal });
    openDialog(dialog);
    if (field) input.select();
  });
}

function isBeside(dialog: HTMLDialogElement, { clientX, clientY }: MouseEvent): boolean {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}
