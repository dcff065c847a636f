//! Any bytes behind a conversation's opening: reading never panics, and cuts change nothing.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, observe, observe_cut, s};
use proptest::prelude::*;
use tierzero_core::evidence::Shown;

/// A first turn of each side, by protocol, after which the protocol's own reader has the word.
fn openings() -> Vec<[Turn; 2]> {
    vec![
        [s(b"\x15\0\0\0\x0a8.0.36\0\x07\0\0\0saltsalt\0"), c(b"=\0\0\x01\0\x82\x08\0\0\0\0\x01!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0app\0\x02xxcaching_sha2_password\0")],
        [c(b"\x10\x13\0\x04MQTT\x05\x02\0<\x04\x15\0\x01X\0\x02ab"), s(b"\xf0\x02\x18\0")],
        [s(b"INFO {\"auth_required\":true}\x0d\x0a"), c(b"CONNECT {")],
        [c(b"get a\x0d\x0a"), s(b"CLIENT_ERROR unauthenticated\x0d\x0a")],
        [c(b"%\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x10\0\0\0\x10hello\0\x01\0\0\0\0"), s(b"&\0\0\0\x09\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x11\0\0\0\x01ok\0\0\0\0\0\0\0\xf0?\0")],
        [s(b"SSH-2.0-x\x0d\x0a"), c(b"SSH-2.0-y\x0d\x0a")],
    ]
}

/// Bytes of which many mean something to one protocol or another.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"\x01\0\0\x02\0",
        b"\x02\0\0\x02\x01\x04",
        b"\x01\0\0\x03\x02",
        b"\x20\x03\0\0\0",
        b"\xf0\0",
        b"PONG\r\n",
        b"INFO {}\r\n",
        b"-ERR 'x'\r\n",
        b"\"user\":\"a\"}\r\n",
        b"set a 0 0 3\r\na b\r\n",
        b"STORED\r\n",
        b"END\r\n",
        b"\0\0\0\x06\x04\x15\0\0\0\0",
        b"\x10\0\0\0\x02\0\0\0\x09\0\0\0\xdd\x07\0\0",
    ];
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..60),
        proptest::sample::select(words).prop_map(<[u8]>::to_vec),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_may_follow(
        rest in proptest::collection::vec((any::<bool>(), bytes()), 0..10),
        sizes in proptest::collection::vec(1_usize..40, 1..6),
    ) {
        for opening in openings() {
            let mut turns = opening.to_vec();
            turns.extend(rest.iter().map(|(from, bytes)| if *from { c(bytes) } else { s(bytes) }));
            let whole = observe(&turns);
            let spoken = whole.first().is_some_and(|first| matches!(first.shown, Shown::Speaks { .. }));
            prop_assert!(spoken, "{:?}", whole);
            prop_assert_eq!(observe_cut(&turns, &sizes), whole.clone());
            prop_assert_eq!(observe_cut(&turns, &[1]), whole);
        }
    }
}
