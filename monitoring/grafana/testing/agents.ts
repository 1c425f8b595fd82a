import { Agent } from 'undici'

/** HTTP agents by their local address. */
export class Agents {
  readonly #agents = new Map<string, Agent>()

  forAddress(localAddress: string): Agent {
    const agent = this.#agents.get(localAddress) ?? new Agent({ localAddress })
    this.#agents.set(localAddress, agent)
    return agent
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map(async (agent) => agent.close()))
  }
}
