//! XMPP: streams and what they show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{Turn, c, check, observe, s};

const SPEAKS: &str = "speaks xmpp [stream.protocol]";
const DEMANDS: &str = "demands Secret [xmpp.identity-demanded]";
const PASSWORD: &str = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [sasl.password-sent]";
const ACCEPTS: &str = "accepts [xmpp.proof-accepted]";
const SESSION: &str = "serves Service [xmpp.session-opened]";
const WRONG: &str = "refuses ProofWrong [xmpp.proof-refused]";
/// NUL alice NUL MARK05
const ALICE: &str = "AGFsaWNlAE1BUkswNQ==";
const SASL: &str = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";

/// The caller's stream header and the receiver's.
fn opened(attributes: &str) -> Vec<Turn> {
    let streams = "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'";
    vec![
        c(format!("<?xml version='1.0'?>\n<stream:stream to='example.org' {attributes} {streams}>")),
        s(format!(
            "<?xml version='1.0' encoding=\"UTF-8\"?><stream:stream from='example.org' id='s1' {streams}>"
        )),
    ]
}

/// The receiver's features, with these mechanisms.
fn features(mechanisms: &[&str]) -> Turn {
    let names: String = mechanisms.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
    s(format!("<stream:features><mechanisms {SASL}>{names}</mechanisms></stream:features>"))
}

/// A client's stream with features, then turns.
fn client(mechanisms: &[&str], turns: &[Turn]) -> Vec<Turn> {
    let mut all = opened("xmlns='jabber:client'");
    all.push(features(mechanisms));
    all.extend_from_slice(turns);
    all
}

fn auth(mechanism: &str, text: &str) -> Turn {
    c(format!("<auth {SASL} mechanism='{mechanism}'>{text}</auth>"))
}

fn success() -> Turn {
    s(format!("<success {SASL}/>"))
}

fn failure(condition: &str) -> Turn {
    s(format!("<failure {SASL}><{condition}/><text xml:lang='en'>no</text></failure>"))
}

