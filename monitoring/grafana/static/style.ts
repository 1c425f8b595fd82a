import { style as reports } from '../../../reports/html/style.ts'

/** The reports' own stylesheet, and what a grid of panels needs besides. Light, whatever the reader's system prefers: for documents. */
export const style = `${reports.replace(/@media \(prefers-color-scheme:dark\)\{[^}]*\}\}/, '').replace('color-scheme:light dark', 'color-scheme:light')}
main.dashboard,header.dashboard{max-width:1560px;padding:0 20px}
header.dashboard{padding-top:16px;margin:0 auto}
header.dashboard h1{margin:0;font-size:20px}
header.dashboard p{margin:2px 0 0;color:var(--muted);font-size:13px;max-width:150ch}
.rows h2{font-size:14px;margin:14px 0 6px;border-top:1px solid var(--rule);padding-top:8px}
.grid{display:grid;grid-template-columns:repeat(24,1fr);gap:8px}
.panel{border:1px solid var(--rule);border-radius:4px;background:var(--card);padding:6px 10px 8px;overflow:hidden;display:flex;flex-direction:column;min-width:0}
.panel h3{font-size:13px;margin:0 0 2px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.panel svg text{stroke:var(--card);font-size:11.5px}
.panel svg text.on-band{fill:#fff;stroke:none;font-weight:600}
.panel table{font-size:12.5px;line-height:1.35}.panel td,.panel th{padding:3px 8px}
.panel .more{font-size:12px;padding:2px 8px}
.stats{display:flex;gap:6px;flex:1}
.stat{flex:1;border-radius:4px;display:flex;flex-direction:column;align-items:center;justify-content:center;min-width:0}
.stat b{font-size:25px;font-weight:650;white-space:nowrap}.stat.empty b{font-size:17px;color:var(--muted)}
.legend{display:flex;flex-wrap:wrap;gap:0 12px;font-size:11.5px;color:var(--muted);line-height:1.45;max-height:34px;overflow:hidden}
.legend i{display:inline-block;width:12px;height:3px;border-radius:1px;margin-right:5px;vertical-align:middle}
`
