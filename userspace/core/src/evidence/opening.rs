//! First messages that can stand only at the first byte of a connection.
//!
//! A connection whose beginning was not seen can't be judged: what came before may have proved or served anything.
//! Some protocols open with a message that the protocol forbids anywhere else; where both directions begin with it,
//! nothing came before, and the stream is as good as one that was seen from its first packet.

use super::{Protocol, smb};

/// Protocols in which what both directions begin with can only be first.
const ALWAYS: &[Protocol] = &[
    // "A Client can only send the CONNECT Packet once over a Network Connection" (MQTT 3.1.1 section 3.1), and its answer
    // is the first packet of the server (section 3.2).
    Protocol::Mqtt,
    // The start-up packet has no type byte (PostgreSQL protocol, Message Formats): no later message parses as one.
    Protocol::Postgresql,
    // The initial handshake packet is sent once; a change of user does not repeat it (MySQL, Connection Phase).
    Protocol::Mysql,
    // Version exchanges (RFC 6143 section 7.1.1, RFC 4253 section 4.2, rsync's daemon greeting).
    Protocol::Vnc,
    Protocol::Ssh,
    Protocol::Rsync,
    // A binding is the first message of an association's connection; later ones are alterations (C706 section 12.6.4.3).
    Protocol::Dcerpc,
    // The connection preface (RFC 9113 section 3.4).
    Protocol::Http2,
    // OPEN is "the first message sent by each side" (RFC 4271 section 4.2), and a NOTIFICATION in its place ends it.
    Protocol::Bgp,
    // Connection setup has no request number (X11 protocol, appendix B), a TNS connect packet opens a connection,
    // WireFormatInfo precedes every OpenWire command, ConnectRequest and its answer are no ZooKeeper records.
    Protocol::X11,
    Protocol::OracleTns,
    Protocol::Openwire,
    Protocol::Zookeeper,
];

/// Protocols whose requests stand for themselves, so that reading may begin at any of them. Answers name their request,
/// or come in order on a connection that waits for them (RFC 9112 section 9.3, RFC 4120 section 7.2.2, RFC 4511 section
/// 4.1.1).
pub(crate) fn reads_midway(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Http | Protocol::Kerberos | Protocol::Ldap)
}

/// True when `reply`, the responder's first bytes seen, and the call that was recognised as `protocol` can only be the
/// first of their connection.
pub(crate) fn stands_first(protocol: Protocol, reply: &[u8]) -> bool {
    // The greeting (RFC 5321 section 4.3.2, RFC 959 section 5.4). The 220 that answers STARTTLS has TLS after it, FTP's
    // 220 that answers REIN begins anew.
    let greets = matches!(protocol, Protocol::Smtp | Protocol::Ftp) && reply.starts_with(b"220");
    let negotiates = matches!(protocol, Protocol::Smb1 | Protocol::Smb2) && smb::negotiates(reply);
    // AMQP 0-9-1's protocol header is sent once, and Start answers it; the header of 1.0 is repeated after SASL.
    let starts = protocol == Protocol::Amqp && reply.starts_with(&[1, 0, 0]);
    greets || negotiates || starts || ALWAYS.contains(&protocol)
}
