//! One picture of the live view, as lines of styled words. No terminal is touched here.

use std::time::Duration;

use anstyle::{Effects, Style};
use unicode_width::UnicodeWidthStr;

use super::board::{Board, News};
use tierzero_core::finding::Severity;
use tierzero_core::verdict::Verdict;

use crate::output::table::shortened;
use crate::output::{colour, coverage, escape, words};

/// What the view says beside the board.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    /// How long observation runs.
    pub(crate) running: Duration,
    /// How long it will still run, when `--for` was given.
    pub(crate) remaining: Option<Duration>,
    /// Events a second.
    pub(crate) rate: u64,
    /// CPU of the observer, in percent of one CPU.
    pub(crate) cpu_percent: f64,
    /// Memory of the observer in bytes.
    pub(crate) resident: u64,
    /// Where the graph is kept.
    pub(crate) kept_in: String,
    /// Why nothing is stored at present, and what to do.
    pub(crate) trouble: Option<String>,
    /// What did not reach the journal or the webhook, if that is so.
    pub(crate) undelivered: Option<String>,
    /// True while socket tables are polled.
    pub(crate) polling: bool,
}

/// A line: words with their styles.
pub(crate) type Line = Vec<(Style, String)>;

/// Name of the degradation that stands for no eBPF at all (`tierzero_host::Poller::degradation`).
const POLLING: &str = "polling";
/// Style of what must not be overlooked.
const ALARM: Style = colour::WARNING.effects(Effects::INVERT);

/// Draws a picture of at most `width` by `height`.
pub(crate) fn draw(board: &Board, status: &Status, width: usize, height: usize) -> Vec<Line> {
    let mut lines = vec![header(board, status)];
    lines.extend(verdicts(board, width));
    lines.push(totals(board));
    lines.push(unseen(board));
    lines.extend(findings(board, height));
    lines.extend(banners(board, status));
    lines.push(rule(width));
    lines.push(titles(width));
    let room = height.saturating_sub(lines.len() + 1);
    if board.news.is_empty() {
        lines.push(vec![(colour::DIM, "waiting for the first call ...".to_owned())]);
    }
    lines.extend(board.news.iter().take(room).map(|news| row(news, width)));
    lines.truncate(height.saturating_sub(1));
    while lines.len() + 1 < height {
        lines.push(Line::new());
    }
    lines.push(vec![(
        colour::DIM,
        format!("q ends · ~ verdict changed · kept in {}", escape::untrusted(&status.kept_in)),
    )]);
    lines.into_iter().map(|line| clipped(line, width)).collect()
}

fn header(board: &Board, status: &Status) -> Line {
    let mut line = vec![(colour::HEADING, "tierzero".to_owned())];
    let mut say = |text: String| line.push((colour::PLAIN, text));
    if let Some(host) = &board.host {
        say(format!("  {} · {}", escape::untrusted(&host.name), escape::untrusted(&host.kernel)));
    }
    say(format!(" · {}", words::duration(status.running.as_secs())));
    if let Some(remaining) = status.remaining {
        say(format!(" ({} to go)", words::duration(remaining.as_secs())));
    }
    say(format!(
        " · {} events/s · self {:.1} % cpu, {}",
        status.rate,
        status.cpu_percent,
        words::bytes(status.resident)
    ));
    line
}

fn verdicts(board: &Board, width: usize) -> Vec<Line> {
    const CELL: usize = 24;
    let cells: Vec<Line> = Verdict::ALL
        .into_iter()
        .map(|verdict| {
            let count = board.edges_with(verdict);
            let style = if count == 0 { colour::DIM } else { colour::of_verdict(verdict) };
            let text = format!("{count:>5} {}", verdict.as_str());
            let space = " ".repeat(CELL.saturating_sub(text.width()));
            vec![(style, text), (colour::PLAIN, space)]
        })
        .collect();
    cells.chunks((width / CELL).max(1)).map(<[Line]>::concat).collect()
}

