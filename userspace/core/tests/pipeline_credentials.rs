//! Credentials over time: refreshed, expired, rotated, cancelled; and what only looks like it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod pipeline_scene;

use jiff::{SignedDuration, Timestamp};
use pipeline_scene::api::{Api, OK, SAID_EXPIRED, UNAUTHORIZED};
use pipeline_scene::{HOST, Scene, settings};
use proptest::prelude::*;
use tierzero_core::event::Role;
use tierzero_core::evidence::{Credential, CredentialKind, Principal, PrincipalKind};
use tierzero_core::fingerprint::Fingerprinter;
use tierzero_core::graph::{Expiry, Holder, Lifetime};
use tierzero_core::id::{ListenerId, WorkloadId};
use tierzero_core::pipeline::Pipeline;
use tierzero_core::verdict::{Decision, Presented, Revision, Verdict};

/// base64url without padding (RFC 4648 section 5), as JWTs are written.
fn base64url(plain: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in plain.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

/// A bearer in the form of a JWT, issued at `from` and good for `lives_s`.
fn jwt(subject: &str, from: Timestamp, lives_s: i64) -> String {
    let issued = from.as_second();
    let claims = format!(
        r#"{{"iss":"lab","sub":"{subject}","iat":{issued},"exp":{}}}"#,
        issued.saturating_add(lives_s)
    );
    format!("Bearer {}.{}.MARK", base64url(r#"{"alg":"RS256"}"#), base64url(&claims))
}

#[test]
fn a_token_that_is_refreshed_and_then_refused_for_its_age() {
    let mut api = Api::new();
    let batch = api.caller("/usr/bin/batch");
    let tokens =
        [0, 50, 100].map(|after| (after, jwt("batch", api.now() + SignedDuration::from_secs(after), 60)));
    let start = api.now();
    for (after, token) in &tokens {
        let wait = (start + SignedDuration::from_secs(*after)).duration_since(api.now());
        api.later(wait.as_secs().max(0));
        api.bearer(batch, token, OK);
    }
    let holder = api.holder(Some("lab|batch"));
    assert_eq!((holder.life.lifetime, holder.life.refreshed), (Lifetime::QuarterHour, 2));
    assert_eq!(holder.life.expiry(), Expiry::NotSeen);
    assert!(!holder.verified, "nothing shows yet that anybody looks");
    api.later(120);
    let replayed = api.now();
    api.bearer(batch, &tokens[2].1, UNAUTHORIZED);
    let holder = api.holder(Some("lab|batch"));
    assert!(holder.verified);
    assert!(holder.life.expiry_enforced.unwrap() >= replayed);
    assert_eq!((holder.life.expiry(), holder.life.refreshed), (Expiry::Enforced, 2));
    assert_eq!((holder.life.cancelled, &holder.life.rotated), (None, &None));
    assert_eq!(holder.credentials.len(), 3);
    assert!(
        holder
            .credentials
            .iter()
            .all(|held| held.credential.lifetime_s == Some(60) && held.credential.cleartext)
    );
}

#[test]
fn any_wrong_token_is_refused_so_an_old_one_must_have_been_good() {
    let mut api = Api::new();
    let batch = api.caller("/usr/bin/batch");
    let old = jwt("batch", api.now() - SignedDuration::from_secs(600), 60);
    api.bearer(batch, &old, UNAUTHORIZED);
    assert_eq!(api.holder(Some("lab|batch")).life.expiry(), Expiry::NotSeen);
    // By the receiver's word alone it does not count either: the token's own end must be past.
    let young = jwt("young", api.now(), 60);
    api.bearer(batch, &young, SAID_EXPIRED);
    assert_eq!(api.holder(Some("lab|young")).life.expiry(), Expiry::NotSeen);
    api.bearer(batch, &old, SAID_EXPIRED);
    assert_eq!(api.holder(Some("lab|batch")).life.expiry(), Expiry::Enforced);
}

#[test]
fn an_expired_token_that_is_taken_outweighs_one_that_was_refused() {
    let mut api = Api::new();
    let batch = api.caller("/usr/bin/batch");
    let token = jwt("batch", api.now(), 60);
    api.bearer(batch, &token, OK);
    api.later(100);
    api.bearer(batch, &token, SAID_EXPIRED);
    assert_eq!(api.holder(Some("lab|batch")).life.expiry(), Expiry::Enforced);
    // Within what clocks may differ, taking it says nothing.
    api.later(100);
    api.bearer(batch, &token, OK);
    assert_eq!(api.holder(Some("lab|batch")).life.expiry(), Expiry::Enforced);
    api.later(600);
    api.bearer(batch, &token, OK);
    let holder = api.holder(Some("lab|batch"));
    assert_eq!(holder.life.expiry(), Expiry::Accepted);
    assert!(holder.life.expiry_enforced.is_some(), "both are kept");
}

#[test]
fn a_key_that_is_changed_is_rotated_and_never_expires() {
    let mut api = Api::new();
    let app = api.caller("/usr/bin/app");
    api.key(app, "MARK-a", OK);
    api.later(3600);
    api.key(app, "MARK-a", OK);
    api.later(60);
    api.key(app, "MARK-b", OK);
    let holder = api.holder(None);
    assert_eq!(holder.life.rotated, None, "two keys side by side are no rotation");
    api.key(app, "MARK-a", UNAUTHORIZED);
    let holder = api.holder(None);
    let rotated = holder.life.rotated.clone().unwrap();
    assert_ne!(rotated.old, rotated.new);
    assert!(rotated.old_last < rotated.new_first && rotated.old_refused.unwrap() > rotated.new_first);
    assert!((3600..3700).contains(&holder.life.same_secret_s.unwrap()));
    assert_eq!((holder.life.lifetime, holder.life.expiry()), (Lifetime::Endless, Expiry::NotSeen));
    assert_eq!((holder.life.refreshed, holder.life.cancelled), (0, None), "rotation is not cancelling");
}

#[test]
fn a_password_that_nobody_looks_at_is_not_rotated() {
    let mut api = Api::new();
    let app = api.caller("/usr/bin/app");
    for password in ["YTpNQVJLMQ==", "YTpNQVJLMg=="] {
        api.call(app, &format!("Authorization: Basic {password}\r\n"), OK);
        api.later(10);
    }
    let before = api.holder(Some("a"));
    assert_eq!((before.verified, &before.life.rotated), (false, &None));
    // Once it is known to be looked at, one name's new password took the old one's place.
    let other = api.caller("/usr/bin/other");
    api.call(other, "", UNAUTHORIZED);
    let after = api.holder(Some("a"));
    assert!(after.verified && after.life.rotated.unwrap().old_refused.is_none());
}

#[test]
fn a_token_refused_before_its_end_for_good_was_cancelled() {
    let mut api = Api::new();
    let batch = api.caller("/usr/bin/batch");
    let token = jwt("batch", api.now(), 86_400);
    api.bearer(batch, &token, OK);
    api.later(60);
    api.bearer(batch, &token, UNAUTHORIZED);
    assert!(api.holder(Some("lab|batch")).life.cancelled.is_some());
    // Taken again: it was something else.
    api.later(60);
    api.bearer(batch, &token, OK);
    assert_eq!(api.holder(Some("lab|batch")).life.cancelled, None);
}

#[test]
fn of_two_credentials_on_one_request_nobody_can_tell_which_was_looked_at() {
    let mut api = Api::new();
    let batch = api.caller("/usr/bin/batch");
    let old = jwt("batch", api.now() - SignedDuration::from_secs(6000), 60);
    api.call(batch, &format!("Authorization: {old}\r\nX-API-Key: MARK\r\n"), OK);
    let holder = api.holder(Some("lab|batch"));
    assert_eq!((holder.life.expiry(), holder.credentials[0].accepted_first), (Expiry::NotSeen, None));
    assert_eq!(holder.credentials.len(), 1);
}

#[test]
fn a_name_that_was_refused_is_not_verified_by_the_next_one() {
    let mut api = Api::new();
    let app = api.caller("/usr/bin/app");
    let mut it = api.scene.connect(app, api.receiver, ("127.0.0.1:39999", HOST), ("127.0.0.1:8080", HOST));
    let [wrong, good] = [jwt("admin", api.now(), 60), jwt("bob", api.now(), 60)];
    for (token, answer) in [(wrong, UNAUTHORIZED), (good, OK)] {
        let request = format!("GET /orders HTTP/1.1\r\nHost: api\r\nAuthorization: {token}\r\n\r\n");
        api.scene.says(&mut it, Role::Originator, request.as_bytes());
        api.scene.says(&mut it, Role::Responder, answer.as_bytes());
    }
    api.scene.close(&it);
    api.later(3);
    assert!(api.holder(Some("lab|bob")).verified);
    assert!(!api.holder(Some("lab|admin")).verified);
    let edge = &api.scene.snapshot().edges[0];
    let verified = |name: &str| edge.principals.iter().find(|it| it.principal.name == name).unwrap().verified;
    assert!(verified("lab|bob") && !verified("lab|admin"));
}

#[test]
fn names_and_lives_go_on_after_a_restart() {
    let mut api = Api::new();
    let batch = api.caller("/usr/bin/batch");
    let token = jwt("batch", api.now(), 60);
    api.bearer(batch, &token, OK);
    api.bearer(batch, "Bearer MARK", UNAUTHORIZED);
    let (stored, millis) = (api.scene.snapshot(), api.scene.millis);
    let mut pipeline = Pipeline::new(settings());
    pipeline.restore(&stored);
    let mut scene = Scene::with(pipeline);
    scene.millis = millis;
    let mut api = Api::on(scene);
    let before = api.holder(Some("lab|batch"));
    assert!(before.verified && before.credentials.len() == 1);
    let batch = api.caller("/usr/bin/batch");
    api.later(120);
    api.bearer(batch, &token, UNAUTHORIZED);
    let after = api.holder(Some("lab|batch"));
    assert_eq!((&after.id, after.first), (&before.id, before.first));
    assert_eq!(after.life.expiry(), Expiry::Enforced);
}

#[test]
fn a_revision_says_what_made_it_so() {
    let mut api = Api::new();
    let app = api.caller("/usr/bin/app");
    api.key(app, "MARK-a", OK);
    let other = api.caller("/usr/bin/other");
    api.call(other, "", UNAUTHORIZED);
    let nobody = api.caller("/usr/bin/nobody");
    api.call(nobody, "", OK);
    let snapshot = api.scene.snapshot();
    let app = api.scene.workload("app").id;
    let edge = snapshot.edges.iter().find(|edge| edge.caller == app).unwrap();
    let history: Vec<_> = edge.history.iter().map(|it| (it.from, it.to, it.why.unwrap())).collect();
    assert_eq!(history[0], (Verdict::Unproven, Verdict::SecretChecked, Revision::RefusedWithoutProof));
    assert!(edge.history.iter().all(|it| it.check.is_some()));
}

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// Presentations of four credentials, two with an end and two without.
fn presented() -> impl Strategy<Value = Presented> {
    (0_usize..4, 0_i64..2000, 0_usize..4).prop_map(|(which, second, decision)| {
        let decisions = [Decision::Open, Decision::Accepted, Decision::Refused, Decision::RefusedExpired];
        let fingerprint = Fingerprinter::new([1; 32]).of("test", &[u8::try_from(which).unwrap()]);
        let credential = if which < 2 {
            let begins = 500 * i64::try_from(which).unwrap();
            Credential {
                lifetime_s: Some(600),
                not_before: Some(moment(begins)),
                not_after: Some(moment(begins + 600)),
                ..Credential::clear(CredentialKind::Jwt, fingerprint)
            }
        } else {
            Credential::clear(CredentialKind::Password, fingerprint)
        };
        Presented { credential, principal: None, at: moment(second), decision: decisions[decision] }
    })
}

fn held(all: &[Presented]) -> Holder {
    let principal = Some(Principal { kind: PrincipalKind::User, name: "a".to_owned() });
    let caller = WorkloadId::derive(&["w"]);
    let mut holder = Holder::new(ListenerId::derive(&["l"]), principal, &caller, moment(0));
    holder.verified = true;
    all.iter().for_each(|one| holder.take(one, 3600));
    holder.life = holder.reckon(3600);
    holder
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    /// In which order flows are judged does not matter.
    #[test]
    fn the_order_of_judging_changes_nothing(
        all in prop::collection::vec(presented(), 0..12),
        order in any::<prop::sample::Index>(),
    ) {
        let mut turned = all.clone();
        if !turned.is_empty() {
            let middle = order.index(turned.len());
            turned.rotate_left(middle);
            turned.reverse();
        }
        prop_assert_eq!(held(&all), held(&turned));
    }

    /// What is good news needs its witness: it is there only where the decisions that show it are.
    #[test]
    fn no_comfort_without_its_witness(all in prop::collection::vec(presented(), 0..12)) {
        let life = held(&all).life;
        let any = |wanted: fn(&Presented) -> bool| all.iter().any(wanted);
        prop_assert!(life.expiry_enforced.is_none() || any(|it| matches!(it.decision, Decision::Refused | Decision::RefusedExpired)));
        let taken_late = all.iter().any(|it| {
            let end = it.credential.not_after.filter(|_| it.decision == Decision::Accepted);
            end.is_some_and(|end| it.at.duration_since(end) > SignedDuration::from_secs(300))
        });
        prop_assert_eq!(life.expiry() == Expiry::Accepted, taken_late);
        prop_assert!(life.refreshed == 0 || all.iter().filter(|it| it.decision == Decision::Accepted).count() >= 2);
        prop_assert!(life.cancelled.is_none() || any(|it| it.decision == Decision::Refused));
    }

    /// Seeing less of the end of it all takes away good news, or leaves it: an end that was not seen enforces nothing.
    #[test]
    fn truncation_never_adds_an_enforced_expiry(
        all in prop::collection::vec(presented(), 0..12),
        keep in 0_usize..12,
    ) {
        let mut all = all;
        all.sort_by_key(|it| it.at);
        let cut = &all[..keep.min(all.len())];
        let (whole, part) = (held(&all).life, held(cut).life);
        prop_assert!(part.expiry_enforced.is_none() || whole.expiry_enforced.is_some());
        prop_assert!(part.refreshed <= whole.refreshed);
    }

    /// However many credentials come, few are kept, and what was seen of the others stays.
    #[test]
    fn what_was_seen_outlives_what_is_kept(count in 0_usize..60) {
        let all: Vec<Presented> = (0..count)
            .map(|number| {
                let begins = 500 * i64::try_from(number).unwrap();
                let fingerprint = Fingerprinter::new([1; 32]).of("test", &number.to_le_bytes());
                let credential = Credential {
                    lifetime_s: Some(600),
                    not_after: Some(moment(begins + 600)),
                    ..Credential::clear(CredentialKind::Jwt, fingerprint)
                };
                Presented { credential, principal: None, at: moment(begins), decision: Decision::Accepted }
            })
            .collect();
        let holder = held(&all);
        prop_assert!(holder.credentials.len() <= tierzero_core::graph::MOST_CREDENTIALS);
        prop_assert_eq!(holder.life.refreshed, count.saturating_sub(1) as u64);
        prop_assert_eq!(holder.forgotten + holder.credentials.len() as u64, count as u64);
    }
}
