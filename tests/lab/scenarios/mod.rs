//! The scenarios, one a file, each with its `truth.json` beside it.

use super::scenario::Scenario;

mod d01;
mod d02;
mod d03;
mod d04;
mod d05;
mod d06;
mod d07;
mod d08;
mod d09;
mod d10;
mod d11;
mod d12;
mod d13;
mod d14;
mod d15;
mod d16;
mod d17;
mod d18;
mod d19;
mod d20;
mod idle;
mod ldaps;
mod nat;
mod show_5000;
mod show_redis;
mod udp;

/// All scenarios, in the order in which they run.
pub(crate) fn all() -> Vec<Scenario> {
    vec![
        d01::SCENARIO,
        d02::SCENARIO,
        d03::SCENARIO,
        d04::SCENARIO,
        d05::SCENARIO,
        d06::TLS12,
        d06::TLS13,
        d06::TLS12_LIBRARY,
        d06::TLS13_LIBRARY,
        d07::SCENARIO,
        d07::LIBRARY,
        d08::SCENARIO,
        d09::SCENARIO,
        d10::SCENARIO,
        d11::SCENARIO,
        d12::SESSION,
        d12::STATELESS,
        d13::SESSION,
        d13::STATELESS,
        d13::OTHER,
        d13::HANDS_ON,
        d13::OPEN,
        d14::SCENARIO,
        d15::SCENARIO,
        d16::SCENARIO,
        d17::SCENARIO,
        d18::SCENARIO,
        d19::SCENARIO,
        d19::NETWORK,
        d20::SCENARIO,
        idle::SCENARIO,
        ldaps::SCENARIO,
        ldaps::LIBRARY,
        nat::SCENARIO,
        udp::SCENARIO,
        show_redis::SCENARIO,
        show_5000::SCENARIO,
    ]
}

#[cfg(test)]
mod tests {
    use super::super::judge::VERDICTS;
    use super::super::truth::Truth;
    use super::all;

    #[test]
    fn every_truth_is_well_formed_and_names_its_scenario() {
        for scenario in all() {
            let truth = Truth::read(scenario.truth).unwrap();
            assert_eq!(truth.scenario, scenario.name);
            for edge in &truth.edges {
                assert!(VERDICTS.contains(&edge.verdict.as_str()), "{}: {}", scenario.name, edge.verdict);
            }
            for must_not in &truth.must_not {
                let known =
                    must_not.edge.as_ref().is_none_or(|name| truth.edges.iter().any(|e| e.name == *name));
                assert!(known, "{}: {}", scenario.name, must_not.says);
            }
        }
    }
}
