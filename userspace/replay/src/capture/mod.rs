//! pcap and pcapng files as the same events that a live host gives.
//!
//! For the host that can't run eBPF but has a span port. There are no processes in a capture: callers and receivers
//! are addresses. Truncated and damaged files keep what came before.

mod asked;
mod file;
mod flows;
mod packet;
mod ports;
mod sequence;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::Read;

use jiff::Timestamp;
use tierzero_core::event::{Coverage, Degradation, Event, HostDescription, What};
use tierzero_core::id::HostId;

use file::{End, Frames, Next};
use flows::Flows;
use packet::Dissection;

/// Events of one capture file, in the order of its frames.
pub struct CaptureReader {
    frames: Frames,
    dissection: Dissection,
    flows: Flows,
    ready: VecDeque<Event>,
    scratch: Vec<Event>,
    name: String,
    began: bool,
    over: bool,
    last: Timestamp,
}

impl CaptureReader {
    /// Recognises pcap and pcapng by content; `None` for anything else. `name` is what the capture is called in the
    /// graph: captures of different names are different hosts.
    pub fn open(name: &str, input: impl Read + Send + 'static) -> Option<Self> {
        Some(Self {
            frames: Frames::open(input)?,
            dissection: Dissection::default(),
            flows: Flows::default(),
            ready: VecDeque::new(),
            scratch: Vec::new(),
            name: name.to_owned(),
            began: false,
            over: false,
            last: Timestamp::UNIX_EPOCH,
        })
    }

    /// Bytes of the file read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.frames.consumed()
    }

    fn begin(&mut self, at: Timestamp) {
        self.began = true;
        let host = HostDescription {
            id: HostId::derive(&["capture", &self.name]),
            name: self.name.clone(),
            kernel: String::new(),
            boot_id: String::new(),
        };
        self.ready.push_back(Event { at, what: What::Host(host) });
        self.ready.push_back(Event { at, what: What::Started });
        self.ready.push_back(Event {
            at,
            what: What::Coverage(Coverage::Degraded(Degradation {
                name: "capture-file".to_owned(),
                loses: "which process calls or is called, Unix sockets, and whatever the capture point did not pass"
                    .to_owned(),
                because: "a capture file holds packets only".to_owned(),
                remedy: "run `tierzero observe` on the hosts at both ends where they allow eBPF".to_owned(),
            })),
        });
    }

    fn finish(&mut self, end: End) {
        self.over = true;
        let at = self.last;
        if !self.began {
            self.begin(at);
        }
        self.flows.end(&mut self.scratch);
        self.ready.extend(self.scratch.drain(..));
        let mut lost = |place: &str, count: u64| {
            if count > 0 {
                let coverage = Coverage::Lost { place: place.to_owned(), count };
                self.ready.push_back(Event { at, what: What::Coverage(coverage) });
            }
        };
        lost("capture-link-type", self.dissection.unread);
        lost("capture-fragments", self.dissection.given_up);
        lost("capture-flow-table", self.flows.overflowed);
        if end != End::Clean {
            let (name, because) = match end {
                End::Truncated => ("capture-truncated", "the file ends in the middle of a frame"),
                End::Damaged | End::Clean => ("capture-damaged", "the file holds bytes that are no frame"),
            };
            self.ready.push_back(Event {
                at,
                what: What::Coverage(Coverage::Degraded(Degradation {
                    name: name.to_owned(),
                    loses: "everything after the last whole frame".to_owned(),
                    because: because.to_owned(),
                    remedy: "capture again, or end the capturing program with a signal it handles".to_owned(),
                })),
            });
        }
        self.ready.push_back(Event { at, what: What::Stopped });
    }
}

impl Iterator for CaptureReader {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            match self.frames.next() {
                Next::End(end) => self.finish(end),
                Next::Frame(frame) => {
                    self.last = frame.at;
                    if !self.began {
                        self.begin(frame.at);
                    }
                    if let Some(packet) = self.dissection.packet(&frame) {
                        self.flows.packet(frame.at, packet, &mut self.scratch);
                        self.ready.extend(self.scratch.drain(..));
                    }
                }
            }
        }
    }
}
