//! A DNS message in the few words that decide: what is asked for, what the answer's code is, and who signed it.
//!
//! Sources: RFC 1035 section 4.1 (header, question, records, compression), RFC 2136 section 2 (UPDATE), RFC 8945
//! section 4.2 (TSIG), RFC 2930 section 2 (TKEY), RFC 2931 section 3 (SIG(0)).

use super::cursor::Cursor;

/// Bytes of the header.
pub(crate) const HEADER: usize = 12;
/// Longest name on the wire (RFC 1035 section 2.3.4).
const NAME: usize = 255;

/// The header of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// Joins an answer to its query.
    pub(crate) id: u16,
    /// QR: true for an answer.
    pub(crate) answer: bool,
    /// 0 query, 4 NOTIFY, 5 UPDATE.
    pub(crate) opcode: u8,
    /// 0 when all went well.
    pub(crate) rcode: u8,
    /// AA: the answer comes from who is responsible for the name.
    pub(crate) authoritative: bool,
    /// Questions, answers, authority and additional records.
    pub(crate) counts: [u16; 4],
}

impl Header {
    /// Reads a header; `None` where it is not whole or can't be one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let [first, second, high, low, counts @ ..] = bytes.first_chunk::<HEADER>()?;
        let mut cursor = Cursor(counts);
        let mut count = || cursor.array().map(u16::from_be_bytes);
        let header = Self {
            id: u16::from_be_bytes([*first, *second]),
            answer: high & 0x80 != 0,
            opcode: high >> 3 & 15,
            rcode: low & 15,
            authoritative: high & 4 != 0,
            counts: [count()?, count()?, count()?, count()?],
        };
        header.is_plausible(*low).then_some(header)
    }

    /// Bit Z is zero, opcodes are those in use, and a call carries neither an error nor many records.
    fn is_plausible(&self, low: u8) -> bool {
        let [questions, answers, authorities, additionals] = self.counts;
        let known = low & 0x40 == 0 && matches!(self.opcode, 0 | 1 | 2 | 4 | 5);
        // An UPDATE's second and third sections hold its prerequisites and changes; a NOTIFY may say the new SOA.
        let few = self.opcode == 5 || questions <= 16 && answers <= 16 && authorities <= 16;
        known && (self.answer || self.rcode == 0 && questions >= 1 && few && additionals <= 8)
    }
}

/// Who signed a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Signature {
    /// TSIG under a shared key.
    Shared {
        /// The key's name.
        key: Vec<u8>,
        /// 0, or why the receiver did not take the caller's (16 to 18 and 22: signature, key, time, length).
        error: u16,
    },
    /// TSIG under a key that a GSS-API exchange made.
    Session {
        /// The key's name.
        key: Vec<u8>,
        /// As above.
        error: u16,
    },
    /// SIG(0), by a private key.
    Private {
        /// The signer's name.
        signer: Vec<u8>,
    },
}

/// What a message says.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Its header.
    pub(crate) header: Header,
    /// Name of the first question, labels joined by dots.
    pub(crate) name: Vec<u8>,
    /// Type of the first question: 251 IXFR, 252 AXFR, 249 TKEY.
    pub(crate) asked: Option<u16>,
    /// The last record of the additional section, where that signs the message.
    pub(crate) signature: Option<Signature>,
    /// A TKEY record's mode (3: GSS-API) and whether its token is NTLM's.
    pub(crate) key_exchange: Option<(u16, bool)>,
    /// True when the message ended where its last record did.
    pub(crate) exact: bool,
    /// True when every record was there.
    pub(crate) whole: bool,
}

