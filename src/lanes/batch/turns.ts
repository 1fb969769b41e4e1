// Who may call a version with rows of jobs: one block after the other, in the order in which they came.

export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves when everybody who came before has had a turn. What it resolves to ends this one; again does nothing. */
  async take(version: string): Promise<() => void> {
    const before = this.#last.get(version);
    const turn = Promise.withResolvers<void>();
    this.#last.set(version, turn.promise);
    await before;
    return () => {
      turn.resolve();
      if (this.#last.get(version) === turn.promise) this.#last.delete(version);
    };
  }
}
