import { byId } from './dom.js';

export type TabName = 'chat' | 'people' | 'queue';

const NAMES: readonly TabName[] = ['chat', 'people', 'queue'];

/** The side panel's tabs: one panel at a time, chosen by a click or the arrow keys (the tabs pattern of WAI-ARIA). */
export class Tabs {
  readonly #changed: (name: TabName) => void;
  #current: TabName = 'chat';

  constructor(signal: AbortSignal, changed: (name: TabName) => void) {
    this.#changed = changed;
    for (const name of NAMES) {
      const tab = tabOf(name);
      tab.addEventListener('click', () => this.select(name), { signal });
      tab.addEventListener('keydown', (event) => this.#move(event, name), { signal });
    }
    this.select('chat');
  }

  get current(): TabName {
    return this.#current;
  }

  select(chosen: TabName): void {
    this.#current = chosen;
    for (const name of NAMES) {
      const tab = tabOf(name);
      tab.ariaSelected = String(name === chosen);
      tab.tabIndex = name === chosen ? 0 : -1;
      byId(`panel-${name}`, HTMLElement).hidden = name !== chosen;
    }
    this.#changed(chosen);
  }

  #move(event: KeyboardEvent, from: TabName): void {
    const at = NAMES.indexOf(from);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: NAMES.length - 1 }[event.key];
    const name = to === undefined ? undefined : NAMES.at(to % NAMES.length);
    if (!name) return;
    event.preventDefault();
    this.select(name);
    tabOf(name).focus();
  }
}

function tabOf(name: TabName): HTMLButtonElement {
  return byId(`tab-${name}`, HTMLButtonElement);
}
