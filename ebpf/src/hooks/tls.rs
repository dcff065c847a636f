//! TLS at the receiving end, through the calls of its library: what the library holds about the caller, and what is
//! inside. Attached only when asked for, to the library files of OpenSSL's interface, whose objects are read, and of
//! GnuTLS, whose answers to the receiver are (`gnutls` beside this file).
//!
//! A connection of the library (`SSL *`) is linked to its socket by the first socket call that the same thread makes
//! inside a call of the library. Only connections of a responder that began after the library was attached to are
//! followed, so that what is read begins with the first byte inside.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_get_attach_cookie, bpf_probe_read_user};
use aya_ebpf::macros::{tracepoint, uprobe, uretprobe};
use aya_ebpf::programs::{ProbeContext, RetProbeContext, TracePointContext};
use tierzero_maps::library::{Layout, TOLD};
use tierzero_maps::record::{PIECE_BYTES, TlsCaller};
use tierzero_maps::{kind, place};

use crate::context::opaque;
use crate::offsets::{PAYLOAD_BYTES, SOCK_COOKIE, SOCK_FAMILY, SOCK_TYPE};
use crate::read::member;
use crate::syscall::argument;
use crate::tables::{TLS_ATTACHED, TLS_CALLS, TLS_RESPONDERS, TLS_SESSIONS, TlsCall, TlsKey, TlsSession};
use crate::user::{self, Moved};
use crate::{descriptor, emit};

mod gnutls;

/// Address families and type (include/linux/socket.h, include/linux/net.h).
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const SOCK_STREAM: u16 = 1;

/// Calls of the library.
const HANDSHAKE: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 3;

/// `X509::cert_info.enc`, the signed part as it came: its address, then its length. The members before it are the same
/// in OpenSSL 1.1.0 to 3.x (`struct x509_cinf_st`, include/crypto/x509.h); the reader of the record checks that what
/// stands there is such a part.
const SIGNED_PART: u64 = 112;

/// `int SSL_do_handshake(SSL *)`, which `SSL_accept` calls too.
#[uprobe]
pub fn tls_handshake_enter(context: ProbeContext) -> u32 {
    enter(&context, HANDSHAKE, false)
}

/// `int SSL_read(SSL *, void *, int)`.
#[uprobe]
pub fn tls_read_enter(context: ProbeContext) -> u32 {
    enter(&context, READ, false)
}

/// `int SSL_read_ex(SSL *, void *, size_t, size_t *)`.
#[uprobe]
pub fn tls_read_ex_enter(context: ProbeContext) -> u32 {
    enter(&context, READ, true)
}

/// `int SSL_write(SSL *, const void *, int)`.
#[uprobe]
pub fn tls_write_enter(context: ProbeContext) -> u32 {
    enter(&context, WRITE, false)
}

/// `int SSL_write_ex(SSL *, const void *, size_t, size_t *)`.
#[uprobe]
pub fn tls_write_ex_enter(context: ProbeContext) -> u32 {
    enter(&context, WRITE, true)
}

#[inline(always)]
fn enter(context: &ProbeContext, what: u32, extended: bool) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    let ssl: u64 = context.arg(0).unwrap_or(0);
    let buffer: u64 = context.arg(1).unwrap_or(0);
    let moved: u64 = if extended { context.arg(3).unwrap_or(0) } else { 0 };
    // SAFETY: the context is that of the running program.
    let layout = unsafe { bpf_get_attach_cookie(context.as_ptr()) };
    let mut linked = 0;
    if let Some(outer) = TLS_CALLS.get_ptr(&thread) {
        // SAFETY: a map value stays readable until the program ends.
        let outer = unsafe { *outer };
        if layout == TOLD && outer.ssl == ssl && outer.buffer == buffer && outer.what == what {
            // GnuTLS's own way from one function to the next: the inner return counts, the outer one finds nothing.
            linked = outer.linked;
        } else {
            // A call inside a call: the return of the outer one will not be matched.
            let _ = TLS_SESSIONS.remove(key(thread, outer.ssl));
        }
    }
    let call = TlsCall { ssl, buffer, moved, layout, what, linked };
    if TLS_CALLS.insert(&thread, &call, 0).is_err() {
        emit::lost(place::TLS_TABLE);
    }
    0
}

