/** Typed listeners: `on` returns how to stop listening. A listener that throws does not keep the others from hearing. */
export declare class Emitter<Events extends object> {
    #private;
    on<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): () => void;
    emit<K extends keyof Events>(event: K, value: Events[K]): void;
}
