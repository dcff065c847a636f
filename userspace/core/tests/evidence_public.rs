//! DHCP, BOOTP, DHCPv6 and SSDP: all of it is for anyone.
#![allow(clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{c, check_datagrams, s};

const ASKED: &str = "asks Public [public.asked]";
const ANSWERED: &str = "serves Public [public.answered]";
const ONE_SIDED: &[&str] = &["hidden Unsupported [stream.one-sided]"];

/// Operation, hardware, its length, hops, the rest of the header, and what follows (RFC 2131 section 2).
fn dhcp(operation: u8, options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![operation, 1, 6, 0];
    bytes.resize(236, 0);
    bytes.extend_from_slice(options);
    bytes
}

#[test]
fn addresses() {
    let cookie = b"\x63\x82\x53\x63\x35\x01\x01\xff";
    let speaks = "speaks dhcp [datagrams.protocol]";
    check_datagrams(&[c(dhcp(1, cookie))], &[speaks, ASKED]);
    check_datagrams(&[c(dhcp(1, cookie)), s(dhcp(2, cookie))], &[speaks, ASKED, ANSWERED]);
    check_datagrams(&[c(dhcp(1, &[0; 64]))], &[speaks, ASKED]);
    check_datagrams(&[c(dhcp(3, cookie))], ONE_SIDED);
    check_datagrams(&[c(dhcp(1, b"abcdef"))], ONE_SIDED);
    let six = b"\x01\x10\x20\x30\x00\x01\x00\x04\x00\x03\x00\x01\x00\x08\x00\x02\x00\x00";
    let speaks = "speaks dhcp6 [datagrams.protocol]";
    check_datagrams(&[c(six)], &[speaks, ASKED]);
    check_datagrams(&[c(six), s(six)], &[speaks, ASKED, ANSWERED]);
    check_datagrams(&[c(&six[..12])], ONE_SIDED);
    check_datagrams(&[c(&six[..17])], ONE_SIDED);
}

#[test]
fn services() {
    let speaks = "speaks ssdp [datagrams.protocol]";
    let search = c("M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n\r\n");
    check_datagrams(&[search.clone(), s("HTTP/1.1 200 OK\r\n\r\n")], &[speaks, ASKED, ANSWERED]);
    check_datagrams(&[c("NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\n\r\n")], &[speaks, ASKED]);
    check_datagrams(&[search, s("no")], &["hidden Unsupported [stream.unsupported]"]);
}
