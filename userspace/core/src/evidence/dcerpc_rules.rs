//! Rules of evidence for DCE/RPC.

use super::dissector::rules;

rules! {
    pub(crate) table;
    CHALLENGED = "dcerpc.challenged", v 1, Observed, Wire,
        "The receiver answered the caller's first token with a challenge (NTLM)",
        "Whether it would serve a caller that asks for no security context";
    ANSWERED = "dcerpc.challenge-answered", v 1, Observed, Wire,
        "The caller answered the challenge made from its password",
        "The password itself is not visible; the protocol has no word of acceptance but the first answer";
    TICKET = "dcerpc.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos ticket with a proof of its session key",
        "The name in the ticket is encrypted";
    CHANNEL = "dcerpc.secure-channel", v 1, Observed, Wire,
        "The caller signs under the session key that it agreed on from a machine's password (Netlogon)",
        "The agreement itself was made on another binding";
    NOBODY = "dcerpc.nobody-named", v 1, Observed, Wire,
        "The caller named nobody, or its call carried no verifier beside others that did",
        "Not what the receiver lets such a caller do";
    UNKNOWN_PROOF = "dcerpc.unknown-security", v 1, Observed, Wire,
        "The caller's security context is of a kind that no rule knows, or its beginning was not seen",
        "What was proved is not known";
    ACCEPTED = "dcerpc.proof-accepted", v 1, Observed, Wire,
        "The receiver answered a call that was made under the caller's security context",
        "Whether it would have answered without";
    SERVED = "dcerpc.call-answered", v 1, Observed, Wire,
        "The receiver carried out a call and answered it",
        "Whether the answer is a refusal in the interface's own terms";
    PUBLIC = "dcerpc.lookup-answered", v 1, Observed, Wire,
        "The receiver said where an interface is found, or that it is alive, which it tells anyone",
        "Nothing of the interfaces themselves was used by it";
    MISSING = "dcerpc.proof-missing", v 1, Observed, Wire,
        "The receiver denied access to a call without a security context",
        "Not which proof would have been enough";
    WRONG = "dcerpc.proof-refused", v 1, Observed, Wire,
        "The receiver refused the call because of its security context",
        "Not whether it serves callers without";
    NOT_ALLOWED = "dcerpc.not-allowed", v 1, Observed, Wire,
        "The receiver denied access to a call that was made under a security context",
        "Whether the proof was wrong or the caller not allowed is not said";
    REFUSED = "dcerpc.bind-refused", v 1, Observed, Wire,
        "The receiver refused the binding",
        "Nothing is said about what it checks";
    ONE_WAY = "dcerpc.one-way-call", v 1, Observed, Wire,
        "The caller made a call that is never answered, without a security context",
        "Whether the receiver carried it out";
}
