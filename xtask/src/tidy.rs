//! `cargo xtask tidy`: the rules of the house, each a test with its reason.

use crate::{Outcome, process};

mod arrows;
mod manifests;
mod purity;
mod reach;
mod text;
mod tokens;
mod tree;
mod unsafety;
mod words;

use tree::Tree;

/// Options of `cargo xtask tidy`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Say every rule and why it is there, and check nothing.
    #[arg(long)]
    list: bool,
}

/// One place where the tree breaks a rule.
#[derive(Debug)]
struct Offence {
    path: String,
    /// From 1.
    line: usize,
    /// What is wrong, and the way out of it.
    says: String,
}

impl Offence {
    fn new(path: &str, line: usize, says: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, says: says.into() }
    }
}

/// One rule of the house.
struct Rule {
    name: &'static str,
    because: &'static str,
    check: fn(&Tree) -> Vec<Offence>,
}

const RULES: [Rule; 21] = [
    Rule {
        name: "arrows",
        because: "Events flow one way; a sideways dependency is how a layered house becomes a knot.",
        check: arrows::arrows,
    },
    Rule {
        name: "maps-is-bare",
        because: "Both sides of the kernel boundary compile `maps`: whatever it pulls in, the kernel side pulls in.",
        check: arrows::maps_is_bare,
    },
    Rule {
        name: "only-sensor-knows-aya",
        because: "The loader can be replaced, or be absent, only while one crate knows it.",
        check: arrows::only_sensor_knows_aya,
    },
    Rule {
        name: "only-store-knows-sql",
        because: "A schema that two crates know can't be migrated by one.",
        check: arrows::only_store_knows_sql,
    },
    Rule {
        name: "manifests",
        because: "One lint table, one version per dependency, nothing published by accident, no pinned toolchain.",
        check: manifests::manifests,
    },
    Rule {
        name: "top-level",
        because: "The top level is the map of the house; a stray file there is read by everyone.",
        check: manifests::top_level,
    },
    Rule {
        name: "core-is-pure",
        because: "Same recorded events, same graph: the core has no clock, file, socket, thread or environment.",
        check: purity::core_is_pure,
    },
    Rule {
        name: "core-forbids-unsafe",
        because: "The code that reads hostile bytes must not be able to corrupt memory.",
        check: purity::core_forbids_unsafe,
    },
    Rule {
        name: "kernel-side-only-observes",
        because: "The kernel side reports and never decides: nothing there may write, block, log or signal.",
        check: purity::kernel_side_only_observes,
    },
    Rule {
        name: "safety-comments",
        because: "An `unsafe` whose reason is not written down can't be reviewed.",
        check: unsafety::safety_comments,
    },
    Rule { name: "names", because: "A name that says nothing collects everything.", check: words::names },
    Rule {
        name: "module-docs",
        because: "A file whose idea can't be said in one line holds more than one.",
        check: text::module_docs,
    },
    Rule { name: "length", because: "A file is one idea; long files are several.", check: text::length },
    Rule {
        name: "nothing-unfinished",
        because: "A stub that compiles is taken for done.",
        check: text::nothing_unfinished,
    },
    Rule {
        name: "reasons-for-allow",
        because: "A silenced lint without a reason stays for ever.",
        check: text::reasons_for_allow,
    },
    Rule { name: "whitespace", because: "Invisible changes make reviews longer.", check: text::whitespace },
    Rule {
        name: "no-hidden-characters",
        because: "Source must be what it looks like.",
        check: text::no_hidden_characters,
    },
    Rule {
        name: "no-machine-paths",
        because: "A path of one machine, in source or in a binary, does not build or mean anything elsewhere.",
        check: text::no_machine_paths,
    },
    Rule {
        name: "citations-exist",
        because: "A comment that cites a document which is not here can't be followed.",
        check: text::citations_exist,
    },
    Rule {
        name: "sources-are-reached",
        because: "A source file that no crate declares is never compiled, and a test in it never runs.",
        check: reach::sources_are_reached,
    },
    Rule {
        name: "sources-parse",
        because: "A file that does not parse is checked by nothing.",
        check: text::parses,
    },
];

/// Checks the tree, or lists the rules.
pub(crate) fn run(arguments: Arguments) -> Outcome {
    let Arguments { list } = arguments;
    if list {
        for Rule { name, because, check: _ } in &RULES {
            println!("{name:28} {because}");
        }
        return Ok(());
    }
    let tree = Tree::read(&process::top())?;
    let report = judge(&tree);
    if report.is_empty() {
        println!("{} files keep {} rules", tree.files.len(), RULES.len());
        return Ok(());
    }
    for line in &report {
        eprintln!("{line}");
    }
    Err(format!(
        "{} places break the rules of the house; `cargo xtask tidy --list` says why each is there",
        report.len()
    ))
}

/// One line for each offence, in a stable order.
fn judge(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for Rule { name, because: _, check } in &RULES {
        for Offence { path, line, says } in check(tree) {
            report.push(format!("{path}:{line}: {name}: {says}"));
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The house rules are a test, not a script: whoever runs `cargo test --workspace` runs them.
    #[test]
    fn the_house_is_tidy() {
        let tree = Tree::read(&process::top()).unwrap();
        assert!(tree.files.len() > 20, "only {} files were found", tree.files.len());
        let report = judge(&tree);
        assert!(report.is_empty(), "{} offences:\n{}", report.len(), report.join("\n"));
    }

    #[test]
    fn every_rule_has_its_own_name_and_reason() {
        let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
        assert!(RULES.iter().all(|rule| rule.because.ends_with('.')));
    }
}
