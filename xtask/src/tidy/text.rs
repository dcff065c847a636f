//! What a line, a file or a comment may hold.

use std::path::Path;

use super::Offence;
use super::tokens::stands;
use super::tree::{File, Tree};

/// Lines of code a file may have, and lines with its tests.
const LONGEST: usize = 450;
/// Lines a file may have that is only tests, or that carries its tests.
const LONGEST_WITH_TESTS: usize = 900;

/// Endings of files that people write and read.
const WRITTEN: [&str; 13] =
    ["rs", "toml", "md", "sh", "yml", "yaml", "json", "html", "css", "js", "sql", "c", "conf"];

// Put together here, so that this file does not break its own rule.
const UNFINISHED: [&str; 5] = [
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
    concat!("being ", "written"),
];
const MACHINE: [&str; 7] = [
    concat!("/wo", "rk/"),
    concat!("/tmp/", "brief"),
    concat!("/tmp/", "target"),
    concat!("/root/", ".cargo"),
    concat!("/root/", ".rustup"),
    concat!("/work", "space/"),
    concat!("/Us", "ers/"),
];

/// Each Rust file begins with its idea.
pub(super) fn module_docs(tree: &Tree) -> Vec<Offence> {
    let first = |file: &File| {
        let line = file.lines().find(|(_, line)| !line.trim().is_empty() && !line.starts_with("#!"));
        line.is_some_and(|(_, line)| line.starts_with("//!") && line.trim().len() > 3)
    };
    let says = "does not begin with `//! what this file is`; write it as its first line";
    tree.rust().filter(|file| !first(file)).map(|file| Offence::new(&file.path, 1, says)).collect()
}

/// No Rust file is longer than one idea.
pub(super) fn length(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust() {
        let all = file.text.lines().count();
        let mut code =
            file.tokens.iter().filter(|token| !token.test).map(|token| token.line).max().unwrap_or(0);
        if file.is_test() {
            code = 0;
        }
        if code > LONGEST {
            offences.push(Offence::new(
                &file.path,
                code,
                format!("{code} lines of code, more than {LONGEST}; split it by idea"),
            ));
        }
        if all > LONGEST_WITH_TESTS {
            offences.push(Offence::new(
                &file.path,
                all,
                format!("{all} lines, more than {LONGEST_WITH_TESTS}; split it, tests too"),
            ));
        }
    }
    offences
}

/// No stub, no note to oneself.
pub(super) fn nothing_unfinished(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in &tree.files {
        for (at, token) in file.tokens.iter().enumerate() {
            if matches!(token.text.as_str(), "todo" | "unimplemented" | "dbg")
                && stands(&file.tokens, at + 1, &["!"])
            {
                let says = format!(
                    "`{}!` is no behaviour; do it, return an error that says so, or remove it",
                    token.text
                );
                offences.push(Offence::new(&file.path, token.line, says));
            }
        }
        for (number, line) in file.lines().filter(|_| written(file)) {
            if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
                let says = format!(
                    "`{word}`: finish it, or write what is missing where users read it (a limit, an error)"
                );
                offences.push(Offence::new(&file.path, number, says));
            }
        }
    }
    offences
}

/// `#[allow(...)]` and `#[expect(...)]` say why.
pub(super) fn reasons_for_allow(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust() {
        for (at, token) in file.tokens.iter().enumerate() {
            let silences = matches!(token.text.as_str(), "allow" | "expect")
                && stands(&file.tokens, at + 1, &["("])
                && at.checked_sub(1).is_some_and(|before| stands(&file.tokens, before, &["["]))
                && (at.checked_sub(2).is_some_and(|before| stands(&file.tokens, before, &["#"]))
                    || at.checked_sub(3).is_some_and(|before| stands(&file.tokens, before, &["#", "!"])));
            let inside =
                file.tokens.get(at..).unwrap_or_default().iter().take_while(|token| token.text != "]");
            if silences && !inside.into_iter().any(|token| token.text == "reason") {
                let says = "silences a lint without `reason = \"...\"`; give the reason, or mend the code";
                offences.push(Offence::new(&file.path, token.line, says));
            }
        }
    }
    offences
}

