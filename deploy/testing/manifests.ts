import { expect, it } from 'vitest'

/** A manifest, and the model of Kubernetes that was built from it. */
type Modelled = readonly [manifest: unknown, model: Model]
interface Model {
  validate: () => void
}

/**
 * Tests that each manifest is of its kind and fits the schema of Kubernetes, and that the same check refuses
 * `wrong` with `problem`.
 */
export function testManifests(
  manifests: Readonly<Record<string, Modelled>>,
  wrong: Model,
  problem: RegExp,
): void {
  it.each(Object.entries(manifests))('%s fits the schema of Kubernetes', (kind, [manifest, model]) => {
    expect(manifest).toMatchObject({ kind })
    // The models take any object; validate() is what checks it.
    expect(() => model.validate()).not.toThrow()
  })

  it('a manifest that is wrong is refused by the same check', () => {
    expect(() => wrong.validate()).toThrow(problem)
  })
}
