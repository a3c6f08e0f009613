/** Colours by name, light and dark. */
export const COLOURS = `:root{color-scheme:light dark;--ink:#1c2128;--soft:#5a6472;--line:#e1e5ea;--paper:#fff;--panel:#f6f8fa;--accent:#0b63bd;--base:#8a94a3;--good:#1a7446;--bad:#b3352b}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e7eaee;--soft:#9aa5b3;--line:#2f3741;--paper:#14181d;--panel:#1b2027;--accent:#6cb2ff;--base:#8490a0;--good:#5cc98f;--bad:#f08a80}}`;

/** What plots are drawn with. */
export const MARKS = `svg text{font-size:13px;fill:var(--ink)}svg .small{font-size:11px}svg .tick{font-size:11px;fill:var(--soft)}svg .value{fill:var(--soft)}
svg text.trained{font-weight:600;fill:var(--accent)}
.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}.reference{stroke:var(--soft);stroke-dasharray:4 3}
.range{stroke-width:2.5;stroke-linecap:round}.range.trained{stroke:var(--accent)}.range.baseline{stroke:var(--base)}
.dot{stroke:var(--paper);stroke-width:1}.dot.trained{fill:var(--accent)}.dot.baseline{fill:var(--base)}
.bar.trained{fill:var(--accent);opacity:.85}.bar.baseline{fill:var(--base);opacity:.5}.whisker{stroke:var(--ink);stroke-width:1.2;opacity:.75}`;