/// No space at the end of a line, no tab in Rust, one newline at the end, no carriage return.
pub(super) fn whitespace(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| written(file)) {
        for (number, line) in file.lines() {
            if line.ends_with(|last: char| last.is_whitespace()) {
                offences.push(Offence::new(&file.path, number, "ends in white space; remove it"));
            }
            if file.is_rust() && line.contains('\t') {
                offences.push(Offence::new(
                    &file.path,
                    number,
                    "holds a tab; write `\\t` in a string, spaces elsewhere",
                ));
            }
        }
        if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
            let last = file.text.lines().count();
            offences.push(Offence::new(&file.path, last, "does not end with exactly one newline"));
        }
    }
    offences
}

/// No control character and none that is invisible or turns the direction of the text.
pub(super) fn no_hidden_characters(tree: &Tree) -> Vec<Offence> {
    let hidden = |letter: char| {
        (letter.is_control() && letter != '\t')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffd}')
    };
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| written(file)) {
        for (number, line) in file.lines() {
            if let Some(letter) = line.trim_end_matches('\r').chars().find(|letter| hidden(*letter)) {
                let says = format!("holds {}; write it as an escape", letter.escape_unicode());
                offences.push(Offence::new(&file.path, number, says));
            }
        }
    }
    offences
}

/// No path of the machine this was written or built on, not in a compiled object either.
pub(super) fn no_machine_paths(tree: &Tree) -> Vec<Offence> {
    let mut paths: Vec<String> = MACHINE.iter().map(|path| (*path).to_owned()).collect();
    let top = crate::process::top();
    // A short path such as `/src` would be found in every other one.
    if top.components().count() > 2 {
        paths.push(top.to_string_lossy().into_owned());
    }
    let mut offences = Vec::new();
    for file in &tree.files {
        for path in &paths {
            if let Some(at) = finds_path(&file.bytes, path.as_bytes()) {
                let line = 1 + file.bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
                let says = format!(
                    "holds `{path}...`, a path of one machine; use a path below the repository, or remap it in the build"
                );
                offences.push(Offence::new(&file.path, line, says));
                break;
            }
        }
    }
    offences
}

