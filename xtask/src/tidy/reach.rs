//! No forgotten source: every Rust file hangs on a crate.

use std::collections::BTreeSet;

use super::Offence;
use super::tokens::stands;
use super::tree::{File, Tree};

/// Every Rust file is a target of a manifest, or is declared by one that is reached.
pub(super) fn sources_are_reached(tree: &Tree) -> Vec<Offence> {
    let mut waiting: Vec<(String, bool)> = Vec::new();
    for manifest in tree.files.iter().filter(|file| file.is_manifest()) {
        waiting.extend(targets(tree, manifest).into_iter().map(|path| (path, true)));
    }
    let mut reached: BTreeSet<String> = BTreeSet::new();
    while let Some((path, root)) = waiting.pop() {
        let Some(file) = tree.file(&path) else { continue };
        if reached.insert(path) {
            waiting.extend(declared(tree, file, root).into_iter().map(|path| (path, false)));
        }
    }
    tree.rust()
        .filter(|file| !reached.contains(&file.path))
        .map(|file| {
            let says = "no crate reaches this file, so it is never compiled; declare it with `mod`, or name it as a target in Cargo.toml";
            Offence::new(&file.path, 1, says)
        })
        .collect()
}

/// The crate roots of a manifest: those it names, and those cargo finds by itself.
fn targets(tree: &Tree, manifest: &File) -> Vec<String> {
    let table: toml::Table = manifest.text.parse().unwrap_or_default();
    if !table.contains_key("package") {
        return Vec::new();
    }
    let directory = manifest.path.trim_end_matches("Cargo.toml");
    let mut roots = Vec::new();
    let mut named = |value: &toml::Value| {
        if let Some(path) = value.get("path").and_then(toml::Value::as_str) {
            roots.push(plain(&format!("{directory}{path}")));
        }
    };
    for section in ["lib", "bin", "test", "example", "bench"] {
        match table.get(section) {
            Some(toml::Value::Array(several)) => several.iter().for_each(&mut named),
            Some(one) => named(one),
            None => {}
        }
    }
    for file in tree.rust() {
        let Some(below) = file.path.strip_prefix(directory) else { continue };
        let parts: Vec<&str> = below.split('/').collect();
        let found = matches!(
            parts.as_slice(),
            ["build.rs" | "src"]
                | ["src", "lib.rs" | "main.rs"]
                | ["src", "bin", _]
                | ["src", "bin", _, "main.rs"]
                | ["tests" | "examples" | "benches", _]
                | ["tests" | "examples" | "benches", _, "main.rs"]
        );
        if found {
            roots.push(file.path.clone());
        }
    }
    roots
}

/// The files that `mod name;` in this one stands for.
fn declared(tree: &Tree, file: &File, root: bool) -> Vec<String> {
    let (directory, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let stem = name.trim_end_matches(".rs");
    let owns_directory = root || stem == "mod";
    let base = if owns_directory { directory.to_owned() } else { format!("{directory}/{stem}") };
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for (at, token) in file.tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" if !token.literal => depth += 1,
            "}" if !token.literal => {
                depth = depth.saturating_sub(1);
                inline.retain(|(_, opened)| *opened <= depth);
            }
            "mod" if !token.literal => {
                let Some(module) = file.tokens.get(at + 1) else { continue };
                if stands(&file.tokens, at + 2, &["{"]) {
                    inline.push((module.text.clone(), depth + 1));
                } else if stands(&file.tokens, at + 2, &[";"]) {
                    let mut place = base.clone();
                    for (outer, _) in &inline {
                        place = format!("{place}/{outer}");
                    }
                    let beside = path_attribute(file, at).map(|path| plain(&format!("{directory}/{path}")));
                    let usual =
                        [format!("{place}/{}.rs", module.text), format!("{place}/{}/mod.rs", module.text)];
                    found.extend(beside.into_iter().chain(usual).filter(|path| tree.file(path).is_some()));
                }
            }
            "include" if stands(&file.tokens, at + 1, &["!", "("]) => {
                let path = file.tokens.get(at + 3).map(|path| path.text.trim_matches('"').to_owned());
                found.extend(path.map(|path| plain(&format!("{directory}/{path}"))));
            }
            _ => {}
        }
    }
    found
}

/// The value of `#[path = "..."]` on the `mod` at this place.
fn path_attribute(file: &File, at: usize) -> Option<String> {
    let before = file.tokens.get(at.saturating_sub(12)..at)?;
    let from =
        before.iter().rposition(|token| matches!(token.text.as_str(), ";" | "}")).map_or(0, |end| end + 1);
    let attribute = before.get(from..)?;
    let word = attribute.iter().position(|token| token.text == "path")?;
    attribute.get(word + 2).filter(|value| value.literal).map(|value| value.text.trim_matches('"').to_owned())
}

/// The same path without `..` and `.`.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forgotten(files: &[(&str, &str)]) -> Vec<String> {
        sources_are_reached(&Tree::of(files)).into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn a_forgotten_file_is_found() {
        let found = forgotten(&[
            ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("a/src/lib.rs", "mod one;\n// mod four;\n"),
            ("a/src/one.rs", "mod two;\n#[cfg(test)]\nmod cases;\n"),
            ("a/src/one/two.rs", ""),
            ("a/src/one/cases.rs", ""),
            ("a/src/three.rs", ""),
            ("a/src/four.rs", ""),
        ]);
        assert_eq!(found, ["a/src/three.rs", "a/src/four.rs"]);
    }

    #[test]
    fn targets_paths_and_inline_modules_are_followed() {
        let found = forgotten(&[
            (
                "tests/Cargo.toml",
                "[package]\nname = \"t\"\n[lib]\npath = \"lib.rs\"\n[[test]]\nname = \"lab\"\npath = \"lab/main.rs\"\n",
            ),
            ("tests/lib.rs", "mod inner { mod deep; }\n#[path = \"../shared/x.rs\"]\nmod x;\n"),
            ("tests/inner/deep.rs", ""),
            ("shared/x.rs", ""),
            ("tests/lab/main.rs", "mod score;\n"),
            ("tests/lab/score.rs", ""),
            ("tests/tests/auto.rs", ""),
            ("tests/lab/lost.rs", ""),
        ]);
        assert_eq!(found, ["tests/lab/lost.rs"]);
    }
}
