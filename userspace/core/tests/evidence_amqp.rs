//! AMQP 0-9-1 and 1.0: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, s};

const SPEAKS: &str = "speaks amqp [stream.protocol]";
const UNREAD: &str = "hidden Unsupported [stream.unreadable]";
const PASSWORD: &str =
    "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [sasl.password-sent]";

mod old {
    use super::*;

    const DEMANDS: &str = "demands Secret [amqp.authentication-demanded]";
    const ACCEPTED: &str = "accepts [amqp.proof-accepted]";
    const OPENED: &str = "serves Service [amqp.connection-opened]";
    const HEADER: &[u8] = b"AMQP\0\0\x09\x01";

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    /// A method frame of the connection class.
    fn method(number: u8, arguments: &[u8]) -> Vec<u8> {
        let payload = [&[0, 10, 0, number][..], arguments].concat();
        [&[1, 0, 0][..], &long(&payload), &[0xce]].concat()
    }

    fn start(mechanisms: &str) -> Turn {
        s(method(
            10,
            &[&[0, 9][..], &long(b"\x07productS\0\0\0\x01x"), &long(mechanisms.as_bytes()), &long(b"en_US")]
                .concat(),
        ))
    }

    fn start_ok(mechanism: &str, response: &[u8]) -> Turn {
        let name = [&[u8::try_from(mechanism.len()).unwrap()], mechanism.as_bytes()].concat();
        c(method(11, &[&long(b"")[..], &name, &long(response), b"\x05en_US"].concat()))
    }

    fn tune_and_open() -> Vec<Turn> {
        vec![
            s(method(30, b"\x07\xff\0\x02\0\0\0\x3c")),
            c([method(31, b"\x07\xff\0\x02\0\0\0\x3c"), method(40, b"\x01/\0\0")].concat()),
            s(method(41, b"\0")),
        ]
    }

    fn session(start: Turn, ok: Turn, rest: Vec<Turn>) -> Vec<Turn> {
        [vec![c(HEADER), start, ok], rest].concat()
    }

