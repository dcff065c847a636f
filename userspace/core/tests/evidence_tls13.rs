//! TLS 1.3: every measured handshake is decided, by the decision function and by the whole conversation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, line, observe, observe_cut, s};
use tierzero_core::evidence::tls13::{Flight, Outcome, Shape, flight, outcome};

struct Case {
    name: &'static str,
    flight: &'static str,
    outcome: &'static str,
    suite: u16,
    extensions: Vec<u16>,
    /// True for the client's records; 0 for an alert in clear.
    records: Vec<(bool, u16)>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("data/tls13_shapes.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&'static str> = line.split(" | ").collect();
            let [name, flight, outcome, suite, extensions, records] = fields[..] else { panic!("{line}") };
            let records = records.split(' ').map(|record| {
                let (who, length) = record.split_at(1);
                (who == "c", if length == "!" { 0 } else { length.parse().unwrap() })
            });
            Case {
                name,
                flight,
                outcome,
                suite: u16::from_str_radix(suite, 16).unwrap(),
                extensions: extensions.split(',').filter_map(|kind| kind.parse().ok()).collect(),
                records: records.collect(),
            }
        })
        .collect()
}

fn word(flight: Flight) -> &'static str {
    match flight {
        Flight::NotAsked => "not-asked",
        Flight::Declined => "declined",
        Flight::CertificateSent => "certificate-sent",
        Flight::Resumed => "resumed",
        Flight::FailedAtClient => "failed-at-client",
        Flight::Undecided => "undecided",
    }
}

#[test]
fn every_measured_handshake_is_decided_by_its_lengths() {
    let cases = cases();
    assert_eq!(cases.len(), 100);
    for case in &cases {
        let first = case.records.iter().position(|(client, _)| *client).unwrap();
        let of = |client: bool, records: &[(bool, u16)]| -> Vec<u16> {
            records
                .iter()
                .filter(|(who, length)| *who == client && *length > 0)
                .map(|(_, length)| *length)
                .collect()
        };
        let (client, server, after) =
            (of(true, &case.records), of(false, &case.records[..first]), of(false, &case.records[first..]));
        let shape = Shape {
            suite: case.suite,
            resumed: case.extensions.contains(&41),
            early_data: case.extensions.contains(&42),
            client_alert: case.records.contains(&(true, 0)),
            client: &client,
            server: &server,
            server_after: &after,
        };
        assert_eq!(word(flight(&shape, true).unwrap()), case.flight, "{}", case.name);
        let next = match outcome(&shape, true) {
            Outcome::WentOn => "went-on",
            Outcome::Refused => "refused",
            Outcome::Unknown => "unknown",
        };
        if case.outcome != "-" {
            assert_eq!(next, case.outcome, "{}", case.name);
        }
        // No prefix of the client's records says anything else, only nothing yet.
        for end in 0..client.len() {
            let part = Shape { client: &client[..end], client_alert: false, ..shape };
            if let Some(early) = flight(&part, false) {
                assert_eq!(word(early), case.flight, "{} after {end} records", case.name);
            }
        }
    }
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[kind, length[1], length[2], length[3]], body].concat();
    record(22, &message)
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3, length[0], length[1]], body].concat()
}

fn hello(server: bool, suite: u16, extensions: &[u16]) -> Vec<u8> {
    let mut list = if server { vec![0, 43, 0, 2, 3, 4] } else { Vec::new() };
    for kind in extensions {
        list.extend(kind.to_be_bytes());
        list.extend([0, 0]);
    }
    let suite = suite.to_be_bytes();
    let mut body = [&[3, 3], &[9_u8; 32][..], &[0]].concat();
    body.extend(if server { vec![suite[0], suite[1], 0] } else { vec![0, 2, suite[0], suite[1], 1, 0] });
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    handshake(if server { 2 } else { 1 }, &body)
}

fn turns(case: &Case) -> Vec<Turn> {
    let offered: Vec<u16> = case.extensions.iter().copied().filter(|kind| [42, 49].contains(kind)).collect();
    let chosen: Vec<u16> = case.extensions.iter().copied().filter(|kind| *kind == 41).collect();
    let mut turns = vec![c(hello(false, case.suite, &offered)), s(hello(true, case.suite, &chosen))];
    turns.push(s(record(20, &[1])));
    turns.push(c(record(20, &[1])));
    for (client, length) in &case.records {
        let bytes =
            if *length == 0 { record(21, &[2, 80]) } else { record(23, &vec![0; usize::from(*length)]) };
        turns.push(if *client { c(bytes) } else { s(bytes) });
    }
    turns
}

