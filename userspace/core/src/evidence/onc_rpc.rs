//! ONC RPC over TCP and in datagrams: portmap, mount, NFS, NIS and whatever else is called by it.
//!
//! Sources: RFC 5531 (messages, record marks), RFC 9289 (TLS). What calls and replies say is in `onc_rpc_account`.

use super::datagram::{Datagram, DatagramDissector, KnownDatagrams};
use super::dissector::{Dissector, Input, Known, Likeness, Next, Notes, nothing_alone};
use super::onc_rpc_account::{Account, password, silent};
use super::onc_rpc_message::{self, opening};
use super::resp::Read;
use super::{Hidden, Protocol, onc_rpc_rules};
use crate::event::Role;

/// How a connection of this protocol is recognised and read.
pub(crate) static KNOWN: Known = Known {
    protocol: Protocol::Rpc,
    call: |bytes| record_likeness(bytes, 40, b"\0\0\0\0\0\0\0\x02"),
    reply: |bytes| record_likeness(bytes, 20, b"\0\0\0\x01\0\0\0"),
    begin: || Box::new(Rpc::default()),
    call_alone: nothing_alone,
    rules: onc_rpc_rules::RULES,
};

/// How datagrams of this protocol are recognised and read.
pub(crate) static DATAGRAMS: KnownDatagrams = KnownDatagrams {
    protocol: Protocol::Rpc,
    call: |datagram| likely_call(datagram).is_some(),
    reply: |datagram| likely_reply(datagram).is_some(),
    unanswered: |datagram| {
        likely_call(datagram).is_some_and(|(program, procedure)| silent(program, procedure))
    },
    begin: || Box::new(RpcDatagrams::default()),
    // Named once, by the connection's entry.
    rules: &[],
};

/// Length of a fragment's mark (RFC 5531 section 11).
const MARK: usize = 4;
/// Longest first fragment by which a connection is recognised.
const FRAGMENT: u32 = 0x00ff_ffff;

/// A fragment's mark, a transaction id, and then the words that make a call or a reply.
fn record_likeness(bytes: &[u8], least: u32, words: &[u8]) -> Likeness {
    match bytes.first() {
        None => return Likeness::Unsure,
        Some(0 | 0x80) => {}
        Some(_) => return Likeness::Unlike,
    }
    if let Some(mark) = bytes.first_chunk::<MARK>()
        && !(least..=FRAGMENT).contains(&(u32::from_be_bytes(*mark) & FRAGMENT))
    {
        return Likeness::Unlike;
    }
    Likeness::starts_with(bytes.get(8..).unwrap_or_default(), words)
}

/// The word at `at`, counted in words.
fn word(datagram: &Datagram<'_>, at: usize) -> Option<u32> {
    let start = at.checked_mul(4)?;
    datagram.bytes.get(start..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

/// Program and procedure, where a datagram's first words are those of a call.
fn likely_call(datagram: &Datagram<'_>) -> Option<(u32, u32)> {
    let (kind, version) = (word(datagram, 1)?, word(datagram, 2)?);
    let (program, procedure, length) = (word(datagram, 3)?, word(datagram, 5)?, word(datagram, 7)?);
    let fits = length <= 400 && datagram.length >= u64::from(length).saturating_add(40);
    (kind == 0 && version == 2 && program != 0 && fits).then_some((program, procedure))
}

fn likely_reply(datagram: &Datagram<'_>) -> Option<()> {
    let (kind, denied) = (word(datagram, 1)?, word(datagram, 2)?);
    let fits = match denied {
        0 => word(datagram, 4)? <= 400 && datagram.length >= 24,
        1 => word(datagram, 3)? <= 1 && datagram.length >= 20,
        _ => false,
    };
    (kind == 1 && fits).then_some(())
}

/// One connection.
#[derive(Default, Debug)]
struct Rpc {
    account: Account,
    /// Whether the next fragment of the originator, and of the responder, goes on with a message.
    goes_on: [bool; 2],
}

impl Dissector for Rpc {
    fn read(&mut self, from: Role, input: &mut Input<'_>, notes: &mut Notes<'_>) -> Next {
        let bytes = input.bytes();
        let Some(mark) = bytes.first_chunk::<MARK>() else { return Next::More };
        let mark = u32::from_be_bytes(*mark);
        let (length, last) = (u64::from(mark & 0x7fff_ffff), mark & 0x8000_0000 != 0);
        let fragment = bytes.get(MARK..).unwrap_or_default();
        let fragment = fragment.get(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or(fragment);
        let [originator, responder] = &mut self.goes_on;
        let goes_on = match from {
            Role::Originator => originator,
            Role::Responder => responder,
        };
        let next = if *goes_on {
            Next::More
        } else {
            let Some((xid, calls)) = opening(fragment) else {
                let decided = fragment.len() as u64 >= length || fragment.len() >= 8;
                return if decided { Next::Lost(Hidden::Unsupported) } else { Next::More };
            };
            match take(&mut self.account, from, (xid, calls), fragment, length, notes) {
                Read::Got(next) => next,
                Read::More => return Next::More,
                Read::Broken => return Next::Lost(Hidden::Unsupported),
            }
        };
        *goes_on = !last;
        input.skip((MARK as u64).saturating_add(length));
        next
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        self.account.finish(whole, notes);
    }
}

/// Takes one message; `More` also for a reply whose call was not seen yet.
fn take(
    account: &mut Account,
    from: Role,
    (xid, calls): (u32, bool),
    bytes: &[u8],
    length: u64,
    notes: &mut Notes<'_>,
) -> Read<Next> {
    match (from, calls) {
        (Role::Originator, true) => match onc_rpc_message::call(bytes, length) {
            Read::Got((call, arguments)) => {
                match onc_rpc_message::decided(password(&call, arguments, notes), bytes, length) {
                    Read::Got(password) => Read::Got(account.call(call, password, notes)),
                    Read::More => Read::More,
                    Read::Broken => Read::Broken,
                }
            }
            Read::More => Read::More,
            Read::Broken => Read::Broken,
        },
        (Role::Responder, false) if account.expects(xid) => account.reply(xid, bytes, length, notes),
        (Role::Responder, false) => Read::More,
        // Calls of the receiver's own to the caller (NFS 4.1, RFC 8881 section 2.10.3.1) say nothing of who called it.
        (Role::Originator, false) | (Role::Responder, true) => Read::Got(Next::More),
    }
}

/// One flow of datagrams.
#[derive(Default, Debug)]
struct RpcDatagrams {
    account: Account,
}

impl DatagramDissector for RpcDatagrams {
    fn read(&mut self, from: Role, datagram: &Datagram<'_>, notes: &mut Notes<'_>) -> Next {
        let Some(opening) = opening(datagram.bytes) else { return Next::Lost(Hidden::Unsupported) };
        match take(&mut self.account, from, opening, datagram.bytes, datagram.length, notes) {
            // TLS is for connections (RFC 9289 section 4); a datagram's promise of it is not followed.
            Read::Got(Next::Upgraded(_)) => Next::Lost(Hidden::Encrypted),
            Read::Got(next) => next,
            Read::More if (datagram.bytes.len() as u64) < datagram.length => Next::Lost(Hidden::Truncated),
            // A reply to nothing that was seen: one that came twice.
            Read::More => Next::More,
            Read::Broken => Next::Lost(Hidden::Unsupported),
        }
    }

    fn finish(&mut self, whole: bool, notes: &mut Notes<'_>) {
        self.account.finish(whole, notes);
    }
}
