//! Fields of GIOP messages, in the sender's byte order and alignment.
//!
//! Sources: OMG CORBA 3.3 part 2 sections 9.3 (CDR) and 9.4 (request and reply headers of versions 1.0 to 1.2), 10.2.4
//! (SAS messages).

/// A message with its header; alignment counts from its first byte.
pub(crate) struct Message<'a> {
    /// Minor version.
    pub(crate) minor: u8,
    /// Numbers are little-endian.
    pub(crate) little: bool,
    /// Type of message.
    pub(crate) kind: u8,
    /// All bytes, as far as they are looked at.
    pub(crate) bytes: &'a [u8],
}

/// Service context of the security attribute service.
const SECURITY: u32 = 15;
/// Most service contexts of one message.
const CONTEXTS: u32 = 64;

/// Reads aligned fields.
pub(crate) struct Cdr<'a> {
    bytes: &'a [u8],
    at: usize,
    little: bool,
}

impl<'a> Cdr<'a> {
    /// The fields after a message's header.
    pub(crate) fn of(message: &Message<'a>) -> Self {
        Self { bytes: message.bytes, at: 12, little: message.little }
    }

    /// The fields of an encapsulation: its byte order comes first.
    pub(crate) fn encapsulated(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { bytes, at: 1, little: *bytes.first()? & 1 != 0 })
    }

    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let found = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(found)
    }

    /// Four bytes.
    pub(crate) fn number(&mut self) -> Option<u32> {
        self.align(4);
        let digits = self.take(4)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(digits) } else { u32::from_be_bytes(digits) })
    }

    /// Two bytes.
    pub(crate) fn short(&mut self) -> Option<u16> {
        self.align(2);
        let digits = self.take(2)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(digits) } else { u16::from_be_bytes(digits) })
    }

    /// A length and so many bytes; of a string the last one is zero.
    pub(crate) fn octets(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    /// A list of service contexts: the content of the one that is about security.
    fn security(&mut self) -> Option<Option<&'a [u8]>> {
        let count = self.number()?;
        if count > CONTEXTS {
            return None;
        }
        let mut found = None;
        for _ in 0..count {
            let id = self.number()?;
            let content = self.octets()?;
            if id == SECURITY {
                found = Some(content);
            }
        }
        Some(found)
    }
}

/// What of a request's header is looked at.
pub(crate) struct RequestHead<'a> {
    /// By which the reply names it.
    pub(crate) id: u32,
    /// A reply will come.
    pub(crate) answered: bool,
    /// The operation's name.
    pub(crate) operation: &'a [u8],
    /// The security context.
    pub(crate) security: Option<&'a [u8]>,
}

/// Reads a request's header.
pub(crate) fn request_head<'a>(message: &Message<'a>) -> Option<RequestHead<'a>> {
    let mut cdr = Cdr::of(message);
    let early = if message.minor < 2 { cdr.security()? } else { None };
    let id = cdr.number()?;
    let flags = *cdr.take(1)?.first()?;
    // Version 1.1 has three reserved bytes here, version 1.0 none.
    if message.minor >= 1 {
        cdr.take(3)?;
    }
    if message.minor >= 2 {
        match cdr.short()? {
            0 => {
                cdr.octets()?;
            }
            1 => {
                cdr.number()?;
                cdr.octets()?;
            }
            _ => return None,
        }
    } else {
        cdr.octets()?;
    }
    let operation = cdr.octets()?;
    let operation = operation.strip_suffix(b"\0").unwrap_or(operation);
    let security = if message.minor >= 2 { cdr.security()? } else { early };
    // Version 1.2: bit 0 and 1 ask for a reply; before, it is a truth value.
    Some(RequestHead { id, answered: flags & 3 != 0, operation, security })
}

/// What of a reply's header is looked at.
pub(crate) struct ReplyHead<'a> {
    /// Of the request.
    pub(crate) id: u32,
    /// 0 no exception, 1 user exception, 2 system exception, 3 and on elsewhere.
    pub(crate) status: u32,
    /// The security context.
    pub(crate) security: Option<&'a [u8]>,
    /// What follows: a system exception's name stands first.
    pub(crate) exception: &'a [u8],
}

/// Reads the header of a reply, or of the answer where an object is.
pub(crate) fn reply_head<'a>(message: &Message<'a>) -> Option<ReplyHead<'a>> {
    let mut cdr = Cdr::of(message);
    if message.kind == 4 {
        return Some(ReplyHead { id: cdr.number()?, status: cdr.number()?, security: None, exception: &[] });
    }
    let early = if message.minor < 2 { cdr.security()? } else { None };
    let (id, status) = (cdr.number()?, cdr.number()?);
    let security = if message.minor >= 2 { cdr.security()? } else { early };
    let rest = message.bytes.get(cdr.at..).unwrap_or_default();
    Some(ReplyHead { id, status, security, exception: rest.get(..rest.len().min(128)).unwrap_or_default() })
}

/// What a context that is to be established carries.
pub(crate) struct Established<'a> {
    /// The caller's own token; empty for none.
    pub(crate) token: &'a [u8],
    /// For whom it calls, if it says so by a name.
    pub(crate) identity: Option<&'a [u8]>,
}

/// Reads EstablishContext; `Some(None)` for a message that refers to an established one.
pub(crate) fn established(context: &[u8]) -> Option<Option<Established<'_>>> {
    let mut cdr = Cdr::encapsulated(context)?;
    match cdr.short()? {
        0 => {}
        5 => return Some(None),
        _ => return None,
    }
    cdr.align(8);
    cdr.take(8)?;
    let count = cdr.number()?;
    if count > CONTEXTS {
        return None;
    }
    for _ in 0..count {
        cdr.number()?;
        cdr.octets()?;
    }
    let identity = match cdr.number()? {
        // Absent, anonymous.
        0 | 1 => {
            cdr.take(1)?;
            None
        }
        2 => Some(cdr.octets()?),
        // A chain of certificates, a distinguished name: named, and not read here.
        _ => {
            cdr.octets()?;
            Some(&[][..])
        }
    };
    Some(Some(Established { token: cdr.octets()?, identity }))
}
