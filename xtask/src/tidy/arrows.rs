//! Which crate may know which: the picture of the house, compared with every manifest.

use super::Offence;
use super::manifests::{Dependency, dependencies};
use super::tokens::stands;
use super::tree::{File, Tree};

/// Directory of a crate, and which of our crates it may name. Everything may be named where the list is `None`.
const HOUSE: [(&str, Option<&[&str]>); 12] = [
    ("maps", Some(&[])),
    ("ebpf", Some(&["tierzero-maps"])),
    ("userspace/core", Some(&["tierzero-maps"])),
    ("userspace/sensor", Some(&["tierzero-maps", "tierzero-core"])),
    ("userspace/host", Some(&["tierzero-maps", "tierzero-core"])),
    ("userspace/replay", Some(&["tierzero-maps", "tierzero-core"])),
    ("userspace/store", Some(&["tierzero-maps", "tierzero-core"])),
    ("userspace/export", Some(&["tierzero-maps", "tierzero-core"])),
    ("userspace/serve", Some(&["tierzero-maps", "tierzero-core", "tierzero-store", "tierzero-export"])),
    ("userspace/cli", None),
    ("xtask", None),
    ("tests", None),
];

/// SQL, as it begins in a string.
const SQL: [&str; 8] = [
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "PRAGMA ",
];

/// No crate names one that the picture does not let it name.
pub(super) fn arrows(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for manifest in tree.files.iter().filter(|file| file.is_manifest() && file.path != "Cargo.toml") {
        let directory = manifest.path.trim_end_matches("/Cargo.toml");
        // Fuzz targets stand outside the workspace, and stand above everything as tests do.
        let home = HOUSE
            .iter()
            .find(|(home, _)| *home == directory || (*home == "tests" && directory.starts_with("tests/")));
        let Some((_, allowed)) = home else {
            let says = format!(
                "no crate `{directory}` stands in the house; add it to HOUSE in xtask/src/tidy/arrows.rs with its arrows"
            );
            offences.push(Offence::new(&manifest.path, 1, says));
            continue;
        };
        let Some(allowed) = allowed else { continue };
        for Dependency { name, line, .. } in dependencies(manifest) {
            if name.starts_with("tierzero") && !allowed.contains(&name.as_str()) {
                let says = format!(
                    "`{directory}` may not know `{name}` (it may know: {}); move what is shared down, or wire the two together in the cli",
                    if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") }
                );
                offences.push(Offence::new(&manifest.path, line, says));
            }
        }
    }
    offences
}

/// The boundary depends on nothing at all.
pub(super) fn maps_is_bare(tree: &Tree) -> Vec<Offence> {
    let Some(manifest) = tree.file("maps/Cargo.toml") else { return Vec::new() };
    dependencies(manifest)
        .into_iter()
        .map(|Dependency { name, line, .. }| {
            Offence::new(
                &manifest.path,
                line,
                format!("`maps` depends on `{name}`; write the few lines it gives by hand"),
            )
        })
        .collect()
}

/// aya on the user side stands in `sensor`, on the kernel side in `ebpf`.
pub(super) fn only_sensor_knows_aya(tree: &Tree) -> Vec<Offence> {
    only(tree, "aya", "userspace/sensor/", &["ebpf/"], "ask `sensor` for what is needed, in words of `core`")
}

/// rusqlite, and SQL text, stand in `store`.
pub(super) fn only_store_knows_sql(tree: &Tree) -> Vec<Offence> {
    let way_out = "give `store` a method that answers the question";
    let mut offences = only(tree, "rusqlite", "userspace/store/", &[], way_out);
    // `core` and the tests speak PostgreSQL's protocol: SQL is what they read, not what they ask.
    let speaks = |file: &&File| {
        !file.path.starts_with("userspace/store/")
            && !file.path.starts_with("userspace/core/")
            && !file.is_test()
    };
    for file in tree.rust().filter(|file| file.path.starts_with("userspace/")).filter(speaks) {
        for token in file.tokens.iter().filter(|token| token.literal && !token.test) {
            let text = token.text.trim_start_matches(['b', 'r', '#', '"']).trim_start();
            if SQL.iter().any(|word| text.starts_with(word)) {
                offences.push(Offence::new(
                    &file.path,
                    token.line,
                    format!("SQL outside `store`; {way_out}"),
                ));
            }
        }
    }
    offences
}

