//! What the lengths of TLS 1.3 records say about the client's certificate, and what they don't.
//!
//! RFC 8446 section 4.4.2: the client sends Certificate if and only if the server sent CertificateRequest, and an
//! empty one if it has none. Its length, and that of Finished, are fixed by the cipher suite; application data can't
//! share their records (section 5.1). So the client's second flight tells "not asked", "asked and declined" and
//! "certificate sent" apart. This is inferred evidence: it never says who, and whatever it can't explain is undecided.

/// Record lengths of one handshake, after the ServerHello that is not a HelloRetryRequest.
#[derive(Clone, Copy, Default, Debug)]
pub struct Shape<'a> {
    /// Cipher suite of the ServerHello.
    pub suite: u16,
    /// True when the ServerHello has the pre_shared_key extension (41).
    pub resumed: bool,
    /// True when the ClientHello had the early_data extension (42).
    pub early_data: bool,
    /// True when the client's first message after ServerHello was an alert in clear.
    pub client_alert: bool,
    /// Lengths (as in the record header) of the client's records of type 23, those before the ServerHello left out.
    pub client: &'a [u16],
    /// Lengths of the server's records of type 23 before the client's first.
    pub server: &'a [u16],
    /// Lengths of the server's records of type 23 after the client's first.
    pub server_after: &'a [u16],
}

/// What the client's second flight was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flight {
    /// The server did not ask for a certificate.
    NotAsked,
    /// The server asked; the client had none.
    Declined,
    /// The client sent a certificate and signed with its key.
    CertificateSent,
    /// A resumed session or an external pre-shared key: the server may not ask.
    Resumed,
    /// The client ended the handshake.
    FailedAtClient,
    /// The lengths fit nothing that is known.
    Undecided,
}

/// What the server did after the client's second flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It went on.
    WentOn,
    /// One record of an alert's length, and no more.
    Refused,
    /// Can't tell.
    Unknown,
}

/// Records after which no further flight is looked for.
pub const MOST_RECORDS: usize = 8;
/// EndOfEarlyData, or an empty handshake message.
const EMPTY_MESSAGE: u32 = 4;
/// A Certificate message with an empty list.
const EMPTY_CERTIFICATE: u32 = 8;
/// The smallest certificate with proof: an Ed25519 raw public key (RFC 7250) and its CertificateVerify.
const LEAST_PROOF: u32 = 57 + 72;
/// Padding of a record: none, or the 16 bytes that Java's JSSE adds to each.
const PADDINGS: [u32; 2] = [0, 16];

/// Length of Finished and of the AEAD tag; `None` for suites to which the arithmetic does not apply.
fn suite_lengths(suite: u16) -> Option<(u32, u32)> {
    match suite {
        0x1301 | 0x1303 | 0x1304 => Some((4 + 32, 16)),
        0x1302 => Some((4 + 48, 16)),
        0x1305 => Some((4 + 32, 8)),
        _ => None,
    }
}

/// Decides from the lengths. `None` while further records of the client could still decide; with `last` true, none
/// will come.
#[must_use]
pub fn flight(shape: &Shape<'_>, last: bool) -> Option<Flight> {
    let Some((finished, tag)) = suite_lengths(shape.suite) else { return Some(Flight::Undecided) };
    if shape.client_alert && shape.client.is_empty() {
        return Some(Flight::FailedAtClient);
    }
    // Content length: without the tag and the inner content type (RFC 8446 section 5.2).
    let content = |length: &u16| u32::from(*length).checked_sub(tag.saturating_add(1));
    let contents: Option<Vec<u32>> = shape.client.iter().take(MOST_RECORDS).map(content).collect();
    let Some(contents) = contents else { return Some(Flight::Undecided) };
    let last = last || contents.len() >= MOST_RECORDS;
    let (first, second) = (contents.first().copied(), contents.get(1).copied());
    let Some(first) = first else { return last.then_some(Flight::Undecided) };
    let padded = |length: Option<u32>, bare: u32| {
        PADDINGS.iter().any(|padding| length == Some(bare.saturating_add(*padding)))
    };
    if shape.resumed {
        if padded(Some(first), finished) {
            return Some(Flight::Resumed);
        }
        if shape.early_data && padded(Some(first), EMPTY_MESSAGE) {
            return match second {
                Some(_) if padded(second, finished) => Some(Flight::Resumed),
                None if !last => None,
                Some(_) | None => Some(Flight::Undecided),
            };
        }
        return Some(Flight::Undecided);
    }
    let decided = decide(&contents, first, second, finished, last)?;
    let asked = match decided {
        Flight::Declined | Flight::CertificateSent => true,
        Flight::NotAsked => false,
        Flight::Resumed | Flight::FailedAtClient | Flight::Undecided => return Some(decided),
    };
    // The server's own flight must not say otherwise.
    let server: Vec<u32> = shape.server.iter().filter_map(content).collect();
    match requested(&server, finished) {
        Some(requested) if requested != asked => Some(Flight::Undecided),
        Some(_) | None => Some(decided),
    }
}

fn decide(contents: &[u32], first: u32, second: Option<u32>, finished: u32, last: bool) -> Option<Flight> {
    for padding in PADDINGS {
        if first == finished.saturating_add(padding) {
            return Some(Flight::NotAsked);
        }
        if first == EMPTY_CERTIFICATE.saturating_add(padding) {
            match second {
                Some(second) if second == finished.saturating_add(padding) => return Some(Flight::Declined),
                None if !last => return None,
                Some(_) | None => {}
            }
        }
        if first == EMPTY_CERTIFICATE.saturating_add(finished).saturating_add(padding) {
            return Some(Flight::Declined);
        }
        let mut before = 0_u32;
        for content in contents {
            if *content == finished.saturating_add(padding) && before >= LEAST_PROOF {
                return Some(Flight::CertificateSent);
            }
            before = before.saturating_add(*content);
        }
    }
    if !last {
        return None;
    }
    // Everything in one record. A record padded to a multiple of 64 could be anything.
    if first >= LEAST_PROOF.saturating_add(finished) && !first.saturating_add(1).is_multiple_of(64) {
        return Some(Flight::CertificateSent);
    }
    Some(Flight::Undecided)
}

/// Did the server ask, by its own flight? Known only for libraries that send one record a message:
/// EncryptedExtensions, (CertificateRequest,) Certificate, CertificateVerify, Finished.
fn requested(server: &[u32], finished: u32) -> Option<bool> {
    let is_finished =
        |content: &u32| PADDINGS.iter().any(|padding| *content == finished.saturating_add(*padding));
    match server.iter().position(is_finished)? {
        3 => Some(false),
        4 => Some(true),
        _ => None,
    }
}

/// Decides what the server did next. With `last` true, no further record will come.
#[must_use]
pub fn outcome(shape: &Shape<'_>, last: bool) -> Outcome {
    let Some((_, tag)) = suite_lengths(shape.suite) else { return Outcome::Unknown };
    let is_alert = |length: &u16| {
        let content = u32::from(*length).checked_sub(tag.saturating_add(1));
        PADDINGS.iter().any(|padding| content == Some(2_u32.saturating_add(*padding)))
    };
    match shape.server_after {
        [] => Outcome::Unknown,
        [only] if is_alert(only) && last => Outcome::Refused,
        [only] if is_alert(only) => Outcome::Unknown,
        [_, ..] => Outcome::WentOn,
    }
}