    #[test]
    fn a_password_opens_the_connection() {
        let plain = start_ok("PLAIN", b"\0bob\0MARK1");
        let offered = [SPEAKS, DEMANDS, PASSWORD];
        let with = |more: &[&'static str]| [&offered[..], more].concat();
        check(&session(start("PLAIN AMQPLAIN"), plain.clone(), tune_and_open()), &with(&[ACCEPTED, OPENED]));
        check(&session(start("PLAIN"), plain.clone(), vec![]), &offered);
        let refused = |code: u16| s(method(50, &[&code.to_be_bytes()[..], b"\x02no\0\0\0\0"].concat()));
        check(
            &session(start("PLAIN"), plain.clone(), vec![refused(403)]),
            &with(&["refuses ProofWrong [amqp.access-refused]"]),
        );
        let tuned = tune_and_open();
        check(
            &session(start("PLAIN"), plain.clone(), [&tuned[..2], &[refused(530)]].concat()),
            &with(&[ACCEPTED, "refuses NotAllowed [amqp.not-allowed]"]),
        );
        check(&session(start("PLAIN"), plain, vec![refused(320)]), &with(&["refuses Other [amqp.closed]"]));
    }

    #[test]
    fn other_mechanisms() {
        let login =
            [b"\x05LOGINS".to_vec(), long(b"bob"), b"\x08PASSWORDS".to_vec(), long(b"MARK1")].concat();
        let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [amqp.password-sent]";
        check(
            &session(start("AMQPLAIN"), start_ok("AMQPLAIN", &login), tune_and_open()),
            &[SPEAKS, DEMANDS, offered, ACCEPTED, OPENED],
        );
        check(
            &session(start("PLAIN ANONYMOUS"), start_ok("ANONYMOUS", b""), tune_and_open()),
            &[SPEAKS, "offers Claim for Connection [sasl.name-claimed]", ACCEPTED, OPENED],
        );
        check(
            &session(start("EXTERNAL"), start_ok("EXTERNAL", b""), tune_and_open()),
            &[
                SPEAKS,
                "demands Key [amqp.authentication-demanded]",
                "offers Claim for Connection [sasl.name-claimed]",
                ACCEPTED,
                OPENED,
            ],
        );
        let challenge = vec![
            s(method(20, &long(b"Please tell me your password"))),
            c(method(21, &long(b"My password is MARK"))),
        ];
        check(
            &session(
                start("RABBIT-CR-DEMO"),
                start_ok("RABBIT-CR-DEMO", b"bob"),
                [challenge, tune_and_open()].concat(),
            ),
            &[
                SPEAKS,
                DEMANDS,
                "offers Secret for Connection by Password [amqp.challenge-answered]",
                ACCEPTED,
                OPENED,
            ],
        );
        check(&session(start("X"), start_ok("X", b"?"), tune_and_open()), &[SPEAKS, DEMANDS, UNREAD]);
    }

    #[test]
    fn another_version_and_nonsense() {
        check(&[c(HEADER), s(b"AMQP\0\0\x09\x01")], &[SPEAKS, "refuses Other [amqp.closed]"]);
        check(&[c(HEADER), s(b"\x01\0\0\0\0\0\x04\0\x0a\0\x0a\0")], &[SPEAKS, UNREAD]);
        check(&[c(HEADER), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
    }
}

mod new {
    use super::*;

    const SASL: &[u8] = b"AMQP\x03\x01\0\0";
    const PLAIN: &[u8] = b"AMQP\0\x01\0\0";
    const DEMANDS: &str = "demands Secret [amqp10.authentication-demanded]";
    const ACCEPTED: &str = "accepts [amqp10.proof-accepted]";
    const ANONYMOUS: &str = "offers Claim for Connection [sasl.name-claimed]";

    /// Size, data offset 2, type, channel; a described list.
    fn frame(kind: u8, descriptor: u8, fields: &[u8]) -> Vec<u8> {
        let size = u8::try_from(fields.len() + 1).unwrap();
        let body = [&[0, 0x53, descriptor, 0xc0, size, 1][..], fields].concat();
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], &[2, kind, 0, 0], &body].concat()
    }

    fn symbol(name: &str) -> Vec<u8> {
        [&[0xa3, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat()
    }

    fn init(mechanism: &str, response: &[u8]) -> Turn {
        let response = [&[0xa0, u8::try_from(response.len()).unwrap()], response].concat();
        c(frame(1, 0x41, &[symbol(mechanism), response].concat()))
    }

    fn outcome(code: u8) -> Turn {
        s(frame(1, 0x44, &[0x50, code]))
    }

    fn exchange(offered: &str, init: Turn, code: u8) -> Vec<Turn> {
        vec![c(SASL), s([SASL.to_vec(), frame(1, 0x40, &symbol(offered))].concat()), init, outcome(code)]
    }

    fn open() -> Vec<Turn> {
        vec![
            c([PLAIN.to_vec(), frame(0, 0x10, &symbol("a"))].concat()),
            s([PLAIN.to_vec(), frame(0, 0x10, &symbol("b"))].concat()),
        ]
    }

    fn attach(address: &str) -> Vec<Turn> {
        vec![c(frame(0, 0x12, &symbol(address))), s(frame(0, 0x12, &symbol(address)))]
    }

    #[test]
    fn a_password_is_judged() {
        let plain = init("PLAIN", b"\0bob\0MARK1");
        check(
            &[exchange("PLAIN", plain.clone(), 0), open()].concat(),
            &[SPEAKS, DEMANDS, PASSWORD, ACCEPTED, "serves Service [amqp10.connection-opened]"],
        );
        check(
            &exchange("PLAIN", plain.clone(), 1),
            &[SPEAKS, DEMANDS, PASSWORD, "refuses ProofWrong [amqp10.proof-refused]"],
        );
        check(
            &exchange("PLAIN", plain.clone(), 4),
            &[SPEAKS, DEMANDS, PASSWORD, "refuses Other [amqp10.refused]"],
        );
        check(&exchange("PLAIN", init("X", b"?"), 0), &[SPEAKS, DEMANDS, UNREAD]);
        // A name that a layer below may have proved, and nothing of that layer is here.
        check(
            &[exchange("EXTERNAL", init("EXTERNAL", b""), 0), open()].concat(),
            &[SPEAKS, "demands Key [amqp10.authentication-demanded]", ANONYMOUS, ACCEPTED],
        );
        let challenge = s(frame(1, 0x42, b"\xa0\x05r=abc"));
        let answer = c(frame(1, 0x43, b"\xa0\x13c=biws,r=abc,p=MARK"));
        let scram = exchange("SCRAM-SHA-256", init("SCRAM-SHA-256", b"n,,n=bob,r=a"), 0);
        let [header, offered, first, done] = scram.as_slice() else { return };
        let turns = [header, offered, first, &challenge, &answer, done].map(Turn::clone);
        check(
            &[turns.to_vec(), open()].concat(),
            &[
                SPEAKS,
                DEMANDS,
                "offers Secret for Connection as User \"bob\" by Password [sasl.challenge-answered]",
                ACCEPTED,
                "serves Service [amqp10.connection-opened]",
            ],
        );
        check(
            &exchange("PLAIN", init("ANONYMOUS", b""), 1),
            &[SPEAKS, DEMANDS, ANONYMOUS, "refuses ProofMissing [amqp10.proof-refused]"],
        );
    }

    #[test]
    fn nobody_is_served_links() {
        let served = "serves Service [amqp10.link-served]";
        let flow = vec![s(frame(0, 0x13, b"\x40"))];
        check(&[vec![c(PLAIN), s(PLAIN)], attach("q"), flow.clone()].concat(), &[SPEAKS, served]);
        let anonymous = [exchange("ANONYMOUS", init("ANONYMOUS", b""), 0), open()].concat();
        check(&[anonymous.clone(), attach("q"), flow].concat(), &[SPEAKS, ANONYMOUS, ACCEPTED, served]);
        check(&[anonymous.clone(), attach("$cbs")].concat(), &[SPEAKS, ANONYMOUS, ACCEPTED, UNREAD]);
        let detach = vec![s(frame(0, 0x16, &symbol("amqp:unauthorized-access")))];
        check(
            &[anonymous.clone(), attach("q"), detach].concat(),
            &[SPEAKS, ANONYMOUS, ACCEPTED, "refuses NotAllowed [amqp10.link-refused]"],
        );
        check(&anonymous, &[SPEAKS, ANONYMOUS, ACCEPTED]);
    }

    #[test]
    fn another_layer() {
        check(&[c(PLAIN), s(SASL)], &[SPEAKS, "refuses Other [amqp10.refused]"]);
        let tls = b"AMQP\x02\x01\0\0";
        check(
            &[c(tls), s(tls), c(b"\x16\x03\x01nonsense"), s("x")],
            &[SPEAKS, "hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"],
        );
        check(&[c(PLAIN), s("AMQX")], &["hidden Unsupported [stream.unsupported]"]);
    }
}
