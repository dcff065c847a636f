//! Bytes of both directions become facts: what was demanded, offered, decided, served, refused.
//!
//! One file per protocol. A dissector is port-independent, bounded, total, and keeps no payload: what it read is
//! wiped, and only keyed fingerprints of credentials survive. Demand, offer and decision stay three facts; the
//! [`crate::verdict`] stage alone says what they mean together.
//!
//! ```text
//! segments ─▶ stream (order, holes, cuts) ─▶ conversation (which protocol?) ─▶ dissector ─▶ observations
//! ```

mod afp;
mod ajp;
mod amqp091;
mod amqp10;
mod application;
mod bacnet;
mod ber;
mod bgp;
mod bolt;
mod bson;
mod carried;
mod cassandra;
mod certificate;
mod cldap;
mod clickhouse;
mod coap;
pub mod conversation;
mod cursor;
mod datagram;
mod dcerpc;
mod dcerpc_datagram;
mod dcerpc_rules;
mod diameter;
mod dicom;
mod dissector;
mod dnp3;
mod dns;
mod dns_message;
mod drda;
mod dtls;
mod ebcdic;
mod elasticsearch;
mod enip;
mod fastcgi;
mod finger;
mod fins;
mod fix;
mod ftp;
mod gearman;
mod giop;
mod giop_reading;
mod git;
mod gss_token;
mod hadoop;
mod hartip;
mod hl7;
mod hpack;
mod hpack_code;
mod http;
mod http2;
mod http2_grpc;
mod http_answer;
mod http_application;
mod http_body;
mod http_credential;
mod http_infrastructure;
mod http_request;
mod http_rules;
mod http_simple;
mod ibm_mq;
mod ident;
mod iec104;
mod imap;
mod irc;
mod iscsi;
mod java_rmi;
mod json_skim;
mod kafka;
mod kafka_message;
mod kafka_rules;
mod kerberos;
mod kerberos_message;
pub mod kernel;
mod kpasswd;
mod ldap;
mod ldap_rules;
mod log_shipping;
mod lpd;
mod managesieve;
mod memcached;
mod memcached_datagram;
mod metrics;
mod mms;
mod modbus;
mod mongodb;
mod mongodb_rules;
mod mqtt;
mod mysql;
mod mysql_rules;
mod mysqlx;
mod nats;
mod netbios;
mod ninep;
mod nntp;
mod ntp;
mod nvme_tcp;
pub mod observation;
mod onc_rpc;
mod onc_rpc_account;
mod onc_rpc_message;
mod onc_rpc_rules;
mod opcua;
mod opcua_rules;
mod opening;
mod openvpn;
mod openwire;
mod oracle;
mod oracle_rules;
mod packstream;
mod pop3;
mod postgresql;
mod postgresql_rules;
mod protobuf;
mod protocol;
mod proxy_protocol;
mod public_datagrams;
mod pulsar;
mod quic;
mod quic_initial;
mod radius;
mod rdp;
mod redis;
mod redis_bus;
mod redis_request;
mod relayed_request;
mod resp;
mod rlogin;
mod rsh;
mod rsync;
mod rtsp;
mod s7comm;
mod sap;
mod sasl;
mod sasl_ending;
mod sender;
mod sip;
mod smb;
mod smb_message;
mod smb_rules;
mod smb_session;
mod smpp;
mod smtp;
mod snmp;
mod socks;
mod ssh;
mod ssh1;
mod ssh_shape;
mod ssl2;
mod stomp;
mod stream;
mod stream_rules;
mod stun;
mod synchrophasor;
mod syslog;
mod t3;
mod tacacs;
pub mod tcp;
mod tds;
mod tds_login;
mod tds_rules;
mod telnet;
mod telnet_block;
mod text_exchange;
mod text_head;
mod text_line;
mod tftp;
mod thrift;
mod tls;
mod tls12;
pub mod tls13;
mod tls13_handshake;
pub(crate) mod tls_library;
mod tls_record;
mod tls_renegotiation;
mod tls_rules;
mod tls_session;
mod tls_use;
mod token;
mod told;
mod tpkt;
mod vnc;
mod websocket;
mod whois;
mod x11;
mod xdmcp;
mod xml_stream;
mod xmpp;
mod xmpp_rules;
mod zmtp;
mod zookeeper;

