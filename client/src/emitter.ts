/** Typed listeners: `on` returns how to stop listening. A listener that throws does not keep the others from hearing. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  on<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): () => void {
    let all = this.#listeners.get(event);
    if (!all) this.#listeners.set(event, (all = new Set()));
    const own = (value: Events[K]): void => listener(value);
    all.add(own);
    return () => all.delete(own);
  }

  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])] as ((value: Events[K]) => void)[]) {
      try {
        listener(value);
      } catch (error) {
        // Reported like any uncaught error of the page, outside of the room's own work.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
