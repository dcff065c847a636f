//! Brokers, middleware and what stands behind web servers, fed with their own messages in any order: cuts change
//! nothing, and nothing is accepted that was not offered before.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, accepts_only_what_was_offered, c, line, observe, observe_cut, s};
use proptest::prelude::*;
use tierzero_core::evidence::Shown;

/// An opening that is recognised, what the caller then may say, and what the receiver may.
struct Scene {
    opening: Vec<Turn>,
    calls: Vec<Vec<u8>>,
    replies: Vec<Vec<u8>>,
}

fn scene(opening: Vec<Turn>, calls: &[&[u8]], replies: &[&[u8]]) -> Scene {
    let own = |all: &[&[u8]]| all.iter().map(|one| one.to_vec()).collect();
    Scene { opening, calls: own(calls), replies: own(replies) }
}

/// A segment of IBM MQ.
fn mq(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 28).unwrap().to_be_bytes();
    [b"TSH ", &length[..], &[1, kind, 0, 0], &[0; 16], body].concat()
}

/// A DSI message.
fn dsi(flags: u8, command: u8, id: u8, result: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = [0, 0, 0, u8::try_from(body.len()).unwrap()];
    [&[flags, command, 0, id][..], result, &length, &[0; 4], body].concat()
}

fn scenes() -> Vec<Scene> {
    let uid = [&b"UID bob         MARK05      "[..], &[b' '; 64]].concat();
    let csp = [&b"CAUT\0\0\0\x01\0\0\0\x04\0\0\0\x08\0\0\0\x03\0\0\0\x06"[..], b"bob\0MARK05\0\0"].concat();
    vec![
        scene(
            vec![c(b"\0\0\0\x08\0\0\0\x04\x08\x02\x12\0"), s(b"\0\0\0\x08\0\0\0\x04\x08\x03\x1a\0")],
            &[
                b"\0\0\0\x0a\0\0\0\x06\x08\x17\xba\x01\0\0",
                b"\0\0\0\x08\0\0\0\x04\x08\x12\x92\x01",
                b"\0\0\0\x1a\0\0\0\x16\x08\x02\x12\x12\x1a\x08bob:MARK\x2a\x06basic\0",
            ],
            &[
                b"\0\0\0\x0a\0\0\0\x06\x08\x0e\x72\x02\x10\x03",
                b"\0\0\0\x0b\0\0\0\x07\x08\x18\xc2\x01\x02\x18\x01",
                b"\0\0\0\x09\0\0\0\x05\x08\x24\xa2\x02\0",
            ],
        ),
        scene(
            vec![c(b"\x12\x34\0\x01\x0a"), s(b"AB\0\x01\x09")],
            &[
                b"\x12\x34\0\x01\x0a",
                b"\x12\x34\0\x22\x02\x02\0\x01h\0\0\x02/x\0\xff\xff\xff\xff\xff\xff\0\x50\0\0\0\x0c\0\x06MARK05\0\xff",
                b"\x12\x34\0\x04\0\x02hi",
            ],
            &[
                b"AB\0\x08\x04\0\xc8\0\x01x\0\0",
                b"AB\0\x08\x04\x01\x91\0\x01x\0\0",
                b"AB\0\x02\x05\x01",
                b"AB\0\x03\x06\0\x01",
            ],
        ),
        scene(
            vec![c(mq(1, b"ID  ")), s(mq(1, b"ID  "))],
            &[&mq(8, &uid), &mq(0x0a, &csp), &mq(0x81, &[0; 16]), &mq(6, b"x"), &mq(4, b"MSH ")],
            &[&mq(0x91, &[0; 16]), &mq(0x91, &[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 7, 0xf3]), &mq(5, &[0; 12])],
        ),
        scene(
            vec![c(b"GIOP\x01\x02\0\x03\0\0\0\x04\0\0\0\x01")],
            &[
                b"GIOP\x01\x02\0\0\0\0\0\x1c\0\0\0\x07\x03\0\0\0\0\0\0\0\0\0\0\x01k\0\0\0\0\0\0\x02x\0\0\0",
                b"GIOP\x01\x02\0\x05\0\0\0\0",
            ],
            &[
                b"GIOP\x01\x02\0\x04\0\0\0\x08\0\0\0\x01\0\0\0\x01",
                b"GIOP\x01\x02\0\x01\0\0\0\x0c\0\0\0\x07\0\0\0\0\0\0\0\0",
                b"GIOP\x01\x02\0\x01\0\0\0\x0c\0\0\0\x07\0\0\0\x02\0\0\0\0",
            ],
        ),
        scene(
            vec![c(b"JRMI\0\x02\x4b"), s(b"\x4e\0\x01a\0\0\0\x01"), c(b"\0\x01b\0\0\0\0")],
            &[
                b"\x52",
                b"\x50\xac\xed\0\x05\x77\x22\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\x09",
                b"\x50\xac\xed\0\x05\x77\x22\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xf0\xe0\x74\xea\xad\x0c\xae\xa8\x75\x72\x00\x13[Ljava.lang.String;\xad\xd2\x56\xe7\xe9\x1d\x7b\x47\x02\x00\x00\x78\x70\0\0\0\x02\x74\0\x03bob\x74\0\x06MARK05",
            ],
            &[
                b"\x53",
                b"\x51\xac\xed\0\x05\x77\x0f\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                b"\x51\xac\xed\0\x05\x77\x0f\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x73\x72\0\x11SecurityException",
            ],
        ),
        scene(
            vec![c(b"\x60\x60\xb0\x17\0\0\x04\x05\0\0\0\0\0\0\0\0\0\0\0\0"), s(b"\0\0\x04\x05")],
            &[
                b"\0\x03\xb1\x01\xa0\0\0",
                b"\0\x25\xb1\x6a\xa3\x86scheme\x85basic\x89principal\x83bob\x8bcredentials\x86MARK05\0\0",
                b"\0\x04\xb1\x10\x81x\0\0",
                b"\0\x02\xb0\x0f\0\0",
                b"\0\0",
            ],
            &[
                b"\0\x03\xb1\x70\xa0\0\0",
                b"\0\x03\xb1\x7f\xa0\0\0",
                b"\0\x02\xb1\x71\0\x01\0\0\0",
                b"\0\x03\xb1\x7e\xa0\0\0",
            ],
        ),
        scene(
            vec![c(dsi(0, 4, 1, &[0; 4], b"")), s(dsi(1, 4, 1, &[0; 4], b""))],
            &[
                &dsi(0, 2, 2, &[0; 4], b"\x12\x06AFP2.2\x0fNo User Authent"),
                &dsi(0, 2, 3, &[0; 4], b"\x12\x06AFP2.2\x10Cleartxt Passwrd\x03bobMARK05\0\0"),
                &dsi(0, 2, 4, &[0; 4], b"\x12\x06AFP2.2\x04DHX2\x03bob"),
                &dsi(0, 2, 5, &[0; 4], b"\x13\0\0\x01xx"),
                &dsi(0, 3, 6, &[0; 4], b""),
            ],
            &[
                &dsi(1, 2, 2, &[0; 4], b""),
                &dsi(1, 2, 3, &[0; 4], b""),
                &dsi(1, 2, 4, &[0xff, 0xff, 0xec, 0x77], b""),
                &dsi(1, 2, 5, &[0xff, 0xff, 0xec, 0x61], b""),
                &dsi(1, 2, 5, &[0; 4], b""),
            ],
        ),
        scene(
            vec![c(b"\x01\0\0\0\x01"), s(b"\x03\0\0\0\x02\x0a\0")],
            &[
                b"\x0a\0\0\0\x04\x0a\x07MYSQL41",
                b"\x0d\0\0\0\x05\x0a\x0a\0bob\0*0123",
                b"\x16\0\0\0\x04\x0a\x05PLAIN\x12\x0c\0bob\0MARK05x",
                b"\x01\0\0\0\x07",
            ],
            &[b"\x01\0\0\0\0", b"\x01\0\0\0\x04", b"\x03\0\0\0\x03\x0a\0", b"\x04\0\0\0\x01\x10\x95\x08"],
        ),
        scene(
            vec![c(b"\x01\x01\0\x01\0\x08\0\0\0\x01\x01\0\0\0\0\0\x01\x04\0\x01\0\0\0\0"), s(b"\x01\x03\0\x01\0\0\0\0")],
            &[
                b"\x01\x01\0\x01\0\x08\0\0\0\x01\x01\0\0\0\0\0",
                b"\x01\x04\0\x01\0\x14\0\0\x0e\x04HTTP_X_API_KEYMARK",
                b"\x01\x04\0\x01\0\0\0\0",
            ],
            &[b"\x01\x06\0\x01\0\x04\0\0\r\n\r\n", b"\x01\x06\0\x01\0\x0b\0\0Status: 401", b"\x01\x03\0\x01\0\0\0\0"],
        ),
        scene(
            vec![s(b"\x92\xa4HELO\x80")],
            &[b"\x96\xa4PING\xa4host\xa0\xa6digest\xa0\xa0", b"\x93\xa1a\xce\0\0\0\0\x80"],
            &[b"\x95\xa4PONG\xc3\xa0\xa0\xa0", b"\x95\xa4PONG\xc2\xa0\xa0\xa0", b"\x81\xa3ack\xa1x"],
        ),
        scene(
            vec![s(b"\"IMPLEMENTATION\" \"x\"\r\nOK\r\n"), c(b"NOOP\r\n"), s(b"OK\r\n")],
            &[
                b"AUTHENTICATE \"PLAIN\" \"AGJvYgBNQVJLMQ==\"\r\n",
                b"AUTHENTICATE \"PLAIN\"\r\n",
                b"\"AGJvYgBNQVJLMQ==\"\r\n",
                b"{16+}\r\n",
                b"LISTSCRIPTS\r\n",
            ],
            &[b"OK\r\n", b"NO \"failed\"\r\n", b"\"\"\r\n"],
        ),
        scene(
            vec![
                c(b"\x13\0\0\0\x64\xff\xff\0\0\x01\0\x06\09P2000"),
                s(b"\x13\0\0\0\x65\xff\xff\0\0\x01\0\x06\09P2000"),
            ],
            &[b"\x18\0\0\0\x68\x01\0\x01\0\0\0\xff\xff\xff\xff\x03\0bob\x02\0ab", b"\x07\0\0\0\x66\x01\0"],
            &[b"\x07\0\0\0\x69\x01\0", b"\x07\0\0\0\x6b\x01\0", b"\x07\0\0\0\x67\x01\0"],
        ),
        scene(
            vec![c(b"t3 12.2.1\n\n")],
            &[b"AS:255\n"],
            &[b"HELO:12\n"],
        ),
        scene(
            vec![c(b"\0\0\0\x24NI_ROUTE\0\x02\x28\x02\0\0\x01\0\0\0\x0c\0\0\0\0\0host\x003200\0MARK05\0")],
            &[b"\0\0\0\x02hi"],
            &[b"\0\0\0\x08NI_PONG\0", b"\0\0\0\x09NI_RTERR\0"],
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_in_any_order(
        words in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..17), 0..16),
        noise in proptest::collection::vec(any::<u8>(), 0..12),
        sizes in proptest::collection::vec(1_usize..30, 1..4),
    ) {
        for Scene { opening, calls, replies } in scenes() {
            let mut turns = opening;
            for (pick, kind) in &words {
                turns.push(match kind {
                    0..=7 => c(pick.get(&calls)),
                    8..=15 => s(pick.get(&replies)),
                    _ if pick.index(2) == 0 => c(&noise),
                    _ => s(&noise),
                });
            }
            let shown = observe(&turns);
            prop_assert_eq!(observe_cut(&turns, &sizes), shown.clone());
            prop_assert!(accepts_only_what_was_offered(&shown), "{:?}", shown.iter().map(line).collect::<Vec<_>>());
        }
    }

    /// One byte of a message is another one: nothing breaks.
    #[test]
    fn broken_messages(
        words in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..8),
        at in any::<prop::sample::Index>(),
        by in 1_u8..,
        sizes in proptest::collection::vec(1_usize..30, 1..4),
    ) {
        for Scene { opening, calls, replies } in scenes() {
            let mut turns = opening;
            for (pick, caller) in &words {
                turns.push(if *caller { c(pick.get(&calls)) } else { s(pick.get(&replies)) });
            }
            let count = turns.len();
            if let Some((_, bytes)) = turns.get_mut(at.index(count)) {
                let length = bytes.len();
                if let Some(byte) = bytes.get_mut(at.index(length)) {
                    *byte ^= by;
                }
            }
            prop_assert_eq!(observe_cut(&turns, &sizes), observe(&turns));
        }
    }
}

#[test]
fn every_scene_is_recognised() {
    for Scene { opening, calls, replies } in scenes() {
        let turns = [opening, calls.iter().map(c).collect(), replies.iter().map(s).collect()].concat();
        let shown = observe(&turns);
        assert!(shown.iter().any(|one| matches!(one.shown, Shown::Speaks { .. })), "{turns:?}");
        assert!(shown.len() > 1, "{turns:?}");
    }
}