/// A library that one directory alone may name, in its manifest or in its source.
fn only(tree: &Tree, library: &str, home: &str, also: &[&str], way_out: &str) -> Vec<Offence> {
    let at_home = |path: &str| path.starts_with(home) || also.iter().any(|other| path.starts_with(other));
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| !at_home(&file.path)) {
        if file.is_manifest() && file.path != "Cargo.toml" {
            for Dependency { name, line, .. } in dependencies(file) {
                if name == library || name.starts_with(&format!("{library}-")) {
                    offences.push(Offence::new(
                        &file.path,
                        line,
                        format!("only {home} depends on `{name}`; {way_out}"),
                    ));
                }
            }
        }
        for (at, token) in file.tokens.iter().enumerate() {
            if token.text == library
                && (stands(&file.tokens, at + 1, &["::"]) || stands(&file.tokens, at + 1, &[";"]))
            {
                offences.push(Offence::new(
                    &file.path,
                    token.line,
                    format!("only {home} names `{library}`; {way_out}"),
                ));
            }
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sideways_arrow_is_found_under_any_name() {
        let tree = Tree::of(&[
            (
                "userspace/host/Cargo.toml",
                "[dependencies]\ntierzero-core.workspace = true\ntierzero-store.workspace = true\n",
            ),
            (
                "userspace/core/Cargo.toml",
                "[dev-dependencies]\nlog = { package = \"tierzero-replay\", path = \"../replay\" }\n",
            ),
            ("userspace/cli/Cargo.toml", "[dependencies]\ntierzero-store.workspace = true\n"),
        ]);
        let found = arrows(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].path.as_str(), found[0].line), ("userspace/host/Cargo.toml", 3));
        assert!(found[1].says.contains("tierzero-replay"), "{found:?}");
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let tree = Tree::of(&[("userspace/attic/Cargo.toml", "[dependencies]\n")]);
        assert!(arrows(&tree)[0].says.contains("no crate `userspace/attic`"));
    }

    #[test]
    fn maps_with_a_dependency_is_found() {
        let tree = Tree::of(&[(
            "maps/Cargo.toml",
            "[package]\nname = \"tierzero-maps\"\n[dependencies]\nbytes = \"1\"\n",
        )]);
        assert_eq!(maps_is_bare(&tree)[0].line, 4);
    }

    #[test]
    fn aya_outside_the_sensor_is_found_in_manifest_and_source() {
        let tree = Tree::of(&[
            ("userspace/cli/Cargo.toml", "[dependencies]\naya.workspace = true\n"),
            (
                "userspace/cli/src/main.rs",
                "//! x\n// aya::Ebpf is fine here\nfn a() { let b = aya::Ebpf::load(); }\n",
            ),
            ("userspace/sensor/src/lib.rs", "use aya::Ebpf;\n"),
            ("ebpf/Cargo.toml", "[dependencies]\naya-ebpf = \"=0.2.1\"\n"),
        ]);
        let found = only_sensor_knows_aya(&tree);
        assert_eq!(found.iter().map(|one| one.line).collect::<Vec<_>>(), [2, 3], "{found:?}");
    }

    #[test]
    fn sql_outside_the_store_is_found() {
        let tree = Tree::of(&[
            ("userspace/export/src/lib.rs", "fn a() -> &'static str { \"SELECT 1\" }\n"),
            (
                "userspace/cli/src/main.rs",
                "use rusqlite::Connection;\nfn b() -> &'static str { \"Select one\" }\n",
            ),
            ("userspace/store/src/lib.rs", "fn c() -> &'static str { \"SELECT 1\" }\n"),
        ]);
        let found = only_store_knows_sql(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
