//! Address translation, as conntrack tells it (ctnetlink, net/netfilter/nf_conntrack_netlink.c): a connection sent
//! to one place that arrived at another.
//!
//! Only namespaces that have translation rules are listened to: where nobody listens, the kernel builds no messages.
//! Translation by IPVS without such rules, and by eBPF programs of others, is not seen here.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, ConntrackMessage, IPTuple, ProtoTuple, Status, Tuple,
};
use netlink_packet_netfilter::nftables::NfTablesMessage;
use netlink_packet_netfilter::nftables::{ChainAttribute, ChainMessage};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_NETFILTER;
use tierzero_core::event::What;
use tierzero_core::id::Netns;

use crate::netlink::{self, dump, read_datagram};

/// `NFNLGRP_CONNTRACK_NEW` (linux/netfilter/nfnetlink_compat.h and nfnetlink.h).
const NEW: u32 = 1;
/// Room for messages between two reads; at about 200 bytes each this is some 5,000 connections.
const RECEIVE_BUFFER: usize = 1 << 20;
/// Messages read at once, so that a flood of connections can't hold the observer.
const DATAGRAMS: usize = 4096;

/// A subscription to new conntrack entries of one namespace.
#[derive(Debug)]
pub(crate) struct Watch {
    netns: Netns,
    socket: Socket,
}

impl Watch {
    /// Subscribes in the namespace of the calling thread, which is `netns`.
    ///
    /// # Errors
    /// ctnetlink is absent, or CAP_NET_ADMIN is missing.
    pub(crate) fn open(netns: Netns) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        socket.set_rx_buf_sz(i32::try_from(RECEIVE_BUFFER).unwrap_or(i32::MAX))?;
        socket.add_membership(NEW)?;
        socket.set_non_blocking(true)?;
        // 0 turns event messages off (Documentation/networking/nf_conntrack-sysctl.rst).
        let events = fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_events").unwrap_or_default();
        if events.trim() == "0" {
            return Err(io::Error::other("net.netfilter.nf_conntrack_events is 0"));
        }
        Ok(Self { netns, socket })
    }

    /// Appends what was translated since the last call. True when messages were lost: then the table must be read.
    pub(crate) fn drain(&self, out: &mut Vec<What>) -> bool {
        let mut buffer = Vec::with_capacity(64 * 1024);
        for _ in 0..DATAGRAMS {
            buffer.clear();
            match self.socket.recv(&mut buffer, 0) {
                Ok(_) => {}
                // ENOBUFS: the kernel dropped messages because the buffer was full (netlink(7)).
                Err(error) => return error.raw_os_error() == Some(nix::libc::ENOBUFS),
            }
            // An error message inside is about a request; none was sent on this socket.
            let _ = read_datagram(&buffer, &mut |message| out.extend(translated(self.netns, message)));
        }
        false
    }
}

/// All translated connections in the table of the namespace of the calling thread.
///
/// # Errors
/// ctnetlink is absent, or CAP_NET_ADMIN is missing.
pub(crate) fn table(netns: Netns) -> io::Result<Vec<What>> {
    let socket = netlink::open(NETLINK_NETFILTER)?;
    let mut found = Vec::new();
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let request = NetfilterMessage::new(header, ConntrackMessage::Get(Vec::new()));
    dump(&socket, request, |message| found.extend(translated(netns, message)))?;
    Ok(found)
}

/// Subscribes in the namespace of the calling thread, if it has rules that can translate addresses, and says what was
/// translated before: the table is read second, so that nothing falls between.
pub(crate) fn subscribe(netns: Netns) -> (Option<io::Result<Watch>>, Vec<What>) {
    if !has_rules() {
        return (None, Vec::new());
    }
    let watch = Watch::open(netns);
    (Some(watch), table(netns).unwrap_or_default())
}

/// True when the namespace of the calling thread has rules that can translate addresses: an nftables chain of type
/// nat, or the table `nat` of the older iptables.
fn has_rules() -> bool {
    let old = ["ip_tables_names", "ip6_tables_names"].into_iter().any(|name| {
        fs::read_to_string(format!("/proc/thread-self/net/{name}"))
            .is_ok_and(|names| names.lines().any(|name| name == "nat"))
    });
    old || nat_chain().unwrap_or(false)
}

fn nat_chain() -> io::Result<bool> {
    let socket = netlink::open(NETLINK_NETFILTER)?;
    let mut found = false;
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let request =
        NetfilterMessage::new(header, NfTablesMessage::GetChain(ChainMessage { attributes: Vec::new() }));
    dump(&socket, request, |message: NetfilterMessage| {
        if let NetfilterMessageInner::NfTables(NfTablesMessage::NewChain(chain)) = message.inner {
            found |= chain
                .attributes
                .iter()
                .any(|attribute| matches!(attribute, ChainAttribute::Type(kind) if kind == "nat"));
        }
    })?;
    Ok(found)
}

/// The event of one conntrack entry, if its addresses were translated and it is TCP or UDP.
fn translated(netns: Netns, message: NetfilterMessage) -> Option<What> {
    let NetfilterMessageInner::Conntrack(ConntrackMessage::New(attributes)) = message.inner else {
        return None;
    };
    let (mut original, mut reply, mut changed) = (None, None, false);
    for attribute in &attributes {
        if let ConntrackAttribute::CtaTupleOrig(tuple) = attribute {
            original = ends(tuple);
        } else if let ConntrackAttribute::CtaTupleReply(tuple) = attribute {
            reply = ends(tuple);
        } else if let ConntrackAttribute::CtaStatus(status) = attribute {
            changed = status.intersects(Status::NatMask);
        }
    }
    let ((protocol, from, to), (_, reply_from, reply_to)) = original.zip(reply)?;
    (changed && matches!(protocol, 6 | 17)).then_some(What::Translated {
        netns,
        protocol,
        original: (from, to),
        reply: (reply_from, reply_to),
    })
}

/// Protocol, source and destination of one direction.
fn ends(tuple: &[Tuple]) -> Option<(u8, SocketAddr, SocketAddr)> {
    let (mut source, mut destination): (Option<IpAddr>, Option<IpAddr>) = (None, None);
    let (mut from, mut to, mut protocol) = (None, None, None);
    for part in tuple {
        if let Tuple::Ip(addresses) = part {
            for address in addresses {
                if let IPTuple::SourceAddress(address) = address {
                    source = Some(*address);
                } else if let IPTuple::DestinationAddress(address) = address {
                    destination = Some(*address);
                }
            }
        } else if let Tuple::Proto(parts) = part {
            for part in parts {
                if let ProtoTuple::Protocol(number) = part {
                    protocol = Some(u8::from(*number));
                } else if let ProtoTuple::SourcePort(port) = part {
                    from = Some(*port);
                } else if let ProtoTuple::DestinationPort(port) = part {
                    to = Some(*port);
                }
            }
        }
    }
    Some((protocol?, SocketAddr::new(source?, from?), SocketAddr::new(destination?, to?)))
}
