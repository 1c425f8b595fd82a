import { z } from 'zod'

const cpu = z
  .string()
  .regex(/^(\d+(\.\d+)?|\d+m)$/, "expected CPUs as Kubernetes writes them, such as '2' or '500m'")
const memory = z
  .string()
  .regex(/^\d+(Ki|Mi|Gi)$/, "expected bytes as Kubernetes writes them, such as '512Mi' or '2Gi'")
const image = z
  .string()
  .regex(
    /^[a-z0-9][\w./:-]{0,255}@sha256:[0-9a-f]{64}$/,
    'expected an image with its digest, such as grafana/k6@sha256:… with 64 hexadecimal digits: ' +
      'a tag may name another k6 tomorrow',
  )
const name = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
    'expected a name of Kubernetes: lower-case letters, digits, - and .',
  )

/** What `vigil load --kubernetes` runs, and on what. */
export const kubernetes = z
  .strictObject({
    image: image.describe('Image of k6 with its digest; `--image` replaces it.').exactOptional(),
    starterImage: image
      .describe("Image of k6-operator's starter with its digest. Default: k6-operator's own.")
      .exactOptional(),
    cpu: cpu.describe('CPUs that each runner asks for. Default: 1.').exactOptional(),
    memory: memory.describe('Memory of each runner. Default: 1Gi.').exactOptional(),
    nodeSelector: z
      .record(z.string(), z.string())
      .describe('Labels of the nodes for runners.')
      .exactOptional(),
    serviceAccount: name.describe('Service account of the pods.').exactOptional(),
    imagePullSecrets: z.array(name).describe('Secrets for the registry of the image.').exactOptional(),
    initializer: z
      .boolean()
      .describe('Whether k6-operator lets a pod of the image read the script first. Default: no.')
      .exactOptional(),
    startMinutes: z
      .number()
      .positive('expected a positive number')
      .max(120, 'expected at most 120')
      .describe('Minutes that the runners may take to begin. Default: 5.')
      .exactOptional(),
  })
  .describe('What `vigil load --kubernetes` runs, and on what.')
