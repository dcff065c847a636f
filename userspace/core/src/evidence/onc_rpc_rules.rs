//! Rules of evidence for ONC RPC and the programs that are called by it.

use super::dissector::rules;

rules! {
    pub(crate) table;
    PROGRAM = "rpc.program", v 1, Observed, Wire,
        "A call names this program by its number",
        "Other programs may be called on the same connection";
    SYSTEM = "rpc.auth-sys", v 1, Observed, Wire,
        "The caller named its uid and its machine (AUTH_SYS)",
        "Nothing proves either; the receiver may have looked at the caller's address and port";
    SHORT = "rpc.auth-short", v 1, Observed, Wire,
        "The caller named itself by a shorthand that the receiver had given out for an AUTH_SYS name (AUTH_SHORT)",
        "Nothing proves the name";
    DIFFIE_HELLMAN = "rpc.auth-dh", v 1, Observed, Wire,
        "The caller sent a time stamp encrypted under a DES key that both sides derive by Diffie-Hellman (AUTH_DH)",
        "The key can be computed from public keys of 192 bits by whoever tries";
    CONTEXT = "rpc.gss-token-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos token to set up a security context (RPCSEC_GSS)",
        "The name in the ticket is encrypted";
    OTHER_CONTEXT = "rpc.gss-other-token-sent", v 1, Observed, Wire,
        "The caller sent a token of another mechanism than Kerberos to set up a security context (RPCSEC_GSS)",
        "Which kind of proof the mechanism settles on";
    ESTABLISHED = "rpc.gss-established", v 1, Observed, Wire,
        "The receiver verified the caller's token and set up the security context",
        "Whether it also serves callers without one";
    CONTEXT_REFUSED = "rpc.gss-refused", v 1, Observed, Wire,
        "The receiver did not take the caller's token",
        "Whether the caller would have been served without one";
    SEALED = "rpc.gss-call", v 1, Observed, Wire,
        "The call's header carries a digest under the key of a security context (RPCSEC_GSS)",
        "The caller's name stands in the context, which may have been set up on another connection";
    VERIFIED = "rpc.gss-call-verified", v 1, Observed, Wire,
        "The receiver accepted the call and answered with a digest under the same context's key",
        "Whether it also serves callers without one";
    PASSWORD = "rpc.password-sent", v 1, Observed, Wire,
        "The caller sent its password in clear as an argument of the call",
        "Who else knows that password";
    PROVED = "rpc.password-accepted", v 1, Observed, Wire,
        "The receiver says that the password was right",
        "Whether other procedures of the program ask for one";
    SERVED = "rpc.served", v 1, Observed, Wire,
        "The receiver executed the call",
        "Whether it looked at the caller's address and port first";
    PINGED = "rpc.null", v 1, Observed, Wire,
        "The receiver answered the procedure that does nothing, which every program offers to anyone",
        "What its other procedures ask for";
    ONE_WAY = "rpc.silent-call", v 1, Observed, Wire,
        "The caller made a call that is answered only where it succeeds, or never",
        "Whether anybody executed it";
    DENIED = "rpc.denied", v 1, Observed, Wire,
        "The receiver refused the call for its credential",
        "Which credential would have been enough";
    TOO_WEAK = "rpc.too-weak", v 1, Observed, Wire,
        "The receiver wants a stronger kind of credential than the call carried",
        "Which kinds it takes";
    NOT_ALLOWED = "rpc.not-allowed", v 1, Observed, Wire,
        "The receiver does not let this caller do what it asked",
        "Whether the name or the address was the reason";
    NO_EXPORT = "rpc.mount-refused", v 1, Observed, Wire,
        "The receiver does not export this directory to where the caller is",
        "What it would ask of callers elsewhere";
    FAILED = "rpc.failed", v 1, Observed, Wire,
        "The receiver did not execute the call, for a reason that is not the caller's identity",
        "Nothing is said about what it checks";
}
