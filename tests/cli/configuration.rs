//! Sections that have no effect yet are accepted with a warning, not in silence.

use std::fs;

use crate::logs;
use crate::run::said;

#[test]
fn what_has_no_effect_is_said() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("small.tzlog"), logs::small()).unwrap();
    fs::write(
        home.path().join("t.toml"),
        "[[agent]]\nname = \"helpdesk\"\nexe = \"/usr/bin/python3\"\n[zones]\nshop = [\"10.77.40.0/24\"]\n[limits]\nshort_lived_s = 900\n",
    )
    .unwrap();
    let said = said(home.path(), &["--config", "t.toml", "replay", "small.tzlog"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let warnings: Vec<&str> = said.stderr.lines().collect();
    assert_eq!(warnings.len(), 1, "{}", said.stderr);
    assert!(warnings[0].contains("[zones] has no effect in this version"), "{}", said.stderr);
}
