//! Reading plain values from the front of a byte slice.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::event::Addresses;
use crate::id::{Netns, ProcessKey};

/// What is left of a record. Every read either takes exactly what it names or gives `None`.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }

    /// A `tierzero_maps::record::Actor`; `Some(None)` where it names nobody.
    pub(super) fn actor(&mut self) -> Option<Option<ProcessKey>> {
        let (tgid, _tid, start) = (self.u32()?, self.u32()?, self.u64()?);
        Some((tgid != 0).then(|| ProcessKey::from_boot_ns(tgid, start)))
    }

    /// A `tierzero_maps::record::Endpoints`.
    pub(super) fn addresses(&mut self) -> Option<Addresses> {
        let (local, remote) = (self.address()?, self.address()?);
        let (local_port, remote_port) = (self.u32()?, self.u32()?);
        let netns = Netns(self.u32()?);
        self.u32()?;
        Some(Addresses {
            local: SocketAddr::new(local, u16::try_from(local_port).ok()?),
            remote: SocketAddr::new(remote, u16::try_from(remote_port).ok()?),
            netns,
        })
    }

    /// An address in network byte order; an IPv4-mapped one becomes IPv4 (RFC 4291 section 2.5.5.2).
    fn address(&mut self) -> Option<IpAddr> {
        Some(IpAddr::V6(Ipv6Addr::from(self.array::<16>()?)).to_canonical())
    }
}
