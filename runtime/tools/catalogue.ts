/** What finding a tool may use of its environment. */
export interface ToolContext {
  /** Also determines the folder of fetched tools: `toolsFolder`. */
  env: NodeJS.ProcessEnv
  /** Called now and then with a line for the user. */
  progress: (text: string) => void
  signal: AbortSignal
}

/** A program that vigil runs but does not contain, and the ways to get it. */
export interface Tool {
  name: string
  /** Its file names on a PATH. */
  programs: readonly string[]
  /** Environment variable with its path. */
  variable: string
  /** Arguments that make it print its version, and the pattern that finds the version in its output. */
  versionArgs: readonly string[]
  versionPattern: RegExp
  release?: Release
  goModule?: GoModule
  goProgram?: GoProgram
  debianPackage?: DebianPackage
  /** What the user can do when none of these ways works. */
  advice: string
}

/**
 * A released archive. It is only downloaded when its SHA-256 is known: pinned here, or given by the user in
 * `hashVariable`. A hash from the server of the archive would prove nothing, so none is fetched.
 */
export interface Release {
  version: string
  baseUrl: string
  /** Path below the base for a platform as Go names it (`linux`, `amd64`). */
  path: (os: string, arch: string) => string
  /** The program's path inside the archive. */
  member: (os: string, arch: string) => string
  hashVariable: string
  /** By `os-arch`. Empty until a hash could be checked against its publisher's. */
  sha256: Readonly<Record<string, string>>
}

/** Built by `go install`, which verifies the source with Go's checksum database. */
export interface GoModule {
  module: string
  version: string
  program: string
}

/**
 * Built from a module that requires it, since `go install` refuses a module with replaced dependencies. Go
 * verifies the sources in the same way.
 */
export interface GoProgram {
  module: string
  version: string
  /** Modules that are replaced by their published version, as the sources of the program name them. */
  replaced?: { modules: readonly string[]; version: string }
  /** Its path as Go imports it, and a package next to it that can be imported: a program cannot. */
  program: string
  imported: string
}

/** Unpacked from Debian's archive, whose signatures apt verifies; needs no root. */
export interface DebianPackage {
  name: string
  /** The program's path inside the package. */
  path: string
  /** The release of Debian that has it, if the machine's own may have an older version. */
  release?: DebianRelease
}

/** A release of Debian other than the machine's: a program from it needs the libraries of that release. */
export interface DebianRelease {
  suite: string
  /** The packages of the libraries, with that of the C library, whose loader starts the program. */
  libraries: readonly string[]
}

const k6Version = '1.8.1'

const k6 = {
  name: 'k6',
  programs: ['k6'],
  variable: 'VIGIL_K6',
  versionArgs: ['version'],
  // It prints the name of its own file.
  versionPattern: /^k6\S* v?(\d+\.\d+\.\d+\S*)/m,
  release: {
    version: k6Version,
    baseUrl: 'https://github.com/grafana/k6/releases/download',
    path: (os: string, arch: string) => `v${k6Version}/k6-v${k6Version}-${os}-${arch}.tar.gz`,
    member: (os: string, arch: string) => `k6-v${k6Version}-${os}-${arch}/k6`,
    hashVariable: 'VIGIL_K6_SHA256',
    sha256: {},
  },
  goModule: { module: 'go.k6.io/k6', version: `v${k6Version}`, program: 'k6' },
  advice:
    'install k6 (https://grafana.com/docs/k6/latest/set-up/install-k6/), or Go, or point VIGIL_K6 to it',
} as const satisfies Tool

/** The tools that vigil's commands use. */
const userTools = {
  k6,
  prometheus: fromDebian('prometheus', 'Prometheus', ['prometheus'], 'prometheus'),
  promtool: fromDebian('promtool', 'promtool', ['promtool'], 'prometheus'),
  alertmanager: fromDebian(
    'alertmanager',
    'Alertmanager',
    ['alertmanager', 'prometheus-alertmanager'],
    'prometheus-alertmanager',
  ),
  amtool: fromDebian('amtool', 'amtool', ['amtool'], 'prometheus-alertmanager'),
  pushgateway: fromDebian(
    'pushgateway',
    'the Pushgateway',
    ['pushgateway', 'prometheus-pushgateway'],
    'prometheus-pushgateway',
  ),
  node_exporter: fromDebian(
    'node_exporter',
    'the node exporter',
    ['node_exporter', 'prometheus-node-exporter'],
    'prometheus-node-exporter',
  ),
  postgres_exporter: fromDebian(
    'postgres_exporter',
    'the PostgreSQL exporter',
    ['postgres_exporter', 'prometheus-postgres-exporter'],
    'prometheus-postgres-exporter',
  ),
  'process-exporter': fromDebian(
    'process-exporter',
    'the process exporter',
    ['process-exporter', 'prometheus-process-exporter'],
    'prometheus-process-exporter',
  ),
} as const satisfies Record<string, Tool>

const kubernetesVersion = '1.34.0'
const stagingModules =
  `api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap
  code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib
  dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy
  kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission sample-apiserver
  sample-cli-plugin sample-controller`.split(/\s+/)

