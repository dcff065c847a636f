//! SSH: byte sequences and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

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
    check(&[s("SSH-1.5-x\n"), c("SSH-1.5-y\n")], &[SPEAKS, "hidden Unsupported [stream.unreadable]"]);
    check(
        &[s("SSH-2.0-x\r\n"), c("SSH-2.0-y\r\n"), c(packet(&[20; 9]))],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[s("SSH-2.0-x\r\n")], &["hidden Unsupported [stream.one-sided]"]);
}
