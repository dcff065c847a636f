//! The rsync daemon: byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks rsync [stream.protocol]";
const DEMANDS: &str = "demands Secret [rsync.password-demanded]";
const ANSWERED: &str =
    "offers Secret for Connection as User \"alice\" by Password [rsync.challenge-answered]";
const OPENED: &str = "serves Service [rsync.module-opened]";

fn module(turns: &[Turn]) -> Vec<Turn> {
    let mut all = vec![s("@RSYNCD: 31.0 md5 md4\n"), c("@RSYNCD: 31.0 md5 md4\n"), c("backup\n")];
    all.extend_from_slice(turns);
    all
}

#[test]
fn modules_open_with_and_without_a_password() {
    check(&module(&[s("Welcome\n\n@RSYNCD: OK\n"), c("--server\0")]), &[SPEAKS, OPENED]);
    let asked =
        |last: &str| module(&[s("@RSYNCD: AUTHREQD Y2hhbGxlbmdl\n"), c("alice MARK05digest\n"), s(last)]);
    check(&asked("@RSYNCD: OK\n"), &[SPEAKS, DEMANDS, ANSWERED, "accepts [rsync.proof-accepted]", OPENED]);
    check(
        &asked("@ERROR: auth failed on module backup\n"),
        &[SPEAKS, DEMANDS, ANSWERED, "refuses ProofWrong [rsync.proof-refused]"],
    );
    check(&asked("@RSYNCD: O"), &[SPEAKS, DEMANDS, ANSWERED]);
}

#[test]
fn refusals_and_lists() {
    check(
        &module(&[s("@ERROR: access denied to backup from h (10.0.0.1)\n")]),
        &[SPEAKS, "refuses Place [rsync.place-refused]"],
    );
    check(&module(&[s("@ERROR: Unknown module 'backup'\n")]), &[SPEAKS, "refuses Other [rsync.refused]"]);
    check(&module(&[s("backup\tfiles\n@RSYNCD: EXIT\n")]), &[SPEAKS, "serves Public [rsync.modules-listed]"]);
    check(&module(&[s("Welcome\n")]), &[SPEAKS]);
}
