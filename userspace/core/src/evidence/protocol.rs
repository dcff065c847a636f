//! The protocols that a dissector knows, and their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Protocols that a dissector knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// PostgreSQL frontend/backend protocol 3.
    Postgresql,
    /// MySQL client/server protocol 10.
    Mysql,
    /// MQTT 3.1, 3.1.1 and 5.0.
    Mqtt,
    /// NATS client protocol.
    Nats,
    /// memcached, text and binary protocol.
    Memcached,
    /// MongoDB wire protocol.
    Mongodb,
    /// SSH 2.
    Ssh,
    /// Redis serialization protocol 2 and 3.
    Redis,
    /// HTTP/1.0 and 1.1.
    Http,
    /// HTTP/2.
    Http2,
    /// gRPC over HTTP/2.
    Grpc,
    /// Elasticsearch's transport protocol, between its nodes.
    Elasticsearch,
    /// FTP's control connection.
    Ftp,
    /// SMTP and LMTP.
    Smtp,
    /// POP3.
    Pop3,
    /// IMAP.
    Imap,
    /// LDAP version 2 and 3.
    Ldap,
    /// RFB, the protocol of VNC.
    Vnc,
    /// The rsync daemon's protocol.
    Rsync,
    /// Telnet.
    Telnet,
    /// NTP.
    Ntp,
    /// TACACS+.
    Tacacs,
    /// Diameter's base protocol and what runs over it.
    Diameter,
    /// Kerberos' change of passwords.
    Kpasswd,
    /// ZooKeeper's client protocol.
    Zookeeper,
    /// RADIUS, and its accounting and changes of authorization.
    Radius,
    /// LDAP over UDP.
    Cldap,
    /// Kerberos version 5, to a key distribution centre.
    Kerberos,
    /// SNMP version 1.
    Snmpv1,
    /// SNMP version 2c.
    Snmpv2c,
    /// SNMP version 3.
    Snmpv3,
    /// DNS over UDP and TCP.
    Dns,
    /// Multicast DNS.
    Mdns,
    /// IEC 60870-5-104.
    Iec104,
    /// DCE/RPC, over connections and by datagrams.
    Dcerpc,
    /// TDS, of Microsoft SQL Server and Sybase.
    Tds,
    /// RDP, the remote desktop's protocol.
    Rdp,
    /// NetBIOS names over TCP/IP.
    Nbns,
    /// NetBIOS datagrams over TCP/IP.
    Nbdgm,
    /// SMB 1 (CIFS).
    Smb1,
    /// SMB 2 and 3.
    Smb2,
    /// S7 communication.
    S7comm,
    /// BACnet/IP.
    Bacnet,
    /// ONC RPC, of a program that has no name of its own here.
    Rpc,
    /// The port mapper and rpcbind, by ONC RPC.
    Portmap,
    /// The MOUNT protocol of NFS 2 and 3, by ONC RPC.
    Mount,
    /// NFS 2, 3 and 4, by ONC RPC.
    Nfs,
    /// The lock manager of NFS 2 and 3, by ONC RPC.
    Nlm,
    /// Remote disk quotas, by ONC RPC.
    Rquota,
    /// NIS, by ONC RPC.
    Ypserv,
    /// Solstice AdminSuite, by ONC RPC.
    Sadmind,
    /// VXI-11, measuring instruments by ONC RPC.
    Vxi11,
    /// DNP3.
    Dnp3,
    /// Modbus/TCP.
    Modbus,
    /// FINS over TCP and UDP.
    Fins,
    /// Syslog over UDP and TCP.
    Syslog,
    /// SIP over UDP and TCP.
    Sip,
    /// RTSP 1.0 and 2.0.
    Rtsp,
    /// Kafka.
    Kafka,
    /// AMQP 0-8 to 1.0.
    Amqp,
    /// Cassandra's native protocol, CQL.
    Cassandra,
    /// X Window System 11.
    X11,
    /// EtherNet/IP.
    Enip,
    /// IEEE C37.118.
    Synchrophasor,
    /// OPC UA over TCP.
    Opcua,
    /// MMS over TCP.
    Mms,
    /// SOCKS 4 and 4a.
    Socks4,
    /// SOCKS 5.
    Socks5,
    /// Gearman.
    Gearman,
    /// SMPP 3.3 to 5.0.
    Smpp,
    /// STOMP 1.0 to 1.2.
    Stomp,
    /// FIX, tag=value.
    Fix,
    /// Apache Thrift.
    Thrift,
    /// IRC.
    Irc,
    /// XMPP.
    Xmpp,
    /// NNTP.
    Nntp,
    /// TFTP.
    Tftp,
    /// Finger.
    Finger,
    /// Whois.
    Whois,
    /// The identification protocol.
    Ident,
    /// rsh and rexec.
    Rsh,
    /// rlogin.
    Rlogin,
    /// HART-IP.
    HartIp,
    /// BGP-4.
    Bgp,
    /// Oracle Net, TNS.
    OracleTns,
    /// DRDA, of DB2, Derby and Informix.
    Drda,
    /// iSCSI.
    Iscsi,
    /// OpenWire, of ActiveMQ.
    Openwire,
    /// QUIC 1 and 2.
    Quic,
    /// STUN and TURN over UDP.
    Stun,
    /// BOOTP and DHCP.
    Dhcp,
    /// DHCPv6.
    Dhcp6,
    /// SSDP, by which UPnP finds devices.
    Ssdp,
    /// The PROXY protocol, where what follows is not known.
    ProxyProtocol,
    /// ZMTP 3, of ZeroMQ.
    Zmtp,
    /// HL7 version 2 over MLLP.
    Hl7,
    /// Hadoop RPC.
    HadoopRpc,
    /// DICOM.
    Dicom,
    /// ClickHouse's native protocol.
    Clickhouse,
    /// TLS up to 1.3, where what is inside is not known.
    Tls,
    /// DTLS up to 1.3, where what is inside is not known.
    Dtls,
    /// OpenVPN.
    Openvpn,
    /// NVMe over TCP.
    NvmeTcp,
    /// CoAP without DTLS.
    Coap,
    /// XDMCP.
    Xdmcp,
    /// collectd.
    Collectd,
    /// GELF, Graylog's.
    Gelf,
    /// statsd.
    Statsd,
    /// The line printer daemon protocol.
    Lpd,
    /// MySQL's X protocol.
    Mysqlx,
    /// The bus between the nodes of a Redis cluster.
    RedisBus,
    /// ManageSieve.
    Managesieve,
    /// Lumberjack, of Logstash and Beats.
    Lumberjack,
    /// Forward, of Fluentd and Fluent Bit.
    Forward,
    /// 9P2000 and its variants.
    Ninep,
    /// FastCGI.
    Fastcgi,
    /// SAP's DIAG, of its front end.
    SapDiag,
    /// SAP's RFC gateway.
    SapRfc,
    /// SAP's message server.
    SapMessages,
    /// SAProuter.
    SapRouter,
    /// AFP over DSI.
    Afp,
    /// Bolt, of Neo4j.
    Bolt,
    /// T3, of WebLogic.
    T3,
    /// Java RMI.
    JavaRmi,
    /// GIOP, of CORBA.
    Giop,
    /// IBM MQ.
    IbmMq,
    /// Git's own protocol.
    Git,
    /// AJP 1.3, between web server and servlet container.
    Ajp,
    /// Pulsar's binary protocol.
    Pulsar,
}

