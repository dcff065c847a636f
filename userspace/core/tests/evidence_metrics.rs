//! statsd, GELF, collectd, XDMCP and CoAP: datagrams and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check_datagrams, s};

const SENT: &str = "sends one way [metrics.sent]";
const ONE_SIDED: &[&str] = &["hidden Unsupported [stream.one-sided]"];

#[test]
fn figures_are_never_answered() {
    let speaks = "speaks statsd [datagrams.protocol]";
    check_datagrams(&[c("a.b:1|c|@0.1\nb:2|ms"), c("a:3|g")], &[speaks, SENT]);
    check_datagrams(&[c("a b:1|c")], ONE_SIDED);
    check_datagrams(&[c("a:one|c")], ONE_SIDED);
    let speaks = "speaks gelf [datagrams.protocol]";
    check_datagrams(&[c("{\"version\":\"1.1\",\"host\":\"x\",\"short_message\":\"y\"}")], &[speaks, SENT]);
    check_datagrams(&[c(b"\x1e\x0f01234567\0\x02rest")], &[speaks, SENT]);
    check_datagrams(&[c(b"\x1e\x0f01234567\x02\x02rest")], ONE_SIDED);
}

/// Kind, length, content.
fn part(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 4).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
}

#[test]
fn collectd_may_sign_and_encrypt() {
    let speaks = "speaks collectd [datagrams.protocol]";
    let values = [part(0, b"host1\0"), part(8, &[0; 8])].concat();
    check_datagrams(&[c(&values)], &[speaks, SENT]);
    let signed = [part(0x0200, &[&[7; 32][..], b"bob"].concat()), values].concat();
    check_datagrams(
        &[c(&signed)],
        &[speaks, "offers Secret for Connection as User \"bob\" by Password [metrics.signed]", SENT],
    );
    let sealed = part(0x0210, &[&[0, 3][..], b"bob", &[7; 60]].concat());
    check_datagrams(
        &[c(&sealed)],
        &[speaks, "offers Secret for Connection as User \"bob\" by Password [metrics.encrypted]"],
    );
}

/// Version, opcode, length.
fn display(code: u8, body: &[u8]) -> Vec<u8> {
    [&[0, 1, 0, code][..], &u16::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

/// Display 0 by one connection of kind 0, one address, authentication, no authorization, no class.
fn request(name: &[u8], proof: &[u8]) -> Turn {
    let text = |text: &[u8]| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat();
    let start = [0, 0, 1, 0, 0, 1, 0, 4, 10, 0, 0, 1];
    c(display(7, &[&start[..], &text(name), &text(proof), &[0, 0, 0]].concat()))
}

#[test]
fn displays() {
    let speaks = "speaks xdmcp [datagrams.protocol]";
    let asked = "asks Public [xdmcp.hosts-asked]";
    check_datagrams(&[c(display(2, &[0]))], &[speaks, asked]);
    let willing = [c(display(2, &[0])), s(display(5, b"\0\0\0\x01h\0\x01s"))];
    let told = "serves Public [xdmcp.host-willing]";
    check_datagrams(&willing, &[speaks, asked, told]);
    let offered = "serves Service [xdmcp.session-offered]";
    check_datagrams(&[request(b"", b""), s(display(8, &[0; 12]))], &[speaks, offered]);
    let proved = "offers Secret for Connection by Password [xdmcp.display-authenticated]";
    check_datagrams(
        &[request(b"XDM-AUTHENTICATION-1", &[7; 8]), s(display(8, &[0; 12]))],
        &[speaks, proved, "accepts [xdmcp.proof-not-refused]", offered],
    );
    check_datagrams(
        &[request(b"", b""), s(display(9, &[0; 6]))],
        &[speaks, "refuses Place [xdmcp.session-declined]"],
    );
    check_datagrams(&[c(b"\0\x01\0\x02\0\x05\0")], ONE_SIDED);
}

/// Version 1, confirmable with a token of two bytes, code, number; then the options.
fn coap(first: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    [&[first, code, 0x12, 0x34, 7, 7][..], rest].concat()
}

#[test]
fn things() {
    let speaks = "speaks coap [datagrams.protocol]";
    let get = c(coap(0x42, 1, b"\xb5light"));
    check_datagrams(
        &[get.clone(), s(coap(0x62, 0x45, b"\xffon"))],
        &[speaks, "serves Service [coap.request-served]"],
    );
    check_datagrams(
        &[get.clone(), s(b"\x60\0\x12\x34"), s(coap(0x42, 0x81, b""))],
        &[speaks, "refuses ProofMissing [coap.unauthorized]"],
    );
    check_datagrams(&[get.clone(), s(coap(0x62, 0x83, b""))], &[speaks, "refuses Other [coap.forbidden]"]);
    check_datagrams(
        &[get.clone(), s(coap(0x62, 0x84, b""))],
        &[speaks, "refuses Other [coap.request-failed]"],
    );
    let discover = c(coap(0x42, 1, b"\xbb.well-known\x04core"));
    check_datagrams(
        &[discover, s(coap(0x62, 0x45, b"\xff</a>"))],
        &[speaks, "serves Public [coap.discovery-served]"],
    );
    check_datagrams(
        &[c(coap(0x42, 2, b"\x92\x09\x01\xffx")), s(coap(0x62, 0x44, b"\x90\xffx"))],
        &[speaks, "hidden Encrypted [coap.object-security]"],
    );
    check_datagrams(
        &[c(coap(0x42, 1, b"\xf1x")), s(coap(0x62, 0x45, b""))],
        &["hidden Unsupported [stream.unsupported]"],
    );
    check_datagrams(&[get], ONE_SIDED);
}
