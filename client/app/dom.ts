/** The element of that id, which index.html promises to be of that class. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

/** Makes an element. Children that are text stay text, whatever they contain. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A button that does something. */
export function button(label: string, run: () => void): HTMLButtonElement {
  const made = make('button', { type: 'button' }, label);
  made.addEventListener('click', run);
  return made;
}

/** Sets a text, and touches the page only when it changes. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Runs something when a form is submitted, instead of sending it anywhere. */
export function onSubmit(form: HTMLFormElement, run: () => void, options: AddEventListenerOptions = {}): void {
  const submit = (event: Event): void => {
    event.preventDefault();
    run();
  };
  form.addEventListener('submit', submit, options);
}
