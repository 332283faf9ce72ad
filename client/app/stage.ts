import { byId, setIcon } from './dom.js';
import { showError } from './errors.js';

/** After so long without a movement the controls go out of the picture's way. */
const IDLE_MS = 3_000;

/** The place of the picture: its controls that hide while it plays, full screen with the panel, picture in picture. */
export class Stage {
  readonly #video: HTMLVideoElement;
  readonly #signal: AbortSignal;
  readonly #view = byId('watch', HTMLElement);
  readonly #stage = byId('stage', HTMLElement);
  readonly #controls = byId('controls', HTMLDivElement);
  readonly #captions = byId('captions', HTMLDivElement);
  readonly #panel = byId('panel-button', HTMLButtonElement);
  readonly #fullscreen = byId('fullscreen-button', HTMLButtonElement);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(video: HTMLVideoElement, signal: AbortSignal) {
    this.#video = video;
    this.#signal = signal;
    for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin'] as const) {
      this.#stage.addEventListener(type, () => this.#wake(), { signal });
    }
    for (const type of ['play', 'pause'] as const) video.addEventListener(type, () => this.#wake(), { signal });
    this.#panel.addEventListener('click', () => this.togglePanel(), { signal });
    this.#fullscreen.addEventListener('click', () => this.toggleFullscreen(), { signal });
    document.addEventListener('fullscreenchange', () => this.#show(), { signal });
    this.#preparePictureInPicture();
    signal.addEventListener('abort', () => {
      clearTimeout(this.#timer);
      if (document.fullscreenElement) void document.exitFullscreen();
      if (document.pictureInPictureElement) void document.exitPictureInPicture();
    });
    this.#show();
    this.#wake();
  }

  get panelOpen(): boolean {
    return this.#view.dataset['panel'] === 'open';
  }

  togglePanel(open = !this.panelOpen): void {
    this.#view.dataset['panel'] = open ? 'open' : 'closed';
    this.#show();
  }

  toggleFullscreen(): void {
    if (document.fullscreenElement) return void document.exitFullscreen();
    // An iPhone shows nothing in full screen but its own player.
    const video = this.#video as HTMLVideoElement & { webkitEnterFullscreen?: () => void };
    if (!document.fullscreenEnabled && video.webkitEnterFullscreen) return video.webkitEnterFullscreen();
    const refused = (): void => showError('This browser does not let the page fill the screen.');
    this.#view.requestFullscreen({ navigationUI: 'hide' }).catch(refused);
  }

  #show(): void {
    const full = document.fullscreenElement !== null;
    this.#fullscreen.ariaPressed = String(full);
    this.#fullscreen.title = full ? 'Leave full screen (F)' : 'Full screen (F)';
    setIcon(this.#fullscreen, full ? 'unfull' : 'full');
    this.#panel.ariaPressed = String(this.panelOpen);
    this.#panel.title = this.panelOpen ? 'Hide the side panel' : 'Show the side panel';
  }

  #preparePictureInPicture(): void {
    const button = byId('pip-button', HTMLButtonElement);
    button.hidden = !document.pictureInPictureEnabled;
    button.title = 'Picture in picture';
    const toggle = (): void => {
      if (document.pictureInPictureElement) return void document.exitPictureInPicture();
      this.#video.requestPictureInPicture().catch(() => showError('There is no picture to show in a window yet.'));
    };
    button.addEventListener('click', toggle, { signal: this.#signal });
  }

  #wake(): void {
    this.#stage.removeAttribute('data-idle');
    clearTimeout(this.#timer);
    if (this.#signal.aborted) return;
    this.#timer = setTimeout(() => {
      if (this.#mayHide()) this.#stage.setAttribute('data-idle', '');
      else this.#wake();
    }, IDLE_MS);
  }

  /** Whoever is at the controls by keyboard, or chooses subtitles, keeps them. */
  #mayHide(): boolean {
    return !this.#video.paused && this.#captions.hidden && !this.#controls.matches(':has(:focus-visible)');
  }
}