#[test]
fn every_measured_handshake_is_decided_by_the_conversation() {
    for case in &cases() {
        let turns = turns(case);
        let shown: Vec<String> = observe(&turns).iter().map(line).collect();
        for sizes in [&[1][..], &[3, 8, 100]] {
            let cut: Vec<String> = observe_cut(&turns, sizes).iter().map(line).collect();
            assert_eq!(cut, shown, "{} cut into {sizes:?}", case.name);
        }
        let mut expect = vec!["speaks tls [stream.protocol]", "hidden Tls13 [tls13.inside]"];
        expect.extend(match case.flight {
            "not-asked" if case.extensions.contains(&49) => &["hidden Tls13 [tls13.not-asked-so-far]"][..],
            "not-asked" => &["hidden Tls13 [tls13.not-asked]"],
            "declined" => &["demands Key [tls13.declined]", "declines [tls13.declined]"],
            "certificate-sent" => &[
                "demands Key [tls13.certificate-sent]",
                "offers Key for Connection by X509 [tls13.certificate-sent]",
            ],
            "resumed" => &["hidden Resumed [tls13.resumed]"],
            "undecided" => &["hidden Tls13 [tls13.undecided]"],
            _ => &[],
        });
        match (case.flight, case.outcome) {
            ("certificate-sent", "went-on") => expect.push("accepts [tls13.went-on]"),
            ("declined", "refused") => expect.push("refuses ProofMissing [tls13.refused]"),
            _ => {}
        }
        assert_eq!(shown, expect, "{}", case.name);
    }
}

#[test]
fn what_can_not_be_explained_is_undecided() {
    let decide = |suite: u16, client: &[u16]| flight(&Shape { suite, client, ..Shape::default() }, true);
    // Suites to which the arithmetic does not apply.
    assert_eq!(decide(0x1306, &[69]), Some(Flight::Undecided));
    assert_eq!(decide(0xc0b4, &[53]), Some(Flight::Undecided));
    // Records that are too short for their tag.
    assert_eq!(decide(0x1302, &[10]), Some(Flight::Undecided));
    assert_eq!(decide(0x1302, &[]), Some(Flight::Undecided));
    // Padded to a multiple of 64: could be anything.
    assert_eq!(decide(0x1302, &[16 + 256]), Some(Flight::Undecided));
    // A lone Finished in a resumed session is not "not asked".
    let resumed = Shape { suite: 0x1302, resumed: true, client: &[69], ..Shape::default() };
    assert_eq!(flight(&resumed, true), Some(Flight::Resumed));
    // The server's flight says that it asked, the client's that it did not.
    let torn = Shape { suite: 0x1302, client: &[69], server: &[23, 90, 809, 96, 69], ..Shape::default() };
    assert_eq!(flight(&torn, true), Some(Flight::Undecided));
}

/// A client hello that names the server.
fn named(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    let list = [&[0, 0, 0, length + 5, 0, length + 3, 0, 0, length], name.as_bytes()].concat();
    let mut body = [&[3, 3], &[9_u8; 32][..], &[0, 0, 2, 0x13, 1, 1, 0]].concat();
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    handshake(1, &body)
}

#[test]
fn a_server_is_named_once_both_sides_used_the_encryption() {
    let begin = || vec![c(named("API.Lab")), s(hello(true, 0x1301, &[])), s(record(23, &[0; 900]))];
    let data = |length: usize| record(23, &vec![0; length]);
    let handshake =
        ["speaks tls [stream.protocol]", "hidden Tls13 [tls13.inside]", "hidden Tls13 [tls13.not-asked]"];
    let finished = [begin(), vec![c(data(53)), s(data(250)), c(data(19))]].concat();
    evidence_support::check(&finished, &handshake);
    let used = [begin(), vec![c(data(53)), c(data(300)), s(data(250)), c(data(300)), s(data(90))]].concat();
    let mut expect = handshake.to_vec();
    expect.push("names server api.lab [tls.server-named]");
    evidence_support::check(&used, &expect);
}
