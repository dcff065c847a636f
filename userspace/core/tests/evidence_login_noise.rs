//! Protocols with a login, fed with their own words in any order: cuts change nothing, and nothing is accepted that
//! was not offered before.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, accepts_only_what_was_offered, c, line, observe, observe_cut, s};
use proptest::prelude::*;

/// Openings that are recognised.
fn openings() -> Vec<Vec<Turn>> {
    vec![
        vec![s("220 x\r\n"), c("FEAT\r\n")],
        vec![s("220 x\r\n"), c("EHLO x\r\n"), s("250 x\r\n")],
        vec![s("+OK x\r\n"), c("CAPA\r\n"), s("-ERR\r\n")],
        vec![s("* OK x\r\n"), c("a NOOP\r\n"), s("a OK\r\n")],
        vec![s("RFB 003.008\n"), c("RFB 003.008\n")],
        vec![s("@RSYNCD: 31.0\n"), c("@RSYNCD: 31.0\n")],
        vec![s(b"\xff\xfb\x01login: "), c(b"\xff\xfd\x01x\r\n")],
        vec![
            c(b"\x30\x0c\x02\x01\x01\x63\x07\x04\x00\x0a\x01\x00\x87\x00"),
            s(b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"),
        ],
    ]
}

/// Words that the callers of these protocols use.
const CALLS: &[&[u8]] = &[
    b"USER alice\r\n",
    b"PASS MARK05\r\n",
    b"PASS\r\n",
    b"AUTH PLAIN\r\n",
    b"AUTH LOGIN\r\n",
    b"AUTH PLAIN AGFsaWNlAE1BUkswNQ==\r\n",
    b"AGFsaWNlAE1BUkswNQ==\r\n",
    b"AUTH TLS\r\n",
    b"STARTTLS\r\n",
    b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
    b"x\r\n.\r\n",
    b"BDAT 4 LAST\r\nabcd",
    b"STAT\r\n",
    b"LIST\r\n",
    b"a LOGIN alice MARK05\r\n",
    b"a LOGIN {5}\r\n",
    b"alice {6+}\r\nMARK05\r\n",
    b"a AUTHENTICATE PLAIN\r\n",
    b"a SELECT x\r\n",
    b"\x01",
    b"\x02",
    b"\x13",
    b"0123456789abcdef",
    b"\xff\xfa\x18\0x\xff\xf0",
    b"module\n",
    b"\x30\x17\x02\x01\x02\x60\x12\x02\x01\x03\x04\x05alice\x80\x06MARK05",
    b"\x30\x0c\x02\x01\x02\x60\x07\x02\x01\x03\x04\x00\x80\x00",
    b"\x30\x0e\x02\x01\x03\x63\x09\x04\x01x\x0a\x01\x02\x87\x00\x05\x00",
];
/// Words that their receivers use.
const REPLIES: &[&[u8]] = &[
    b"230 ok\r\n",
    b"235 ok\r\n",
    b"250-x\r\n250 ok\r\n",
    b"331 x\r\n",
    b"334 x\r\n",
    b"354 x\r\n",
    b"150 x\r\n",
    b"530 Login incorrect\r\n",
    b"535 x\r\n",
    b"+OK\r\n",
    b"+ x\r\n",
    b"-ERR [AUTH] x\r\n",
    b"a OK x\r\n",
    b"a NO x\r\n",
    b"* x {3}\r\nabc\r\n",
    b"\x01\x01",
    b"\x02\x02\x13",
    b"0123456789abcdef",
    b"\0\0\0\0",
    b"\0\x02",
    b"@RSYNCD: AUTHREQD x\n",
    b"@RSYNCD: OK\n",
    b"Password: ",
    b"\r\nLast login: x\r\n$ ",
    b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
    b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x31\x04\x00\x04\x00",
    b"\x30\x0c\x02\x01\x03\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_in_any_order(
        words in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..9), 0..24),
        noise in proptest::collection::vec(any::<u8>(), 0..12),
        sizes in proptest::collection::vec(1_usize..30, 1..4),
    ) {
        for mut turns in openings() {
            for (pick, kind) in &words {
                turns.push(match kind {
                    0..=3 => c(CALLS.get(pick.index(CALLS.len())).unwrap()),
                    4..=7 => s(REPLIES.get(pick.index(REPLIES.len())).unwrap()),
                    _ if pick.index(2) == 0 => c(&noise),
                    _ => s(&noise),
                });
            }
            let shown = observe(&turns);
            prop_assert_eq!(observe_cut(&turns, &sizes), shown.clone());
            prop_assert!(accepts_only_what_was_offered(&shown), "{:?}", shown.iter().map(line).collect::<Vec<_>>());
        }
    }
}
