//! Elasticsearch between its nodes: messages built field by field, and what they show.

mod evidence_support;
use evidence_support::{c, check, check_datagrams, s};

const SPEAKS: &str = "speaks elasticsearch [stream.protocol]";
const SERVED: &str = "serves Service [elasticsearch.request-served]";

/// Marker, length of what follows, request id, status, version 7.17.0, and the rest.
fn message(id: u64, status: u8, rest: &[u8]) -> Vec<u8> {
    let body = [&id.to_be_bytes()[..], &[status], &7_170_099_u32.to_be_bytes(), rest].concat();
    [b"ES", &u32::try_from(body.len()).unwrap_or(0).to_be_bytes()[..], &body].concat()
}

#[test]
fn requests_of_other_nodes_are_served() {
    check(
        &[
            c([message(1, 8, b"internal:tcp/handshake"), message(2, 0, b"indices:data/read/search")]
                .concat()),
            s(message(1, 9, b"")),
            s([b"ES\xff\xff\xff\xff".to_vec(), message(2, 1, b"hits")].concat()),
        ],
        &[SPEAKS, "serves Public [elasticsearch.handshake]", SERVED],
    );
    check(
        &[c(message(7, 0, b"_xpack_security_authentication MARK")), s(message(7, 1, b"hits"))],
        &[SPEAKS, "offers Claim for Request [elasticsearch.user-named]", SERVED],
    );
}

#[test]
fn errors_and_what_is_missing() {
    let reason = b"security_exception: missing authentication credentials for action [x]";
    check(
        &[
            c(message(1, 0, b"x")),
            s(message(1, 3, reason)),
            c(message(2, 0, b"x")),
            s(message(2, 3, b"no such index")),
        ],
        &[
            SPEAKS,
            "refuses ProofMissing [elasticsearch.credentials-missing]",
            "refuses Other [elasticsearch.request-failed]",
        ],
    );
    check(&[c(message(1, 0, b"x")), s(message(9, 1, b"x"))], &[SPEAKS]);
    check(
        &[c(message(1, 0, b"x")), s("ES\0\0\0\x05HELLO, world!!!!!")],
        &["hidden Unsupported [stream.unsupported]"],
    );
}

#[test]
fn a_message_too_short_for_its_head_is_wrong_whatever_follows() {
    let short = b"ES\0\0\0\x08\0\0\0\0\0\0\0\x02";
    for later in [&b""[..], b"\0", &message(2, 0, b"x")] {
        check(
            &[c(message(1, 0, b"x")), s(message(1, 1, b"")), c([&short[..], later].concat())],
            &[SPEAKS, SERVED, "hidden Unsupported [stream.unreadable]"],
        );
    }
}

#[test]
fn pings_to_all_are_answered_elsewhere() {
    // Version 1.3.2, id 1, cluster, and the node.
    let ping = b"\x01\x09\x08\x04\x9b\xf1\x3e\0\0\0\x01\x0delasticsearch\x04node";
    let one_way = "sends one way [elasticsearch.multicast-ping]";
    check_datagrams(&[c(ping), c(ping)], &["speaks elasticsearch [datagrams.protocol]", one_way, one_way]);
    check_datagrams(&[c(b"\x01\x09\x08\x04\x01\0\0\0\x01\x01x")], &["hidden Unsupported [stream.one-sided]"]);
}
