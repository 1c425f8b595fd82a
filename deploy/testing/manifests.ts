import { expect, it } from 'vitest'

/** A manifest, and the model of Kubernetes that was built from it. */
type Modelled = readonly [manifest: unknown, model: { validate: () => void }]

/** Tests that each manifest is of its kind, and fits the schema of Kubernetes. */
export function testManifests(manifests: Readonly<Record<string, Modelled>>): void {
  it.each(Object.entries(manifests))('%s fits the schema of Kubernetes', (kind, [manifest, model]) => {
    expect(manifest).toMatchObject({ kind })
    // The models take any object; validate() is what checks it.
    expect(() => model.validate()).not.toThrow()
  })
}
