//! Kerberos, TACACS+, Diameter, ZooKeeper and the datagram protocols of directories fed their own words in any order:
//! reading never panics, and cuts change nothing.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, observe, observe_cut, observe_datagrams, s};
use proptest::prelude::*;
use tierzero_core::evidence::Shown;

const AS_REQ: &[u8] = b"\x6a\x18\x30\x16\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa3\x02\x30\x00\xa4\x06\x30\x04\xa0\x02\x03\x00";
const FAILS: &[u8] = b"\x7e\x11\x30\x0f\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\xa6\x03\x02\x01\x19";
const KPASSWD: &[u8] = b"\x00\x0f\x00\x01\x00\x07\x6e\x05\x30\x03\xa0\x01\x00\x75\x00";
const GET: &[u8] =
    b"\x30\x1b\x02\x01\x01\x04\x06public\xa0\x0e\x02\x01\x07\x02\x01\x00\x02\x01\x00\x30\x03\x30\x01\x06";
const RESPONSE: &[u8] =
    b"\x30\x1b\x02\x01\x01\x04\x06public\xa2\x0e\x02\x01\x07\x02\x01\x00\x02\x01\x00\x30\x03\x30\x01\x06";
const SEARCH: &[u8] = b"\x30\x0c\x02\x01\x01\x63\x07\x04\x00\x0a\x01\x00\x30\x00";
const DONE: &[u8] = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
const ACCESS: &[u8] = b"\x01\x07\x00\x2a0123456789abcdef\x01\x04me\x02\x120123456789abcdef";
const ACCEPT: &[u8] = b"\x02\x07\x00\x140123456789abcdef";

fn framed(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// A first turn of each side, after which the protocol's own reader has the word.
fn openings() -> Vec<[Turn; 2]> {
    vec![
        [c(framed(AS_REQ)), s(framed(FAILS))],
        [c(framed(KPASSWD)), s(framed(FAILS))],
        [
            c(b"\xc0\x01\x01\x01\0\0\0\x09\0\0\0\x0a\x01\x01\x01\x01\x02\0\0\0me"),
            s(b"\xc0\x01\x02\x01\0\0\0\x09\0\0\0\x06\x05\x01\0\0\0\0"),
        ],
        [
            c(b"\x01\0\0\x20\x80\0\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\x01\x08\x40\0\0\x0chost"),
            s(b"\x01\0\0\x20\0\0\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\x01\x0c\x40\0\0\x0c\0\0\x07\xd1"),
        ],
        [
            c(b"\0\0\0\x2c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0\x100123456789abcdef"),
            s(b"\0\0\0\x24\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\x01\0\0\0\x100123456789abcdef"),
        ],
    ]
}

fn datagram_openings() -> Vec<[Turn; 2]> {
    vec![
        [c(AS_REQ), s(FAILS)],
        [c(KPASSWD), s(FAILS)],
        [c(GET), s(RESPONSE)],
        [c(SEARCH), s(DONE)],
        [c(ACCESS), s(ACCEPT)],
    ]
}

/// Messages, and bytes of no meaning.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let mut words: Vec<Vec<u8>> = [AS_REQ, FAILS, KPASSWD, GET, RESPONSE, SEARCH, DONE, ACCESS, ACCEPT]
        .iter()
        .flat_map(|word| [word.to_vec(), framed(word)])
        .collect();
    words.extend([
        b"\xc0\x01\x03\x01\0\0\0\x09\0\0\0\x07\0\x02\0\0\0me".to_vec(),
        b"\xc0\x01\x04\x01\0\0\0\x09\0\0\0\x06\x01\0\0\0\0\0".to_vec(),
        b"\xc0\x01\x03\x00\0\0\0\x09\0\0\0\x02ab".to_vec(),
        b"\x01\0\0\x14\x80\0\x01\x18\0\0\0\0\0\0\0\x02\0\0\0\x02".to_vec(),
        b"\x01\0\0\x20\0\0\x01\x18\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\x01\x0c\x40\0\0\x0c\0\0\x07\xd1".to_vec(),
        b"\0\0\0\x0d\0\0\0\x01\0\0\0\x04\0\0\0\x01/".to_vec(),
        b"\0\0\0\x10\0\0\0\x01\0\0\0\0\0\0\0\x09\0\0\0\0".to_vec(),
        b"\0\0\0\x0d\0\0\0\x01\0\0\0\x66\0\0\0\x01x".to_vec(),
    ]);
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..60),
        proptest::sample::select(words.clone()),
        (proptest::sample::select(words), any::<prop::sample::Index>(), 1_u8..).prop_map(
            |(word, at, bits)| {
                let at = at.index(word.len());
                word.iter()
                    .enumerate()
                    .map(|(here, byte)| if here == at { byte ^ bits } else { *byte })
                    .collect()
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_may_follow(
        rest in proptest::collection::vec((any::<bool>(), bytes()), 0..10),
        sizes in proptest::collection::vec(1_usize..40, 1..6),
    ) {
        let rest: Vec<Turn> =
            rest.into_iter().map(|(from, bytes)| if from { c(bytes) } else { s(bytes) }).collect();
        for opening in openings() {
            let turns = [&opening[..], &rest].concat();
            let whole = observe(&turns);
            let spoken = whole.first().is_some_and(|first| matches!(first.shown, Shown::Speaks { .. }));
            prop_assert!(spoken, "{:?}", whole);
            prop_assert_eq!(observe_cut(&turns, &sizes), whole.clone());
            prop_assert_eq!(observe_cut(&turns, &[1]), whole);
        }
        for opening in datagram_openings() {
            let whole = observe_datagrams(&[&opening[..], &rest].concat());
            let spoken = whole.first().is_some_and(|first| matches!(first.shown, Shown::Speaks { .. }));
            prop_assert!(spoken, "{:?}", whole);
        }
    }
}
