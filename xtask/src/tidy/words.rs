//! Names that say nothing are not used, for files or for items.

use super::Offence;
use super::tree::Tree;

/// A name that fits everything describes nothing.
const EMPTY_WORDS: [&str; 13] = [
    "util", "utils", "helper", "helpers", "manager", "handler", "handlers", "data", "info", "common", "misc",
    "score", "smart",
];

/// After these a name is made.
const MAKERS: [&str; 10] =
    ["fn", "struct", "enum", "union", "trait", "mod", "type", "const", "static", "macro_rules"];

/// Files and items named with an empty word.
pub(super) fn names(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in &tree.files {
        // Test scores the observer against truth; the product never scores anyone.
        let scores = file.path.starts_with("tests/") || file.path.starts_with("xtask/");
        let empty = |name: &str| -> Option<String> {
            split(name)
                .into_iter()
                .find(|word| EMPTY_WORDS.contains(&word.as_str()) && !(scores && word == "score"))
        };
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default();
        if let Some(word) = empty(stem) {
            offences.push(Offence::new(
                &file.path,
                1,
                format!("the file's name says `{word}`; name what it is about"),
            ));
        }
        for pair in file.tokens.windows(3) {
            let [maker, first, second] = pair else { continue };
            if maker.literal || !MAKERS.contains(&maker.text.as_str()) {
                continue;
            }
            let name = if matches!(first.text.as_str(), "!" | "mut") { second } else { first };
            if let Some(word) = empty(&name.text) {
                let says = format!("`{} {}` says `{word}`; name what it is or does", maker.text, name.text);
                offences.push(Offence::new(&file.path, name.line, says));
            }
        }
    }
    offences
}

/// `splitCamelCase`, `and_snake`, `and-kebab`, in lower case.
fn split(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        before_lower = letter.is_lowercase() || letter.is_numeric();
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        assert_eq!(split("FlowData"), ["flow", "data"]);
        assert_eq!(split("read_proc_info"), ["read", "proc", "info"]);
        assert_eq!(split("DATABASE"), ["database"]);
    }

    #[test]
    fn empty_names_are_found() {
        let tree = Tree::of(&[
            ("userspace/core/src/utils.rs", ""),
            (
                "userspace/core/src/a.rs",
                "struct FlowManager;\nfn b() { let data = 1; }\nconst SMART: u8 = 1;\nmacro_rules! helper { () => {} }\n",
            ),
        ]);
        let found = names(&tree);
        assert_eq!(found.iter().map(|one| one.line).collect::<Vec<_>>(), [1, 1, 3, 4], "{found:?}");
    }

    #[test]
    fn speaking_names_are_fine() {
        let tree = Tree::of(&[(
            "a.rs",
            "struct Database;\nfn information_leaks() {}\ntype T = dyn Fn(u8);\nconst fn f() {}\n",
        )]);
        assert!(names(&tree).is_empty());
    }

    #[test]
    fn tests_may_score_the_observer() {
        assert!(names(&Tree::of(&[("tests/lab/score.rs", "struct Score;")])).is_empty());
        assert_eq!(names(&Tree::of(&[("userspace/core/src/score.rs", "struct Score;")])).len(), 2);
    }
}