#[inline(always)]
fn key(thread: u64, ssl: u64) -> TlsKey {
    TlsKey { ssl, tgid: (thread >> 32) as u32, reserved: 0 }
}

/// `void SSL_free(SSL *)`: the address will be another connection's.
#[uprobe]
pub fn tls_free_enter(context: ProbeContext) -> u32 {
    let ssl: u64 = context.arg(0).unwrap_or(0);
    let _ = TLS_SESSIONS.remove(key(bpf_get_current_pid_tgid(), ssl));
    0
}

/// A call that moves bytes through a descriptor: inside a call of the library it shows the connection's socket.
#[tracepoint]
pub fn tls_transfer_enter(context: TracePointContext) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    let Some(call) = TLS_CALLS.get_ptr_mut(&thread) else { return 0 };
    // SAFETY: a map value stays readable until the program ends, and only this thread writes it.
    let (ssl, layout) = unsafe {
        if (*call).linked != 0 {
            return 0;
        }
        ((*call).ssl, (*call).layout)
    };
    let sk = descriptor::socket(argument(&context, 0) as u32);
    let family: u16 = member(sk, &SOCK_FAMILY);
    let shape: u16 = member(sk, &SOCK_TYPE);
    let cookie: u64 = member(sk, &SOCK_COOKIE);
    if cookie == 0 || shape != SOCK_STREAM || (family != AF_INET && family != AF_INET6) {
        return 0;
    }
    // SAFETY: as above.
    unsafe { (*call).linked = 1 };
    let key = key(thread, ssl);
    let mut session = TlsSession::NEW;
    let mut follow = true;
    if let Some(known) = TLS_SESSIONS.get_ptr(&key) {
        // SAFETY: as above.
        let known = unsafe { *known };
        if known.cookie == cookie {
            return 0;
        }
        if known.cookie == 0 {
            session = known;
        } else {
            // What GnuTLS told was about the connection before, or about this one: nobody can say.
            follow = layout != TOLD;
        }
    }
    session.cookie = cookie;
    session.followed = u32::from(follow && is_from_start(cookie));
    if TLS_SESSIONS.insert(&key, &session, 0).is_err() {
        emit::lost(place::TLS_TABLE);
    }
    0
}

/// True once for a responder's end that was established after the library was attached to.
#[inline(always)]
fn is_from_start(cookie: u64) -> bool {
    let Some(attached) = TLS_ATTACHED.get_ptr(0) else { return false };
    let Some(responder) = TLS_RESPONDERS.get_ptr_mut(&cookie) else { return false };
    // SAFETY: map values stay readable until the program ends.
    unsafe {
        if *attached == 0 || (*responder).since <= *attached || (*responder).taken != 0 {
            return false;
        }
        (*responder).taken = 1;
    }
    true
}

/// The return of every call.
#[uretprobe]
pub fn tls_return(context: RetProbeContext) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    let Some(call) = TLS_CALLS.get_ptr(&thread) else { return 0 };
    // SAFETY: a map value stays readable until the program ends.
    let call = unsafe { *call };
    let _ = TLS_CALLS.remove(&thread);
    let key = key(thread, call.ssl);
    let returned = context.ret::<u64>() as u32 as i32;
    if returned <= 0 {
        if call.layout == TOLD && call.what == HANDSHAKE {
            gnutls::failed(key, returned);
        }
        return 0;
    }
    let moved = match call.what {
        HANDSHAKE => 0,
        _ if call.moved != 0 => user::word(call.moved),
        _ => returned as u64,
    };
    let Some(session) = TLS_SESSIONS.get_ptr_mut(&key) else {
        if moved != 0 {
            // Its socket is not known yet; what was moved must be missing later, or the start would be guessed.
            let mut session = TlsSession::NEW;
            *(if call.what == WRITE { &mut session.sent } else { &mut session.received }) = moved;
            let _ = TLS_SESSIONS.insert(&key, &session, 0);
        }
        return 0;
    };
    // SAFETY: a map value stays readable until the program ends.
    let followed = unsafe { (*session).followed } != 0;
    let told = followed && tell(session, &call);
    if moved == 0 {
        return 0;
    }
    let direction = if call.what == WRITE { kind::SENT } else { kind::RECEIVED };
    // SAFETY: as above; a connection of the library is used by one thread at a time (SSL_read(3), ossl-guide-tls).
    let (cookie, offset) = unsafe {
        let counter =
            if call.what == WRITE { &raw mut (*session).sent } else { &raw mut (*session).received };
        let before = *counter;
        *counter = before + moved;
        ((*session).cookie, before)
    };
    let limit = u64::from(PAYLOAD_BYTES.load());
    // Without the library's word on the caller, what is inside would be judged by half of what is known.
    if !told || offset >= limit {
        return 0;
    }
    let wanted = if moved < limit - offset { moved } else { limit - offset };
    let moved = Moved { cookie, offset, moved, wanted, direction, address: call.buffer };
    user::hand_over(kind::TLS_PAYLOAD, place::TLS, moved);
    0
}

