/* The parts of Kubernetes' objects that the stand-ins read. */

export interface Metadata {
  name: string
  namespace: string
  uid: string
  labels?: Record<string, string>
  deletionTimestamp?: string
  resourceVersion?: string
}

export interface Container {
  name: string
  image: string
  command: string[]
  env?: {
    name: string
    value?: string
    valueFrom?: {
      fieldRef?: { fieldPath: string }
      secretKeyRef?: { name: string; key: string }
    }
  }[]
  volumeMounts?: { name: string; mountPath: string }[]
}

export interface PodObject {
  metadata: Metadata
  spec: {
    nodeName?: string
    nodeSelector?: Record<string, string>
    containers: [Container]
    volumes?: {
      name: string
      configMap?: { name: string }
      secret?: { secretName: string; items?: { key: string; path: string }[] }
    }[]
  }
  status?: { phase?: string }
}

/** A part of the spec of a TestRun's pods. */
export interface PodSpec {
  disabled?: boolean
  image?: string
  env?: Container['env']
  volumes?: object[]
  volumeMounts?: Container['volumeMounts']
  [field: string]: unknown
}

export interface TestRunObject {
  metadata: Metadata
  spec: {
    parallelism: number
    args?: string[]
    script: { configMap?: { name: string; file: string }; localFile?: string }
    initializer?: PodSpec
    starter?: PodSpec
    runner: PodSpec
  }
  status?: { stage?: string }
}

export interface List<T> {
  items: T[]
}
