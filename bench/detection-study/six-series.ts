import type { KeptRun } from '../../record/history/index.ts'

/*
 * Six series of 240 runs for pictures of what `vigil history` finds, as a file that it imports:
 * node bench/detection-study/six-series.ts > six.jsonl && vigil history --import six.jsonl --out six
 * vigil history --out six --html six.html
 */

const runs = 240
const dayMs = 86_400_000
const levels: Record<string, (run: number) => number> = {
  '1-steady': () => 1,
  '2-step': (run) => (run < 150 ? 1 : 1.25),
  '3-two-steps': (run) => (run < 80 ? 1 : run < 160 ? 1.4 : 0.9),
  '4-drift': (run) => 1 + (0.5 * run) / runs,
  '5-drift-and-step': (run) => (run < 90 ? 1 : 1 + (0.4 * (run - 90)) / 150) * (run < 180 ? 1 : 1.3),
  '6-season': (run) => 1 + 0.25 * Math.sin((2 * Math.PI * run) / 12),
}

/** Numbers that look random, the same each time (a linear congruential generator). */
function createRandom(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
}

for (const [number, [suite, level]] of Object.entries(levels).entries()) {
  const random = createRandom(42 + number)
  let noise = 0
  for (let run = 0; run < runs; run += 1) {
    // Runs near each other are alike, and one in 50 falls out of line.
    noise = 0.3 * noise + 0.04 * (random() + random() + random() - 1.5)
    const meanMs = 20 * level(run) * Math.exp(noise) * (random() < 0.02 ? 1.8 : 1)
    const [requests, errors] = [600, 0]
    const latency = {
      meanMs,
      p50Ms: 0.9 * meanMs,
      p90Ms: 1.8 * meanMs,
      p95Ms: 2.2 * meanMs,
      p99Ms: 3 * meanMs,
      maxMs: 5 * meanMs,
    }
    const startedAt = new Date(Date.UTC(2026, 0, 1) + run * dayMs).toISOString()
    const entry: KeptRun = {
      id: `${suite}-${String(run).padStart(3, '0')}`,
      suite,
      engine: 'k6',
      environment: 'simulated',
      target: 'http://example.test',
      load: '20 journeys/s',
      startedAt,
      durationMs: 30_000,
      state: 'valid',
      verdict: 'pass',
      revision: null,
      requests,
      errors,
      errorRate: 0,
      throughputRps: 20,
      latency,
      steps: { 'home/get': { requests, errors, ...latency } },
    }
    process.stdout.write(`${JSON.stringify(entry)}\n`)
  }
}