fn totals(board: &Board) -> Line {
    let (edges, listeners, workloads) = board.counts();
    let text = [
        words::counted(edges, "edge", "edges"),
        words::counted(listeners, "listener", "listeners"),
        words::counted(workloads, "workload", "workloads"),
        words::counted(board.coverage.flows, "flow", "flows"),
        format!("{} opaque", board.coverage.opaque_flows),
    ]
    .join(" · ");
    vec![(colour::PLAIN, format!("      {text}"))]
}

/// The line that is always there.
fn unseen(board: &Board) -> Line {
    let lost = board.coverage.lost_events;
    let blind = coverage::blind_seconds(&board.coverage);
    let names: Vec<_> = board.coverage.degraded.iter().map(|one| escape::untrusted(&one.name)).collect();
    let style = |bad: bool| if bad { ALARM } else { colour::GOOD };
    let degraded = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    vec![
        (colour::PLAIN, "      ".to_owned()),
        (style(lost > 0), format!("lost {lost}")),
        (colour::PLAIN, " · ".to_owned()),
        (style(blind > 0), format!("blind {}", words::duration(blind))),
        (colour::PLAIN, " · ".to_owned()),
        (style(!names.is_empty()), format!("degraded: {degraded}")),
    ]
}

/// How many findings are open, and the gravest of them where there is room.
fn findings(board: &Board, height: usize) -> Vec<Line> {
    let open = board.findings();
    let of = |severity| open.iter().filter(|it| it.severity == severity).count();
    let mut first = vec![(colour::PLAIN, "      findings: ".to_owned())];
    if open.is_empty() {
        first.push((colour::DIM, "none so far".to_owned()));
    }
    for severity in [Severity::High, Severity::Medium, Severity::Low] {
        if of(severity) > 0 {
            first.push((colour::of_severity(severity), format!("{} {} ", of(severity), severity.as_str())));
        }
    }
    let mut lines = vec![first];
    // A quarter of the picture at most: the edges are what it is for.
    lines.extend(open.iter().take((height / 4).min(5)).map(|finding| {
        vec![
            (colour::of_severity(finding.severity), format!("        {:<22}", finding.kind.as_str())),
            (colour::PLAIN, format!("{} ", escape::untrusted(&finding.says))),
            (colour::DIM, format!("x{}", finding.count)),
        ]
    }));
    lines
}

fn banners(board: &Board, status: &Status) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(undelivered) = &status.undelivered {
        lines.push(vec![(colour::WARNING, format!("NOT DELIVERED: {}", escape::untrusted(undelivered)))]);
    }
    if let Some(trouble) = &status.trouble {
        lines.push(vec![(colour::ERROR, format!("NOT STORED: {}", escape::untrusted(trouble)))]);
    }
    if status.polling {
        for one in board.coverage.degraded.iter().filter(|one| one.name == POLLING) {
            lines.push(vec![(ALARM, format!("POLLING: {}", escape::untrusted(&one.loses)))]);
            let why = format!("         {} {}", one.because, one.remedy);
            lines.push(vec![(colour::WARNING, escape::untrusted(&why).into_owned())]);
        }
    }
    lines
}

fn rule(width: usize) -> Line {
    vec![(colour::DIM, "─".repeat(width))]
}

/// Widths of the list's columns: caller, listener, why.
fn columns(width: usize) -> (usize, usize, usize) {
    const FIXED: usize = 8 + 1 + 18 + 3 + 1;
    let free = width.saturating_sub(FIXED);
    let why = if free >= 75 { free * 2 / 5 } else { 0 };
    let names = free.saturating_sub(why + usize::from(why > 0));
    let caller = names * 2 / 5;
    (caller, names.saturating_sub(caller), why)
}

fn titles(width: usize) -> Line {
    let (caller, listener, why) = columns(width);
    let mut text = format!(
        "{:<8}  {:<17} {} {}",
        "UTC",
        "VERDICT",
        padded("CALLER", caller + 2),
        padded("LISTENER", listener)
    );
    if why > 0 {
        text.push_str(" WHY");
    }
    vec![(colour::DIM, text)]
}

