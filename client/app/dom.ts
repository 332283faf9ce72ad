/** The element of that id, which index.html promises to be of that class. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id) as Element | null;
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

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an element of SVG. */
export function makeSvg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number>> = {},
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** One of the pictures that index.html holds. It says nothing by itself: the words beside it do. */
export function icon(name: string): SVGSVGElement {
  const svg = makeSvg('svg', { class: 'icon', 'aria-hidden': 'true' });
  svg.append(makeSvg('use', { href: `#i-${name}` }));
  return svg;
}

/** Changes the picture of a button. */
export function setIcon(element: Element, name: string): void {
  setAttribute(element.querySelector('use'), 'href', `#i-${name}`);
}

/** A button that does something. */
export function button(label: string, run: () => void): HTMLButtonElement {
  const made = make('button', { type: 'button' }, label);
  made.addEventListener('click', run);
  return made;
}

/** A button that shows a picture, and has its name for those who do not see it. */
export function iconButton(name: string, label: string, run: () => void): HTMLButtonElement {
  const made = make('button', { type: 'button', className: 'bare', ariaLabel: label, title: label }, icon(name));
  made.addEventListener('click', run);
  return made;
}

/** Sets a text, and touches the page only when it changes. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute, and touches the page only when it changes. */
export function setAttribute(element: Element | null, name: string, value: string): void {
  if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Runs something when a form is submitted, instead of sending it anywhere. */
export function onSubmit(
  form: HTMLFormElement,
  run: (submitter: HTMLElement | null) => void,
  options: AddEventListenerOptions = {},
): void {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    run(event.submitter);
  };
  form.addEventListener('submit', submit, options);
}

/** Hands on the file that somebody chooses, and forgets it, so that the same one can be chosen again. */
export function onFile(input: HTMLInputElement, run: (file: File) => void, options: AddEventListenerOptions = {}): void {
  const change = (): void => {
    const file = input.files?.[0];
    input.value = '';
    if (file) run(file);
  };
  input.addEventListener('change', change, options);
}
