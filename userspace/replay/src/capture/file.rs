//! Frames of a pcap or pcapng file, in order, whatever its byte order and clock.

use std::io::Read;

use jiff::Timestamp;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, LegacyPcapBlock, PcapBlockOwned, PcapError, PcapHeader, create_reader};

/// Most bytes that one block may take; a larger one ends the reading as a damaged file.
const MAX_BLOCK_BYTES: usize = 16 * 1024 * 1024;
/// What is asked for at first; most frames fit.
const FIRST_BUFFER_BYTES: usize = 256 * 1024;
/// Most interfaces that one section may describe.
const MAX_INTERFACES: usize = 4096;

/// One captured frame.
#[derive(Debug)]
pub(super) struct Frame {
    /// When.
    pub(super) at: Timestamp,
    /// Link type as registered by the tcpdump group (<https://www.tcpdump.org/linktypes.html>).
    pub(super) link: i32,
    /// What was captured.
    pub(super) bytes: Vec<u8>,
    /// How many bytes of the frame were not captured.
    pub(super) missing: usize,
}

/// How the file ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// After a whole block.
    Clean,
    /// In the middle of a block: what came before was kept.
    Truncated,
    /// A block that can't be read: what came before was kept.
    Damaged,
}

/// What the next step of reading gave.
#[derive(Debug)]
pub(super) enum Next {
    /// A frame.
    Frame(Frame),
    /// The end of the file.
    End(End),
}

/// Link type and clock of one interface.
#[derive(Clone, Copy)]
struct Interface {
    link: i32,
    /// Units a second; 1,000,000 unless the file says otherwise.
    units_per_s: u64,
    /// Seconds to add.
    offset_s: i64,
}

/// Reads frames one after the other; holds one buffer, grown to the largest block seen.
pub(super) struct Frames {
    reader: Box<dyn PcapReaderIterator + Send>,
    interfaces: Vec<Interface>,
    capacity: usize,
    last: Timestamp,
    end: Option<End>,
}

impl Frames {
    /// Recognises the format; `None` when the bytes are neither pcap nor pcapng.
    pub(super) fn open(input: impl Read + Send + 'static) -> Option<Self> {
        let reader = create_reader(FIRST_BUFFER_BYTES, input).ok()?;
        Some(Self {
            reader,
            interfaces: Vec::new(),
            capacity: FIRST_BUFFER_BYTES,
            last: Timestamp::UNIX_EPOCH,
            end: None,
        })
    }

    /// Bytes of the file read so far.
    pub(super) fn consumed(&self) -> u64 {
        u64::try_from(self.reader.consumed()).unwrap_or(u64::MAX)
    }

    /// The next frame, or how the file ended.
    pub(super) fn next(&mut self) -> Next {
        loop {
            if let Some(end) = self.end {
                return Next::End(end);
            }
            let (size, frame) = match self.reader.next() {
                Ok((size, block)) => (size, frame_of(block, &mut self.interfaces, self.last)),
                Err(PcapError::Incomplete(_)) => {
                    if self.reader.reader_exhausted() || !self.refill() {
                        self.end = Some(End::Truncated);
                    }
                    continue;
                }
                Err(PcapError::Eof) => {
                    self.end = Some(End::Clean);
                    continue;
                }
                Err(PcapError::UnexpectedEof) => {
                    self.end = Some(End::Truncated);
                    continue;
                }
                Err(PcapError::BufferTooSmall) => {
                    if !self.grow() {
                        self.end = Some(End::Damaged);
                    }
                    continue;
                }
                Err(_) => {
                    self.end = Some(End::Damaged);
                    continue;
                }
            };
            self.reader.consume(size);
            if let Some(frame) = frame {
                self.last = frame.at;
                return Next::Frame(frame);
            }
        }
    }

    /// Reads more; false when nothing more can come.
    fn refill(&mut self) -> bool {
        let before = self.reader.data().len();
        match self.reader.refill() {
            Ok(()) => self.reader.data().len() > before || self.grow(),
            Err(PcapError::BufferTooSmall) => self.grow(),
            Err(_) => false,
        }
    }

    fn grow(&mut self) -> bool {
        let wanted = self.capacity.saturating_mul(2);
        if wanted > MAX_BLOCK_BYTES || !self.reader.grow(wanted) {
            return false;
        }
        self.capacity = wanted;
        self.reader.refill().is_ok()
    }
}

fn frame_of(block: PcapBlockOwned<'_>, interfaces: &mut Vec<Interface>, last: Timestamp) -> Option<Frame> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            *interfaces = vec![legacy_interface(&header)];
            None
        }
        PcapBlockOwned::Legacy(block) => {
            let interface = *interfaces.first()?;
            let LegacyPcapBlock { ts_sec, ts_usec, caplen: _, origlen, data } = block;
            let units =
                u64::from(ts_sec).saturating_mul(interface.units_per_s).saturating_add(u64::from(ts_usec));
            Some(frame(interface, units, origlen, data, last))
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            None
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
            if interfaces.len() < MAX_INTERFACES {
                interfaces.push(Interface {
                    link: description.linktype.0,
                    units_per_s: description.ts_resolution().filter(|units| *units > 0).unwrap_or(1_000_000),
                    offset_s: description.ts_offset(),
                });
            }
            None
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = *interfaces.get(usize::try_from(packet.if_id).ok()?)?;
            let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            Some(frame(interface, units, packet.origlen, packet.packet_data(), last))
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            // Without a time of its own (pcapng section 4.4): it is given that of the frame before.
            let interface = *interfaces.first()?;
            let bytes = packet.packet_data().to_vec();
            let missing = usize::try_from(packet.origlen).unwrap_or(usize::MAX).saturating_sub(bytes.len());
            Some(Frame { at: last, link: interface.link, bytes, missing })
        }
        PcapBlockOwned::NG(_) => None,
    }
}

fn legacy_interface(header: &PcapHeader) -> Interface {
    Interface {
        // The upper 16 bits carry the FCS length (pcap-savefile(5)).
        link: header.network.0 & 0xffff,
        units_per_s: if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 },
        offset_s: 0,
    }
}

fn frame(interface: Interface, units: u64, original: u32, data: &[u8], last: Timestamp) -> Frame {
    let Interface { link, units_per_s, offset_s } = interface;
    let seconds = i64::try_from(units / units_per_s).unwrap_or(i64::MAX).saturating_add(offset_s);
    let part = u128::from(units % units_per_s) * 1_000_000_000 / u128::from(units_per_s);
    let nanoseconds = i32::try_from(part).unwrap_or(0);
    Frame {
        // A time that no calendar has is a damaged one: the frame keeps its place in the order.
        at: Timestamp::new(seconds, nanoseconds).unwrap_or(last),
        link,
        bytes: data.to_vec(),
        missing: usize::try_from(original).unwrap_or(usize::MAX).saturating_sub(data.len()),
    }
}
