import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { localizeAlertmanager, readReceiverNames } from './alertmanager-config.ts'
import type { LocalReceivers } from './alertmanager-config.ts'
import { localizePrometheus } from './prometheus-config.ts'

const production = `# kept
global:
  scrape_interval: 15s
  evaluation_interval: 15s
rule_files: [alert_rules.yml, /etc/prometheus/more.yml]
alerting:
  alertmanagers:
    - static_configs: [{ targets: ['alertmanager:9093'] }]
scrape_configs:
  - job_name: todo-backend
    scrape_interval: 10s # as the seed has it
    metrics_path: /metrics
    authorization: { credentials_file: /run/secrets/metrics_token }
    static_configs: [{ targets: ['backend:8000'], labels: { team: backend } }]
  - job_name: mixed
    static_configs: [{ targets: ['loki:3100', 'backend:8000'] }]
  - job_name: loki
    static_configs: [{ targets: ['loki:3100'] }]
`
const plan = {
  file: 'prometheus.yml',
  folder: '/here',
  addresses: { 'backend:8000': '127.0.0.1:1', 'alertmanager:9093': '127.0.0.1:2' },
  absent: ['loki'],
  secrets: '/secrets',
}

describe("Prometheus' configuration on this machine", () => {
  it('differs from production in addresses and paths alone', () => {
    const local = localizePrometheus(production, plan)
    if (local.state !== 'ok') throw new Error(local.reason)
    const back = local.text
      .replaceAll('127.0.0.1:1', 'backend:8000')
      .replaceAll('127.0.0.1:2', 'alertmanager:9093')
      .replaceAll('/here/more.yml', '/etc/prometheus/more.yml')
      .replaceAll('/here/', '')
      .replaceAll('/secrets/', '/run/secrets/')
    const expected = parse(production) as { scrape_configs: { static_configs: { targets: string[] }[] }[] }
    expected.scrape_configs.pop()
    expected.scrape_configs[1]?.static_configs[0]?.targets.shift()
    expect(parse(back)).toEqual(expected)
    expect(local.text).toMatch(/^# kept\n/)
    expect(local).toMatchObject({
      targets: [
        { job: 'todo-backend', address: '127.0.0.1:1' },
        { job: 'mixed', address: '127.0.0.1:1' },
      ],
      ruleFiles: ['/here/alert_rules.yml', '/here/more.yml'],
      secretFiles: ['/secrets/metrics_token'],
    })
  })

  it('has other intervals when it is asked for them, and no scrape takes longer than its interval', () => {
    const local = localizePrometheus(production, { ...plan, intervals: { scrape: '1s', evaluation: '2s' } })
    expect(local.state === 'ok' && parse(local.text)).toMatchObject({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '2s' },
    })
    expect(
      local.state === 'ok' && (parse(local.text) as { scrape_configs: object[] }).scrape_configs[0],
    ).not.toHaveProperty('scrape_interval')
  })

  it('is invalid with a target that has no counterpart here, and when it is not YAML', () => {
    expect(localizePrometheus(production, { ...plan, absent: [] })).toEqual({
      state: 'invalid',
      reason: 'prometheus.yml: targets: found loki:3100, loki:3100, which have no counterpart here',
    })
    expect(localizePrometheus('a: [', plan)).toMatchObject({
      state: 'invalid',
      reason: expect.stringMatching(/^prometheus\.yml: /),
    })
  })
})

const receivers: LocalReceivers = {
  pagerduty: { url: 'http://127.0.0.1:3/v2/enqueue', keys: { pagerduty_on_call: 'k'.repeat(32) } },
  slack: { urls: { slack_alerts: 'http://127.0.0.1:4/services/x' } },
  sns: { url: 'http://127.0.0.1:5', region: 'eu-central-1' },
  smtp: { address: '127.0.0.1:6', user: 'u', password: 'p' },
  webhook: 'http://127.0.0.1:7/webhook',
}
const notifier = (more: string): string => `global:
  smtp_smarthost: smtp.example.com:587
  smtp_auth_username: anyone
  smtp_auth_password_file: /run/secrets/smtp_password
  smtp_require_tls: true
templates: [templates/*.tmpl]
route: { receiver: all }
receivers:
  - name: all
    pagerduty_configs:
      - &base { routing_key_file: /run/secrets/pagerduty_on_call, severity: critical }
      - <<: *base
        severity: error
    slack_configs: [{ api_url_file: /run/secrets/slack_alerts, channel: '#a' }]
    sns_configs: [{ topic_arn: 'arn:aws:sns:eu-west-1:0:t', sigv4: { region: eu-west-1, role_arn: 'arn:r' } }]
    email_configs: [{ to: a@example.com }]
    webhook_configs: [{ url: 'https://example.com/watchdog' }]
${more}`
const local = (text: string) =>
  localizeAlertmanager(text, {
    file: 'alertmanager.yml',
    templates: '/templates',
    secrets: '/secrets',
    receivers,
  })

describe("Alertmanager's configuration on this machine", () => {
  it('names no one outside, and keeps routes, receivers and templates', () => {
    const result = local(notifier(''))
    if (result.state !== 'ok') throw new Error(result.reason)
    expect(result.text).not.toMatch(/example\.com:587|https:|role_arn|\/run\/secrets/)
    expect(parse(result.text, { merge: true })).toMatchObject({
      global: {
        pagerduty_url: receivers.pagerduty.url,
        smtp_smarthost: '127.0.0.1:6',
        smtp_auth_username: 'u',
        smtp_require_tls: false,
      },
      templates: ['/templates/*.tmpl'],
      route: { receiver: 'all' },
      receivers: [
        {
          name: 'all',
          pagerduty_configs: [
            { severity: 'critical', url: receivers.pagerduty.url },
            {
              severity: 'error',
              url: receivers.pagerduty.url,
              routing_key_file: '/secrets/pagerduty_on_call',
            },
          ],
          sns_configs: [{ api_url: receivers.sns.url, sigv4: { region: 'eu-central-1' } }],
          email_configs: [{ to: 'a@example.com' }],
          webhook_configs: [{ url: receivers.webhook }],
        },
      ],
    })
    expect(result.secretFiles).toEqual([
      { file: '/secrets/smtp_password', text: 'p' },
      { file: '/secrets/pagerduty_on_call', text: 'k'.repeat(32) },
      { file: '/secrets/slack_alerts', text: receivers.slack.urls['slack_alerts'] },
    ])
    expect(readReceiverNames(notifier(''))).toEqual({
      pagerduty: ['pagerduty_on_call'],
      slack: ['slack_alerts'],
    })
  })

  it('is invalid when it would notify real people', () => {
    expect(local(notifier('  - name: more\n    telegram_configs: [{ chat_id: 1 }]\n'))).toEqual({
      state: 'invalid',
      reason: 'alertmanager.yml: receivers: found telegram_configs, which has no local counterpart',
    })
    expect(
      local(notifier("  - name: more\n    slack_configs: [{ api_url: 'https://hooks.slack.com/x' }]\n")),
    ).toMatchObject({
      state: 'invalid',
      reason: expect.stringContaining('slack_configs: api_url, expected api_url_file'),
    })
  })
})