/** The report's stylesheet: light and dark by the reader's preference, light on paper, no external fonts. */
export const STYLE = `
${COLOURS}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1000px;margin:0 auto;padding:40px 28px 80px}
h1{font-size:30px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:21px;line-height:1.3;margin:56px 0 4px}
h3{font-size:15px;margin:24px 0 8px;overflow-wrap:anywhere}h3 .soft{font-weight:400}
p{max-width:76ch;margin:6px 0}.soft{color:var(--soft)}figure{margin:14px 0 0;overflow-x:auto}
.headline{margin:24px 0 0;padding:18px 22px 20px;background:var(--panel);border-left:4px solid var(--accent);border-radius:4px;overflow-wrap:anywhere}
.headline p{max-width:none;margin:14px 0 0}.headline .lead{font-size:20px;line-height:1.4;margin:0}
.warning{max-width:none;margin:24px 0 0;padding:12px 22px;border-left:4px solid var(--bad);border-radius:4px;background:var(--panel)}.warning strong{color:var(--bad)}
.misses{list-style:none;margin:8px 0 0;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:3px 32px;font-size:15px}
.misses li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:0 12px;border-bottom:1px solid var(--line);padding:2px 0}.misses em{grid-column:1/-1;color:var(--bad)}
.grid-2{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:30px 32px;margin-top:18px;align-items:start}
.cell h3{margin:0 0 8px}.cell summary h3{display:inline}details.cell{border:0;padding:0}
svg{width:100%;height:auto;display:block}figure svg{min-width:720px}
${MARKS}
.curve{fill:none;stroke:var(--accent);stroke-width:2;stroke-linejoin:round}.curve.faint{stroke-width:1;opacity:.3}.curve.thin{stroke-width:1}
.share{stroke:var(--paper);stroke-width:.75}
.m0{fill:#4e79a7}.m1{fill:#f28e2b}.m2{fill:#59a14f}.m3{fill:#b07aa1}.m4{fill:#e15759}.m5{fill:#76b7b2}.m6{fill:#d9b82f}.m7{fill:#ff9da7}.m8{fill:#9c755f}.m9{fill:#a8a29f}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:14px 24px;margin:18px 0 4px}.tile{display:flex;flex-direction:column-reverse;justify-content:flex-end}.tile dt{font-size:14px;line-height:1.35}.tile dd{margin:0;display:contents}.tile b{order:1;font-size:30px;line-height:1.15;font-weight:650}.tile dd span{order:-1;font-size:13px}
nav ul{list-style:none;margin:20px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:4px 18px;font-size:14px}a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}section{scroll-margin-top:16px}
.numbers{border:0;padding:6px 0 0}.numbers summary{color:var(--soft);font-size:13px}.numbers .scroll{margin:4px 0 10px;max-height:420px;overflow:auto}
.hull{fill:none;stroke:var(--ink);stroke-width:1.4;stroke-dasharray:5 4;opacity:.7}.hull-mark{fill:var(--base)}
.cost-curve{fill:none;stroke-width:1.8;stroke-linejoin:round}.s0{stroke:#4e79a7;stroke-width:3}.s1{stroke:#f28e2b}.s2{stroke:#59a14f}.s3{stroke:#b07aa1}.s4{stroke:#e15759}.s5{stroke:#76b7b2}.s6{stroke:#d9b82f}.s7{stroke:#ff9da7}.s8{stroke:#9c755f}.s9{stroke:#a8a29f}.whisker.s0{stroke-width:1.2}
.confusion th[scope=col]{white-space:normal;overflow-wrap:anywhere;min-width:84px;max-width:130px;vertical-align:bottom}.confusion td{text-align:center}.confusion td .soft{display:block;font-size:11px}.confusion td:last-child{text-align:right}
.right.shade1{background:#1a744614}.right.shade2{background:#1a744630}.right.shade3{background:#1a74464d}.right.shade4{background:#1a74466b}.right.shade5{background:#1a744688}
.wrong.shade1{background:#b3352b0c}.wrong.shade2{background:#b3352b28}.wrong.shade3{background:#b3352b44}.wrong.shade4{background:#b3352b60}.wrong.shade5{background:#b3352b7c}
.legend{display:flex;flex-wrap:wrap;gap:6px 20px;font-size:14px;margin:12px 0 0;padding:0;list-style:none;overflow-wrap:anywhere}.legend svg{width:12px;height:12px;display:inline-block;margin-right:7px;vertical-align:-1px}
.scroll{overflow-x:auto;margin-top:10px}table{border-collapse:collapse;font-size:13.5px}.scroll table{width:100%}
th,td{padding:5px 8px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th{font-weight:400}
thead th{color:var(--soft);font-weight:600;white-space:normal;vertical-align:bottom}th:first-child{text-align:left;padding-left:0}td:last-child,th:last-child{padding-right:0}
tr.trained th{color:var(--accent);font-weight:600}.normalised{display:inline-block;min-width:4.6ch}
th button{all:unset;cursor:pointer}th button:hover{color:var(--ink)}th button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
th[aria-sort=descending] button::after{content:" ↓"}th[aria-sort=ascending] button::after{content:" ↑"}
.good{color:var(--good)}.bad{color:var(--bad)}
#filters:not([hidden]){display:flex;flex-wrap:wrap;align-items:center;gap:8px 10px;margin:10px 0}#filters>*{font:inherit;font-size:14px;color:inherit}#filters input,#filters select{padding:7px 9px;background:var(--panel);border:1px solid var(--line);border-radius:6px;min-width:0;max-width:100%}#filters input{flex:1 1 240px;max-width:360px}
#decisions{max-height:660px;overflow-y:auto;border-top:1px solid var(--line)}
details{border-bottom:1px solid var(--line);padding:7px 0}summary{cursor:pointer;font-size:14px}
#decisions summary{display:grid;grid-template-columns:9px 96px minmax(0,1.35fr) minmax(0,1fr);gap:0 12px}#decisions summary::before{content:"+";color:var(--soft)}#decisions details[open] summary::before{content:"−"}#decisions summary>*{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
#decisions details[open] summary>*{white-space:normal;overflow-wrap:anywhere}.tag{color:var(--soft)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px;line-height:1.45;background:var(--panel);padding:12px;border-radius:6px;margin:8px 0}.scores{margin:0 0 8px}
#what-these-figures-say-and-do-not-say ul{margin:0;padding-left:20px;font-size:15px}section li{margin:5px 0}.legend li,nav li,.misses li{margin:0}
footer ul{padding-left:20px;color:var(--soft);font-size:14.5px;max-width:90ch}footer li{margin:5px 0}
@media(max-width:640px){figure svg{min-width:780px}figure::after{content:"Scroll sideways to see all of it";position:sticky;left:0;font-size:12px;color:var(--soft)}main{padding:24px 16px 60px}#decisions summary{grid-template-columns:9px minmax(0,1fr)}#decisions summary>*{grid-column:2}}
@media print{figure::after{content:none!important}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}main{max-width:none;padding:0}h2,h3,section>p,.legend{break-after:avoid}figure,.cell,.headline,tr{break-inside:avoid}#filters:not([hidden]),nav,.numbers,#decisions details:nth-child(n+31){display:none}#decisions{max-height:none;overflow:visible}.scroll{overflow:visible}figure svg{min-width:0}}
`;
