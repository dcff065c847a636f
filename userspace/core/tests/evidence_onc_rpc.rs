//! ONC RPC: names that nothing proves, contexts that do, what is refused, and what nobody answers.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test ends where it fails")]

mod evidence_support;

use evidence_support::{Turn, c, check, check_datagrams, s};

const PORTMAP: u32 = 100_000;
const NFS: u32 = 100_003;
const YPSERV: u32 = 100_004;
const MOUNT: u32 = 100_005;
const YPPASSWD: u32 = 100_009;

const RPC: &str = "speaks rpc [stream.protocol]";
const DATAGRAMS: &str = "speaks rpc [datagrams.protocol]";
const IS_NFS: &str = "speaks nfs [rpc.program]";
const NAMED: &str = "offers Claim for Request as Uid \"1000@ws\" [rpc.auth-sys]";
const SERVED: &str = "serves Service [rpc.served]";
const PINGED: &str = "serves Public [rpc.null]";
const SEALED: &str = "offers Key for Request by Signature [rpc.gss-call]";

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Length, bytes, padding (RFC 4506 section 4.10).
fn opaque(bytes: &[u8]) -> Vec<u8> {
    let mut padded = [&words(&[bytes.len() as u32]), bytes].concat();
    padded.resize(padded.len().next_multiple_of(4), 0);
    padded
}

/// Flavor and body of a credential or verifier.
fn auth(flavor: u32, body: &[u8]) -> Vec<u8> {
    [words(&[flavor]), opaque(body)].concat()
}

fn nobody() -> Vec<u8> {
    auth(0, b"")
}

/// Stamp, machine, uid, gid, one more gid (RFC 5531 appendix A).
fn system(uid: u32) -> Vec<u8> {
    auth(1, &[words(&[7]), opaque(b"ws"), words(&[uid, 100, 1, 100])].concat())
}

/// Version 1, procedure, sequence number, service, handle (RFC 2203 section 5).
fn security(procedure: u32, service: u32, handle: &[u8]) -> Vec<u8> {
    auth(6, &[words(&[1, procedure, 1, service]), opaque(handle)].concat())
}

/// Transaction, call, RPC version 2, program, version, procedure, credential, verifier, arguments.
fn call(xid: u32, program: [u32; 3], credential: Vec<u8>, arguments: &[u8]) -> Vec<u8> {
    let [program, version, procedure] = program;
    let verifier = if credential.get(3) == Some(&6) { auth(6, &[9; 37]) } else { nobody() };
    let head = words(&[xid, 0, 2, program, version, procedure]);
    [head, credential, verifier, arguments.to_vec()].concat()
}

/// Transaction, reply, accepted, verifier, `accept_stat`, results.
fn accepted(xid: u32, verifier: Vec<u8>, status: u32, results: &[u8]) -> Vec<u8> {
    [words(&[xid, 1, 0]), verifier, words(&[status]), results.to_vec()].concat()
}

fn done(xid: u32, results: &[u8]) -> Vec<u8> {
    accepted(xid, nobody(), 0, results)
}

/// Transaction, reply, denied, AUTH_ERROR, `auth_stat`.
fn denied(xid: u32, why: u32) -> Vec<u8> {
    words(&[xid, 1, 1, 1, why])
}

/// One record in one fragment (RFC 5531 section 11).
fn record(message: Vec<u8>) -> Vec<u8> {
    [words(&[0x8000_0000 | message.len() as u32]), message].concat()
}

fn records(turns: &[Turn]) -> Vec<Turn> {
    turns.iter().map(|(role, message)| (*role, record(message.clone()))).collect()
}

/// Checks over TCP and over UDP.
#[track_caller]
fn check_both(turns: &[Turn], expect: &[&str]) {
    check(&records(turns), &[&[RPC], expect].concat());
    check_datagrams(turns, &[&[DATAGRAMS], expect].concat());
}

#[test]
fn a_name_of_auth_sys_is_a_claim() {
    let lookup = |xid| c(call(xid, [NFS, 3, 3], system(1000), &opaque(b"handle")));
    check_both(
        &[
            c(call(1, [NFS, 3, 0], nobody(), b"")),
            s(done(1, b"")),
            lookup(2),
            s(done(2, &words(&[0]))),
            lookup(3),
            s(done(3, &words(&[2]))), // NFS3ERR_NOENT
        ],
        &[IS_NFS, PINGED, NAMED, SERVED],
    );
    check_both(
        &[lookup(2), s(done(2, &words(&[13])))],
        &[IS_NFS, NAMED, "refuses NotAllowed [rpc.not-allowed]"],
    );
    check_both(
        &[c(call(1, [NFS, 3, 1], auth(2, b"short"), &opaque(b"handle"))), s(done(1, &words(&[0])))],
        &[IS_NFS, "offers Claim for Request [rpc.auth-short]", SERVED],
    );
}