/** A program of Kubernetes: minutes of building, so only nightly tests do. Users have kubectl. */
function ofKubernetes(name: string, versionArgs: readonly string[]): Tool {
  const variable = `VIGIL_${name.toUpperCase().replaceAll('-', '_')}`
  return {
    name,
    programs: [name],
    variable,
    versionArgs,
    versionPattern: /^(?:Kubernetes |Client Version: )v(\d+\.\d+\.\d+\S*)/m,
    goProgram: {
      module: 'k8s.io/kubernetes',
      version: `v${kubernetesVersion}`,
      replaced: {
        modules: stagingModules.map((module) => `k8s.io/${module}`),
        version: kubernetesVersion.replace(/^1/, 'v0'),
      },
      program: `k8s.io/kubernetes/cmd/${name}`,
      imported: 'k8s.io/kubernetes/cmd/kube-apiserver/app',
    },
    advice: `install Go, or point ${variable} to ${name}`,
  }
}

/** A Kubernetes API server without nodes, and what checks manifests. */
const clusterTools = {
  etcd: {
    name: 'etcd',
    programs: ['etcd'],
    variable: 'VIGIL_ETCD',
    versionArgs: ['--version'],
    versionPattern: /^etcd Version: (\d+\.\d+\.\d+\S*)/m,
    goProgram: {
      module: 'go.etcd.io/etcd/server/v3',
      version: 'v3.6.13',
      program: 'go.etcd.io/etcd/server/v3',
      imported: 'go.etcd.io/etcd/server/v3/etcdmain',
    },
    advice: 'install Go, or point VIGIL_ETCD to etcd',
  },
  'kube-apiserver': ofKubernetes('kube-apiserver', ['--version']),
  'kube-controller-manager': ofKubernetes('kube-controller-manager', ['--version']),
  kubectl: ofKubernetes('kubectl', ['version', '--client']),
  kubeconform: {
    name: 'kubeconform',
    programs: ['kubeconform'],
    variable: 'VIGIL_KUBECONFORM',
    versionArgs: ['-v'],
    versionPattern: /^(v\d+\.\d+\.\d+\S*|development)/m,
    goModule: {
      module: 'github.com/yannh/kubeconform/cmd/kubeconform',
      version: 'v0.7.0',
      program: 'kubeconform',
    },
    advice: 'install Go, or point VIGIL_KUBECONFORM to kubeconform',
  },
} as const satisfies Record<string, Tool>

/** In addition, tools that only a benchmark and a test of this repository use. */
export const catalogue = {
  ...userTools,
  ...clusterTools,
  blackbox_exporter: fromDebian(
    'blackbox_exporter',
    'the blackbox exporter',
    ['blackbox_exporter', 'prometheus-blackbox-exporter'],
    'prometheus-blackbox-exporter',
  ),
  actionlint: {
    name: 'actionlint',
    programs: ['actionlint'],
    variable: 'VIGIL_ACTIONLINT',
    versionArgs: ['-version'],
    versionPattern: /^v?(\d+\.\d+\.\d+\S*)/m,
    goModule: {
      module: 'github.com/rhysd/actionlint/cmd/actionlint',
      version: 'v1.7.12',
      program: 'actionlint',
    },
    advice: 'install Go, or point VIGIL_ACTIONLINT to actionlint',
  },
  pgbouncer: {
    name: 'pgbouncer',
    programs: ['pgbouncer'],
    variable: 'VIGIL_PGBOUNCER',
    versionArgs: ['--version'],
    // From 1.21 on, which prepares statements in transaction mode. Debian 12 has 1.18.
    versionPattern: /^PgBouncer (1\.(?:2[1-9]|[3-9]\d)\S*|[2-9]\S*)/m,
    debianPackage: {
      name: 'pgbouncer',
      path: 'usr/sbin/pgbouncer',
      release: {
        suite: 'trixie',
        libraries: ['libc6', 'libcares2', 'libevent-2.1-7t64', 'libpam0g', 'libssl3t64', 'libsystemd0'],
      },
    },
    advice: 'install PgBouncer 1.21 or later (Debian 13: pgbouncer), or point VIGIL_PGBOUNCER to it',
  },
} as const satisfies Record<string, Tool>

export type ToolName = keyof typeof catalogue

/** What the tests of every day use. */
export const toolNames = Object.keys(catalogue).filter(
  (name): name is ToolName => name in catalogue && !(name in clusterTools),
)
/** What the nightly tests of Kubernetes use in addition. */
export const clusterToolNames = Object.keys(clusterTools).filter(
  (name): name is keyof typeof clusterTools => name in clusterTools,
)
/** What `vigil doctor` lists. */
export const userToolNames = toolNames.filter((name) => name in userTools)

/**
 * A program of the Prometheus family, from Debian's package.
 *
 * @param name as it prints it with its version
 * @param programs its names on a PATH; the last one is Debian's
 */
function fromDebian(
  name: string,
  title: string,
  programs: readonly [string, ...string[]],
  debianPackage: string,
): Tool {
  const variable = `VIGIL_${name.toUpperCase().replaceAll('-', '_')}`
  return {
    name,
    programs,
    variable,
    versionArgs: ['--version'],
    // Debian builds the process exporter without a version, but with its revision.
    versionPattern: new RegExp(String.raw`^${name}, version +(?:\(branch: \S+ revision: )?([^\s()]+)`, 'm'),
    debianPackage: { name: debianPackage, path: `usr/bin/${programs.at(-1)}` },
    advice: `install ${title} (Debian: ${debianPackage}), or point ${variable} to it`,
  }
}
