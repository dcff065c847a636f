//! Unix stream connections: made, found open, refused, and asked who is calling.

use jiff::Timestamp;

use super::Pipeline;
use crate::event::{Event, PeerCredentialCall, Role, SocketFile, What};
use crate::evidence::kernel;
use crate::flow::state::{End, NeverOpen, UnixCall};
use crate::graph::Transport;
use crate::id::{EndKey, Netns, ProcessKey};
use crate::verdict::Contrast;

/// EPERM, EACCES and ECONNREFUSED (asm-generic/errno-base.h, errno.h).
pub(super) const EPERM: i32 = 1;
pub(super) const EACCES: i32 = 13;
pub(super) const ECONNREFUSED: i32 = 111;

impl Pipeline {
    pub(super) fn unix_connected(
        &mut self,
        key: EndKey,
        peer: Option<EndKey>,
        process: ProcessKey,
        mut call: UnixCall,
        at: Timestamp,
        after: &mut Vec<Event>,
    ) {
        let new = self.flows.of_end(key).is_none();
        call.file = call.file.or_else(|| self.listening.file(&call.path, call.netns));
        let Some(slot) = self.flows.unix(Some(key), peer, at) else { return };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        flow.unix = Some(Box::new(call));
        if let Some(end) = flow.end_mut(key) {
            end.process = Some(process);
        }
        if new {
            self.wait_young(slot, at);
        }
        self.take_early(key, after);
        if let Some(peer) = peer {
            self.take_early(peer, after);
        }
        self.settle(slot, at);
    }

    pub(super) fn unix_already_open(
        &mut self,
        (caller, receiver): (EndKey, EndKey),
        (calls, receives): (Option<&ProcessKey>, Option<&ProcessKey>),
        call: UnixCall,
        at: Timestamp,
    ) {
        let new = self.flows.of_end(caller).is_none() && self.flows.of_end(receiver).is_none();
        if !new || self.flows.has_ended(caller) || self.flows.has_ended(receiver) {
            // Seen live already.
            return;
        }
        let Some(slot) = self.flows.unix(Some(caller), Some(receiver), at) else { return };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        flow.unix = Some(Box::new(call));
        flow.joined_late = true;
        for (key, process) in [(caller, calls), (receiver, receives)] {
            if let Some(end) = flow.end_mut(key) {
                end.process = process.copied();
            }
        }
        self.wait_young(slot, at);
        self.settle(slot, at);
    }

    pub(super) fn unix_refused(
        &mut self,
        process: ProcessKey,
        path: &str,
        netns: Netns,
        errno: i32,
        at: Timestamp,
        after: &mut Vec<Event>,
    ) {
        // Other errors (no such file, a full backlog) say nothing about a listener.
        if !matches!(errno, EACCES | EPERM | ECONNREFUSED) {
            return;
        }
        let Some(slot) = self.flows.unix(None, None, at) else { return };
        let file: Option<SocketFile> = self.listening.file(path, netns);
        let Some(flow) = self.flows.get_mut(slot) else { return };
        // The refused socket has no number that anything else could be known by.
        flow.originator = Some(End::new(EndKey::Unix { socket: 0 }, None, Some(process)));
        flow.unix = Some(Box::new(UnixCall { path: path.to_owned(), netns, file, listener_pid: None }));
        flow.never_open = Some(NeverOpen::Refused);
        if matches!(errno, EACCES | EPERM) {
            flow.owed.get_or_insert_default().add(&Contrast { refused_kernel: 1, ..Contrast::default() });
        }
        self.finish(slot, at, true, after);
    }

    pub(super) fn credentials_read(
        &mut self,
        key: EndKey,
        process: ProcessKey,
        by: PeerCredentialCall,
        at: Timestamp,
        what: &What,
    ) {
        let Some(slot) = self.flows.of_end(key) else {
            if !self.flows.has_ended(key) {
                self.flows.keep_early(key, at, what.clone());
            }
            return;
        };
        let Some(flow) = self.flows.get_mut(slot) else { return };
        // A caller may ask as well; only the receiver's question is a check of the caller.
        if flow.role_of(key) != Some(Role::Responder) || flow.transport != Transport::Unix {
            return;
        }
        flow.looked = true;
        flow.ledger.get_or_insert_default().cite(kernel::peer_credential_rule(by));
        if let Some(end) = flow.end_mut(key) {
            end.process = end.process.or(Some(process));
        }
        self.settle(slot, at);
    }
}
