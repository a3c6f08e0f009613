/** A self-contained HTML page: no requests, readable without scripts, fit for print. */
import { createHash } from "node:crypto";
import { STYLE } from "./style.ts";
import { escapeHtml } from "./svg.ts";

export interface Page {
  readonly title: string;
  readonly subtitle?: string | undefined;
  /** Escaped HTML. */
  readonly body: string;
  /** The page's only script. */
  readonly script?: string;
}

/** The page's own policy lets nothing run or load but its one script and style, known by their hashes. */
export function renderPage({ title, subtitle, body, script }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>${subtitle ? `<p class="soft subtitle">${escapeHtml(subtitle)}</p>` : ""}
${body}
</main>
${script === undefined ? "" : `<script>${script}</script>\n`}</body>
</html>
`;
}

const hash = (content: string): string =>
  `'sha256-${createHash("sha256").update(content, "utf8").digest("base64")}'`;

const policy = (script: string | undefined): string => {
  const scripts = script === undefined ? "" : ` script-src ${hash(script)};`;
  return `default-src 'none';${scripts} style-src ${hash(STYLE)}; base-uri 'none'; form-action 'none'`;
};

/** Links to the sections, from the headings that they begin with. */
export function contents(sections: readonly string[]): string {
  const links = sections.flatMap((part) => {
    const [, id, title] = /^<section id="([a-z0-9-]+)"><h2>([^<]+)<\/h2>/.exec(part) ?? [];
    return id === undefined ? [] : [`<li><a href="#${id}">${title}</a></li>`];
  });
  return `<nav aria-label="Contents"><ul>${links.join("")}</ul></nav>`;
}