impl Message {
    /// Reads a message of which `bytes` are there; `None` where those can't be one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let header = Header::read(bytes)?;
        let mut message = Self {
            header,
            name: Vec::new(),
            asked: None,
            signature: None,
            key_exchange: None,
            exact: false,
            whole: false,
        };
        let mut cursor = Cursor(bytes.get(HEADER..)?);
        let [questions, answers, authorities, additionals] = header.counts;
        for index in 0..questions {
            let name = name(&mut cursor).ok()?;
            let Some(kind) = cursor.array().map(u16::from_be_bytes) else { return Some(message) };
            let Some(class) = cursor.array().map(u16::from_be_bytes) else { return Some(message) };
            // Internet, chaos, Hesiod, none and any; the high bit is mDNS's.
            if !matches!(class & 0x7fff, 1 | 3 | 4 | 254 | 255) {
                return None;
            }
            if index == 0 {
                (message.name, message.asked) = (name, Some(kind));
            }
        }
        let records = [answers, authorities, additionals].into_iter().map(u32::from).sum::<u32>();
        for index in 0..records {
            match message.record(&mut cursor, index == records.saturating_sub(1)) {
                Ok(true) => {}
                Ok(false) => return Some(message),
                Err(Broken) => return None,
            }
        }
        message.whole = true;
        message.exact = cursor.0.is_empty();
        Some(message)
    }

    /// Reads one record; `false` when it is not all there.
    fn record(&mut self, cursor: &mut Cursor<'_>, last: bool) -> Result<bool, Broken> {
        let owner = match name(cursor) {
            Ok(owner) => owner,
            Err(Stop::Short) => return Ok(false),
            Err(Stop::Broken) => return Err(Broken),
        };
        let Some(fixed) = cursor.array::<10>() else { return Ok(false) };
        let [a, b, _, _, _, _, _, _, c, d] = fixed;
        let Some(content) = cursor.take(usize::from(u16::from_be_bytes([c, d]))) else { return Ok(false) };
        match u16::from_be_bytes([a, b]) {
            249 => self.key_exchange = self.key_exchange.or_else(|| key_exchange(content)),
            250 if last => self.signature = shared(owner, content),
            24 if last => self.signature = private(content),
            _ => {}
        }
        Ok(true)
    }
}

/// TSIG: algorithm, time (6 bytes), fudge, MAC, original id, error, other (RFC 8945 section 4.2).
fn shared(key: Vec<u8>, content: &[u8]) -> Option<Signature> {
    let mut cursor = Cursor(content);
    let algorithm = name(&mut cursor).ok()?;
    cursor.take(8)?;
    let length = u16::from_be_bytes(cursor.array()?);
    cursor.take(usize::from(length))?;
    cursor.take(2)?;
    let error = u16::from_be_bytes(cursor.array()?);
    let session =
        algorithm.eq_ignore_ascii_case(b"gss-tsig") || algorithm.eq_ignore_ascii_case(b"gss.microsoft.com");
    Some(if session { Signature::Session { key, error } } else { Signature::Shared { key, error } })
}

/// SIG: type covered (0 for a message), then 16 bytes before the signer's name (RFC 2931 section 3).
fn private(content: &[u8]) -> Option<Signature> {
    let mut cursor = Cursor(content);
    let covered = u16::from_be_bytes(cursor.array()?);
    cursor.take(16)?;
    let signer = name(&mut cursor).ok()?;
    (covered == 0).then_some(Signature::Private { signer })
}

/// TKEY: algorithm, inception, expiration, mode, error, key (RFC 2930 section 2).
fn key_exchange(content: &[u8]) -> Option<(u16, bool)> {
    let mut cursor = Cursor(content);
    name(&mut cursor).ok()?;
    cursor.take(8)?;
    let mode = u16::from_be_bytes(cursor.array()?);
    let ntlm = cursor.0.windows(8).any(|part| part == b"NTLMSSP\0");
    Some((mode, ntlm))
}

/// Why a name could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    /// The bytes end before it does.
    Short,
    /// It is none.
    Broken,
}

/// A record that is none.
struct Broken;

/// Reads a name; what a pointer points at is left out.
fn name(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Stop> {
    let mut text = Vec::new();
    loop {
        match cursor.byte().ok_or(Stop::Short)? {
            0 => return Ok(text),
            length @ 1..=63 => {
                let label = cursor.take(usize::from(length)).ok_or(Stop::Short)?;
                if !text.is_empty() {
                    text.push(b'.');
                }
                text.extend_from_slice(label);
                if text.len() > NAME {
                    return Err(Stop::Broken);
                }
            }
            0xc0.. => {
                cursor.byte().ok_or(Stop::Short)?;
                return Ok(text);
            }
            64..=0xbf => return Err(Stop::Broken),
        }
    }
}