pub use application::Application;
pub use conversation::Conversation;
pub use observation::{
    Credential, CredentialKind, Hidden, Level, Observation, Operation, Principal, PrincipalKind, Proof,
    Refusal, Rule, Scope, Shown, Source,
};
pub use protocol::Protocol;
pub(crate) use tls_rules::LINKED_12;

pub use sender::{sender_of_bytes, sender_of_datagram};

use datagram::KnownDatagrams;
use dissector::Known;

/// Every protocol that is recognised. Where two could parse the same first bytes, the first one wins.
static DISSECTORS: &[&Known] = &[
    &tls::KNOWN,
    &proxy_protocol::KNOWN,
    &opcua::KNOWN,
    &synchrophasor::KNOWN,
    &enip::KNOWN,
    &fins::KNOWN,
    &hartip::KNOWN,
    &dnp3::KNOWN,
    &openvpn::KNOWN,
    &s7comm::KNOWN,
    &mms::KNOWN,
    &iec104::KNOWN,
    &smb::KNOWN_1,
    &smb::KNOWN_2,
    &onc_rpc::KNOWN,
    &dcerpc::KNOWN,
    &tds::KNOWN,
    &rdp::KNOWN,
    &postgresql::KNOWN,
    &pulsar::KNOWN,
    &clickhouse::KNOWN,
    &zmtp::KNOWN,
    &hl7::KNOWN,
    &hadoop::KNOWN,
    &dicom::KNOWN,
    &ajp::KNOWN,
    &git::KNOWN,
    &ibm_mq::KNOWN,
    &giop::KNOWN,
    &java_rmi::KNOWN,
    &t3::KNOWN,
    &bolt::KNOWN,
    &sap::ROUTER,
    &sap::MESSAGES,
    &sap::GATEWAY,
    &sap::DIALOG,
    &fastcgi::KNOWN,
    &ninep::KNOWN,
    &log_shipping::FORWARD,
    &log_shipping::LUMBERJACK,
    &nvme_tcp::KNOWN,
    &bgp::KNOWN,
    &oracle::KNOWN,
    &drda::KNOWN,
    &iscsi::KNOWN,
    &openwire::KNOWN,
    &x11::KNOWN,
    &cassandra::KNOWN,
    &amqp091::KNOWN,
    &amqp10::KNOWN,
    &elasticsearch::KNOWN,
    &http::KNOWN,
    &http2::KNOWN,
    &http_simple::KNOWN,
    &rtsp::KNOWN,
    &sip::KNOWN,
    &stomp::KNOWN,
    &fix::KNOWN,
    &gearman::KNOWN,
    &smpp::KNOWN,
    &ftp::KNOWN,
    &smtp::KNOWN,
    &pop3::KNOWN,
    &managesieve::KNOWN,
    &imap::KNOWN,
    &nntp::KNOWN,
    &xmpp::KNOWN,
    &irc::KNOWN,
    &afp::KNOWN,
    &ldap::KNOWN,
    &kerberos::KNOWN,
    &kpasswd::KNOWN,
    &zookeeper::KNOWN,
    &tacacs::KNOWN,
    &diameter::KNOWN,
    &vnc::KNOWN,
    &rsync::KNOWN,
    &redis_bus::KNOWN,
    &redis::KNOWN,
    &mysqlx::KNOWN,
    &mysql::KNOWN,
    &mqtt::KNOWN,
    &nats::KNOWN,
    &memcached::KNOWN,
    &modbus::KNOWN,
    &mongodb::KNOWN,
    &ssh::KNOWN,
    &socks::KNOWN4,
    &socks::KNOWN5,
    &dns::KNOWN,
    &kafka::KNOWN,
    &thrift::KNOWN,
    &thrift::KNOWN_SASL,
    &ident::KNOWN,
    &rlogin::KNOWN,
    &rsh::KNOWN,
    &lpd::KNOWN,
    &finger::KNOWN_VERBOSE,
    &whois::KNOWN,
    &finger::KNOWN,
    &telnet::KNOWN,
    &syslog::KNOWN,
];

