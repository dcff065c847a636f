//! TFTP: requests whose answers come from elsewhere, and transfers that know no identity.

mod evidence_support;

use evidence_support::{c, check_datagrams, s};

const SPEAKS: &str = "speaks tftp [datagrams.protocol]";
const MOVED: &str = "serves Service [tftp.file-moved]";

#[test]
fn a_request_is_answered_from_another_port() {
    check_datagrams(&[c(b"\0\x01boot.cfg\0octet\0")], &[SPEAKS, "sends one way [tftp.asked]"]);
    check_datagrams(&[c(b"\0\x02a\0NetASCII\0tsize\x0012\0")], &[SPEAKS, "sends one way [tftp.asked]"]);
    // Another mode, no name.
    for other in [&b"\0\x01boot.cfg\0binary\0"[..], b"\0\x01\0octet\0", b"\0\x03\0\x01xx"] {
        check_datagrams(&[c(other)], &["hidden Unsupported [stream.one-sided]"]);
    }
}

#[test]
fn a_transfer_serves_anyone() {
    // Written, read, with options, and answered from the same port.
    check_datagrams(&[s(b"\0\x04\0\0"), c(b"\0\x03\0\x01xyz"), s(b"\0\x04\0\x01")], &[SPEAKS, MOVED]);
    check_datagrams(&[s(b"\0\x03\0\x01xyz"), c(b"\0\x04\0\x01")], &[SPEAKS, MOVED]);
    check_datagrams(&[s(b"\0\x06blksize\x001024\0"), c(b"\0\x04\0\0")], &[SPEAKS, MOVED]);
    check_datagrams(&[c(b"\0\x01a\0octet\0"), s(b"\0\x03\0\x01xyz")], &[SPEAKS, MOVED]);
}

#[test]
fn errors_are_refusals() {
    let asked = || c(b"\0\x01a\0octet\0");
    check_datagrams(
        &[asked(), s(b"\0\x05\0\x02Access violation\0")],
        &[SPEAKS, "refuses NotAllowed [tftp.access-violation]"],
    );
    check_datagrams(&[asked(), s(b"\0\x05\0\x01not found\0")], &[SPEAKS, "refuses Other [tftp.error]"]);
}
