//! One netlink request, and every answer to it. The message formats are the netlink crates'; only the loop is here.

use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// Room for one datagram of a dump: the kernel fills at most 32 KiB at a time (`netlink_dump`,
/// net/netlink/af_netlink.c); twice that leaves room for a larger page size.
const DATAGRAM: usize = 64 * 1024;

/// A bound and connected socket of one netlink family, in the network namespace of the calling thread.
///
/// # Errors
/// What the kernel answers: `EPROTONOSUPPORT` where the family is not built in, `EPERM` in some sandboxes.
pub(crate) fn open(family: isize) -> io::Result<Socket> {
    let mut socket = Socket::new(family)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

/// Sends one dump request and gives each answer to `each`. An answer that can't be decoded is skipped.
///
/// # Errors
/// What the kernel answers: `ENOENT` where the module of that family is absent, `EPERM` without privilege.
pub(crate) fn dump<M>(socket: &Socket, request: M, mut each: impl FnMut(M)) -> io::Result<()>
where
    M: NetlinkSerializable + NetlinkDeserializable,
{
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut buffer = Vec::with_capacity(DATAGRAM);
    loop {
        buffer.clear();
        socket.recv(&mut buffer, 0)?;
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if read_datagram(&buffer, &mut each)? {
            return Ok(());
        }
    }
}

/// Gives each message of one datagram to `each`; true when it says that the dump is done.
///
/// # Errors
/// The error that the datagram carries.
pub(crate) fn read_datagram<M: NetlinkDeserializable>(
    mut rest: &[u8],
    each: &mut impl FnMut(M),
) -> io::Result<bool> {
    while let Ok(header) = NetlinkBuffer::new_checked(rest) {
        let length = usize::try_from(header.length()).unwrap_or(usize::MAX);
        if let Some(one) = rest.get(..length)
            && let Ok(message) = NetlinkMessage::<M>::deserialize(one)
        {
            match message.payload {
                NetlinkPayload::Done(done) if done.code < 0 => {
                    return Err(io::Error::from_raw_os_error(done.code.saturating_neg()));
                }
                NetlinkPayload::Done(_) => return Ok(true),
                NetlinkPayload::Error(error) => {
                    let Some(code) = error.code else { return Ok(true) };
                    return Err(io::Error::from_raw_os_error(code.get().saturating_neg()));
                }
                NetlinkPayload::InnerMessage(inner) => each(inner),
                NetlinkPayload::Noop | NetlinkPayload::Overrun(_) | _ => {}
            }
        }
        // NLMSG_ALIGN (uapi/linux/netlink.h): the next header starts at a multiple of four.
        let Some(next) = rest.get(length.max(1).saturating_add(3) & !3..) else { break };
        rest = next;
    }
    Ok(false)
}