#[test]
fn nobody_is_served() {
    check_both(
        &[c(call(1, [PORTMAP, 2, 3], nobody(), &words(&[NFS, 3, 6, 0]))), s(done(1, &words(&[2049])))],
        &["speaks portmap [rpc.program]", SERVED],
    );
    check_both(
        &[c(call(1, [YPSERV, 2, 3], nobody(), &opaque(b"example"))), s(done(1, &words(&[1])))],
        &["speaks ypserv [rpc.program]", SERVED],
    );
    // A program without a name of its own here.
    check_both(
        &[c(call(1, [100_017, 1, 1], system(0), b"")), s(done(1, &words(&[0])))],
        &["offers Claim for Request as Uid \"0@ws\" [rpc.auth-sys]", SERVED],
    );
}

#[test]
fn calls_are_matched_with_their_replies() {
    let turns = [
        c(call(1, [NFS, 3, 1], system(1000), b"")),
        c(call(2, [NFS, 3, 0], nobody(), b"")),
        s(done(2, b"")),
        s(done(1, &words(&[0]))),
    ];
    check_both(&turns, &[IS_NFS, PINGED, NAMED, SERVED]);
    // A reply that nothing asked for is no service; what was asked is still said.
    check_both(&[c(call(1, [NFS, 3, 1], system(1000), b"")), s(done(9, &words(&[0])))], &[IS_NFS, NAMED]);
}

#[test]
fn mounts_are_refused_by_place() {
    let mount = c(call(1, [MOUNT, 3, 1], system(0), &opaque(b"/export")));
    let root = "offers Claim for Request as Uid \"0@ws\" [rpc.auth-sys]";
    let is_mount = "speaks mount [rpc.program]";
    check_both(&[mount.clone(), s(done(1, &words(&[0])))], &[is_mount, root, SERVED]);
    check_both(
        &[mount.clone(), s(done(1, &words(&[13])))],
        &[is_mount, root, "refuses Place [rpc.mount-refused]"],
    );
    check_both(&[mount, s(done(1, &words(&[2])))], &[is_mount, root, "refuses Other [rpc.failed]"]);
}

#[test]
fn refusals_are_told_apart() {
    let asked = c(call(1, [NFS, 4, 1], system(1000), &opaque(b"")));
    check_both(&[asked.clone(), s(denied(1, 5))], &[IS_NFS, NAMED, "refuses ProofMissing [rpc.too-weak]"]);
    check_both(&[asked.clone(), s(denied(1, 1))], &[IS_NFS, NAMED, "refuses Other [rpc.denied]"]);
    check_both(
        &[asked.clone(), s(done(1, &words(&[10_016])))],
        &[IS_NFS, NAMED, "refuses ProofMissing [rpc.too-weak]"],
    );
    // PROG_MISMATCH, then RPC_MISMATCH.
    let failed = "refuses Other [rpc.failed]";
    check_both(&[asked.clone(), s(accepted(1, nobody(), 2, &words(&[2, 3])))], &[IS_NFS, NAMED, failed]);
    check_both(&[asked, s(words(&[1, 1, 1, 0, 2, 2]))], &[IS_NFS, NAMED, failed]);
}

/// A GSS token: application 0, its length, the mechanism, the inner token (RFC 2743 section 3.1).
fn token(mechanism: &[u8]) -> Vec<u8> {
    opaque(&[b"\x60\x40", mechanism, &[1; 40]].concat())
}

const KERBEROS: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
const LIPKEY: &[u8] = b"\x06\x06\x2b\x06\x01\x05\x05\x09";

/// Handle, major and minor status, window, token.
fn context(major: u32) -> Vec<u8> {
    [opaque(b"ctx1"), words(&[major, 0, 128]), opaque(b"")].concat()
}

#[test]
fn a_context_proves_who_calls() {
    let init = |mechanism| c(call(1, [NFS, 4, 0], security(1, 1, b""), &token(mechanism)));
    let digest = || auth(6, &[9; 28]);
    let ticket = "offers Key for Request by Ticket [rpc.gss-token-sent]";
    let calls = [
        c(call(2, [NFS, 4, 1], security(0, 1, b"ctx1"), b"")),
        s(accepted(2, digest(), 0, &words(&[0]))),
        // Results that are encrypted: what looks like a status is none.
        c(call(3, [NFS, 4, 1], security(0, 3, b"ctx1"), b"")),
        s(accepted(3, digest(), 0, &words(&[13]))),
        c(call(4, [NFS, 4, 0], security(3, 1, b"ctx1"), b"")),
        s(accepted(4, digest(), 0, b"")),
    ];
    let accepts = "accepts [rpc.gss-call-verified]";
    let begun = [init(KERBEROS), s(accepted(1, digest(), 0, &context(0)))];
    check_both(
        &[&begun[..], &calls].concat(),
        &[IS_NFS, ticket, "accepts [rpc.gss-established]", SEALED, accepts, SERVED, SEALED, accepts, SERVED],
    );
    // The context was set up on another connection.
    check_both(&calls[..2], &[IS_NFS, SEALED, accepts, SERVED]);
    // GSS_S_CONTINUE_NEEDED decides nothing yet; GSS_S_DEFECTIVE_TOKEN does.
    check_both(&[init(KERBEROS), s(done(1, &context(1)))], &[IS_NFS]);
    check_both(
        &[init(KERBEROS), s(done(1, &context(9 << 16)))],
        &[IS_NFS, ticket, "refuses ProofWrong [rpc.gss-refused]"],
    );
    check_both(
        &[init(LIPKEY), s(done(1, &context(0)))],
        &[
            IS_NFS,
            "offers Secret for Request by Signature [rpc.gss-other-token-sent]",
            "accepts [rpc.gss-established]",
        ],
    );
    // RPCSEC_GSS_CREDPROBLEM; and a receiver that answers without a digest showed no key.
    check_both(&[calls[0].clone(), s(denied(2, 13))], &[IS_NFS, SEALED, "refuses ProofWrong [rpc.denied]"]);
    check_both(&[calls[0].clone(), s(done(2, &words(&[0])))], &[IS_NFS, SEALED, SERVED]);
}