/// Where `path` begins, when nothing before it makes it the end of a longer path.
fn finds_path(bytes: &[u8], path: &[u8]) -> Option<usize> {
    let longer = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.~}$/*".contains(byte);
    bytes.windows(path.len()).enumerate().find_map(|(at, window)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        (window == path && !before.is_some_and(longer)).then_some(at)
    })
}

/// Documents that comments name are in the repository.
pub(super) fn citations_exist(tree: &Tree) -> Vec<Offence> {
    let ends = |letter: char| letter.is_whitespace() || "()[]{}<>\"'`,;|".contains(letter);
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| written(file)) {
        for (number, line) in file.lines() {
            // In Rust a string may name any file; a comment may not.
            let said =
                if file.is_rust() { line.split_once("//").map_or("", |(_, comment)| comment) } else { line };
            for word in said.split(ends).map(|word| word.trim_end_matches([':', '.', '?'])) {
                let Some(name) =
                    word.rsplit('/').next().filter(|name| name.len() > 3 && name.ends_with(".md"))
                else {
                    continue;
                };
                if !word.contains("://")
                    && !tree.files.iter().any(|other| Path::new(&other.path).ends_with(name))
                {
                    let says = format!(
                        "cites `{word}`, which is not in this repository; say what it says, or cite a public source"
                    );
                    offences.push(Offence::new(&file.path, number, says));
                }
            }
        }
    }
    offences
}

/// Every Rust file is Rust.
pub(super) fn parses(tree: &Tree) -> Vec<Offence> {
    tree.rust()
        .filter_map(|file| {
            file.broken.as_ref().map(|says| Offence::new(&file.path, 1, format!("does not parse: {says}")))
        })
        .collect()
}

fn written(file: &File) -> bool {
    let ending = Path::new(&file.path).extension().and_then(|ending| ending.to_str());
    let recorded = file.path.starts_with("tests/golden/") || file.path.starts_with("tests/corpus/");
    (ending.is_some_and(|ending| WRITTEN.contains(&ending)) && !(recorded && ending != Some("rs")))
        || file.path.starts_with(".ci/")
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let joins = |letter: char| letter.is_alphanumeric() || letter == '_';
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(found: &[Offence]) -> Vec<usize> {
        found.iter().map(|one| one.line).collect()
    }

    fn rust(source: &str) -> Tree {
        Tree::of(&[("userspace/core/src/a.rs", source)])
    }

    #[test]
    fn a_file_without_its_idea_is_found() {
        assert_eq!(module_docs(&rust("use a::b;\n//! late\n")).len(), 1);
        assert_eq!(module_docs(&rust("//!\nuse a::b;\n")).len(), 1);
        assert_eq!(module_docs(&rust("#![no_std]\n//! An idea.\n")).len(), 0);
    }

    #[test]
    fn long_files_are_found_and_tests_may_be_longer() {
        let code = |count: usize| "fn a() {}\n".repeat(count);
        let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", code(300));
        assert_eq!(length(&rust(&code(451))).len(), 1);
        assert_eq!(length(&rust(&format!("{}{test}", code(450)))).len(), 0);
        assert_eq!(length(&rust(&format!("{}{}", code(440), test.repeat(2)))).len(), 1);
        assert_eq!(length(&Tree::of(&[("tests/a.rs", &code(880))])).len(), 0);
        assert_eq!(length(&Tree::of(&[("tests/a.rs", &code(901))])).len(), 1);
    }

    #[test]
    fn stubs_and_notes_are_found() {
        let source = format!(
            "fn a() {{ {}!() }}\n// {}: later\nfn b() {{ let todo = 1; }}\n",
            concat!("to", "do"),
            UNFINISHED[0]
        );
        assert_eq!(lines(&nothing_unfinished(&rust(&source))), [1, 2]);
        assert!(nothing_unfinished(&rust("// mktemp aXXXXXX\nfn a() {}\n")).is_empty());
    }

    #[test]
    fn a_silenced_lint_without_reason_is_found() {
        let source =
            "#![allow(a)]\n#[expect(b, reason = \"c\")]\n#[allow(\n    d,\n)]\nfn e() { f.expect(\"g\"); }\n";
        assert_eq!(lines(&reasons_for_allow(&rust(source))), [1, 3]);
    }

    #[test]
    fn stray_white_space_is_found() {
        assert_eq!(lines(&whitespace(&rust("a \nb\tc\nd"))), [1, 2, 3]);
        assert_eq!(whitespace(&rust("a\r\n")).len(), 1);
        assert!(whitespace(&rust("a\n\nb\n")).is_empty());
    }

    #[test]
    fn hidden_characters_are_found() {
        assert_eq!(
            lines(&no_hidden_characters(&rust("// a\n// b\u{202e}c\n// \u{1b}[0m\n// § → ü\n"))),
            [2, 3]
        );
    }

    #[test]
    fn machine_paths_are_found_in_source_and_binary() {
        let text = format!("a\nb {}main\n", MACHINE[0]);
        let tree = Tree::of(&[
            ("a.toml", &text),
            ("b.o", &format!("\0{}x\0", MACHINE[3])),
            ("c.md", concat!("net/wor", "k/x and frame/wor", "k/")),
        ]);
        let found = no_machine_paths(&tree);
        assert_eq!(
            found.iter().map(|one| (one.path.as_str(), one.line)).collect::<Vec<_>>(),
            [("a.toml", 2), ("b.o", 1)]
        );
    }

    #[test]
    fn a_citation_of_nothing_is_found() {
        let gone = concat!("gone", ".md");
        let source =
            format!("{0}! See {gone} 3.4, README.md and https:{0}example.org/{gone}.\n", "/".repeat(2));
        let tree = Tree::of(&[("README.md", "x\n"), ("a.rs", &source)]);
        assert_eq!(lines(&citations_exist(&tree)), [1]);
    }

    #[test]
    fn what_does_not_parse_is_found() {
        assert_eq!(parses(&rust("fn a( {\n")).len(), 1);
    }
}