impl Protocol {
    /// As exported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::Mqtt => "mqtt",
            Self::Nats => "nats",
            Self::Memcached => "memcached",
            Self::Mongodb => "mongodb",
            Self::Ssh => "ssh",
            Self::Redis => "redis",
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
            Self::Elasticsearch => "elasticsearch",
            Self::Ftp => "ftp",
            Self::Smtp => "smtp",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Ldap => "ldap",
            Self::Vnc => "vnc",
            Self::Rsync => "rsync",
            Self::Telnet => "telnet",
            Self::Ntp => "ntp",
            Self::Tacacs => "tacacs",
            Self::Diameter => "diameter",
            Self::Kpasswd => "kpasswd",
            Self::Zookeeper => "zookeeper",
            Self::Radius => "radius",
            Self::Cldap => "cldap",
            Self::Kerberos => "kerberos",
            Self::Snmpv1 => "snmpv1",
            Self::Snmpv2c => "snmpv2c",
            Self::Snmpv3 => "snmpv3",
            Self::Dns => "dns",
            Self::Mdns => "mdns",
            Self::Iec104 => "iec104",
            Self::Dcerpc => "dcerpc",
            Self::Tds => "tds",
            Self::Rdp => "rdp",
            Self::Nbns => "nbns",
            Self::Nbdgm => "nbdgm",
            Self::Smb1 => "smb1",
            Self::Smb2 => "smb2",
            Self::S7comm => "s7comm",
            Self::Bacnet => "bacnet",
            Self::Rpc => "rpc",
            Self::Portmap => "portmap",
            Self::Mount => "mount",
            Self::Nfs => "nfs",
            Self::Nlm => "nlm",
            Self::Rquota => "rquota",
            Self::Ypserv => "ypserv",
            Self::Sadmind => "sadmind",
            Self::Vxi11 => "vxi11",
            Self::Dnp3 => "dnp3",
            Self::Modbus => "modbus",
            Self::Fins => "fins",
            Self::Syslog => "syslog",
            Self::Sip => "sip",
            Self::Rtsp => "rtsp",
            Self::Kafka => "kafka",
            Self::Amqp => "amqp",
            Self::Cassandra => "cassandra",
            Self::X11 => "x11",
            Self::Enip => "enip",
            Self::Synchrophasor => "synchrophasor",
            Self::Opcua => "opcua",
            Self::Mms => "mms",
            Self::Socks4 => "socks4",
            Self::Socks5 => "socks5",
            Self::Gearman => "gearman",
            Self::Smpp => "smpp",
            Self::Stomp => "stomp",
            Self::Fix => "fix",
            Self::Thrift => "thrift",
            Self::Irc => "irc",
            Self::Xmpp => "xmpp",
            Self::Nntp => "nntp",
            Self::Tftp => "tftp",
            Self::Finger => "finger",
            Self::Whois => "whois",
            Self::Ident => "ident",
            Self::Rsh => "rsh",
            Self::Rlogin => "rlogin",
            Self::HartIp => "hart-ip",
            Self::Bgp => "bgp",
            Self::OracleTns => "oracle-tns",
            Self::Drda => "drda",
            Self::Iscsi => "iscsi",
            Self::Openwire => "openwire",
            Self::Quic => "quic",
            Self::Dhcp => "dhcp",
            Self::Dhcp6 => "dhcp6",
            Self::Ssdp => "ssdp",
            Self::ProxyProtocol => "proxy-protocol",
            Self::Zmtp => "zmtp",
            Self::Hl7 => "hl7",
            Self::HadoopRpc => "hadoop-rpc",
            Self::Dicom => "dicom",
            Self::Clickhouse => "clickhouse",
            Self::Tls => "tls",
            Self::Dtls => "dtls",
            Self::Stun => "stun",
            Self::Openvpn => "openvpn",
            Self::NvmeTcp => "nvme-tcp",
            Self::Coap => "coap",
            Self::Xdmcp => "xdmcp",
            Self::Collectd => "collectd",
            Self::Gelf => "gelf",
            Self::Statsd => "statsd",
            Self::Lpd => "lpd",
            Self::Mysqlx => "mysqlx",
            Self::RedisBus => "redis-bus",
            Self::Managesieve => "managesieve",
            Self::Lumberjack => "lumberjack",
            Self::Forward => "fluent-forward",
            Self::Ninep => "9p",
            Self::Fastcgi => "fastcgi",
            Self::SapDiag => "sap-diag",
            Self::SapRfc => "sap-rfc",
            Self::SapMessages => "sap-message-server",
            Self::SapRouter => "sap-router",
            Self::Afp => "afp",
            Self::Bolt => "bolt",
            Self::T3 => "t3",
            Self::JavaRmi => "java-rmi",
            Self::Giop => "giop",
            Self::IbmMq => "ibm-mq",
            Self::Git => "git",
            Self::Ajp => "ajp13",
            Self::Pulsar => "pulsar",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