fn row(news: &News, width: usize) -> Line {
    let (caller, listener, why) = columns(width);
    let style = colour::of_verdict(news.verdict);
    // A verdict that was revised is marked: the word before it is in the last column, or in `explain`.
    let mark = if news.was.is_some() { "~" } else { " " };
    let mut line = vec![
        (colour::DIM, format!("{} ", words::time_of_day(news.at))),
        (style, padded(&format!("{mark}{}", news.verdict.as_str()), 18)),
        (colour::PLAIN, format!(" {} ", padded(&escape::untrusted(&news.caller), caller))),
        (colour::DIM, "→ ".to_owned()),
        (colour::PLAIN, padded(&called(news, listener), listener)),
    ];
    if why > 0 {
        let mut text =
            if news.protocol == "-" { news.why.clone() } else { format!("{}: {}", news.protocol, news.why) };
        if let Some(was) = news.was {
            text = format!("was {}; {text}", was.as_str());
        }
        line.push((colour::DIM, format!(" {}", escape::untrusted(&text))));
    }
    line
}

/// `redis-server 127.0.0.1:6379`; where it does not fit, the name gives way before the place does.
fn called(news: &News, width: usize) -> String {
    let (receiver, place) = (escape::untrusted(&news.receiver), escape::untrusted(&news.place));
    match width.checked_sub(place.width() + 1) {
        Some(room) if room >= 4 && !receiver.is_empty() => format!("{} {place}", shortened(&receiver, room)),
        Some(_) | None => shortened(&place, width),
    }
}

fn padded(text: &str, width: usize) -> String {
    let text = shortened(text, width);
    let space = width.saturating_sub(text.width());
    format!("{text}{:space$}", "")
}

fn clipped(line: Line, width: usize) -> Line {
    let mut left = width;
    let mut out = Line::new();
    for (style, text) in line {
        if left == 0 {
            break;
        }
        let text = if text.width() > left { cut(&text, left) } else { text };
        left = left.saturating_sub(text.width());
        out.push((style, text));
    }
    out
}

/// Cuts the end off, with a sign that it was cut.
fn cut(text: &str, width: usize) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let mut buffer = [0; 4];
        if out.width() + character.encode_utf8(&mut buffer).width() + 1 > width {
            break;
        }
        out.push(character);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    fn news(name: &str) -> News {
        News {
            at: "2026-11-23T13:05:33Z".parse().unwrap(),
            edge: tierzero_core::id::EdgeId::derive(&[name]),
            caller: name.to_owned(),
            receiver: "redis-server".to_owned(),
            place: "127.0.0.1:6379".to_owned(),
            protocol: "redis".to_owned(),
            verdict: Verdict::LocationTrusted,
            was: None,
            why: "served, no proof of identity observed".to_owned(),
        }
    }

    #[test]
    fn every_size_is_filled_exactly_and_never_overflows() {
        let mut board = Board::default();
        board.news.extend(
            (0..100).map(|number| news(&format!("caller-{number}-with-a-long-数据库-name\u{1b}[2J"))),
        );
        for (width, height) in [(80, 24), (140, 40), (20, 5), (1, 1), (0, 0), (500, 3)] {
            let lines = draw(&board, &Status::default(), width, height);
            assert_eq!(lines.len(), height.max(1), "{width}x{height}");
            for line in text(&lines) {
                assert!(line.width() <= width, "{width}x{height}: {line:?}");
                assert!(!line.contains('\u{1b}'));
            }
        }
    }

    #[test]
    fn loss_is_always_in_sight() {
        for (width, height) in [(80, 24), (140, 40), (80, 8)] {
            let lines = text(&draw(&Board::default(), &Status::default(), width, height)).join("\n");
            assert!(lines.contains("lost 0 · blind 0 s · degraded: none"), "{lines}");
        }
    }
}
