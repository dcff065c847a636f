//! SMB's messages of both versions, as far as sessions and shares are concerned.
//!
//! Sources: MS-CIFS 2.2.3 (header), 2.2.4.52, 2.2.4.53 and 2.2.4.55 (negotiation, session set-up, tree connect), MS-SMB
//! 2.2.4.6 (set-up with a token), MS-SMB2 2.2.1, 2.2.5, 2.2.6 and 2.2.10.

use super::dissector::{Next, Notes};
use super::gss_token;
use super::smb_session::{Asked, Sessions, Status, token_offer};

/// Bytes of version 1's header and its word count.
pub(crate) const HEADER_1: usize = 33;
/// Bytes of version 2's header.
pub(crate) const HEADER_2: usize = 64;

/// SMB_COM_NEGOTIATE.
const NEGOTIATE: u8 = 0x72;
/// SMB_COM_SESSION_SETUP_ANDX.
const SETUP: u8 = 0x73;
/// SMB_COM_TREE_CONNECT.
const TREE: u8 = 0x70;
/// SMB_COM_TREE_CONNECT_ANDX.
const TREE_ANDX: u8 = 0x75;
/// Most requests that are read of one message.
const CHAIN: usize = 4;

fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// True for a message of version 1 of which more than the header is read.
pub(crate) fn reads_body_1(header: &[u8]) -> bool {
    byte(header, 4).is_some_and(|command| matches!(command, NEGOTIATE | SETUP | TREE | TREE_ANDX))
}

/// True for a message of version 2 of which more than the header is read: set-up and tree connect.
pub(crate) fn reads_body_2(header: &[u8]) -> bool {
    u16_at(header, 12).is_some_and(|command| matches!(command, 1 | 3))
}

/// A message of version 1.
pub(crate) struct Old<'a> {
    message: &'a [u8],
    command: u8,
    unicode: bool,
    status: Status,
    is_reply: bool,
    session: u64,
    /// Process and multiplex id: what a reply repeats.
    id: u64,
}

/// One request or reply of a chain: its words and its bytes.
struct Block<'a> {
    count: u8,
    words: &'a [u8],
    bytes: &'a [u8],
    /// Where the bytes begin, from the header's start.
    start: usize,
}

