// Above the allocator's largest threshold for mapping memory of its own (32 MiB): what is freed goes back to the system.
const blockBytes = 64 * 1024 * 1024
const sliceBytes = 2 * 1024 * 1024

/** Memory that is taken and kept: written to, so that it is resident and not only reserved. */
export class Ballast {
  readonly #blocks: ArrayBuffer[] = []
  #growing = 0

  /** Grows to `bytes` in place of what was held, a slice in each turn of the event loop; less when there is no more. */
  hold(bytes: number): void {
    this.release()
    if (bytes === 0) return
    this.#grow(bytes, this.#growing)
  }

  /** Gives everything back at once: a detached buffer does not wait for the garbage collector. */
  release(): void {
    this.#growing += 1
    for (const block of this.#blocks.splice(0)) block.transfer(0)
  }

  #grow(left: number, growing: number, block?: Uint8Array, from = 0): void {
    if (growing !== this.#growing || left <= 0) return
    const filling = block === undefined || from >= blockBytes ? this.#take() : block
    if (filling === undefined) return
    const start = filling === block ? from : 0
    const end = start + Math.min(sliceBytes, left)
    filling.fill(1, start, end)
    setImmediate(() => this.#grow(left - (end - start), growing, filling, end))
  }

  #take(): Uint8Array | undefined {
    try {
      const block = new ArrayBuffer(blockBytes)
      this.#blocks.push(block)
      return new Uint8Array(block)
    } catch {
      return undefined
    }
  }
}
