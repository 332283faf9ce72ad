/** What a key does while no field has the focus. */
export type KeyAction =
  | 'play'
  | 'back'
  | 'forward'
  | 'farBack'
  | 'farForward'
  | 'louder'
  | 'quieter'
  | 'mute'
  | 'fullscreen'
  | 'captions'
  | 'chat'
  | 'help';

/** What a pressed key is judged by. */
export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  /** Where the focus is: the element's tag in capitals, its input type, and its role. */
  readonly tag: string;
  readonly type?: string;
  readonly role?: string;
}

const ACTIONS: Readonly<Record<string, KeyAction>> = {
  ' ': 'play',
  k: 'play',
  ArrowLeft: 'back',
  ArrowRight: 'forward',
  j: 'farBack',
  l: 'farForward',
  ArrowUp: 'louder',
  ArrowDown: 'quieter',
  m: 'mute',
  f: 'fullscreen',
  s: 'captions',
  c: 'chat',
  '?': 'help',
};

/** The keys as the help lists them. */
export const HELP: readonly (readonly [keys: readonly string[], does: string])[] = [
  [['Space', 'K'], 'Play or pause'],
  [['←', '→'], 'Back or forward by 5 seconds'],
  [['J', 'L'], 'Back or forward by 10 seconds'],
  [['↑', '↓'], 'Louder or quieter'],
  [['M'], 'Sound off or on'],
  [['S'], 'Subtitles'],
  [['F'], 'Full screen'],
  [['C'], 'Write in the chat'],
  [['Esc'], 'Out of the chat, out of full screen'],
  [['?'], 'This help'],
];

/** Whether a key that is held down goes on doing it: only what is one's own, since the rest is told to everybody. */
export function goesOn(action: KeyAction): boolean {
  return action === 'louder' || action === 'quieter';
}

/** What a pressed key does; undefined when it belongs to what has the focus, to the browser, or to nobody. */
export function actionOf({ key, ctrlKey, metaKey, altKey, tag, type, role }: Press): KeyAction | undefined {
  if (ctrlKey || metaKey || altKey) return undefined;
  if (tag === 'TEXTAREA' || tag === 'SELECT') return undefined;
  const arrow = key.startsWith('Arrow');
  if (tag === 'INPUT') {
    // Sliders and switches know arrows and the space bar; all other fields take letters.
    const letters = type === 'range' || type === 'checkbox' || type === 'radio' || type === 'file';
    if (!letters || arrow || key === ' ') return undefined;
  }
  if (key === ' ' && (tag === 'BUTTON' || tag === 'SUMMARY' || tag === 'A')) return undefined;
  if (arrow && (role === 'tab' || role === 'region')) return undefined;
  const name = key.length === 1 ? key.toLowerCase() : key;
  return Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
}
