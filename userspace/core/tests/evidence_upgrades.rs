//! TLS that begins inside of another protocol: every way into it, and what each handshake shows behind it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, line, observe, recorded, s};
use tierzero_core::event::Role;
use tierzero_core::evidence::Shown;

/// One protocol: what is said before TLS, what that shows, and what it would be to serve in clear.
struct Way {
    name: &'static str,
    turns: Vec<Turn>,
    shows: &'static [&'static str],
    clear: Vec<Turn>,
    wrap: fn(&[Turn]) -> Vec<Turn>,
}

fn as_it_is(turns: &[Turn]) -> Vec<Turn> {
    turns.to_vec()
}

/// MS-TDS 3.2.5.1: the handshake in PRELOGIN packets, and what follows it in none.
fn in_packets(turns: &[Turn]) -> Vec<Turn> {
    let wrapped = turns.iter().map(|(from, bytes)| {
        let bare = bytes[0] == 23 || bytes[0] == 21;
        (*from, if bare { bytes.clone() } else { tds(0x12, bytes) })
    });
    wrapped.collect()
}

fn tds(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 8).unwrap().to_be_bytes();
    [&[kind, 1][..], &length, &[0, 0, 1, 0], content].concat()
}

/// Offered and chosen encryption: 1 is on.
fn prelogin(encryption: u8) -> Vec<u8> {
    [&[0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff][..], &[16, 0, 0, 0, 0, 0, encryption]].concat()
}

/// A BER element.
fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

fn ldap(id: u8, operation: &[u8]) -> Vec<u8> {
    ber(0x30, &[&[2, 1, id], operation].concat())
}

fn mysql(number: u8, body: &[u8]) -> Vec<u8> {
    [&[u8::try_from(body.len()).unwrap(), 0, 0, number], body].concat()
}

fn mysql_greeting() -> Vec<u8> {
    let start = b"\x0a8.0.36\0\x07\0\0\0saltsalt\0\xff\xff\x21\x02\0\xff\xc1\x15";
    mysql(0, &[&start[..], &[0; 10], b"moresaltsalt\0caching_sha2_password\0"].concat())
}

/// A Diameter message with these attributes, and a name of the sender.
fn diameter(flags: u8, attributes: &[(u8, u8, [u8; 4])]) -> Vec<u8> {
    let mut list = [&[0, 0, 1, 8, 0x40, 0, 0, 16][..], b"a.b.test"].concat();
    for (high, low, value) in attributes {
        list.extend([&[0, 0, *high, *low, 0x40, 0, 0, 12], &value[..]].concat());
    }
    let length = u8::try_from(20 + list.len()).unwrap();
    [&[1, 0, 0, length, flags, 0, 1, 1][..], &[0; 4], &[0, 0, 0, 1], &[0, 0, 0, 1], &list].concat()
}

/// A call of NFS 4's NULL procedure by AUTH_TLS, or the answer that takes it.
fn rpc(taken: bool) -> Vec<u8> {
    let words: &[u32] = if taken { &[1, 1, 0, 0, 8] } else { &[1, 0, 2, 100_003, 4, 0, 7, 0, 0, 0] };
    let mut message: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    if taken {
        message.extend(b"STARTTLS\0\0\0\0");
    }
    [&[0x80, 0, 0, u8::try_from(message.len()).unwrap()], message.as_slice()].concat()
}

/// VeNCrypt with a subtype: 257 is TLS with None inside.
fn vnc(subtype: u16) -> Vec<Turn> {
    let [high, low] = subtype.to_be_bytes();
    vec![
        s("RFB 003.008\n"),
        c("RFB 003.008\n"),
        s([1, 19]),
        c([19]),
        s([0, 2]),
        c([0, 2]),
        s([0, 1, 0, 0, high, low]),
        c([0, 0, high, low]),
        s([1]),
    ]
}

