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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_tables_of_the_kernel() {
        let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 528 1 0 100\n\
                   1: 0100007F:1267 0200007F:8001 01 00000000:00000000 00:00000000 00000000  1000        0 77 1 0\n\
                   2: 0100007F:1267 0200007F:8002 06 00000000:00000000 00:00000000 00000000  1000        0 0 1 0\n";
        let found = inet(tcp);
        assert_eq!(found.len(), 2, "TIME_WAIT is no open connection");
        assert_eq!((found[0].state, found[0].local.port(), found[0].inode), (State::Listen, 2024, 528));
        if cfg!(target_endian = "little") {
            assert_eq!(found[1].local, "127.0.0.1:4711".parse().unwrap());
            assert_eq!(found[1].remote, "127.0.0.2:32769".parse().unwrap());
            let mapped = "x\n 0: 0000000000000000FFFF00000100007F:1267 00000000000000000000000001000000:0001 01 0 0 0 0 0 9\n";
            assert_eq!(inet(mapped)[0].local, "127.0.0.1:4711".parse().unwrap());
            assert_eq!(inet(mapped)[0].remote, "[::1]:1".parse().unwrap());
        }
        assert_eq!(found[1].cookie, 77 | 1 << 63);
    }

    #[test]
    fn reads_unix_paths_with_blanks() {
        let text = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                    0000000000000000: 00000002 00000000 00010000 0001 01 21057 /run/a b.sock\n\
                    0000000000000000: 00000003 00000000 00000000 0001 03   528 @name\n\
                    0000000000000000: 00000003 00000000 00000000 0001 03    12\n\
                    0000000000000000: 00000002 00000000 00000000 0002 01    13 /dev/log\n";
        let found: Vec<_> =
            unix(text).into_iter().map(|socket| (socket.state, socket.inode, socket.path)).collect();
        let expected = [
            (State::Listen, 21057, Some("/run/a b.sock".to_owned())),
            (State::Established, 528, Some("@name".to_owned())),
            (State::Established, 12, None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn agrees_with_sock_diag() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let caller = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _accepted = listener.accept().unwrap();
        let port = caller.local_addr().unwrap().port();
        let Ok(diag) = crate::diag::connect().and_then(|socket| crate::diag::tcp(&socket)) else {
            println!("skipped: no sock_diag here");
            return;
        };
        let ours = |sockets: Vec<InetSocket>| {
            let mut ours: Vec<_> = sockets
                .into_iter()
                .filter(|socket| socket.local.port() == port || socket.remote.port() == port)
                .map(|socket| (socket.inode, socket.local, socket.remote, socket.state))
                .collect();
            ours.sort_unstable_by_key(|socket| socket.0);
            ours
        };
        let text = inet(&std::fs::read_to_string("/proc/self/net/tcp").unwrap());
        assert_eq!(ours(diag).len(), 2);
        let diag = crate::diag::connect().and_then(|socket| crate::diag::tcp(&socket)).unwrap();
        assert_eq!(ours(text), ours(diag));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "(sl\n)?([0-9A-Fa-f: /@é]{0,90}\n){0,4}") {
            let _ = (inet(&text), unix(&text));
        }
    }
}
