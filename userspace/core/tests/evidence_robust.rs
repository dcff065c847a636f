//! What must hold for any bytes: cuts change nothing, less shows no more, noise never panics, no secret comes out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where it fails")]

mod evidence_support;
use evidence_support::{LIMIT, Turn, c, fingerprinter, line, now, observe, observe_cut, recordings, s};
use jiff::SignedDuration;
use proptest::prelude::*;
use tierzero_core::event::Role;
use tierzero_core::evidence::{Conversation, Observation, Shown};

/// True for what would make a caller or receiver look better, or worse, than it is.
fn is_statement(observation: &Observation) -> bool {
    match observation.shown {
        Shown::Offers { .. }
        | Shown::Accepts
        | Shown::Resumes { .. }
        | Shown::Admits { .. }
        | Shown::Serves { .. }
        | Shown::Refuses { .. }
        | Shown::SendsOneWay
        | Shown::Ignores => true,
        Shown::Speaks { .. }
        | Shown::Demands { .. }
        | Shown::Declines
        | Shown::Unverified
        | Shown::Carries { .. }
        | Shown::NamesServer { .. }
        | Shown::Keeps { .. }
        | Shown::AsksPublic
        | Shown::Asks { .. }
        | Shown::Hidden { .. }
        | Shown::KernelVouches { .. } => false,
    }
}

/// The one rule that reads from the end of a flow that nothing more came.
fn by_silence(observation: &Observation) -> bool {
    observation.rule.0.id == "tls13.refused"
}

/// Wherever one turn is cut in two: a byte that begins a segment begins no message by that.
#[test]
fn one_cut_anywhere_changes_nothing() {
    for (name, turns) in recordings() {
        let whole = observe(&turns);
        for (number, (_, bytes)) in turns.iter().enumerate().take(6) {
            for at in (1..bytes.len().min(700)).step_by(if number < 3 { 1 } else { 7 }) {
                let mut cut = turns.clone();
                let later = cut[number].1.split_off(at);
                cut.insert(number + 1, (cut[number].0, later));
                assert_eq!(observe(&cut), whole, "{name}: turn {number} cut at {at}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_change_nothing(sizes in proptest::collection::vec(1_usize..700, 1..12)) {
        for (name, turns) in recordings() {
            prop_assert_eq!(observe_cut(&turns, &sizes), observe(&turns), "{}", name);
        }
    }

    #[test]
    fn less_shows_no_more(per_mille in 0_usize..1000) {
        for (name, turns) in recordings() {
            let total: usize = turns.iter().map(|(_, bytes)| bytes.len()).sum();
            let mut left = total * per_mille / 1000;
            let part: Vec<Turn> = turns.iter().map(|(role, bytes)| {
                let bytes = &bytes[..bytes.len().min(left)];
                left -= bytes.len();
                (*role, bytes.to_vec())
            }).collect();
            let whole: Vec<String> = observe(&turns).iter().map(line).collect();
            for shown in observe(&part).iter().filter(|shown| is_statement(shown) && !by_silence(shown)) {
                prop_assert!(whole.contains(&line(shown)), "{}: {} is not in {:?}", name, line(shown), whole);
            }
        }
    }

    #[test]
    fn noise_never_panics_and_never_serves(turns in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..300)), 0..12)) {
        let turns: Vec<Turn> = turns.into_iter().map(|(from, bytes)| if from { c(bytes) } else { s(bytes) }).collect();
        let shown = observe(&turns);
        prop_assert!(!shown.is_empty());
        let accepted = |shown: &Observation| matches!(shown.shown, Shown::Accepts | Shown::Admits { .. });
        prop_assert!(!shown.iter().any(accepted));
    }

    #[test]
    fn flipped_bytes_never_panic(at in any::<prop::sample::Index>(), bits in 1_u8.., pick in any::<prop::sample::Index>()) {
        let recordings = recordings();
        let (_, mut turns) = recordings[pick.index(recordings.len())].clone();
        let turn = at.index(turns.len());
        let byte = at.index(turns[turn].1.len());
        turns[turn].1[byte] ^= bits;
        let shown = observe(&turns);
        prop_assert_eq!(observe_cut(&turns, &[1]), shown);
    }

    #[test]
    fn any_order_and_overlap_within_a_direction_shows_the_same(seed in any::<u64>()) {
        for (name, turns) in recordings() {
            // Each turn's segments are shuffled, some are repeated, some overlap; turns keep their order.
            let mut conversation = Conversation::new(LIMIT, fingerprinter());
            let (mut out, mut offsets, mut state) = (Vec::new(), [0_u64; 2], seed | 1);
            for (from, bytes) in &turns {
                let start = offsets[usize::from(*from == Role::Responder)];
                let mut pieces = Vec::new();
                let mut at = 0;
                while at < bytes.len() {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let end = (at + 1 + (state >> 33) as usize % 400).min(bytes.len());
                    let overlap = at.saturating_sub((state >> 50) as usize % 5);
                    pieces.push((overlap, end));
                    at = end;
                }
                let turned = (state >> 40) as usize % pieces.len().max(1);
                pieces.rotate_left(turned);
                for (at, end) in pieces {
                    let piece = &bytes[at..end];
                    conversation.payload(*from, start + at as u64, piece.len() as u64, piece, now(), &mut out);
                }
                offsets[usize::from(*from == Role::Responder)] += bytes.len() as u64;
            }
            conversation.finish(&mut out);
            out.retain(|observation| !matches!(observation.shown, Shown::Asks { .. }));
            prop_assert_eq!(&out, &observe(&turns), "{}", name);
        }
    }
}

