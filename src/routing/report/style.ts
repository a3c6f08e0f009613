/** The report's stylesheet: light and dark by the reader's preference, printable, no external fonts. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1c2128;--soft:#5a6472;--line:#dfe3e8;--paper:#fff;--panel:#f7f8fa;--accent:#0b6bcb;--base:#8a94a3;--good:#1a7f4b;--bad:#b3352b}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaee;--soft:#9aa5b3;--line:#323a45;--paper:#14181d;--panel:#1b2027;--accent:#62adff;--base:#7d8795;--good:#5cc98f;--bad:#f08a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:920px;margin:0 auto;padding:40px 28px 80px}
h1{font-size:30px;line-height:1.2;margin:0 0 4px}h2{font-size:20px;margin:48px 0 6px}h3{font-size:15px;margin:0 0 8px}h3.plot-title{margin:22px 0 0;color:var(--accent)}
p{max-width:68ch}.soft,figcaption{color:var(--soft)}figcaption{font-size:13.5px;margin-top:6px}figure{margin:14px 0 0}
.headline{font-size:19px;line-height:1.45;margin:22px 0 10px;padding:18px 20px;background:var(--panel);border-left:4px solid var(--accent);border-radius:4px;max-width:none}
.headline ul{margin:10px 0 0;padding-left:20px;font-size:16px}
.grid-2{display:grid;grid-template-columns:repeat(auto-fit,minmax(380px,1fr));gap:28px 32px;margin-top:16px}
svg{width:100%;height:auto;display:block;overflow:visible}svg text{font-size:13px;fill:var(--ink)}svg .small{font-size:11.5px}svg .tick{font-size:11px;fill:var(--soft)}svg .value{fill:var(--soft)}
svg .label.trained{font-weight:600;fill:var(--accent)}.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}.reference{stroke:var(--soft);stroke-dasharray:4 3}
.range{stroke-width:2.5}.range.trained{stroke:var(--accent)}.range.baseline{stroke:var(--base)}.dot.trained{fill:var(--accent)}.dot.baseline{fill:var(--base)}
.bar.trained{fill:var(--accent)}.bar.baseline{fill:var(--base);opacity:.55}.whisker{stroke:var(--ink);stroke-width:1.2;opacity:.7}
.curve{fill:none;stroke:var(--accent);stroke-width:2}.curve.faint{stroke-width:1;opacity:.25}
.m0{fill:#4e79a7}.m1{fill:#f28e2b}.m2{fill:#59a14f}.m3{fill:#b07aa1}.m4{fill:#e15759}.m5{fill:#76b7b2}.m6{fill:#edc948}.m7{fill:#ff9da7}.m8{fill:#9c755f}.m9{fill:#bab0ac}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;font-size:13.5px;margin:10px 0 0;padding:0;list-style:none}.legend svg{width:12px;height:12px;display:inline-block;margin-right:6px;vertical-align:-1px}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13.5px;width:100%;margin-top:10px}th,td{padding:5px 9px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:600}th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid var(--accent)}tr.trained td:first-child{color:var(--accent);font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}
input[type=search]{width:100%;max-width:420px;padding:8px 10px;font:inherit;color:inherit;background:var(--panel);border:1px solid var(--line);border-radius:6px}
details{border-bottom:1px solid var(--line);padding:8px 0}summary{cursor:pointer;font-size:14px}summary .tag{display:inline-block;min-width:92px;color:var(--soft)}details pre{white-space:pre-wrap;font-size:13px;background:var(--panel);padding:10px;border-radius:6px}
@media print{main{max-width:none;padding:0}h2{break-after:avoid}figure,.headline{break-inside:avoid}}
`;

/** Sorting of the table and searching of decisions; the page reads well without it. */
export const SCRIPT = `
for(const b of document.querySelectorAll("th button"))b.onclick=()=>{const t=b.closest("table").tBodies[0],c=b.closest("th").cellIndex,d=b.dataset.down=b.dataset.down==="1"?"":"1";const v=r=>r.cells[c].dataset.v??r.cells[c].textContent;[...t.rows].sort((p,q)=>{const x=v(p),y=v(q),n=x-y;return(Number.isNaN(n)?x.localeCompare(y):n)*(d?-1:1)}).forEach(r=>t.append(r))};
const s=document.querySelector("#search");if(s)s.oninput=()=>{const q=s.value.toLowerCase();for(const d of document.querySelectorAll("#decisions details"))d.hidden=!d.textContent.toLowerCase().includes(q)};
`;
