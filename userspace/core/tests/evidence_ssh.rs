//! SSH: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks ssh [stream.protocol]";
const ENCRYPTED: &str = "hidden Encrypted [ssh.encrypted]";
const SUCCESS: [&str; 2] = ["accepts [ssh.success-sized]", "serves Service [ssh.success-sized]"];

fn packet(payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len() + 5).unwrap().to_be_bytes()[..], &[4], payload, &[0; 4]].concat()
}

fn kexinit(cipher: &str, code: &str, compression: &str) -> Vec<u8> {
    let mut payload = vec![20];
    payload.extend([7; 16]);
    for list in
        ["curve25519-sha256", "ssh-ed25519", cipher, cipher, code, code, compression, compression, "", ""]
    {
        payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend(list.bytes());
    }
    payload.extend([0; 5]);
    packet(&payload)
}

/// Version lines, key exchange, and both NEWKEYS.
fn exchanged(cipher: &str, code: &str, compression: &str) -> Vec<Turn> {
    vec![
        s("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        c("SSH-2.0-OpenSSH_9.2p1\r\n"),
        c(kexinit(cipher, code, compression)),
        s(kexinit(&format!("other,{cipher}"), code, compression)),
        c(packet(&[30; 40])),
        s([packet(&[31; 90]), packet(&[21])].concat()),
        c(packet(&[21])),
    ]
}

/// Encrypted packets of these sizes, the caller's and the receiver's in turn; a clear length where `code` is given.
fn sized(sizes: &[usize], code: Option<usize>) -> Vec<Turn> {
    let mut turns = Vec::new();
    for (at, size) in sizes.iter().enumerate() {
        let mut bytes = vec![0xe5; *size];
        if let Some(code) = code {
            bytes[..4].copy_from_slice(&u32::try_from(size - 4 - code).unwrap().to_be_bytes());
        }
        turns.push(if at % 2 == 0 { c(bytes) } else { s(bytes) });
    }
    turns
}

fn shows(cipher: &str, code: &str, sizes: &[usize], tag: Option<usize>, expect: &[&str]) {
    let turns = [exchanged(cipher, code, "none,zlib@openssh.com"), sized(sizes, tag)].concat();
    check(&turns, &[&[SPEAKS, ENCRYPTED][..], expect].concat());
}

const KEY: [&str; 3] = [
    "offers Key for Connection by Signature [ssh.key-sized]",
    "accepts [ssh.success-sized]",
    "serves Service [ssh.success-sized]",
];
const PASSWORD: [&str; 3] = [
    "offers Secret for Connection by Password [ssh.password-sized]",
    "accepts [ssh.success-sized]",
    "serves Service [ssh.success-sized]",
];

#[test]
fn sizes_tell_the_method_apart() {
    let gcm = "aes128-gcm@openssh.com";
    let chacha = "chacha20-poly1305@openssh.com";
    shows(gcm, "hmac-sha2-256", &[52, 52, 68, 52, 148, 100, 308, 36, 100], Some(16), &KEY);
    shows(chacha, "umac-64-etm@openssh.com", &[44, 44, 68, 52, 140, 100, 308, 28, 100], None, &KEY);
    shows(chacha, "hmac-sha2-256", &[44, 44, 68, 52, 148, 28, 200], None, &PASSWORD);
    shows(
        "aes128-ctr",
        "hmac-sha2-256-etm@openssh.com",
        &[68, 68, 84, 84, 164, 52, 200],
        Some(32),
        &PASSWORD,
    );
    shows(gcm, "hmac-sha2-256", &[52, 52, 68, 36, 100], Some(16), &SUCCESS);
    shows(gcm, "hmac-sha2-256", &[52, 52, 68, 52, 84, 52, 84, 52], Some(16), &[]);
}

#[test]
fn what_says_nothing() {
    // Compression before authentication: sizes mean nothing.
    let turns =
        [exchanged("aes128-gcm@openssh.com", "", "zlib"), sized(&[52, 52, 68, 36], Some(16))].concat();
    check(&turns, &[SPEAKS, ENCRYPTED]);
    check(&exchanged("aes128-ctr", "hmac-sha1", "none"), &[SPEAKS, ENCRYPTED]);
    check(&exchanged("aes128-ctr", "hmac-sha1", "none")[..4], &[SPEAKS]);
    check(&[s("SSH-2.0-x\r\n"), c("SSH-2.0-y\r\n")], &[SPEAKS]);
    check(&[s("SSH-1.5-x\n"), c("SSH-1.5-y\n")], &[SPEAKS]);
    check(
        &[s("SSH-2.0-x\r\n"), c("SSH-2.0-y\r\n"), c(packet(&[20; 9]))],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[s("SSH-2.0-x\r\n")], &["hidden Unsupported [stream.one-sided]"]);
}

/// A packet of SSH 1: length, padding to a multiple of eight, type, content, check sum.
fn old(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len() + 5;
    let padding = vec![0; 8 - length % 8];
    [&u32::try_from(length).unwrap().to_be_bytes()[..], &padding, &[kind], content, &[0; 4]].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

/// Version lines and keys of SSH 1, a cipher, and turns; `methods` is the receiver's mask.
fn old_session(versions: [&str; 2], methods: u32, cipher: u8, turns: &[Turn]) -> Vec<Turn> {
    // Cookie, two RSA keys of which only the sizes matter here, flags, ciphers, methods.
    let keys = [&[7; 8][..], &[9; 80], &[0; 4], &[0, 0, 0, 0x4e], &methods.to_be_bytes()].concat();
    let choice = [&[cipher][..], &[7; 8], &[9; 40], &[0; 4]].concat();
    let [receiver, caller] = versions;
    let mut all = vec![s(receiver), c(caller), s(old(2, &keys)), c(old(3, &choice))];
    all.extend_from_slice(turns);
    all
}

#[test]
fn version_1_hides_who_calls() {
    let encrypted = "hidden Encrypted [ssh.version-1-encrypted]";
    for versions in [["SSH-1.5-x\n", "SSH-1.5-y\n"], ["SSH-1.99-x\n", "SSH-1.5-y\r\n"]] {
        check(&old_session(versions, 0b1100, 3, &[s([0xe5; 20])]), &[SPEAKS, encrypted]);
        let place = "hidden Encrypted [ssh.version-1-hosts-trusted]";
        check(&old_session(versions, 0b1110, 3, &[]), &[SPEAKS, place]);
        check(&old_session(versions, 0b1110, 3, &[])[..3], &[SPEAKS]);
    }
    // Both know version 2 as well.
    let mut new = exchanged("aes128-ctr", "hmac-sha1", "none");
    new.splice(..2, [s("SSH-1.99-x\n"), c("SSH-2.0-y\r\n")]);
    check(&new, &[SPEAKS, ENCRYPTED]);
    let broken = "hidden Unsupported [stream.unreadable]";
    let lines = || vec![s("SSH-1.5-x\n"), c("SSH-1.5-y\n")];
    check(&[lines(), vec![s([0xff; 8])]].concat(), &[SPEAKS, broken]);
    check(&[lines(), vec![s(old(9, b""))]].concat(), &[SPEAKS, broken]);
}

#[test]
fn version_1_without_a_cipher_shows_all() {
    let session = |turns: &[Turn]| {
        let versions = ["SSH-1.5-x\n", "SSH-1.5-y\n"];
        let start = [s(old(14, b"")), c(old(4, &text("alice")))];
        old_session(versions, 0b1110, 0, &[&start[..], turns].concat())
    };
    let (yes, no) = (s(old(14, b"")), s(old(15, b"")));
    let named = "offers Claim for Connection as User \"alice\" [ssh.version-1-user-named]";
    let demands = "demands Secret [ssh.version-1-identity-demanded]";
    let opened = "serves Service [ssh.version-1-session-opened]";
    let accepts = "accepts [ssh.version-1-accepted]";
    check(&session(std::slice::from_ref(&yes)), &[SPEAKS, named, opened]);
    check(&session(&[]), &[SPEAKS, named]);
    let password = [no.clone(), c(old(9, &text("MARK08")))];
    let sent = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [ssh.version-1-password-sent]";
    let turns = session(&[&password[..], std::slice::from_ref(&yes)].concat());
    check(&turns, &[SPEAKS, demands, sent, accepts, opened]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    let wrong = "refuses ProofWrong [ssh.version-1-proof-refused]";
    check(&session(&[&password[..], std::slice::from_ref(&no)].concat()), &[SPEAKS, demands, sent, wrong]);
    let key = [no.clone(), c(old(6, &[0, 8, 1])), s(old(7, &[0, 8, 1])), c(old(8, &[5; 16])), yes.clone()];
    let proved = "offers Key for Connection as User \"alice\" by Signature [ssh.version-1-key-proved]";
    check(&session(&key), &[SPEAKS, demands, proved, accepts, opened]);
    let tis = [no.clone(), c(old(39, b"")), s(old(40, &text("?"))), c(old(41, &text("MARK09"))), yes.clone()];
    let answered =
        "offers Secret for Connection as User \"alice\" by Password [ssh.version-1-challenge-answered]";
    check(&session(&tis), &[SPEAKS, demands, answered, accepts, opened]);
    let hosts = [no, c(old(5, &text("bob"))), yes];
    let claim = "offers Claim for Connection as User \"bob\" [ssh.version-1-user-named]";
    check(&session(&hosts), &[SPEAKS, demands, claim, opened]);
}
