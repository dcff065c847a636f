//! Names from outside, made harmless to look at.
//!
//! A process may call itself anything: escape sequences that repaint the terminal, line breaks that forge a row,
//! right-to-left overrides that show `gpj.exe` as `exe.jpg`. All of it is printed as `\u{..}` instead.
//! A backslash stays as it is, so that systemd's own `\x2d` can be copied from a table into a command.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One name on one line: nothing in it moves the cursor, changes a colour or reorders the text around it.
#[must_use]
pub fn untrusted(text: &str) -> Cow<'_, str> {
    escaped(text, false)
}

/// Text of several lines (what a library said): line breaks stay, everything else as [`untrusted`].
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, true)
}

fn escaped(text: &str, keep_line_breaks: bool) -> Cow<'_, str> {
    let harmful = |character: char| is_harmful(character) && !(keep_line_breaks && character == '\n');
    if !text.chars().any(harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if harmful(character) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Controls, and what Unicode TR36 and "Trojan Source" (CVE-2021-42574) name: bidirectional controls, separators,
/// invisible characters, tags.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_names_are_not_copied() {
        for name in ["redis-server", "dev-disk-by\\x2duuid.service", "größe 数据库 🙂", ""] {
            assert!(matches!(untrusted(name), Cow::Borrowed(same) if same == name));
        }
    }

    #[test]
    fn harmful_characters_become_visible() {
        for (name, shown) in [
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\nb\rc\td", "a\\u{a}b\\u{d}c\\u{9}d"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("\u{e0041}tag", "\\u{e0041}tag"),
            ("nul\0", "nul\\u{0}"),
        ] {
            assert_eq!(untrusted(name), shown);
        }
    }

    #[test]
    fn text_of_several_lines_keeps_its_lines_only() {
        assert_eq!(lines("a\nb\u{1b}c"), "a\nb\\u{1b}c");
    }

    #[test]
    fn no_control_character_survives() {
        let all: String = (0..=0x2ffff).filter_map(char::from_u32).collect();
        assert!(!untrusted(&all).chars().any(is_harmful));
    }
}
