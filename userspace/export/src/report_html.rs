//! The write-down as one HTML page: no script, nothing loaded, readable on paper and on a telephone.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::report_document::{Block, Document, Kind, Span};
use crate::visible::untrusted;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8885;--dim:#667;--bad:#b3261e;--doubt:#8a5a00;--good:#1b6e3c}
@media(prefers-color-scheme:dark){:root{--dim:#aab;--bad:#ff8a80;--doubt:#ffcc66;--good:#7fd99f}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.8rem;margin:0 0 .5rem}
h2{font-size:1.15rem;margin:2rem 0 .4rem;line-height:1.3}
p,ul{margin:.4rem 0;max-width:60rem}
ul{padding-left:1.2rem;color:var(--dim);font-size:.9rem}
.answer{font-size:1.1rem;font-weight:600;border-left:.3rem solid var(--doubt);padding-left:.8rem}
code{font:.88em/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
a code,code[id]{white-space:nowrap}
a{color:inherit}
.wide{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.85rem;min-width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}
td{min-width:6rem}
th{white-space:nowrap}
:target{outline:2px solid var(--doubt)}
.bad{color:var(--bad);font-weight:700}.doubt{color:var(--doubt);font-weight:600}.good{color:var(--good);font-weight:600}
hr{border:0;border-top:1px solid var(--line);margin:2.5rem 0}
@media print{hr{break-after:page;visibility:hidden}body{font-size:11pt;max-width:none}tr{break-inside:avoid}}
";

pub(crate) fn write(document: &Document) -> String {
    let title = escaped(&document.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    let anchors = anchors(document);
    let mut placed = HashSet::new();
    for block in &document.blocks {
        match block {
            Block::Heading(level, text) => {
                let _ = writeln!(out, "<h{level}>{}</h{level}>", escaped(text));
            }
            Block::Answer(text) => {
                let _ = writeln!(out, "<p class=\"answer\">{}</p>", escaped(text));
            }
            Block::Text(spans) => {
                let _ = writeln!(out, "<p>{}</p>", line(spans, &anchors, &mut placed));
            }
            Block::Points(points) => {
                out.push_str("<ul>\n");
                for spans in points {
                    let _ = writeln!(out, "<li>{}</li>", line(spans, &anchors, &mut placed));
                }
                out.push_str("</ul>\n");
            }
            Block::Table { columns, rows } => {
                out.push_str("<div class=\"wide\"><table>\n<thead><tr>");
                columns.iter().for_each(|column| {
                    let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(column));
                });
                out.push_str("</tr></thead>\n<tbody>\n");
                for row in rows {
                    out.push_str("<tr>");
                    for spans in row {
                        let _ = write!(out, "<td>{}</td>", line(spans, &anchors, &mut placed));
                    }
                    out.push_str("</tr>\n");
                }
                out.push_str("</tbody>\n</table></div>\n");
            }
            Block::PageEnd => out.push_str("<hr>\n"),
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

/// Ids that the document has a place for.
fn anchors(document: &Document) -> HashSet<&str> {
    let tables = document.blocks.iter().filter_map(|block| match block {
        Block::Table { columns: _, rows } => Some(rows),
        Block::Heading(..) | Block::Answer(_) | Block::Text(_) | Block::Points(_) | Block::PageEnd => None,
    });
    let spans = tables.flatten().flatten().flatten();
    spans.filter(|span| span.kind == Kind::Anchor).map(|span| span.text.as_str()).collect()
}

fn line<'a>(spans: &'a [Span], anchors: &HashSet<&str>, placed: &mut HashSet<&'a str>) -> String {
    spans
        .iter()
        .map(|span| {
            let text = escaped(&span.text);
            match span.kind {
                Kind::Words => text,
                Kind::Name => format!("<code>{text}</code>"),
                Kind::Anchor if placed.insert(&span.text) => format!("<code id=\"{text}\">{text}</code>"),
                Kind::Link if anchors.contains(span.text.as_str()) => {
                    format!("<a href=\"#{text}\"><code>{text}</code></a>")
                }
                Kind::Anchor | Kind::Link => format!("<code>{text}</code>"),
                Kind::Bad => format!("<span class=\"bad\">{text}</span>"),
                Kind::Doubtful => format!("<span class=\"doubt\">{text}</span>"),
                Kind::Good => format!("<span class=\"good\">{text}</span>"),
            }
        })
        .collect()
}

/// Text and attribute values (HTML Living Standard 13.3): the five characters that can end either.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in untrusted(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
