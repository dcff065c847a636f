//! Socket tables from /proc/PID/net: what is left where sock_diag is absent. No cookies, no Unix peers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::socket::{InetSocket, State, UnixSocket, canonical, cookie_from_inode};

/// Reads the text of /proc/PID/net/{tcp,tcp6,udp,udp6}. A line that does not parse is skipped.
pub(crate) fn inet(text: &str) -> Vec<InetSocket> {
    text.lines().skip(1).filter_map(inet_line).collect()
}

/// `get_tcp4_sock` (net/ipv4/tcp_ipv4.c): sl local remote state queues timer retransmits uid timeout inode.
fn inet_line(line: &str) -> Option<InetSocket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = address(fields.next()?)?;
    let remote = address(fields.next()?)?;
    let state = State::from_kernel(u8::from_str_radix(fields.next()?, 16).ok()?)?;
    let inode = fields.nth(5)?.parse().ok()?;
    Some(InetSocket { cookie: cookie_from_inode(inode), inode, state, local, remote })
}

/// `0100007F:0016`: each 32-bit word of the address as the host reads it, the port as a number.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| -> Option<[u8; 4]> {
        let digits = address.get(at..at.checked_add(8)?)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (slot, at) in octets.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
                slot.copy_from_slice(&word(at)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(canonical(address, port))
}

/// Reads the text of /proc/PID/net/unix. A line that does not parse is skipped.
pub(crate) fn unix(text: &str) -> Vec<UnixSocket> {
    text.lines().skip(1).filter_map(unix_line).collect()
}

/// `unix_seq_show` (net/unix/af_unix.c): Num RefCount Protocol Flags Type St Inode Path. Flags has bit 16
/// (`__SO_ACCEPTCON`) on a listener; St is `SS_CONNECTED` (3) on a connected socket.
fn unix_line(line: &str) -> Option<UnixSocket> {
    let (_number, rest) = token(line)?;
    let (_references, rest) = token(rest)?;
    let (_protocol, rest) = token(rest)?;
    let (flags, rest) = token(rest)?;
    let (kind, rest) = token(rest)?;
    let (state, rest) = token(rest)?;
    let (inode, rest) = token(rest)?;
    if kind != "0001" {
        return None;
    }
    let accepts = u32::from_str_radix(flags, 16).ok()? & 1 << 16 != 0;
    let state = match (accepts, state) {
        (true, _) => State::Listen,
        (false, "03") => State::Established,
        (false, _) => return None,
    };
    // A path may hold blanks: it is everything after one of them.
    let path = rest.strip_prefix(' ').filter(|path| !path.is_empty()).map(str::to_owned);
    Some(UnixSocket { inode: inode.parse().ok()?, state, path, peer: None })
}

/// The first word, and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(' ');
    let end = text.find(' ').unwrap_or(text.len());
    text.split_at_checked(end).filter(|(word, _)| !word.is_empty())
}
