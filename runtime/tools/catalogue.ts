/** A program that vigil runs but does not contain, and the ways in which it can be had. */
export interface Tool {
  name: string
  /** Names under which it lies on a PATH. */
  programs: readonly string[]
  /** Variable that names it outright. */
  variable: string
  /** Arguments that make it print its version, and where the version stands in what it prints. */
  versionArgs: readonly string[]
  versionPattern: RegExp
  release?: Release
  goModule?: GoModule
  debianPackage?: DebianPackage
  /** What a person can do when nothing of this works. */
  advice: string
}

/**
 * A released archive. It is only downloaded when its SHA-256 is known: pinned here, or given by the user in `hashVariable`.
 * A hash fetched from where the archive lies proves nothing, so none is.
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

/** Built by `go install`, whose own checksum database vouches for the source. */
export interface GoModule {
  module: string
  version: string
  program: string
}

/** Unpacked from Debian's archive, whose signatures apt checks; no root needed. */
export interface DebianPackage {
  name: string
  /** The program's path inside the package. */
  path: string
}

const k6Version = '1.8.1'

const k6 = {
  name: 'k6',
  programs: ['k6'],
  variable: 'VIGIL_K6',
  versionArgs: ['version'],
  // It calls itself by the name of its file.
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

export const catalogue = {
  k6,
  prometheus: ofDebian('prometheus', 'Prometheus', ['prometheus'], 'prometheus'),
  promtool: ofDebian('promtool', 'promtool', ['promtool'], 'prometheus'),
  alertmanager: ofDebian(
    'alertmanager',
    'Alertmanager',
    ['alertmanager', 'prometheus-alertmanager'],
    'prometheus-alertmanager',
  ),
  amtool: ofDebian('amtool', 'amtool', ['amtool'], 'prometheus-alertmanager'),
  pushgateway: ofDebian(
    'pushgateway',
    'the Pushgateway',
    ['pushgateway', 'prometheus-pushgateway'],
    'prometheus-pushgateway',
  ),
  node_exporter: ofDebian(
    'node_exporter',
    'the node exporter',
    ['node_exporter', 'prometheus-node-exporter'],
    'prometheus-node-exporter',
  ),
  postgres_exporter: ofDebian(
    'postgres_exporter',
    'the PostgreSQL exporter',
    ['postgres_exporter', 'prometheus-postgres-exporter'],
    'prometheus-postgres-exporter',
  ),
  'process-exporter': ofDebian(
    'process-exporter',
    'the process exporter',
    ['process-exporter', 'prometheus-process-exporter'],
    'prometheus-process-exporter',
  ),
  blackbox_exporter: ofDebian(
    'blackbox_exporter',
    'the blackbox exporter',
    ['blackbox_exporter', 'prometheus-blackbox-exporter'],
    'prometheus-blackbox-exporter',
  ),
} as const satisfies Record<string, Tool>

export type ToolName = keyof typeof catalogue

/**
 * A program of the Prometheus family as Debian packs it.
 *
 * @param name as it calls itself in its version
 * @param programs its names on a PATH; the last one is Debian's
 */
function ofDebian(
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
