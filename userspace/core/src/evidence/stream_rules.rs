//! Rules of evidence for what a stream shows whatever its protocol.

use super::dissector::rules;

rules! {
    pub(crate) table;
    SPEAKS = "stream.protocol", v 1, Observed, Wire,
        "The first bytes of both directions parse as this protocol; no port was asked",
        "Not which program sits at either end";
    OPENING = "stream.opening", v 1, Observed, Wire,
        "The connection's set-up was not seen, but the first bytes of both directions can stand only at its first byte",
        "Not which program sits at either end";
    MIDWAY = "stream.protocol-midway", v 1, Observed, Wire,
        "From where observation began, both directions parse as messages of this protocol, each of which stands for itself",
        "What was asked, proved and served before that; a request that bears no proof shows nothing here";
    UNANSWERED = "stream.protocol-unanswered", v 1, Observed, Wire,
        "The originator's bytes parse as this protocol and present a proof; no answer was seen; no port was asked",
        "Whether anything took it";
    SPEAKS_ALONE = "stream.protocol-alone", v 1, Observed, Wire,
        "The originator's bytes parse as this protocol, which has no answers, and there were none; no port was asked",
        "Not which program sits at either end";
    SPEAKS_DATAGRAMS = "datagrams.protocol", v 1, Observed, Wire,
        "The first datagrams parse as this protocol, of both directions where it answers; no port was asked",
        "Not which program sits at either end";
    MISSED_DATAGRAM = "datagrams.missed", v 1, Observed, Wire,
        "A datagram of this flow was not seen, and reading ended there",
        "Nothing is known of what it and later ones asked for";
    GAP = "stream.gap", v 1, Observed, Wire,
        "Bytes are missing from the stream, and reading ended there",
        "Nothing is known of what was sent after the gap";
    TRUNCATED = "stream.truncated", v 1, Observed, Wire,
        "Only the first bytes of a message were kept, and reading ended there",
        "Nothing is known of what was sent after the cut";
    UNSUPPORTED = "stream.unsupported", v 1, Observed, Wire,
        "No dissector knows these bytes",
        "What the receiver checked, if anything, is not known";
    ONE_SIDED = "stream.one-sided", v 1, Observed, Wire,
        "Only one direction carried bytes, so no protocol is named",
        "What the receiver checked, if anything, is not known";
    NO_PAYLOAD = "stream.no-payload", v 1, Observed, Wire,
        "No payload was seen",
        "Bytes may have been sent where the observer did not look";
    UNREADABLE = "stream.unreadable", v 1, Observed, Wire,
        "From here on the bytes are not of the protocol that was recognised, or changed to one that no dissector knows",
        "Nothing is known of what was sent after that";
}
