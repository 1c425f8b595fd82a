/** Colours by the names that Grafana gives them, as far as the dashboards use them. */
const named: Readonly<Record<string, string>> = {
  green: '#2f8f46',
  blue: '#2a5db0',
  yellow: '#e3b505',
  orange: '#e8710a',
  red: '#c4162a',
  purple: '#7d3fb2',
}

/** Twelve series that can be told apart, on white, also by most of those who see red and green alike. */
const series = [
  '#2a5db0',
  '#e8710a',
  '#2f8f46',
  '#c4162a',
  '#7d3fb2',
  '#0e8a98',
  '#b5835a',
  '#d1569b',
  '#8a9a10',
  '#59636e',
  '#66a3e0',
  '#a3262a',
]

export function colourNamed(name: string): string {
  return named[name] ?? '#59636e'
}

export function colourOfSeries(index: number): string {
  return series[index % series.length] ?? '#59636e'
}

/** What can be read on a colour. */
export function inkOn(name: string): string {
  return name === 'yellow' ? '#1c2128' : '#ffffff'
}
