//! Figures and logs that are sent and never answered: statsd, GELF and collectd.
//!
//! Sources: statsd's documentation of metric types, Graylog "GELF via UDP" (chunks and compression), collectd wiki
//! "Binary protocol" (parts, signatures and encryption).

use super::cursor::Cursor;
use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Next, Notes, rules};
use super::sasl;
use super::told::Told;
use super::{Hidden, Protocol, Shown};
use crate::event::Role;

rules! {
    pub(crate) table;
    SENT = "metrics.sent", v 1, Observed, Wire,
        "The caller sent figures or logs in a protocol that never answers",
        "Whether anybody took them";
    SIGNED = "metrics.signed", v 1, Observed, Wire,
        "The datagram carries a user name and a digest made with a shared key (collectd)",
        "Whether the receiver verifies it; the key itself is not visible";
    SEALED = "metrics.encrypted", v 1, Observed, Wire,
        "The datagram is encrypted with a shared key under a user's name (collectd)",
        "Whether the receiver can read it";
}

/// How statsd is recognised and read.
pub(crate) static STATSD: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Statsd,
    call: is_statsd,
    reply: |_| false,
    unanswered: is_statsd,
    begin: || Box::new(Metrics::default()),
    rules: RULES,
};

/// How GELF is recognised and read; its rules are those above.
pub(crate) static GELF: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Gelf,
    call: is_gelf,
    reply: |_| false,
    unanswered: is_gelf,
    begin: || Box::new(Metrics::default()),
    rules: &[],
};

/// How collectd is recognised and read; its rules are those above.
pub(crate) static COLLECTD: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Collectd,
    call: is_collectd,
    reply: is_collectd,
    unanswered: is_collectd,
    begin: || Box::new(Collectd::default()),
    rules: &[],
};

/// Parts of collectd's datagrams: the host's name, a signature, an encrypted rest.
const HOST: u16 = 0;
const SIGNATURE: u16 = 0x0200;
const ENCRYPTION: u16 = 0x0210;

/// `name:value|type` on its first line; the type is one of those that statsd knows.
fn is_statsd(datagram: &Datagram<'_>) -> bool {
    let line = datagram.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut parts = line.split(|byte| *byte == b'|');
    let (Some(sample), Some(kind)) = (parts.next(), parts.next()) else { return false };
    let Some(colon) = sample.iter().rposition(|byte| *byte == b':') else { return false };
    let (name, value) = sample.split_at(colon);
    let value = value.get(1..).unwrap_or_default();
    let named = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let figure = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let valued = !value.is_empty() && (value.iter().all(figure) || kind == b"s");
    named && valued && matches!(kind, b"c" | b"g" | b"ms" | b"h" | b"d" | b"s" | b"m")
}

/// A chunk, or an object that says its version.
fn is_gelf(datagram: &Datagram<'_>) -> bool {
    let chunk = datagram.bytes.get(..12).is_some_and(|head| {
        let [0x1e, 0x0f, .., number, count] = head else { return false };
        number < count && *count <= 128
    });
    let object = datagram.bytes.first() == Some(&b'{')
        && datagram.bytes.windows(9).take(512).any(|part| part == b"\"version\"")
        && datagram.bytes.windows(15).any(|part| part == b"\"short_message\"");
    chunk || object
}

/// The parts of a datagram of collectd: kind and content; `None` at what is none.
fn part<'a>(cursor: &mut Cursor<'a>) -> Option<(u16, &'a [u8])> {
    let kind = u16::from_be_bytes(cursor.array()?);
    let length = u16::from_be_bytes(cursor.array()?);
    Some((kind, cursor.take(usize::from(length).checked_sub(4)?)?))
}

/// A host's name that ends with a zero and further parts, or a signature, or an encrypted rest.
fn is_collectd(datagram: &Datagram<'_>) -> bool {
    let mut cursor = Cursor(datagram.bytes);
    match part(&mut cursor) {
        Some((HOST, name)) => {
            let text = name.split_last();
            text.is_some_and(|(end, text)| {
                *end == 0 && !text.is_empty() && text.iter().all(u8::is_ascii_graphic)
            }) && part(&mut cursor).is_some_and(|(kind, _)| kind <= 0x0101)
        }
        // A digest of 32 bytes, then the user.
        Some((SIGNATURE, content)) => content.len() > 32 && part(&mut cursor).is_some(),
        // The user's length and name, a vector of 16 bytes and a digest of 20; nothing follows.
        Some((ENCRYPTION, content)) => {
            let length = content.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)));
            length.is_some_and(|length| content.len() > length.saturating_add(38)) && cursor.0.is_empty()
        }
        Some(_) | None => false,
    }
}

/// One flow of statsd or GELF.
#[derive(Default, Debug)]
struct Metrics {
    told: Told,
}

impl DatagramDissector for Metrics {
    fn read(&mut self, from: Role, _datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Originator {
            self.told.once(&SENT, Shown::SendsOneWay, notes);
        }
        Next::More
    }
}

/// One flow of collectd.
#[derive(Default, Debug)]
struct Collectd {
    told: Told,
}

impl DatagramDissector for Collectd {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        if from == Role::Responder {
            return Next::More;
        }
        match part(&mut Cursor(datagram.bytes)) {
            Some((SIGNATURE, content)) => {
                let user = content.get(32..).unwrap_or_default();
                self.told.once(&SIGNED, sasl::challenge_offer(user), notes);
            }
            Some((ENCRYPTION, content)) => {
                let mut cursor = Cursor(content);
                let length = cursor.array().map_or(0, |length| usize::from(u16::from_be_bytes(length)));
                let user = cursor.take(length).unwrap_or_default();
                self.told.once(&SEALED, sasl::challenge_offer(user), notes);
                self.told.once(&SEALED, Shown::Hidden { why: Hidden::Encrypted }, notes);
                return Next::More;
            }
            Some(_) | None => {}
        }
        self.told.once(&SENT, Shown::SendsOneWay, notes);
        Next::More
    }
}
