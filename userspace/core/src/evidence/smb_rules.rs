//! Rules of evidence for SMB.

use super::dissector::rules;

rules! {
    pub(crate) table;
    DEMANDED = "smb.user-level", v 1, Observed, Wire,
        "The receiver opens sessions for users who prove who they are (user-level security)",
        "Guests and null sessions may be let in beside them";
    ANSWERED = "smb.challenge-answered", v 1, Observed, Wire,
        "The caller answered a challenge made from its password (NTLM or LM)",
        "The password itself is not visible";
    TICKET = "smb.ticket-sent", v 1, Observed, Wire,
        "The caller sent a Kerberos ticket with a proof of its session key",
        "The name in the ticket is encrypted";
    PASSWORD = "smb.password-sent", v 1, Observed, Wire,
        "The caller sent a password in clear, as the receiver asked for no challenge",
        "Whether the receiver would have let it in without";
    NOBODY = "smb.nobody-named", v 1, Observed, Wire,
        "The caller asked for a null session, or gave a name and no password, which proves nothing",
        "Not what the receiver lets such a caller do";
    GUEST = "smb.guest", v 1, Observed, Wire,
        "The receiver said that the session is a guest's or nobody's: whatever was presented did not count",
        "Not what it lets guests do";
    ACCEPTED = "smb.proof-accepted", v 1, Observed, Wire,
        "The receiver answered the session set-up with success, and not as for a guest",
        "Not which files and pipes it opens to this name";
    OPENED = "smb.session-opened", v 1, Observed, Wire,
        "The receiver opened a session under a name that was proved",
        "Whether it would serve the same to a guest";
    PUBLIC = "smb.session-for-nobody", v 1, Observed, Wire,
        "The receiver opened a session for a caller without proof; by itself it reaches no files",
        "Not what can be asked through it (IPC$ answers some questions to anyone)";
    SERVED = "smb.served-without-proof", v 1, Observed, Wire,
        "The receiver opened a share, a file or a pipe in a session for which nothing was proved",
        "Not what else is open to such callers";
    SHARE = "smb.share-opened", v 1, Observed, Wire,
        "The receiver, which asks for passwords by share and not by user, opened a share",
        "Who the caller is was never asked";
    MISSING = "smb.proof-missing", v 1, Observed, Wire,
        "The receiver refused a caller that had proved nothing",
        "Not which proof would have been enough";
    WRONG = "smb.proof-refused", v 1, Observed, Wire,
        "The receiver refused the session because name or password were wrong",
        "Not whether it lets guests in";
    PLACE = "smb.place-refused", v 1, Observed, Wire,
        "The receiver refused the session because of the workstation or the time",
        "Not whether the proof was right";
    NOT_ALLOWED = "smb.not-allowed", v 1, Observed, Wire,
        "The receiver knows the caller and does not let it do what it asked",
        "Not whether another name would be allowed";
    REFUSED = "smb.session-refused", v 1, Observed, Wire,
        "The receiver refused the session for a reason other than who called",
        "Nothing is said about what it checks";
    NAME_REFUSED = "smb.netbios-name-refused", v 1, Observed, Wire,
        "The receiver does not listen on the NetBIOS name that was called",
        "Nothing is said about what it checks";
    UNKNOWN_PROOF = "smb.unknown-proof-accepted", v 1, Observed, Wire,
        "The receiver accepted a session set-up whose proof no rule knows, or whose beginning was not seen",
        "What was proved is not known";
    SEALED = "smb.sealed", v 1, Observed, Wire,
        "Messages were encrypted for a session whose set-up was not seen, or were compressed",
        "Nothing is known of what was asked and served in them";
}