#[test]
fn diffie_hellman_is_weak() {
    let full = auth(3, &[words(&[0]), opaque(b"unix.7@example"), vec![5; 12]].concat());
    let offer = "offers Secret for Request as User \"unix.7@example\" by Signature [rpc.auth-dh]";
    check_both(
        &[c(call(1, [YPSERV, 2, 3], full, b"")), s(done(1, &words(&[1])))],
        &["speaks ypserv [rpc.program]", offer, SERVED],
    );
}

#[test]
fn a_password_among_the_arguments() {
    let update = c(call(1, [YPPASSWD, 1, 1], nobody(), &opaque(b"MARK-old")));
    let sent = "offers Secret for Request by Password in clear with fingerprint [rpc.password-sent]";
    check_both(
        &[update.clone(), s(done(1, &words(&[0])))],
        &[sent, "accepts [rpc.password-accepted]", SERVED],
    );
    check_both(&[update, s(done(1, &words(&[1])))], &[sent, "refuses ProofWrong [rpc.denied]"]);
}

#[test]
fn tls_follows_where_the_receiver_takes_it() {
    let probe = call(1, [NFS, 4, 0], auth(7, b""), b"");
    let hello = b"\x16\x03\x01";
    let taken = accepted(1, auth(0, b"STARTTLS"), 0, b"");
    check(
        &[c(record(probe.clone())), s(record(taken)), c(hello)],
        &[RPC, IS_NFS, "hidden Encrypted [tls.unfinished]"],
    );
    // A receiver that does not know it goes on in clear.
    let plain = [c(call(2, [NFS, 4, 1], system(1000), b"")), s(done(2, &words(&[0])))];
    for refusal in [denied(1, 1), done(1, b"")] {
        let turns = [&[c(probe.clone()), s(refusal)], &plain[..]].concat();
        check_both(&turns, &[IS_NFS, NAMED, SERVED]);
    }
}

#[test]
fn some_calls_are_never_answered() {
    let broadcast = call(1, [PORTMAP, 2, 5], system(0), &words(&[YPSERV, 2, 2]));
    check_datagrams(
        &[c(broadcast)],
        &[
            DATAGRAMS,
            "speaks portmap [rpc.program]",
            "offers Claim for Request as Uid \"0@ws\" [rpc.auth-sys]",
            "sends one way [rpc.silent-call]",
        ],
    );
    let asked = call(1, [PORTMAP, 2, 3], nobody(), b"");
    check_datagrams(&[c(asked)], &["hidden Unsupported [stream.one-sided]"]);
}

#[test]
fn records_come_in_fragments() {
    let message = call(1, [NFS, 3, 7], system(1000), &[0; 400]);
    let (first, rest) = message.split_at(200);
    let fragments = [words(&[200]), first.to_vec(), record(rest.to_vec())].concat();
    check(&[c(fragments), s(record(done(1, &words(&[0]))))], &[RPC, IS_NFS, NAMED, SERVED]);
}

#[test]
fn an_unknown_flavor_proves_and_disproves_nothing() {
    let unknown = call(1, [NFS, 3, 1], auth(300_000, b"x"), b"");
    check(
        &records(&[c(unknown.clone()), s(done(1, &words(&[0])))]),
        &[RPC, IS_NFS, "hidden Unsupported [stream.unreadable]"],
    );
    check_datagrams(
        &[c(unknown), s(done(1, &words(&[0])))],
        &[DATAGRAMS, IS_NFS, "hidden Unsupported [stream.unreadable]"],
    );
}

#[test]
fn calls_of_the_receiver_say_nothing() {
    let callback = [
        s(call(7, [0x4000_0000, 1, 1], nobody(), b"")),
        c(done(7, &words(&[0]))),
        c(call(2, [NFS, 4, 1], system(1000), b"")),
        s(done(2, &words(&[0]))),
    ];
    let begun = [c(call(1, [NFS, 4, 0], nobody(), b"")), s(done(1, b""))];
    check_both(&[&begun[..], &callback].concat(), &[IS_NFS, PINGED, NAMED, SERVED]);
}
