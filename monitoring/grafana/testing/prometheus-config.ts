import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'

/**
 * Seconds between two scrapes: a test has no hours. Also the time limit of one, which a busy machine needs.
 */
export const scrapeSeconds = 2

// Not those about the monitoring itself: half of what they watch is not here.
const ruleFiles = ['alert_rules.yml', 'recording_rules.yml'].map((name) =>
  fileURLToPath(new URL(`../../prometheus/${name}`, import.meta.url)),
)

/**
 * A configuration with the jobs of production under their own names, each with one target on this machine;
 * with the
 * rules of production where a picture is to show alerts.
 */
export function prometheusConfig(
  folder: string,
  ports: Readonly<Record<string, number>>,
  rules: boolean,
): string {
  const file = join(folder, 'prometheus.yml')
  const every = `${scrapeSeconds}s`
  const jobs = Object.entries(ports).map(([job, port]) => ({
    job_name: job,
    // What is pushed brings its labels along.
    ...(job === 'pushgateway' && { honor_labels: true }),
    static_configs: [{ targets: [`127.0.0.1:${port}`] }],
  }))
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    file,
    stringify({
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
      ...(rules && { rule_files: ruleFiles }),
      scrape_configs: jobs,
    }),
  )
  return file
}
