//! QUIC: Initial packets that are sealed as RFC 9001 says, and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt};
use aes_gcm::{Aes128Gcm, KeyInit};
use evidence_support::{c, check_datagrams, s};
use hkdf::Hkdf;
use sha2::Sha256;

const SPEAKS: &str = "speaks quic [datagrams.protocol]";
const SEALED: &str = "hidden Tls13 [quic.handshake-sealed]";
const RESUMED: &str = "hidden Resumed [quic.session-resumed]";
/// The connection id of RFC 9001 appendix A.
const CALLED: &[u8] = &[0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];

fn expand(secret: &Hkdf<Sha256>, label: &str, length: usize) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let lengths = [0, u8::try_from(length).unwrap(), u8::try_from(label.len()).unwrap()];
    let mut out = vec![0; length];
    secret.expand(&[&lengths[..], label.as_bytes(), &[0]].concat(), &mut out).unwrap();
    out
}

/// An Initial packet of version 1 with number 2, from a side, padded to `size` (RFC 9001 sections 5.2 to 5.4).
fn initial(side: &str, destination: &[u8], keyed_by: &[u8], frames: &[u8], size: usize) -> Vec<u8> {
    let mut header = vec![0xc0, 0, 0, 0, 1, u8::try_from(destination.len()).unwrap()];
    header.extend_from_slice(destination);
    header.extend_from_slice(&[4, 1, 2, 3, 4, 0]);
    let rest = u16::try_from(size - header.len() - 2).unwrap();
    header.extend_from_slice(&(0x4000 | rest).to_be_bytes());
    let number = header.len();
    header.push(2);
    let mut content = frames.to_vec();
    content.resize(size - header.len() - 16, 0);
    let secret = Hkdf::<Sha256>::new(Some(&SALT), keyed_by);
    let secret = Hkdf::<Sha256>::from_prk(&expand(&secret, &format!("{side} in"), 32)).unwrap();
    let mut nonce: [u8; 12] = expand(&secret, "quic iv", 12).try_into().unwrap();
    nonce[11] ^= 2;
    let sealing = Aes128Gcm::new_from_slice(&expand(&secret, "quic key", 16)).unwrap();
    let sealed = sealing.encrypt(&nonce.into(), Payload { msg: &content, aad: &header }).unwrap();
    let mut packet = [header, sealed].concat();
    let mut mask = Array::<u8, _>::try_from(&packet[number + 4..number + 20]).unwrap();
    Aes128::new_from_slice(&expand(&secret, "quic hp", 16)).unwrap().encrypt_block(&mut mask);
    packet[0] ^= mask[0] & 0x0f;
    packet[number] ^= mask[1];
    packet
}

/// A hello: type, length, version, random, no session id, suite (a list of one for the caller), no compression, and
/// pre_shared_key where it resumes.
fn hello(kind: u8, resumes: bool) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&[9; 32]);
    body.push(0);
    body.extend_from_slice(if kind == 1 { &[0, 2, 0x13, 1, 1, 0] } else { &[0x13, 1, 0] });
    let extensions: &[u8] =
        if resumes { &[0, 12, 0, 43, 0, 2, 3, 4, 0, 41, 0, 2, 0, 0] } else { &[0, 6, 0, 43, 0, 2, 3, 4] };
    body.extend_from_slice(extensions);
    [&[kind, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

/// A CRYPTO frame.
fn crypto(offset: u8, bytes: &[u8]) -> Vec<u8> {
    [&[6, offset, 0x40, u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}

fn begins(resumes: bool) -> Vec<u8> {
    // In two pieces, the second first.
    let hello = hello(1, resumes);
    let (first, second) = hello.split_at(20);
    initial("client", CALLED, CALLED, &[crypto(20, second), crypto(0, first)].concat(), 1200)
}

fn answers(resumes: bool) -> Vec<u8> {
    // ACK of one range, then the hello, then a sealed Handshake packet.
    let frames = [vec![2, 2, 0, 0, 0], crypto(0, &hello(2, resumes))].concat();
    let mut datagram = initial("server", &[1, 2, 3, 4], CALLED, &frames, 300);
    datagram.extend_from_slice(&[0xe0, 0, 0, 0, 1, 4, 1, 2, 3, 4, 0, 3, 7, 7, 7]);
    datagram
}

#[test]
fn what_is_inside_stays_hidden() {
    check_datagrams(&[c(begins(false)), s(answers(false))], &[SPEAKS, SEALED]);
    check_datagrams(&[c(begins(true)), s(answers(true))], &[SPEAKS, RESUMED]);
    // Offered, and not taken up.
    check_datagrams(&[c(begins(true)), s(answers(false))], &[SPEAKS, SEALED]);
    // The answer can't be opened.
    let mut broken = answers(true);
    broken[100] ^= 1;
    check_datagrams(&[c(begins(true)), s(broken)], &[SPEAKS, SEALED]);
}

#[test]
fn a_retry_changes_the_keys() {
    let mut retry = vec![0xf0, 0, 0, 0, 1, 4, 1, 2, 3, 4, 4, 9, 9, 9, 9];
    retry.extend_from_slice(&[5; 24]);
    let again = initial("client", &[9; 4], &[9; 4], &crypto(0, &hello(1, true)), 1200);
    let frames = crypto(0, &hello(2, true));
    let answer = initial("server", &[1, 2, 3, 4], &[9; 4], &frames, 300);
    check_datagrams(&[c(begins(true)), s(retry), c(again), s(answer)], &[SPEAKS, RESUMED]);
}

#[test]
fn what_is_not_quic() {
    let unsupported = ["hidden Unsupported [stream.unsupported]"];
    let mut broken = begins(false);
    broken[600] ^= 1;
    check_datagrams(&[c(broken), s(answers(false))], &unsupported);
    // Too short to begin a connection.
    let short = initial("client", CALLED, CALLED, &crypto(0, &hello(1, false)), 400);
    check_datagrams(&[c(short), s(answers(false))], &unsupported);
    check_datagrams(&[c(begins(false)), s("text")], &unsupported);
    check_datagrams(&[c(begins(false))], &["hidden Unsupported [stream.one-sided]"]);
}
