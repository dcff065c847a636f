//! What every manifest must say, and what may lie at the top of the repository.

use super::Offence;
use super::tree::{File, Tree};

/// What the top level may hold; everything else belongs somewhere below.
const TOP: [&str; 18] = [
    ".cargo",
    ".ci",
    ".config",
    ".gitattributes",
    ".github",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "ebpf",
    "maps",
    "rustfmt.toml",
    "tests",
    "userspace",
];

/// One entry of a dependency table.
pub(super) struct Dependency {
    /// The name on the registry, whatever it is called here.
    pub(super) name: String,
    /// Where the manifest says so.
    pub(super) line: usize,
    /// The version stands in the workspace table.
    pub(super) from_workspace: bool,
}

/// Every dependency a manifest names: normal, for tests, for the build, and for one target.
pub(super) fn dependencies(manifest: &File) -> Vec<Dependency> {
    let Ok(table) = manifest.text.parse::<toml::Table>() else { return Vec::new() };
    let mut found = Vec::new();
    collect(manifest, &table, &mut found);
    if let Some(targets) = table.get("target").and_then(toml::Value::as_table) {
        for target in targets.values().filter_map(toml::Value::as_table) {
            collect(manifest, target, &mut found);
        }
    }
    found
}

fn collect(manifest: &File, table: &toml::Table, into: &mut Vec<Dependency>) {
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(entries) = table.get(section).and_then(toml::Value::as_table) else { continue };
        for (key, value) in entries {
            let field = |name: &str| value.get(name).and_then(toml::Value::as_str).map(str::to_owned);
            into.push(Dependency {
                name: field("package").unwrap_or_else(|| key.clone()),
                line: line_of_key(manifest, key),
                from_workspace: value.get("workspace").and_then(toml::Value::as_bool) == Some(true),
            });
        }
    }
}

/// The line that begins with this key.
fn line_of_key(manifest: &File, key: &str) -> usize {
    let begins = |line: &str| {
        line.trim_start()
            .trim_start_matches('"')
            .strip_prefix(key)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=', '"']))
    };
    manifest.lines().find(|(_, line)| begins(line)).map_or(1, |(number, _)| number)
}

/// Members take lints, edition and versions from the workspace; no toolchain is pinned.
pub(super) fn manifests(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in &tree.files {
        if file.ends_with("rust-toolchain") || file.ends_with("rust-toolchain.toml") {
            offences.push(Offence::new(
                &file.path,
                1,
                "pins a toolchain; any stable Rust from `rust-version` on must do, so remove it",
            ));
        }
        if !file.is_manifest() {
            continue;
        }
        if let Err(error) = file.text.parse::<toml::Table>() {
            offences.push(Offence::new(&file.path, 1, format!("is no TOML: {}", error.message())));
            continue;
        }
        // These have another target or another compiler, and stand outside the workspace.
        let outside = file.path.starts_with("ebpf/") || file.path.starts_with("tests/fuzz/");
        if file.path == "Cargo.toml" || outside {
            continue;
        }
        let table: toml::Table = file.text.parse().unwrap_or_default();
        let inherits = |section: &str, key: &str| {
            let mut value = table.get(section);
            if !key.is_empty() {
                value = value.and_then(|section| section.get(key));
            }
            value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
        };
        if !inherits("lints", "") {
            offences.push(Offence::new(
                &file.path,
                1,
                "has lints of its own; write `[lints] workspace = true`",
            ));
        }
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits("package", key) {
                offences.push(Offence::new(
                    &file.path,
                    1,
                    format!("does not inherit `{key}`; write `{key}.workspace = true`"),
                ));
            }
        }
        for Dependency { name, line, from_workspace, .. } in dependencies(file) {
            if !from_workspace {
                let says = format!(
                    "`{name}` has its version here; move it to [workspace.dependencies] and write `{name}.workspace = true`"
                );
                offences.push(Offence::new(&file.path, line, says));
            }
        }
    }
    offences
}

/// Nothing lies at the top that has no business there.
pub(super) fn top_level(tree: &Tree) -> Vec<Offence> {
    let first = |file: &File| file.path.split('/').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = tree.files.iter().map(first).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| name != "xtask" && !TOP.contains(&name.as_str()))
        .map(|name| {
            Offence::new(
                &name,
                1,
                "does not belong at the top level; move it below ebpf, maps, userspace, xtask or tests",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                        license.workspace = true\npublish.workspace = true\n[lints]\nworkspace = true\n";

    #[test]
    fn a_member_that_inherits_is_fine() {
        assert!(manifests(&Tree::of(&[("userspace/core/Cargo.toml", GOOD)])).is_empty());
    }

    #[test]
    fn a_version_in_a_member_is_found() {
        let bad = format!(
            "{GOOD}[dependencies]\nbytes = \"1\"\nserde = {{ version = \"1\" }}\nclap.workspace = true\n"
        );
        let found = manifests(&Tree::of(&[("userspace/core/Cargo.toml", &bad)]));
        assert_eq!(found.iter().map(|one| one.line).collect::<Vec<_>>(), [11, 12], "{found:?}");
    }

    #[test]
    fn own_lints_and_own_edition_are_found() {
        let bad = GOOD
            .replace("[lints]\nworkspace = true\n", "")
            .replace("edition.workspace = true", "edition = \"2021\"");
        assert_eq!(manifests(&Tree::of(&[("userspace/core/Cargo.toml", &bad)])).len(), 2);
    }

    #[test]
    fn dependencies_of_one_target_count() {
        let tree = Tree::of(&[("a/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n")]);
        let found = dependencies(tree.file("a/Cargo.toml").unwrap());
        assert_eq!((found[0].name.as_str(), found[0].line), ("libc", 2));
    }

    #[test]
    fn a_pinned_toolchain_and_broken_toml_are_found() {
        let tree = Tree::of(&[("rust-toolchain.toml", ""), ("maps/Cargo.toml", "[package\n")]);
        assert_eq!(manifests(&tree).len(), 2);
    }

    #[test]
    fn a_stray_file_at_the_top_is_found() {
        let tree = Tree::of(&[("notes.txt", ""), ("README.md", ""), ("maps/src/lib.rs", "")]);
        assert_eq!(top_level(&tree).iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["notes.txt"]);
    }
}