#[test]
fn a_password_in_clear() {
    let turns = client(&["PLAIN"], &[auth("PLAIN", ALICE), success()]);
    check(&turns, &[SPEAKS, DEMANDS, PASSWORD, ACCEPTS, SESSION]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    // Where nobody has to say who calls, a password is volunteered.
    let turns = client(&["ANONYMOUS", "PLAIN"], &[auth("PLAIN", ALICE), success()]);
    check(&turns, &[SPEAKS, PASSWORD, ACCEPTS, SESSION]);
    // Without an initial response, and refused first; the caller does not wait for the features.
    let asked = s(format!("<challenge {SASL}/>"));
    let response = c(format!("<response {SASL}>{ALICE}</response>"));
    let turns = client(&["PLAIN"], &[auth("PLAIN", ""), asked, response, failure("not-authorized")]);
    check(&turns, &[SPEAKS, DEMANDS, PASSWORD, WRONG]);
    let again = [auth("PLAIN", ALICE), failure("not-authorized"), auth("PLAIN", ALICE), success()];
    check(
        &client(&["PLAIN"], &again),
        &[SPEAKS, DEMANDS, PASSWORD, WRONG, DEMANDS, PASSWORD, ACCEPTS, SESSION],
    );
    let mut early = opened("");
    early.insert(1, auth("PLAIN", ALICE));
    early.extend([features(&["PLAIN"]), success()]);
    check(&early, &[SPEAKS, DEMANDS, PASSWORD, ACCEPTS, SESSION]);
    for (condition, why) in [
        ("temporary-auth-failure", "refuses Other [xmpp.authentication-not-done]"),
        ("account-disabled", "refuses NotAllowed [xmpp.authentication-not-done]"),
    ] {
        let turns = client(&["PLAIN"], &[auth("PLAIN", ALICE), failure(condition)]);
        check(&turns, &[SPEAKS, DEMANDS, PASSWORD, why]);
    }
}

#[test]
fn challenges_names_and_nobody() {
    // n,,n=alice,r=x and c=biws,r=xy,p=cHJvb2Y=
    let scram = [
        auth("SCRAM-SHA-1", "bixhLG49YWxpY2Uscj14"),
        s(format!("<challenge {SASL}>cj14eSxzPWFhLGk9NDA5Ng==</challenge>")),
        c(format!("<response {SASL}>Yz1iaXdzLHI9eHkscD1jSEp2YjJZPQ==</response>")),
        s(format!("<success {SASL}>dj1hYQ==</success>")),
    ];
    let challenged = "offers Secret for Connection as User \"alice\" by Password [sasl.challenge-answered]";
    check(&client(&["SCRAM-SHA-1"], &scram), &[SPEAKS, DEMANDS, challenged, ACCEPTS, SESSION]);
    check(
        &client(&["ANONYMOUS"], &[auth("ANONYMOUS", ""), success()]),
        &[SPEAKS, "offers Claim for Connection [sasl.name-claimed]", SESSION],
    );
    // EXTERNAL outside of TLS rests on nothing that can be seen. b64: other.example
    check(
        &client(&["EXTERNAL"], &[auth("EXTERNAL", "b3RoZXIuZXhhbXBsZQ=="), success()]),
        &[SPEAKS, "offers Claim for Connection as User \"other.example\" [sasl.name-claimed]", SESSION],
    );
    check(
        &client(&["X-ODD"], &[auth("X-ODD", "eA=="), success()]),
        &[SPEAKS, "hidden Unsupported [xmpp.unknown-proof-accepted]"],
    );
    // SASL 2 (XEP-0388).
    let second = [
        c(format!(
            "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{ALICE}</initial-response>\
             <user-agent id='d4'><software>x</software></user-agent></authenticate>"
        )),
        s(
            "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>alice@x</authorization-identifier></success>",
        ),
    ];
    check(&client(&["PLAIN"], &second), &[SPEAKS, DEMANDS, PASSWORD, ACCEPTS, SESSION]);
}

#[test]
fn authentication_before_sasl() {
    let query = |fields: &str| {
        c(format!(
            "<iq type='set' id='a1'><query xmlns='jabber:iq:auth'>{fields}<resource>r</resource></query></iq>"
        ))
    };
    let asks = [
        c("<iq type='get' id='a0'><query xmlns='jabber:iq:auth'><username>alice</username></query></iq>"),
        s(
            "<iq type='result' id='a0'><query xmlns='jabber:iq:auth'><username/><password/><digest/></query></iq>",
        ),
    ];
    let with = |fields: &str, answer: &str| {
        let mut all = opened("xmlns='jabber:client'");
        all.extend(asks.clone());
        all.extend([query(fields), s(answer)]);
        all
    };
    let taken = "<iq type='result' id='a1'/>";
    let sent = "offers Secret for Connection as User \"alice\" by Password in clear with fingerprint [xmpp.password-sent]";
    let turns = with("<username>alice</username><password>MARK&amp;05</password>", taken);
    check(&turns, &[SPEAKS, DEMANDS, sent, ACCEPTS, SESSION]);
    assert!(!format!("{:?}", observe(&turns)).contains("MARK"));
    let digest = "<digest>48fc78be9ec8f86d8ce1c39c320c97c21d62334d</digest><username>alice</username>";
    let offered = "offers Secret for Connection as User \"alice\" by Password [xmpp.digest-sent]";
    check(&with(digest, taken), &[SPEAKS, DEMANDS, offered, ACCEPTS, SESSION]);
    for error in ["<error code='401'>no</error>", "<error type='auth'><not-authorized xmlns='x'/></error>"] {
        let refused = format!("<iq type='error' id='a1'><query/>{error}</iq>");
        check(&with(digest, &refused), &[SPEAKS, DEMANDS, offered, WRONG]);
    }
    // Only a name; never answered; registration gives anybody an account.
    let claim = "offers Claim for Connection as User \"alice\" [sasl.name-claimed]";
    check(&with("<username>alice</username>", taken), &[SPEAKS, claim, SESSION]);
    check(&with(digest, ""), &[SPEAKS, offered]);
    let registers = "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>alice</username><password>MARK06</password></query></iq>";
    check(
        &client(&["PLAIN"], &[c(registers), s("<iq type='result' id='r'/>")]),
        &[SPEAKS, "serves Public [xmpp.account-registered]"],
    );
}

#[test]
fn components_and_servers() {
    let component = |answer: &str| {
        let mut all = opened("xmlns='jabber:component:accept'");
        all.extend([c("<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>"), s(answer)]);
        all
    };
    let digest =
        "offers Secret for Connection as User \"example.org\" by Password [xmpp.component-handshake]";
    check(&component("<handshake/>"), &[SPEAKS, DEMANDS, digest, ACCEPTS, SESSION]);
    let error = "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
    check(&component(error), &[SPEAKS, DEMANDS, digest, WRONG]);

    // Dialback proves a place by DNS at best: a claim.
    let dialback = |turns: &[Turn]| {
        let mut all = opened("xmlns='jabber:server' xmlns:db='jabber:server:dialback'");
        all.extend_from_slice(turns);
        all
    };
    let key = c(
        "<db:result from='a.example' to='example.org'>b4835385f37fe2895af6c196b59097b16862406d</db:result>",
    );
    let claims = "offers Claim for Connection as User \"a.example\" [xmpp.dialback-key]";
    let valid = s("<db:result from='example.org' to='a.example' type='valid'/>");
    check(&dialback(&[key.clone(), valid]), &[SPEAKS, claims, "serves Service [xmpp.dialback-confirmed]"]);
    let invalid = s("<db:result from='example.org' to='a.example' type='invalid'/>");
    check(
        &dialback(&[key.clone(), invalid]),
        &[SPEAKS, claims, "refuses Other [xmpp.authentication-not-done]"],
    );
    check(&dialback(&[key]), &[SPEAKS, claims]);
    let verifies = [
        c("<db:verify from='a.example' to='example.org' id='s1'>b4835385</db:verify>"),
        s("<db:verify from='example.org' to='a.example' id='s1' type='valid'/>"),
    ];
    check(&dialback(&verifies), &[SPEAKS, "serves Public [xmpp.dialback-answered]"]);
}

#[test]
fn stanzas_without_authentication() {
    let query = c("<iq type='get' id='q' to='example.org'><query xmlns='jabber:iq:version'/></iq>");
    let answer = s("<iq type='result' id='q'><query xmlns='jabber:iq:version'><name>x</name></query></iq>");
    let served = "serves Service [xmpp.stanza-served]";
    check(&client(&["PLAIN"], &[query.clone(), answer]), &[SPEAKS, served]);
    let refused = s("<iq type='error' id='q'><error type='auth'><not-authorized/></error></iq>");
    check(
        &client(&["PLAIN"], &[query.clone(), refused]),
        &[SPEAKS, "refuses ProofMissing [xmpp.not-authorized]"],
    );
    let error = s("<stream:error><not-authorized/></stream:error></stream:stream>");
    check(
        &client(&["PLAIN"], &[query.clone(), error]),
        &[SPEAKS, "refuses ProofMissing [xmpp.not-authorized]"],
    );
    let error = s("<stream:error><host-unknown/></stream:error></stream:stream>");
    check(&client(&["PLAIN"], &[query, error]), &[SPEAKS, "refuses Other [xmpp.stream-refused]"]);
    // Serverless messaging (XEP-0174): a name is all there is.
    let mut link_local = opened("from='juliet@pronto'");
    link_local.extend([c("<message><body>MARK07</body></message>"), s("<message><body>hi</body></message>")]);
    check(
        &link_local,
        &[SPEAKS, "offers Claim for Connection as User \"juliet@pronto\" [xmpp.stream-from]", served],
    );
    check(&client(&["PLAIN"], &[c("</stream:stream>"), s("</stream:stream>")]), &[SPEAKS]);
}

#[test]
fn tls_takes_over() {
    let tls = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'";
    let starts = c(format!("<starttls {tls}/>\n"));
    let hello = c(b"\x16\x03\x01nonsense");
    let unread = ["hidden Encrypted [tls.unfinished]", "hidden Encrypted [stream.unreadable]"];
    let proceed = s(format!("<proceed {tls}></proceed>"));
    check(
        &client(&["PLAIN"], &[starts.clone(), proceed, hello, s("nonsense")]),
        &[SPEAKS, unread[0], unread[1]],
    );
    // The receiver has no TLS; then a password in clear.
    let fails = s(format!("<failure {tls}/>"));
    let turns = client(&["PLAIN"], &[starts, fails, auth("PLAIN", ALICE), success()]);
    check(&turns, &[SPEAKS, DEMANDS, PASSWORD, ACCEPTS, SESSION]);
}

#[test]
fn cut_wrong_and_other_bytes() {
    let mut cut = client(&["PLAIN"], &[]);
    cut.push(c(format!("<auth {SASL} mechanism='PLAIN'>AGFsaWNlAE1B")));
    check(&cut, &[SPEAKS]);
    check(&client(&["PLAIN"], &[auth("PLAIN", ALICE)]), &[SPEAKS, PASSWORD]);
    let broken = "hidden Unsupported [stream.unreadable]";
    check(&client(&["PLAIN"], &[c("<!DOCTYPE x>")]), &[SPEAKS, broken]);
    check(&client(&["PLAIN"], &[s("</a></b>")]), &[SPEAKS, broken]);
    let deep = "<a>".repeat(300);
    check(&client(&["PLAIN"], &[c(deep)]), &[SPEAKS, broken]);
    let endless = format!("<a b='{}", "x".repeat(5000));
    check(&client(&["PLAIN"], &[c(endless)]), &[SPEAKS, broken]);
    check(&[c("<stream:stream>"), s("<stream:stream ")], &["hidden Unsupported [stream.unsupported]"]);
    check(&[c("<html><stream:stream "), s("x")], &["hidden Unsupported [stream.unsupported]"]);
    check(&opened("")[..1], &["hidden Unsupported [stream.one-sided]"]);
}
