//! Git's own protocol: byte sequences and what they show.

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks git [stream.protocol]";

fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

fn request(service: &str) -> Turn {
    c(line(&format!("{service} /a.git\0host=example.org\0")))
}

#[test]
fn repositories_are_served_to_anyone() {
    let references = line("7217a7c7e582c46cec22a130adf4b9d7d950fba0 HEAD\0multi_ack side-band-64k\n");
    check(
        &[request("git-upload-pack"), s(references.clone()), c("0032want x")],
        &[SPEAKS, "serves Service [git.repository-served]"],
    );
    check(
        &[request("git-upload-pack"), s(line("version 2\n"))],
        &[SPEAKS, "serves Service [git.repository-served]"],
    );
    check(&[request("git-upload-archive"), s("0000")], &[SPEAKS, "serves Service [git.repository-served]"]);
    check(&[request("git-receive-pack"), s(references)], &[SPEAKS, "serves Service [git.push-served]"]);
    check(
        &[request("git-receive-pack"), s(line("ERR access denied or repository not exported: /a.git"))],
        &[SPEAKS, "refuses Other [git.repository-refused]"],
    );
}

#[test]
fn nonsense() {
    check(&[request("git-upload-pack"), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
    check(&[c("0032want x"), s("0000")], &["hidden Unsupported [stream.unsupported]"]);
    check(&[request("git-upload-pack"), s("00")], &["hidden Unsupported [stream.unsupported]"]);
}