/// A record and room for a certificate.
#[repr(C)]
struct Slot {
    head: TlsCaller,
    bytes: [u8; PIECE_BYTES],
}

/// What a library holds about a caller.
struct Held {
    /// What tells one certificate from the next; 0 where there is none.
    certificate: u64,
    /// User address of the certificate or of its signed part.
    start: u64,
    /// Its length.
    length: u64,
    /// As `TlsCaller` has it.
    verify_mode: u32,
    /// As `TlsCaller` has it.
    verify_result: u32,
}

/// Read of the objects of OpenSSL's interface; `None` where they can't be: a zero would say that nobody was asked, or
/// that all is well.
#[inline(always)]
fn held(call: &TlsCall) -> Option<Held> {
    let Layout { session: at_session, peer, verify_result, verify_mode } = Layout::unpack(call.layout);
    let held = user::known_word(call.ssl + u64::from(at_session))?;
    let certificate = if held == 0 { 0 } else { user::known_word(held + u64::from(peer))? };
    let verify_result = user::known_half(call.ssl + u64::from(verify_result))?;
    let verify_mode = user::known_half(call.ssl + u64::from(verify_mode))?;
    let (start, length) = if certificate == 0 {
        (0, 0)
    } else {
        (user::word(certificate + SIGNED_PART), user::word(certificate + SIGNED_PART + 8))
    };
    Some(Held { certificate, start, length, verify_mode, verify_result })
}

/// Tells what the library holds about the caller, when that is new; false where it could not.
#[inline(always)]
fn tell(session: *mut TlsSession, call: &TlsCall) -> bool {
    let held = if call.layout == TOLD { gnutls::held(session) } else { held(call) };
    let Some(held) = held else { return false };
    // SAFETY: a map value stays readable until the program ends.
    let cookie = unsafe {
        if (*session).told != 0
            && (*session).peer == held.certificate
            && (*session).verify_result == held.verify_result
        {
            return true;
        }
        (*session).cookie
    };
    let told = hand_over(cookie, &held, false);
    // SAFETY: as above.
    unsafe {
        (*session).told = u32::from(told);
        (*session).peer = held.certificate;
        (*session).verify_result = held.verify_result;
    }
    told
}

/// Hands over what a library holds about the caller at this socket; false where there was no room.
#[inline(always)]
fn hand_over(cookie: u64, held: &Held, refused: bool) -> bool {
    let Held { certificate, start, length, verify_mode, verify_result } = *held;
    let length = if length > u64::from(u32::MAX) { 0 } else { length as u32 };
    emit::payload::<Slot>(place::TLS, |slot| {
        // A length that the mask would change is not used.
        let wanted = opaque(length) & (PIECE_BYTES as u32 - 1);
        let wanted = if wanted == length { wanted } else { 0 };
        // SAFETY: `slot` is a reservation of this size; the helper writes fewer than PIECE_BYTES bytes behind the head.
        unsafe {
            let read = bpf_probe_read_user((&raw mut (*slot).bytes).cast(), wanted, start as *const _) == 0;
            (&raw mut (*slot).head).write(TlsCaller {
                header: emit::header(kind::TLS_CALLER),
                cookie,
                verify_mode,
                verify_result,
                certificate: u32::from(certificate != 0),
                length,
                captured: if read { wanted } else { 0 },
                refused: u32::from(refused),
            });
        }
        true
    })
}