impl<'a> Old<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Option<Self> {
        let flags = u16_at(message, 10)?;
        let status = if flags & 0x4000 != 0 {
            Status::from_nt(u32_at(message, 5)?)
        } else {
            Status::from_dos(byte(message, 5)?, u16_at(message, 7)?)
        };
        Some(Self {
            message,
            command: byte(message, 4)?,
            unicode: flags & 0x8000 != 0,
            status,
            is_reply: byte(message, 9)? & 0x80 != 0,
            session: u64::from(u16_at(message, 28)?),
            id: u64::from(u16_at(message, 26)?) << 16 | u64::from(u16_at(message, 30)?),
        })
    }

    fn block(&self, at: usize) -> Option<Block<'a>> {
        let count = byte(self.message, at)?;
        let first = at.checked_add(1)?;
        let end = first.checked_add(usize::from(count).checked_mul(2)?)?;
        let words = self.message.get(first..end)?;
        let start = end.saturating_add(2);
        let length = usize::from(u16_at(self.message, end).unwrap_or(0));
        let stop = start.saturating_add(length).min(self.message.len());
        Some(Block { count, words, bytes: self.message.get(start..stop).unwrap_or_default(), start })
    }

    /// The blocks of a chain, with their commands.
    fn chain(&self) -> impl Iterator<Item = (u8, Block<'a>)> {
        let mut next = Some((self.command, 32_usize));
        std::iter::from_fn(move || {
            let (command, at) = next.take()?;
            let block = self.block(at)?;
            if matches!(command, SETUP | TREE_ANDX)
                && let (Some(later), Some(offset)) = (byte(block.words, 0), u16_at(block.words, 2))
                && later != 0xff
                && usize::from(offset) > at
            {
                next = Some((later, usize::from(offset)));
            }
            Some((command, block))
        })
        .take(CHAIN)
    }

    /// Notes what a request asks.
    pub(crate) fn request(&self, sessions: &mut Sessions, notes: &Notes<'_>) -> Next {
        for (command, block) in self.chain() {
            let asked = match command {
                SETUP => Asked::Setup(self.setup_offer(&block, sessions, notes)),
                TREE | TREE_ANDX => {
                    let password = if command == TREE {
                        // Path, password and service, each behind a format byte.
                        block.bytes.split(|byte| *byte == 0).nth(1).and_then(|text| text.get(1..))
                    } else {
                        u16_at(block.words, 6).and_then(|length| block.bytes.get(..usize::from(length)))
                    };
                    let offer = sessions.plain_offer(b"", password.unwrap_or_default(), notes);
                    Asked::Tree((!sessions.user_level).then_some(offer))
                }
                _ => continue,
            };
            if let Next::Lost(why) = sessions.ask(self.id, asked) {
                return Next::Lost(why);
            }
        }
        Next::More
    }

    fn setup_offer(
        &self,
        block: &Block<'_>,
        sessions: &Sessions,
        notes: &Notes<'_>,
    ) -> Option<super::smb_session::Offer> {
        let first = usize::from(u16_at(block.words, 14)?);
        let second = if block.count == 13 { usize::from(u16_at(block.words, 16)?) } else { 0 };
        let old = block.bytes.get(..first.min(block.bytes.len()))?;
        match block.count {
            12 => token_offer(old),
            10 | 13 => {
                let end = first.checked_add(second)?;
                let new = block.bytes.get(first..end)?;
                let name = self.text(block, end);
                // In clear only the first password counts; answers to a challenge stand in either.
                let password = if sessions.challenges && !new.is_empty() { new } else { old };
                Some(sessions.plain_offer(name.as_bytes(), password, notes))
            }
            _ => None,
        }
    }

    /// A text that ends with a zero, at `at` of the block's bytes.
    fn text(&self, block: &Block<'_>, at: usize) -> String {
        if !self.unicode {
            let text = block.bytes.get(at..).unwrap_or_default();
            let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
            return String::from_utf8_lossy(text).into_owned();
        }
        // Aligned to two bytes from the header's start.
        let padding = block.start.saturating_add(at) & 1;
        let text = block.bytes.get(at.saturating_add(padding)..).unwrap_or_default();
        let end = text.chunks_exact(2).position(|unit| unit == [0, 0]).unwrap_or(text.len() / 2);
        gss_token::utf16(text.get(..end.saturating_mul(2)).unwrap_or_default())
    }

    /// True for an answer to a request that was not read yet.
    pub(crate) fn is_early(&self, sessions: &Sessions) -> bool {
        self.is_reply && matches!(self.command, SETUP | TREE | TREE_ANDX) && !sessions.waits(self.id)
    }

    /// Says what a reply decides.
    pub(crate) fn reply(&self, sessions: &mut Sessions, notes: &mut Notes<'_>) {
        if !self.is_reply {
            return;
        }
        let mut chain = self.chain().peekable();
        while let Some((command, block)) = chain.next() {
            // The status is that of the last request that was carried out.
            let status = if chain.peek().is_some() { Status::Success } else { self.status };
            match command {
                NEGOTIATE if status == Status::Success => {
                    let mode = match block.count {
                        17 => byte(block.words, 2),
                        13 => byte(block.words, 2),
                        _ => Some(0),
                    };
                    sessions.user_level = mode.is_some_and(|mode| mode & 1 != 0);
                    sessions.challenges = mode.is_some_and(|mode| mode & 2 != 0);
                }
                SETUP => {
                    let guest = u16_at(block.words, 4).is_some_and(|action| action & 1 != 0);
                    sessions.setup(self.id, self.session, status, guest, notes);
                }
                TREE | TREE_ANDX => {
                    let ipc = block.bytes.starts_with(b"IPC");
                    sessions.tree(self.id, self.session, status, ipc, notes);
                }
                // OPEN, CREATE, CREATE_NEW, OPEN_ANDX, NT_CREATE_ANDX.
                0x02 | 0x03 | 0x0f | 0x2d | 0xa2 => sessions.operation(self.session, status, notes),
                _ => {}
            }
        }
    }
}

/// A message of version 2 or 3.
pub(crate) struct New<'a> {
    message: &'a [u8],
    command: u16,
    status: Status,
    is_reply: bool,
    session: u64,
    id: u64,
}

impl<'a> New<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Option<Self> {
        Some(Self {
            message,
            command: u16_at(message, 12)?,
            status: Status::from_nt(u32_at(message, 8)?),
            is_reply: u32_at(message, 16)? & 1 != 0,
            session: u64_at(message, 40)?,
            id: u64_at(message, 24)?,
        })
    }

    /// Notes what a request asks.
    pub(crate) fn request(&self, sessions: &mut Sessions) -> Next {
        if self.command != 1 || self.is_reply {
            return Next::More;
        }
        let token = |start: u16, length: u16| {
            let start = usize::from(start);
            let end = start.saturating_add(usize::from(length)).min(self.message.len());
            self.message.get(start..end)
        };
        let token = u16_at(self.message, 76).zip(u16_at(self.message, 78)).and_then(|(at, n)| token(at, n));
        sessions.ask(self.id, Asked::Setup(token.and_then(token_offer)))
    }

    /// True for an answer to a request that was not read yet.
    pub(crate) fn is_early(&self, sessions: &Sessions) -> bool {
        self.is_reply && self.command == 1 && !sessions.waits(self.id)
    }

    /// Says what a reply decides.
    pub(crate) fn reply(&self, sessions: &mut Sessions, notes: &mut Notes<'_>) {
        if !self.is_reply {
            return;
        }
        match self.command {
            1 => {
                // IS_GUEST and IS_NULL; an error's body has no flags there.
                let guest = self.status == Status::Success
                    && u16_at(self.message, 66).is_some_and(|flags| flags & 3 != 0);
                sessions.setup(self.id, self.session, self.status, guest, notes);
            }
            3 => {
                let ipc = byte(self.message, 66) == Some(2);
                sessions.tree(self.id, self.session, self.status, ipc, notes);
            }
            5 => sessions.operation(self.session, self.status, notes),
            _ => {}
        }
    }
}
