//! The write-down of a small estate, number by number.

#[cfg(test)]
mod estate;
#[cfg(test)]
#[allow(dead_code, reason = "the estate is made from some of these values")]
mod graph_values;

#[cfg(test)]
mod answers {
    use std::collections::BTreeMap;

    use tierzero_core::event::ListenAddress;
    use tierzero_core::graph::Snapshot;
    use tierzero_core::graph::tier0::{Floor, Tier0};
    use tierzero_core::verdict::{Attack, Resistance};

    use crate::estate::{estate, terms};

    fn figures(tier0: &Tier0, name: &str) -> BTreeMap<&'static str, u64> {
        tier0.answers.iter().find(|answer| answer.name == name).unwrap().figures.clone()
    }

    fn check(tier0: &Tier0, name: &str, expected: &[(&'static str, u64)]) {
        let figures = figures(tier0, name);
        for (figure, value) in expected {
            assert_eq!(figures.get(figure), Some(value), "{name}: {figure}");
        }
    }

    #[test]
    fn the_four_answers_have_their_numbers() {
        let tier0 = Tier0::of(&estate(), &terms());
        check(
            &tier0,
            "credentials",
            &[("verified", 5), ("short_lived", 2), ("cancelled", 0), ("expiry_enforced", 1)],
        );
        check(
            &tier0,
            "principals",
            &[
                ("principals", 6),
                ("verified", 5),
                ("claimed", 1),
                ("anonymous_listeners", 1),
                ("shared", 1),
                ("dormant", 1),
            ],
        );
        check(&tier0, "owners", &[("principals", 6), ("owned", 4), ("stale", 1)]);
        check(
            &tier0,
            "receivers",
            &[
                ("edges", 7),
                ("identity_checked", 3),
                ("secret_checked", 2),
                ("location_trusted", 2),
                ("legacy", 2),
                ("modern", 2),
            ],
        );
        let by_name =
            |name: &str| tier0.accounts.iter().find(|account| account.principal.name == name).unwrap();
        assert!(by_name("app_rw").shared() && !by_name("etl").shared());
        assert!(by_name("etl").dormant && by_name("etl").owner.stale);
        assert_eq!(by_name("CN=agent-1,O=Lab").owner.owner, None, "the list means the token alone");
    }

    #[test]
    fn an_agent_with_a_name_of_its_own_calls_two_modern_listeners() {
        let tier0 = Tier0::of(&estate(), &terms());
        check(&tier0, "agents", &[("agents", 1), ("served_without_proof", 0), ("distinct_identity", 1)]);
        let [agent] = tier0.agents.as_slice() else { panic!("{:?}", tier0.agents) };
        assert_eq!((agent.called.modern, agent.called.legacy), (2, 0));
        assert_eq!(agent.weakest.unwrap().as_str(), "identity-checked");
    }

    #[test]
    fn a_wrap_decides_over_going_around() {
        use tierzero_core::graph::{StandingRoom, Wrap, WrapState};
        for (state, resistance) in [
            (WrapState::Sealed, Resistance::Impossible),
            (WrapState::Leaky, Resistance::Annoying),
            (WrapState::Bypassed, Resistance::Absent),
        ] {
            let mut snapshot = estate();
            let (front, backend) = (snapshot.listeners[0].clone(), snapshot.listeners[1].clone());
            snapshot.wraps = vec![Wrap {
                id: Wrap::id_of(&front.id, &backend.id),
                proxy: front.workload,
                front: front.id.clone(),
                backend: backend.id,
                state,
                why: String::new(),
                matched: 3,
                standing_room: StandingRoom::default(),
                bypassed_by: Vec::new(),
            }];
            let tier0 = Tier0::of(&snapshot, &terms());
            let edge = snapshot.edges.iter().find(|edge| edge.listener == front.id).unwrap();
            let grid = tier0.exposure.iter().find(|grid| grid.edge == edge.id).unwrap();
            assert_eq!(grid.cells[2].resistance, resistance);
        }
    }

    #[test]
    fn a_gap_is_read_out_with_its_reasons_and_a_long_certificate_is_no_foundation() {
        let snapshot = estate();
        let tier0 = Tier0::of(&snapshot, &terms());
        let floor = |port: u16| {
            let listener = snapshot
                .listeners
                .iter()
                .find(|it| matches!(it.at, ListenAddress::Tcp { address } if address.port() == port))
                .unwrap();
            tier0.floors.iter().find(|readout| readout.listener == listener.id).unwrap()
        };
        assert_eq!(floor(5432).floor, Floor::Tier0Gap);
        assert_eq!(floor(5432).because.len(), 2, "trust and a static secret");
        assert_eq!(floor(6379).floor, Floor::Tier0Gap);
        assert_eq!(floor(8443).floor, Floor::NotShown);
        assert!(floor(8443).missing.iter().any(|it| it.contains("1 of 2")), "{:?}", floor(8443).missing);
        assert_eq!(floor(8080).floor, Floor::FoundationSigns);
    }

    #[test]
    fn each_edge_that_served_has_its_grid() {
        let snapshot = estate();
        let tier0 = Tier0::of(&snapshot, &terms());
        let grid = |caller: &str, port: u16| {
            let edge = snapshot.edges.iter().find(|edge| {
                let of = |id: &tierzero_core::id::WorkloadId| {
                    snapshot.workloads.iter().any(|it| it.id == *id && it.name == caller)
                };
                let at = |listener: &tierzero_core::graph::Listener| {
                    matches!(listener.at, ListenAddress::Tcp { address } if address.port() == port)
                };
                of(&edge.caller)
                    && snapshot.listeners.iter().any(|it| it.id == edge.listener && at(it))
            });
            let found = tier0.exposure.iter().find(|grid| grid.edge == edge.unwrap().id).unwrap();
            found.cells.clone().map(|cell| cell.resistance.as_str()).join(" ")
        };
        assert_eq!(grid("app2", 6379), "absent absent absent absent absent");
        assert_eq!(grid("app1", 5432), "unproven annoying unproven annoying absent");
        assert_eq!(grid("batch", 8443), "impossible impossible unproven impossible annoying");
        assert_eq!(grid("agent-1", 8443), "impossible impossible unproven impossible unproven");
        assert_eq!(grid("agent-1", 8080), "impossible annoying unproven unproven impossible");
        assert_eq!(tier0.exposure.len(), 7);
    }

    #[test]
    fn an_odd_port_is_friction_and_only_that() {
        let mut snapshot = estate();
        for listener in &mut snapshot.listeners {
            if let ListenAddress::Tcp { address } = &mut listener.at
                && address.port() == 6379
            {
                address.set_port(16_379);
            }
        }
        let tier0 = Tier0::of(&snapshot, &terms());
        let annoying = tier0
            .exposure
            .iter()
            .flat_map(|grid| &grid.cells)
            .find(|cell| cell.attack == Attack::StandIn && cell.resistance == Resistance::Annoying);
        assert!(annoying.unwrap().because.contains("16379"));
    }

    #[test]
    fn nothing_observed_answers_nothing() {
        let tier0 = Tier0::of(&Snapshot::default(), &terms());
        assert!(tier0.accounts.is_empty() && tier0.floors.is_empty() && tier0.exposure.is_empty());
        check(&tier0, "principals", &[("principals", 0)]);
        check(&tier0, "receivers", &[("edges", 0)]);
    }

    #[test]
    fn what_was_lost_is_not_seen_in_every_answer() {
        let mut snapshot = estate();
        snapshot.coverage.lost_events = 3;
        for answer in Tier0::of(&snapshot, &terms()).answers {
            assert!(answer.not_seen.iter().any(|it| it.contains("3 lost events")), "{}", answer.name);
        }
    }
}