/// Every protocol whose datagrams are recognised. Where two could parse the same first datagram, the first one wins.
static DATAGRAM_DISSECTORS: &[&KnownDatagrams] = &[
    &dtls::KNOWN,
    &openvpn::KNOWN_DATAGRAMS,
    &snmp::V1,
    &snmp::V2C,
    &snmp::V3,
    &elasticsearch::PINGS,
    &kerberos::DATAGRAMS,
    &kpasswd::DATAGRAMS,
    &onc_rpc::DATAGRAMS,
    &cldap::KNOWN,
    &netbios::NAMES,
    &netbios::DATAGRAMS,
    &dns::KNOWN_MULTICAST,
    &stun::KNOWN,
    &public_datagrams::DHCP,
    &public_datagrams::SSDP,
    &quic::KNOWN,
    &dns::KNOWN_DATAGRAMS,
    &sip::KNOWN_DATAGRAMS,
    &syslog::KNOWN_DATAGRAMS,
    &ntp::KNOWN,
    &radius::KNOWN,
    &memcached_datagram::KNOWN,
    &bacnet::KNOWN,
    &dcerpc_datagram::KNOWN,
    &dnp3::KNOWN_DATAGRAMS,
    &fins::KNOWN_DATAGRAMS,
    &enip::KNOWN_DATAGRAMS,
    &synchrophasor::KNOWN_DATAGRAMS,
    &xdmcp::KNOWN,
    &metrics::STATSD,
    &metrics::GELF,
    &tftp::KNOWN,
    &hartip::KNOWN_DATAGRAMS,
    &metrics::COLLECTD,
    &coap::KNOWN,
    &public_datagrams::DHCP6,
];

/// Every rule of evidence that this program knows.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let streams = DISSECTORS.iter().flat_map(|known| known.rules);
    let datagrams = DATAGRAM_DISSECTORS.iter().flat_map(|known| known.rules);
    stream_rules::RULES
        .iter()
        .chain(kernel::RULES)
        .chain(tcp::RULES)
        .chain(tls_library::RULES)
        .chain(streams)
        .chain(datagrams)
        .chain(http_application::RULES)
        .chain(http_credential::RULES)
        .chain(http_infrastructure::RULES)
        .chain(sasl::RULES)
        .chain(ssh1::RULES)
        .chain(websocket::RULES)
        .copied()
}

/// True for the observation that nothing came before what was seen of a connection joined late.
pub(crate) fn shows_beginning(observation: &Observation) -> bool {
    observation.rule.0.id == stream_rules::OPENING.id
}

#[cfg(test)]
mod tests {
    use super::DISSECTORS;
    use super::dissector::Likeness;

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(4096))]

        /// A recogniser that changes its mind makes the judgement depend on how the stream was cut.
        #[test]
        fn more_bytes_never_change_what_was_recognised(
            bytes in proptest::collection::vec(
                proptest::prop_oneof![proptest::num::u8::ANY, 0_u8..8, b'0'..=b'z'],
                24,
            ),
            code in proptest::sample::select(vec![1_u8, 0xd4, 0xdb, 0xdd]),
        ) {
            let mut opcode = bytes.clone();
            opcode.splice(12..16, [code, if code == 1 { 0 } else { 7 }, 0, 0]);
            for bytes in [bytes, opcode] {
                for known in DISSECTORS {
                    for recognise in [known.call, known.reply] {
                        let mut decided: Option<Likeness> = None;
                        for end in 1..=bytes.len() {
                            let likeness = recognise(&bytes[..end]);
                            if let Some(decided) = decided {
                                proptest::prop_assert_eq!(decided, likeness, "{} at {}", known.protocol, end);
                            } else if likeness != Likeness::Unsure {
                                decided = Some(likeness);
                            }
                        }
                    }
                }
            }
        }
    }
}
