//! What GnuTLS tells the receiver about its caller. Its objects are not read: their layout is private, and every answer
//! passes through a function.
//!
//! Source: gnutls/gnutls.h; "X.509 certificates" in GnuTLS's manual.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::bpf_get_attach_cookie;
use aya_ebpf::macros::{uprobe, uretprobe};
use aya_ebpf::programs::{ProbeContext, RetProbeContext};
use tierzero_maps::library::answer;
use tierzero_maps::place;
use tierzero_maps::record::NOT_VERIFIED;

use super::{Held, key};
use crate::emit;
use crate::tables::{TLS_ASKS, TLS_SESSIONS, TlsAsk, TlsKey, TlsSession, caller};
use crate::user;

/// `GNUTLS_CERT_REQUIRE`: the handshake fails without a certificate. `GNUTLS_CERT_REQUEST` is 1.
const REQUIRE: u32 = 2;
/// `GNUTLS_E_NO_CERTIFICATE_FOUND`.
const NO_CERTIFICATE: i32 = -49;
/// `GNUTLS_E_CERTIFICATE_REQUIRED`, in TLS 1.3.
const CERTIFICATE_REQUIRED: i32 = -112;
/// `SSL_VERIFY_PEER`: how a record says that a certificate was asked for.
const ASKED: u32 = 1;

/// `void gnutls_certificate_server_set_request(gnutls_session_t, gnutls_certificate_request_t)`.
#[uprobe]
pub fn tls_request_enter(context: ProbeContext) -> u32 {
    let ssl: u64 = context.arg(0).unwrap_or(0);
    let asked: u64 = context.arg(1).unwrap_or(0);
    if let Some(session) = session(key(bpf_get_current_pid_tgid(), ssl)) {
        // SAFETY: a map value stays readable until the program ends; one thread at a time uses a connection.
        unsafe { (*session).asked = asked as u32 };
    }
    0
}

/// What is known of a connection, which may be new.
#[inline(always)]
fn session(key: TlsKey) -> Option<*mut TlsSession> {
    if let Some(known) = TLS_SESSIONS.get_ptr_mut(&key) {
        return Some(known);
    }
    if TLS_SESSIONS.insert(&key, &TlsSession::NEW, 0).is_err() {
        emit::lost(place::TLS_TABLE);
    }
    TLS_SESSIONS.get_ptr_mut(&key)
}

/// A question about the caller: its certificates, or whether they are good.
#[uprobe]
pub fn tls_ask_enter(context: ProbeContext) -> u32 {
    let ssl: u64 = context.arg(0).unwrap_or(0);
    // All are read first: the verifier allows no place in the context that is chosen later.
    let (second, third, fourth) = (argument(&context, 1), argument(&context, 2), argument(&context, 3));
    // SAFETY: the context is that of the running program.
    let status = match unsafe { bpf_get_attach_cookie(context.as_ptr()) } {
        answer::SECOND => second,
        answer::THIRD => third,
        answer::FOURTH => fourth,
        _ => 0,
    };
    // One question leads to the next inside the library; the inner return answers both, the outer one finds nothing.
    if TLS_ASKS.insert(&bpf_get_current_pid_tgid(), &TlsAsk { ssl, status }, 0).is_err() {
        emit::lost(place::TLS_TABLE);
    }
    0
}

/// An argument, where the compiler can't put off reading it.
#[inline(always)]
fn argument(context: &ProbeContext, number: usize) -> u64 {
    core::hint::black_box(context.arg(number).unwrap_or(0))
}

/// The answer.
#[uretprobe]
pub fn tls_ask_return(context: RetProbeContext) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    let Some(ask) = TLS_ASKS.get_ptr(&thread) else { return 0 };
    // SAFETY: a map value stays readable until the program ends.
    let TlsAsk { ssl, status } = unsafe { *ask };
    let _ = TLS_ASKS.remove(&thread);
    let Some(session) = session(key(thread, ssl)) else { return 0 };
    let returned = context.ret::<u64>();
    // SAFETY: as above; one thread at a time uses a connection.
    unsafe {
        if status != 0 {
            match returned as u32 as i32 {
                0 => {
                    (*session).caller = caller::HELD;
                    (*session).status = user::known_half(status).unwrap_or(NOT_VERIFIED);
                }
                NO_CERTIFICATE => (*session).caller = caller::NONE,
                // It could not tell, and what was told before stays.
                _ => {}
            }
        } else if returned == 0 {
            // Also where the connection has another kind of proof; then nothing was asked for, as `held` sees.
            (*session).caller = caller::NONE;
        } else {
            // The first of a list of `gnutls_datum_t`: an address, and a length of 32 bits.
            (*session).caller = caller::HELD;
            (*session).certificate = user::word(returned);
            (*session).length = user::word(returned + 8) & 0xffff_ffff;
        }
    }
    0
}

/// A handshake did not come to its end, or not yet.
#[inline(always)]
pub(super) fn failed(key: TlsKey, code: i32) {
    let Some(session) = TLS_SESSIONS.get_ptr(&key) else { return };
    // SAFETY: a map value stays readable until the program ends.
    let TlsSession { cookie, followed, asked, .. } = unsafe { *session };
    if followed != 0 && asked == REQUIRE && (code == NO_CERTIFICATE || code == CERTIFICATE_REQUIRED) {
        let held = Held { certificate: 0, start: 0, length: 0, verify_mode: ASKED, verify_result: 0 };
        super::hand_over(cookie, &held, true);
    }
}

/// What was told; `None` where the receiver asked its caller for a certificate, and nothing told whether one came.
#[inline(always)]
pub(super) fn held(session: *mut TlsSession) -> Option<Held> {
    // SAFETY: a map value stays readable until the program ends.
    let TlsSession { asked, caller: known, status, certificate, length, .. } = unsafe { *session };
    let there = match known {
        caller::HELD => true,
        caller::NONE => false,
        // Nothing can come that was not asked for; and what is required has come, or the handshake had failed.
        _ if asked == 0 => false,
        _ if asked == REQUIRE => true,
        _ => return None,
    };
    let verify_mode = if asked == 0 { 0 } else { ASKED };
    if !there {
        return Some(Held { certificate: 0, start: 0, length: 0, verify_mode, verify_result: 0 });
    }
    // One that was not handed out is told as one that can't be read.
    let apart = if certificate == 0 { 1 } else { certificate };
    Some(Held { certificate: apart, start: certificate, length, verify_mode, verify_result: status })
}
