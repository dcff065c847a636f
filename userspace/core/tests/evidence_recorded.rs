//! Real programs, recorded: what their conversations show, reviewed by hand once, line by line.

mod evidence_support;
use evidence_support::{check, line, observe, recordings};

#[test]
fn recordings_show_what_was_reviewed() {
    let mut shown = String::new();
    for (name, turns) in recordings() {
        let lines: Vec<String> = observe(&turns).iter().map(line).collect();
        check(&turns, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        shown += &format!("{name}\n");
        for line in lines {
            shown += &format!("    {line}\n");
        }
    }
    let reviewed = include_str!("data/recorded_shows.txt");
    assert_eq!(shown, reviewed, "\n{shown}");
}