fn xmpp() -> Vec<Turn> {
    let header = "<stream:stream to='example.org' version='1.0'>";
    vec![
        c(header),
        s(format!(
            "{header}<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
        )),
        c("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        s("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ]
}

#[rustfmt::skip]
fn ways() -> Vec<Way> {
    let rdp = |code: u8, kind: u8, value: u8| {
        [&[3, 0, 0, 19, 14, code, 0, 0, 0, 0, 0][..], &[kind, 0, 8, 0, value, 0, 0, 0]].concat()
    };
    let way = |name, turns: Vec<Turn>, shows, clear: Vec<Turn>| Way { name, turns, shows, clear, wrap: as_it_is };
    vec![
        way("smtp",
            vec![s("220 mx ESMTP\r\n"), c("EHLO me\r\n"), s("250-mx\r\n250 STARTTLS\r\n"), c("STARTTLS\r\n"), s("220 go\r\n")],
            &["speaks smtp [stream.protocol]"],
            vec![c("DATA\r\n"), s("354 go\r\n"), c("x\r\n.\r\n"), s("250 taken\r\n")]),
        way("imap",
            vec![s("* OK x\r\n"), c("a CAPABILITY\r\n"), s("* CAPABILITY IMAP4rev1\r\na OK\r\n"), c("b STARTTLS\r\n"), s("b OK go\r\n")],
            &["speaks imap [stream.protocol]"],
            vec![c("c SELECT INBOX\r\n"), s("c OK done\r\n")]),
        way("pop3",
            vec![s("+OK x\r\n"), c("CAPA\r\n"), s("+OK\r\nSTLS\r\n.\r\n"), c("STLS\r\n"), s("+OK go\r\n")],
            &["speaks pop3 [stream.protocol]"],
            vec![c("STAT\r\n"), s("+OK 2 320\r\n")]),
        way("ldap",
            vec![c(ldap(1, &ber(0x77, &ber(0x80, b"1.3.6.1.4.1.1466.20037")))), s(ldap(1, &ber(0x78, &[0x0a, 1, 0, 4, 0, 4, 0])))],
            &["speaks ldap [stream.protocol]"],
            vec![c(ldap(2, &ber(0x60, &[2, 1, 3, 4, 0, 0x80, 0]))), s(ldap(2, &ber(0x61, &[0x0a, 1, 0, 4, 0, 4, 0])))]),
        way("xmpp", xmpp(), &["speaks xmpp [stream.protocol]"],
            vec![c("<iq type='get' id='q'><q/></iq>"), s("<iq type='result' id='q'/>")]),
        way("ftp",
            vec![s("220 x\r\n"), c("AUTH TLS\r\n"), s("234 go\r\n")],
            &["speaks ftp [stream.protocol]"],
            vec![c("USER anonymous\r\n"), s("230 in\r\n")]),
        way("ftp by SSL",
            vec![s("220 x\r\n"), c("AUTH SSL\r\n"), s("234 go\r\n")],
            &["speaks ftp [stream.protocol]"],
            vec![c("USER anonymous\r\n"), s("230 in\r\n")]),
        way("nntp",
            vec![s("200 x\r\n"), c("STARTTLS\r\n"), s("382 go\r\n")],
            &["speaks nntp [stream.protocol]"],
            vec![c("GROUP a.b\r\n"), s("211 1 1 1 a.b\r\n")]),
        way("irc",
            vec![c("STARTTLS\r\n"), s(":irc.example 670 * :go on\r\n")],
            &["speaks irc [stream.protocol]"],
            vec![c("NICK a\r\nUSER a 0 * :a\r\n"), s(":irc.example 001 a :Welcome\r\n")]),
        way("postgresql",
            vec![c([0, 0, 0, 8, 4, 210, 22, 47]), s("S")],
            &["speaks postgresql [stream.protocol]"],
            vec![c(b"\0\0\0\x0d\0\x03\0\0user\0a\0\0"), s(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")]),
        way("mysql",
            vec![s(mysql_greeting()), c(mysql(1, &[&0x0000_8a00_u32.to_le_bytes()[..], &[0; 28]].concat()))],
            &["speaks mysql [stream.protocol]"],
            vec![c(mysql(2, b"x")), s(mysql(3, b"\0\0\0\x02\0\0\0"))]),
        Way {
            name: "tds",
            turns: vec![c(tds(0x12, &prelogin(1))), s(tds(4, &prelogin(1)))],
            shows: &["speaks tds [stream.protocol]"],
            clear: vec![],
            wrap: in_packets,
        },
        way("rdp",
            vec![c(rdp(0xe0, 1, 1)), s(rdp(0xd0, 2, 1))],
            &["speaks rdp [stream.protocol]"],
            vec![]),
        way("rdp with CredSSP",
            vec![c(rdp(0xe0, 1, 3)), s(rdp(0xd0, 2, 2))],
            &["speaks rdp [stream.protocol]", "demands Secret [rdp.login-before-session]"],
            vec![]),
        way("amqp 1.0",
            vec![c(b"AMQP\x02\x01\0\0"), s(b"AMQP\x02\x01\0\0")],
            &["speaks amqp [stream.protocol]"],
            vec![c(b"AMQP\0\x01\0\0"), s(b"AMQP\0\x01\0\0")]),
        way("vnc with None inside", vnc(257), &["speaks vnc [stream.protocol]"],
            vec![c([1]), s([0; 4])]),
        way("vnc with SASL inside", vnc(264), &["speaks vnc [stream.protocol]"], vec![]),
        way("vnc by TLS alone",
            vec![s("RFB 003.008\n"), c("RFB 003.008\n"), s([1, 18]), c([18])],
            &["speaks vnc [stream.protocol]"],
            vec![s([1, 1]), c([1]), s([0; 4])]),
        way("nats",
            vec![s("INFO {\"server_id\":\"A\",\"tls_required\":true}\r\n")],
            &["speaks nats [stream.protocol]"],
            // Nothing is agreed before TLS's first byte.
            vec![]),
        way("http",
            vec![
                c("OPTIONS * HTTP/1.1\r\nHost: x\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n"),
                s("HTTP/1.1 101 Switching\r\nUpgrade: TLS/1.0, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n"),
            ],
            &["speaks http [stream.protocol]"],
            vec![c("GET /x HTTP/1.1\r\n\r\n"), s("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]),
        way("diameter",
            vec![
                c(diameter(0x80, &[(1, 43, [0, 0, 0, 1])])),
                s(diameter(0, &[(1, 12, [0, 0, 7, 0xd1]), (1, 43, [0, 0, 0, 1])])),
            ],
            &["speaks diameter [stream.protocol]", "offers Claim for Connection as User \"a.b.test\" [diameter.origin-claimed]"],
            vec![c(diameter(0x80, &[])), s(diameter(0, &[(1, 12, [0, 0, 7, 0xd1])]))]),
        way("onc rpc", vec![c(rpc(false)), s(rpc(true))],
            &["speaks rpc [stream.protocol]", "speaks nfs [rpc.program]"],
            vec![c(rpc(false))]),
    ]
}

/// One way, TLS both ways, resumed and refused, of 1.1 to 1.3.
const HANDSHAKES: &[&str] = &[
    "tls12_not_asked",
    "tls12_declined",
    "tls12_mtls_subject",
    "tls12_mtls_spiffe",
    "tls12_require_declined",
    "tls12_resumed",
    "tls11_mtls",
    "tls13_not_asked",
    "tls13_mtls",
    "tls13_require_declined",
];

#[test]
fn every_handshake_shows_the_same_behind_every_way() {
    for way in ways() {
        for name in HANDSHAKES {
            let inside = recorded(name);
            let alone: Vec<String> = observe(&inside).iter().skip(1).map(line).collect();
            let turns = [way.turns.clone(), (way.wrap)(&inside)].concat();
            let shown: Vec<String> = observe(&turns).iter().map(line).collect();
            let expect: Vec<&str> =
                way.shows.iter().copied().chain(alone.iter().map(String::as_str)).collect();
            assert_eq!(shown, expect, "{name} inside {}", way.name);
            check(&turns, &expect);
        }
    }
}

/// True for what would make a caller or a receiver look worse, or better, than it is.
fn decides(shown: &Shown) -> bool {
    matches!(
        shown,
        Shown::Serves { .. } | Shown::Accepts | Shown::Admits { .. } | Shown::Refuses { .. } | Shown::Ignores
    )
}

#[test]
fn nothing_is_served_in_clear_once_tls_was_agreed() {
    for way in ways() {
        // Whoever goes on in clear, or hides it in a record, is not read as if nothing had been agreed.
        let record = |(from, bytes): &Turn| {
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            (*from, [&[23, 3, 3], &length[..], bytes].concat())
        };
        let hidden: Vec<Turn> = way.clear.iter().map(record).collect();
        for after in [
            way.clear.clone(),
            hidden,
            [recorded("tls12_not_asked")[..4].to_vec(), way.clear.clone()].concat(),
        ] {
            let turns = [way.turns.clone(), after].concat();
            let shown = observe(&turns);
            let lines: Vec<String> = shown.iter().map(line).collect();
            assert!(!shown.iter().any(|it| decides(&it.shown)), "{}: {lines:?}", way.name);
            let said = shown.iter().any(|it| matches!(it.shown, Shown::Hidden { .. }));
            let one_sided = way.clear.iter().all(|(from, _)| *from == Role::Originator);
            assert!(said || one_sided, "{}: {lines:?}", way.name);
        }
    }
}
