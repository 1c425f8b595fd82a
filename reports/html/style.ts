/**
 * The only stylesheet. It uses the fonts of the system and no picture. On a phone, a shadow at the edge of a
 * table shows that it continues.
 */
export const style = `
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--ink:#1c2128;--muted:#59636e;--rule:#dde1e6;
--faint:#eef0f2;--series:#2a5db0;--fail:#b42318;--pass:#18794e;--warn:#8f5b00;--fail-soft:#fdeceb;
--pass-soft:#e9f6ef;--warn-soft:#fcf3e0;--shade:rgb(0 0 0/.22);--same:#dfe3e8;
--more-1:#f9dcd8;--more-2:#f2b0a6;--more-3:#ea8577;--less-1:#d9e7fa;--less-2:#a9c9f2;--less-3:#79a9e8}
@media (prefers-color-scheme:dark){:root{--page:#13161a;--card:#1a1e23;--ink:#e7eaee;--muted:#9aa5b1;
--rule:#2d343c;--faint:#22272e;--series:#82b1ff;--fail:#ff8a80;--pass:#6cd29a;--warn:#f2bd60;
--fail-soft:#331b1b;--pass-soft:#14291f;--warn-soft:#2f2614;--shade:rgb(255 255 255/.2);--same:#2b3138;
--more-1:#3d2624;--more-2:#602f2a;--more-3:#8a3a32;--less-1:#202e42;--less-2:#274263;--less-3:#2f5a91}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main,header.top,footer{max-width:1080px;margin:0 auto;padding:0 24px}
header.top{display:flex;justify-content:space-between;gap:8px 24px;flex-wrap:wrap;padding-top:24px;
color:var(--muted);font-size:13px}
header.top b{color:var(--ink);letter-spacing:.02em}
h1,h2,h3,h4,p,ul,figure{margin:0}
h2{font-size:21px;line-height:1.3;font-weight:650;letter-spacing:-.01em}
h3{font-size:15px;font-weight:650}
h4{font-size:13px;font-weight:600}
section{margin-top:44px}
section>h2+*,section>h3+*{margin-top:12px}section>ul+h3{margin-top:20px}
.quiet{color:var(--muted)}
.small{font-size:13px}
code{unicode-bidi:isolate;
font:.92em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.verdict{margin-top:16px;padding:26px 28px 24px;border:1px solid var(--rule);
border-left:6px solid var(--tone);border-radius:6px;background:var(--card)}
.verdict h1{font-size:21px;line-height:1.35;font-weight:600;letter-spacing:-.01em}
.verdict h1 strong{display:block;color:var(--tone);font-size:40px;line-height:1.1;letter-spacing:-.02em;
font-weight:750;margin-bottom:8px}
.verdict h1+p{margin-top:4px}
dl.why{margin-top:18px;padding-top:16px;border-top:1px solid var(--rule);
grid-template-columns:max-content minmax(0,1fr);gap:8px 20px;font-size:15px}
a{color:var(--series);text-underline-offset:2px}
a:focus-visible{outline:2px solid var(--series);outline-offset:2px;border-radius:2px}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:6px 22px;margin-top:18px;padding:0 2px;font-size:14px}
.head+.callout,.callout+.callout{margin-top:14px}
.callout{padding:12px 16px;border-left:4px solid var(--warn);border-radius:4px;background:var(--warn-soft)}
.run>h3{margin-top:34px;font-size:17px}
.run>h3+*{margin-top:10px}
.run{padding-top:30px;border-top:1px solid var(--rule)}
.tone-pass{--tone:var(--pass);--soft:var(--pass-soft)}.tone-fail{--tone:var(--fail);--soft:var(--fail-soft)}
.tone-warn{--tone:var(--warn);--soft:var(--warn-soft)}.tone-none{--tone:var(--muted);--soft:var(--faint)}
.tag{display:inline-block;padding:1px 8px;border-radius:4px;background:var(--soft);color:var(--tone);
font-size:12px;line-height:1.6;font-weight:650;white-space:nowrap}
ul.rows{list-style:none;padding:0;margin-top:14px;border-top:1px solid var(--rule)}
ul.rows li{display:grid;grid-template-columns:118px minmax(0,1fr);gap:2px 12px;padding:9px 0;
border-bottom:1px solid var(--rule);align-items:baseline}
ul.rows li:last-child{border-bottom:0}
ul.rows .tag{justify-self:start}
ul.rows .what{font-weight:600}
ul.rows .where{grid-column:2;color:var(--muted);font-size:13px}
ul.plain{padding-left:18px}
ul.plain li{margin-top:4px}
.head{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:baseline}
.head h2{margin-right:2px}
.scroll{overflow-x:auto;margin-top:12px;border:1px solid var(--rule);border-radius:6px;background:var(--card)}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--series);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:7px 12px;text-align:left;border-top:1px solid var(--faint);vertical-align:baseline}
thead th{border-top:0;border-bottom:1px solid var(--rule);color:var(--muted);font-size:12px;font-weight:550;
white-space:nowrap}
tbody th{font-weight:500;min-width:132px}
.budgets tbody th{white-space:nowrap;min-width:0}
td.n,th.n{text-align:right;white-space:nowrap}
tr.total th,tr.total td{border-top:1px solid var(--rule);font-weight:650}
td.high,b.high{color:var(--warn);font-weight:650}.under{margin-top:6px}
td.bad{color:var(--fail);font-weight:650}
.strong{font-weight:650}.small.over,.over{color:var(--fail)}
td.bar{width:34%;min-width:170px}
td.bar svg{display:inline-block;vertical-align:middle;width:calc(100% - 78px);height:9px}
td .pct{display:inline-block;width:70px;text-align:right;white-space:nowrap;font-size:13px;color:var(--muted)}
td.bar.tone-fail .pct{color:var(--fail);font-weight:650}
.narrow-label{display:none}.whole{white-space:nowrap}
figure{margin-top:22px}
.run>h3+figure{margin-top:4px}
.key{white-space:nowrap}.key:before{content:"";display:inline-block;width:18px;height:0;margin-right:6px;
vertical-align:middle;border-top:2px solid var(--series)}
.p50-key:before{border-top:1.5px solid var(--muted)}.p99-key:before{border-top:2px dotted var(--series)}
.budget-key:before{border-top:1.5px dashed var(--warn)}
.error-key:before{height:9px;width:12px;border:0;background:var(--fail);opacity:.85}
dl.figures{display:flex;flex-wrap:wrap;gap:8px 26px;margin-top:10px}
dl.figures dt{font-size:12px}dl.figures dd{font-size:15px;font-weight:600}
.unit{color:var(--muted);font-size:12px;font-weight:400}
.lead{margin-top:20px}
figcaption{margin-bottom:6px}
figcaption .small{display:block;color:var(--muted);font-weight:400}
svg.chart{display:block;width:100%;height:auto}
.narrow-only{display:none}
svg text{fill:var(--muted);font-size:12px;font-family:inherit;stroke:var(--page);stroke-width:3px;
stroke-linejoin:round;paint-order:stroke}
svg .axis{stroke:var(--rule);fill:none}
svg .grid{stroke:var(--faint);fill:none}
svg .series{stroke:var(--series);fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
svg .series.p50{stroke:var(--muted);stroke-width:1.5}svg .series.p99{stroke-width:1.5;stroke-dasharray:2 4}
svg .series.base{stroke:var(--muted);stroke-dasharray:6 4}svg .hover{fill:transparent}
svg .pair{stroke:var(--rule)}svg .zero{fill:var(--ink)}svg .margin{fill:var(--warn)}
.base-key:before{border-top:2px dashed var(--muted)}
td.effect svg{height:18px;width:calc(100% - 148px)}td.effect .pct{width:140px}td.bar.effect{min-width:280px}
svg.flame text{fill:var(--ink);stroke:none}svg.flame .same{fill:var(--same)}
svg.flame .more-1{fill:var(--more-1)}svg.flame .more-2{fill:var(--more-2)}
svg.flame .more-3{fill:var(--more-3)}svg.flame .less-1{fill:var(--less-1)}
svg.flame .less-2{fill:var(--less-2)}svg.flame .less-3{fill:var(--less-3)}
.more-key:before,.less-key:before{height:9px;width:12px;border:0;background:var(--more-3)}
.less-key:before{background:var(--less-3)}
svg .band{fill:var(--muted);opacity:.22}
.band-key:before{height:9px;width:12px;border:0;background:var(--muted);opacity:.35}
svg .area{fill:var(--series);opacity:.1}
svg .budget{stroke:var(--warn);stroke-dasharray:5 4;fill:none;stroke-width:1.4}
svg .budget-end{stroke:var(--warn);stroke-width:2}
svg .bad-area{fill:var(--fail);opacity:.85}
svg .sample{fill:var(--muted);opacity:.6}
svg .drift{stroke:var(--warn);stroke-width:3;stroke-linecap:round;fill:none}
.level-key:before{border-top:2px solid var(--series)}.drift-key:before{border-top:3px solid var(--warn)}
.event-key:before{border-top:2px dotted var(--fail)}
svg .event{stroke:var(--fail);stroke-dasharray:2 3;fill:none;stroke-width:1.4}
svg .dot{fill:var(--page);stroke:var(--series);stroke-width:2}
svg .dot.base{stroke:var(--muted)}svg .dot.over{stroke:var(--fail);fill:var(--fail)}
svg text.strong{fill:var(--ink);font-weight:650}
svg text.over{fill:var(--fail);font-weight:650}
svg text.budget-label{fill:var(--warn)}
svg text.axis-title{font-size:11.5px}
svg .track{fill:var(--faint)}svg .use{fill:var(--tone)}svg .limit{fill:var(--ink)}
.multiples{display:grid;grid-template-columns:repeat(auto-fill,minmax(236px,1fr));gap:20px 22px;
margin-top:14px}
.multiples figure{margin:0;break-inside:avoid}.multiples svg{max-width:320px}
.multiples svg text{font-size:10.5px}
.multiples h4{overflow:hidden;text-overflow:ellipsis;display:-webkit-box;-webkit-line-clamp:2;
-webkit-box-orient:vertical}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(268px,1fr));gap:26px 36px;margin-top:14px}
dl{margin:8px 0 0;display:grid;grid-template-columns:fit-content(11em) minmax(0,1fr);gap:4px 12px;
font-size:13.5px}
dt{color:var(--muted)}dd{margin:0}
details{margin-top:14px}
summary{cursor:pointer;font-size:14px}
.probe .what{margin-top:8px}
.reading{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:18px 32px;font-size:14px}
.reading p{color:var(--muted)}.reading b{color:var(--ink)}
footer{margin-top:48px;padding-top:18px;padding-bottom:40px;color:var(--muted);font-size:13px}
footer:before{content:"";display:block;border-top:1px solid var(--rule);margin-bottom:18px}
footer h2{font-size:15px;color:var(--ink)}footer .facts{margin-top:4px}footer>p{margin-top:16px}
@media (max-width:640px){
main,header.top,footer{padding-left:16px;padding-right:16px}
section{margin-top:36px}
.verdict{padding:20px 18px 18px}
.verdict h1 strong{font-size:32px}
ul.rows li{grid-template-columns:minmax(0,1fr)}ul.rows li:last-child{border-bottom:0}
ul.rows .tag{justify-self:start}ul.rows .where{grid-column:1}
.scroll[tabindex]{
background:linear-gradient(90deg,var(--card) 30%,transparent) 0 0/32px 100% no-repeat local,
linear-gradient(270deg,var(--card) 30%,transparent) 100% 0/32px 100% no-repeat local,linear-gradient(270deg,
var(--shade),transparent) 100% 0/14px 100% no-repeat,var(--card)}
.wide-only{display:none}.narrow-only{display:block}.narrow-label{display:inline;color:var(--muted)}
.verdict h1{font-size:18px}dl.why{grid-template-columns:minmax(0,1fr);gap:2px}dl.why dd+dt{margin-top:10px}
th,td{padding:6px 9px}
.steps thead{display:none}
.steps tbody,.steps tr,.steps td,.steps tbody th{display:block}
.steps tr{padding:10px 12px;border-top:1px solid var(--rule);display:grid;
grid-template-columns:repeat(3,minmax(0,1fr));gap:2px 12px}
.steps tr:first-child{border-top:0}.steps tbody th{grid-column:1/-1;font-weight:650}
.steps td,.steps tbody th,.steps tr.total td,.steps tr.total th{border:0;
padding:0;min-width:0;text-align:left}
.steps td.n{white-space:normal}
table.stack,.stack tbody,.stack tr,.stack td,.stack tbody th{display:block}
.stack thead{display:none}
.stack tr{padding:10px 12px;border-top:1px solid var(--rule);display:flex;flex-wrap:wrap;gap:2px 12px;
align-items:baseline}
.stack tr:first-child{border-top:0}
.stack td,.stack tbody th{border:0;padding:0;text-align:left;min-width:0}
.stack td.full{flex-basis:100%;width:100%}
.stack td:empty{display:none}
.stack tbody th{flex-basis:auto;width:auto;font-weight:650}
.stack tr{gap:2px 14px}
dl{grid-template-columns:fit-content(9.5em) minmax(0,1fr)}
}
@media print{
:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--muted:#444;--rule:#bbb;--faint:#e8e8e8;
--series:#2a5db0;--fail:#b42318;--pass:#18794e;--warn:#8f5b00;--fail-soft:#fff;--pass-soft:#fff;
--warn-soft:#fff;--same:#dfe3e8;--more-1:#f9dcd8;--more-2:#f2b0a6;--more-3:#ea8577;--less-1:#d9e7fa;
--less-2:#a9c9f2;--less-3:#79a9e8}
body{font-size:10.5pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}
main,header.top,footer{max-width:none;padding-left:0;padding-right:0}
.scroll{overflow:visible}table{font-size:9.5pt}th,td{padding:3pt 5pt}tbody th{min-width:0}td.n,th.n,thead th{
white-space:normal}td.bar{min-width:100pt}details::details-content{content-visibility:visible;block-size:auto;
opacity:1}figure,tr,li{break-inside:avoid}h2,h3{break-after:avoid}
}
`
