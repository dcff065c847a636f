//! GIOP: byte sequences and what they show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks giop [stream.protocol]";
const SERVED: &str = "serves Service [giop.request-served]";

/// Fields in big-endian order, aligned from the start of what is built.
#[derive(Default)]
struct Cdr(Vec<u8>);

impl Cdr {
    fn number(mut self, value: u32) -> Self {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.0.extend(value.to_be_bytes());
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn octets(self, bytes: &[u8]) -> Self {
        self.number(u32::try_from(bytes.len()).unwrap()).bytes(bytes)
    }
}

/// The header of a message of version 1.`minor`; its size is filled in.
fn message(minor: u8, kind: u8, build: impl FnOnce(Cdr) -> Cdr) -> Vec<u8> {
    let mut out = build(Cdr(vec![b'G', b'I', b'O', b'P', 1, minor, 0, kind, 0, 0, 0, 0])).0;
    let size = u32::try_from(out.len() - 12).unwrap().to_be_bytes();
    out.splice(8..12, size);
    out
}

/// Contexts: one of code sets, and the security one if there is any.
fn contexts(cdr: Cdr, security: Option<&[u8]>) -> Cdr {
    let cdr = cdr.number(1 + u32::from(security.is_some())).number(1).octets(b"\0\0\0\0codes");
    match security {
        Some(security) => cdr.number(15).octets(security),
        None => cdr,
    }
}

fn request(operation: &str, security: Option<&[u8]>) -> Turn {
    let name = format!("{operation}\0");
    c(message(2, 0, |cdr| {
        let cdr = cdr.number(7).bytes(&[3, 0, 0, 0, 0, 0]).octets(b"key").octets(name.as_bytes());
        contexts(cdr, security)
    }))
}

fn reply(status: u32, security: Option<&[u8]>, body: &[u8]) -> Turn {
    s(message(2, 1, |cdr| contexts(cdr.number(7).number(status), security).bytes(body)))
}

/// EstablishContext: the context's number, no authorization, an identity, the caller's token.
fn establish(name: Option<&[u8]>, token: &[u8]) -> Vec<u8> {
    let cdr = Cdr(vec![0, 0, 0, 0, 0, 0, 0, 0]).bytes(&[0; 8]).number(0);
    let cdr = match name {
        Some(name) => cdr.number(2).octets(name),
        None => cdr.number(0).bytes(&[1]),
    };
    cdr.octets(token).0
}

/// A GSSUP token: user, password, target.
fn password(user: &str, password: &str) -> Vec<u8> {
    let inner = Cdr(vec![0]).octets(user.as_bytes()).octets(password.as_bytes()).octets(b"t").0;
    let content = [b"\x06\x06\x67\x81\x02\x01\x01\x01", inner.as_slice()].concat();
    [&[0x60, u8::try_from(content.len()).unwrap()][..], &content].concat()
}

const DENIED: &[u8] = b"\0\0\0\x24IDL:omg.org/CORBA/NO_PERMISSION:1.0\0\0\0\0\0\0\0\0\x01";

#[test]
fn requests_without_a_context() {
    check(&[request("transfer", None), reply(0, None, b"")], &[SPEAKS, SERVED]);
    check(&[request("transfer", None), reply(1, None, b"")], &[SPEAKS, SERVED]);
    check(
        &[request("transfer", None), reply(2, None, DENIED)],
        &[SPEAKS, "refuses ProofMissing [giop.no-permission]"],
    );
    check(
        &[request("transfer", None), reply(2, None, b"\0\0\0\x05IDL:x")],
        &[SPEAKS, "refuses Other [giop.request-failed]"],
    );
    check(&[request("_is_a", None), reply(0, None, b"")], &[SPEAKS, "serves Public [giop.lookup-served]"]);
    check(
        &[
            c(message(2, 3, |cdr| cdr.number(1).number(0).octets(b"key"))),
            s(message(2, 4, |cdr| cdr.number(1).number(1))),
        ],
        &[SPEAKS, "serves Public [giop.lookup-served]"],
    );
    // Version 1.0: contexts come first, and there are no reserved bytes.
    check(
        &[
            c(message(0, 0, |cdr| {
                contexts(cdr, None)
                    .number(7)
                    .bytes(&[1])
                    .octets(b"key")
                    .octets(b"transfer\0")
                    .octets(b"nobody")
            })),
            s(message(0, 1, |cdr| contexts(cdr, None).number(7).number(0))),
        ],
        &[SPEAKS, SERVED],
    );
}

#[test]
fn security_contexts() {
    let offered = "offers Secret for Connection as User \"bob\" by Password in clear with fingerprint [giop.password-sent]";
    let accepted = "accepts [giop.context-accepted]";
    let token = password("bob", "MARK1");
    let context = establish(None, &token);
    let complete = [&[0, 0, 0, 1, 0, 0, 0, 0][..], &[0; 8], &[1, 0, 0, 0, 0, 0, 0, 0]].concat();
    let turns = [request("transfer", Some(&context)), reply(0, Some(&complete), b"")];
    check(&turns, &[SPEAKS, offered, accepted, SERVED]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    let error = [&[0, 0, 0, 4, 0, 0, 0, 0][..], &[0; 24]].concat();
    check(
        &[request("transfer", Some(&context)), reply(2, Some(&error), DENIED)],
        &[SPEAKS, offered, "refuses ProofWrong [giop.context-refused]"],
    );
    // A server may leave the context out of its reply.
    check(
        &[request("transfer", Some(&context)), reply(2, None, DENIED)],
        &[SPEAKS, offered, "refuses NotAllowed [giop.no-permission]"],
    );
    // An upstream server names its user, in an exported name.
    let name = [&b"\x04\x01\x00\x08\x06\x06\x67\x81\x02\x01\x01\x01\0\0\0\x03"[..], b"eve"].concat();
    check(
        &[request("transfer", Some(&establish(Some(&name), b""))), reply(0, Some(&complete), b"")],
        &[SPEAKS, "offers Claim for Connection as User \"eve\" [giop.identity-asserted]", SERVED],
    );
    // What is not understood is not judged.
    check(
        &[request("transfer", Some(&establish(None, b"\x60\x03abc"))), reply(0, Some(&complete), b"")],
        &[SPEAKS, "hidden Unsupported [giop.unknown-proof-accepted]"],
    );
}

#[test]
fn nonsense() {
    check(
        &[request("transfer", None), reply(0, None, b""), c("nonsense....")],
        &[SPEAKS, SERVED, "hidden Unsupported [stream.unreadable]"],
    );
    check(
        &[c(message(2, 0, |cdr| cdr.number(7))), reply(0, None, b"")],
        &[SPEAKS, "hidden Unsupported [stream.unreadable]"],
    );
    check(&[request("transfer", None), s("nonsense")], &["hidden Unsupported [stream.unsupported]"]);
}