#[test]
fn a_hole_waits_and_then_is_a_gap() {
    let get = b"*1\r\n$4\r\nPING\r\n";
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    let mut out = Vec::new();
    conversation.payload(Role::Originator, 0, 14, get, now(), &mut out);
    conversation.payload(Role::Responder, 7, 7, b"+PONG\r\n", now(), &mut out);
    assert!(out.is_empty() && !conversation.settled());
    let later = now().checked_add(SignedDuration::from_secs(6)).unwrap();
    conversation.payload(Role::Originator, 14, 14, get, later, &mut out);
    assert_eq!(out.iter().map(line).collect::<Vec<_>>(), ["hidden Gap [stream.gap]"]);
    assert!(conversation.settled());
}

#[test]
fn a_hole_that_is_filled_is_none() {
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    let mut out = Vec::new();
    conversation.payload(Role::Originator, 0, 14, b"*1\r\n$4\r\nPING\r\n", now(), &mut out);
    conversation.payload(Role::Responder, 3, 4, b"NG\r\n", now(), &mut out);
    conversation.payload(Role::Responder, 0, 4, b"+PON", now(), &mut out);
    let shown: Vec<String> = out.iter().map(line).collect();
    assert_eq!(shown, ["speaks redis [stream.protocol]", "serves Service [redis.command-served]"]);
}

#[test]
fn a_cut_record_is_skipped_where_nobody_needs_it_and_truncates_where_somebody_does() {
    let head = b"POST /v1/x HTTP/1.1\r\nContent-Length: 5000\r\n\r\n";
    let mut out = Vec::new();
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    conversation.payload(Role::Originator, 0, head.len() as u64 + 5000, head, now(), &mut out);
    conversation.payload(Role::Responder, 0, 19, b"HTTP/1.1 200 OK\r\n\r\n", now(), &mut out);
    assert_eq!(
        out.iter().map(line).collect::<Vec<_>>(),
        [
            "speaks http [stream.protocol]",
            "asks [http.operation]",
            "serves Service [http.request-with-body-served]"
        ],
    );
    let mut out = Vec::new();
    let mut conversation = Conversation::new(LIMIT, fingerprinter());
    conversation.payload(Role::Originator, 0, 14, b"*1\r\n$4\r\nPING\r\n", now(), &mut out);
    conversation.payload(Role::Responder, 0, 40, b"-NOAU", now(), &mut out);
    conversation.finish(&mut out);
    assert_eq!(out.iter().map(line).collect::<Vec<_>>(), ["hidden Truncated [stream.truncated]"]);
}

#[test]
fn memory_is_bounded_whatever_comes() {
    let mut conversation = Conversation::new(1024, fingerprinter());
    let mut out = Vec::new();
    for round in 0..2000_u64 {
        conversation.payload(Role::Originator, 10 + round * 3, 2, b"xx", now(), &mut out);
    }
    assert_eq!(out.iter().map(line).collect::<Vec<_>>(), ["hidden Gap [stream.gap]"]);
}

#[test]
fn no_marker_comes_out_in_any_form() {
    let forms = ["MARK", "TUFSS", "1BUks", "NQVJL", "4d41524b"];
    let mut credentials = 0;
    for (name, turns) in recordings() {
        let shown = observe(&turns);
        let text = format!("{shown:?}{}", serde_json::to_string(&shown).unwrap());
        for form in forms {
            assert!(!text.contains(form), "{name} shows {form}: {text}");
        }
        credentials += text.matches("fingerprint: Some").count();
        // A conversation that is still open must not print what it holds either.
        let mut conversation = Conversation::new(LIMIT, fingerprinter());
        let mut out = Vec::new();
        for (from, bytes) in turns.iter().take(3) {
            conversation.payload(*from, 0, bytes.len() as u64, bytes, now(), &mut out);
            let text = format!("{conversation:?}");
            assert!(forms.iter().all(|form| !text.contains(form)), "{name}: {text}");
        }
    }
    assert!(credentials > 5, "the recordings hold credentials that were seen: {credentials}");
}

#[test]
fn rules_are_many_unique_and_whole_sentences() {
    let mut ids: Vec<&str> = tierzero_core::evidence::rules().map(|rule| rule.id).collect();
    assert!(ids.len() > 80);
    for rule in tierzero_core::evidence::rules() {
        assert!(rule.id.contains('.') && rule.version > 0, "{}", rule.id);
        for sentence in [rule.shows, rule.limits] {
            assert!(sentence.len() > 15 && sentence.starts_with(char::is_uppercase), "{}", rule.id);
        }
    }
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn observations_survive_their_written_form() {
    for (_, turns) in recordings() {
        let shown = observe(&turns);
        let text = serde_json::to_string(&shown).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Observation>>(&text).unwrap(), shown);
    }
}
