//! Drills: the attempt to the letter, what is taken for it, and what its outcome may say.

#[cfg(test)]
mod estate;
#[cfg(test)]
#[allow(dead_code, reason = "the estate is made from some of these values")]
mod graph_values;

#[cfg(test)]
mod drills {
    use crate::estate::{estate, terms};
    use crate::graph_values::{at, flow, workload};
    use tierzero_core::drill::{
        Attempt, Drill, DrillOutcome, DrillResult, NoAttempt, NoOutcome, attempt, outcome,
    };
    use tierzero_core::event::ListenAddress;
    use tierzero_core::graph::tier0::exposure;
    use tierzero_core::graph::{Edge, Flow, Snapshot};
    use tierzero_core::id::{DrillId, Netns, WorkloadId};
    use tierzero_core::verdict::{Attack, Cell, Resistance, Served};

    /// The edge of a caller to what speaks a protocol.
    fn edge_of<'a>(snapshot: &'a Snapshot, caller: &str, protocol: &str) -> &'a Edge {
        let of = WorkloadId::derive(&[caller]);
        snapshot.edges.iter().find(|it| it.caller == of && it.protocol.as_deref() == Some(protocol)).unwrap()
    }

    fn prepared(snapshot: &Snapshot, edge: &Edge, attack: Attack) -> Result<Attempt, NoAttempt> {
        attempt(snapshot, edge, attack, None)
    }

    fn drill(edge: &Edge, attack: Attack, program: &str) -> Drill {
        Drill {
            id: DrillId::derive(&["drill"]),
            attack,
            edge: edge.id.clone(),
            listener: edge.listener.clone(),
            caller: edge.caller.clone(),
            program: program.to_owned(),
            prepared: at(100),
            by: "ops".to_owned(),
            outcome: None,
        }
    }

    /// A flow of an attempt: refused with an answer, by the program of workload `caller`.
    fn tried(edge: &Edge, caller: &str) -> Flow {
        let flow = flow(1, Some(edge), at(120));
        Flow {
            caller: Some(WorkloadId::derive(&[caller])),
            from: at(110),
            served: Served::No,
            closed: true,
            ..flow
        }
    }

    #[test]
    fn attempts_are_prepared_to_the_letter() {
        let snapshot = estate();
        let command =
            |caller, protocol, attack| prepared(&snapshot, edge_of(&snapshot, caller, protocol), attack);
        assert_eq!(
            command("reporter", "postgresql", Attack::StandIn).unwrap().command,
            "setpriv --reuid=999 --clear-groups -- psql -X -w -h 10.0.0.1 -p 5432 -d postgres -U report -c 'SELECT 1'"
        );
        let replay = command("app1", "postgresql", Attack::Replay).unwrap();
        assert_eq!(
            replay.command,
            "env PGPASSWORD=\"$CREDENTIAL\" psql -X -w -h 10.0.0.1 -p 5432 -d postgres -U app_rw -c 'SELECT 1'"
        );
        assert!(replay.credential.is_some() && replay.place.contains("from another"));
        assert_eq!(command("app1", "postgresql", Attack::Grind), Err(NoAttempt::Load));
        assert_eq!(command("app1", "postgresql", Attack::GoAround), Err(NoAttempt::NoBackend));
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let mut snapshot = estate();
        for workload in &mut snapshot.workloads {
            workload.netns_name = None;
        }
        let edge = edge_of(&snapshot, "app2", "redis").clone();
        assert_eq!(prepared(&snapshot, &edge, Attack::StandIn), Err(NoAttempt::Place));
        let mut snapshot = estate();
        for workload in snapshot.workloads.iter_mut().filter(|it| it.name == "app2") {
            workload.netns = Some(Netns(7));
            workload.netns_name = Some("shop'; reboot; '".to_owned());
        }
        for listener in &mut snapshot.listeners {
            listener.at = ListenAddress::Tcp { address: ([0, 0, 0, 0], 6379).into() };
        }
        assert_eq!(prepared(&snapshot, &edge, Attack::StandIn), Err(NoAttempt::Address));
        let given = attempt(&snapshot, &edge, Attack::StandIn, Some([10, 0, 0, 9].into())).unwrap();
        assert!(
            given.command.starts_with("nsenter '--net=/run/netns/shop'\\''; reboot; '\\''' -- setpriv "),
            "{}",
            given.command
        );
        assert!(
            given.command.ends_with("redis-cli -h 10.0.0.9 -p 6379 GET tierzero-drill"),
            "{}",
            given.command
        );
        for listener in &mut snapshot.listeners {
            listener.protocol = Some("modbus".to_owned());
        }
        let unknown = attempt(&snapshot, &edge, Attack::StandIn, Some([10, 0, 0, 9].into()));
        assert_eq!(unknown, Err(NoAttempt::Protocol("modbus".to_owned())));
    }

    #[test]
    fn only_the_attempt_itself_counts() {
        let mut snapshot = estate();
        // In the place of app2, by another program.
        let of = |name: &str| snapshot.workloads.iter().find(|it| it.name == name).unwrap().clone();
        let mut client = workload("client");
        client.exe = Some("/usr/bin/redis-cli".to_owned());
        client.netns = of("app2").netns;
        let mut elsewhere = workload("elsewhere");
        elsewhere.exe.clone_from(&client.exe);
        elsewhere.netns = Some(Netns(8));
        snapshot.workloads.extend([client, elsewhere]);
        let edge = edge_of(&snapshot, "app2", "redis").clone();
        let told = |attack, flows: &[Flow]| {
            outcome(&drill(&edge, attack, "redis-cli"), &snapshot, flows, "ops")
                .map(|it| (it.result, it.flows))
        };
        let own = tried(&edge, "client");
        assert_eq!(told(Attack::StandIn, std::slice::from_ref(&own)), Ok((DrillResult::Refused, 1)));
        for other in [
            Flow { from: at(99), ..own.clone() },
            Flow { joined_late: true, ..own.clone() },
            Flow { caller: None, ..own.clone() },
            tried(&edge, "app2"),
            tried(&edge, "elsewhere"),
            tried(edge_of(&snapshot, "app1", "postgresql"), "client"),
        ] {
            assert_eq!(told(Attack::StandIn, &[other]), Err(NoOutcome::NotSeen));
        }
        assert_eq!(told(Attack::Replay, &[tried(&edge, "elsewhere")]), Ok((DrillResult::Refused, 1)));
        assert_eq!(told(Attack::Replay, std::slice::from_ref(&own)), Err(NoOutcome::NotSeen));
        let unread = Flow { served: Served::Unknown, ..own.clone() };
        assert_eq!(told(Attack::StandIn, std::slice::from_ref(&unread)), Err(NoOutcome::NotRead));
        assert_eq!(told(Attack::StandIn, &[Flow { closed: false, ..own.clone() }]), Err(NoOutcome::NotRead));
        let kept_away = Flow { bytes_received: 0, ..unread };
        assert_eq!(told(Attack::StandIn, std::slice::from_ref(&kept_away)), Ok((DrillResult::NotReached, 1)));
        assert_eq!(told(Attack::StandIn, &[kept_away, own.clone()]), Ok((DrillResult::Refused, 2)));
        let served = Flow { served: Served::Yes, ..own.clone() };
        assert_eq!(told(Attack::StandIn, &[own, served]), Ok((DrillResult::Served, 2)));
    }

    /// The field of an edge's grid after a drill of it.
    fn field(snapshot: &Snapshot, edge: &Edge, attack: Attack, result: DrillResult) -> Cell {
        let done = DrillOutcome { at: at(200), by: "ops".to_owned(), result, flows: 1 };
        let older = DrillOutcome { at: at(150), result: DrillResult::Served, ..done.clone() };
        let of = |outcome| Drill { outcome: Some(outcome), ..drill(edge, attack, "curl") };
        let snapshot = Snapshot { drills: vec![of(done), of(older)], ..snapshot.clone() };
        let grids = exposure(&snapshot, &terms());
        let grid = grids.iter().find(|it| it.edge == edge.id).unwrap();
        grid.cells.iter().find(|it| it.attack == attack).unwrap().clone()
    }

    #[test]
    fn a_drill_proves_and_never_hides_what_the_wire_shows() {
        let snapshot = estate();
        let asked = edge_of(&snapshot, "app1", "postgresql");
        let cell = field(&snapshot, asked, Attack::StandIn, DrillResult::Refused);
        assert_eq!(cell.resistance, Resistance::Impossible);
        assert!(
            cell.because.starts_with("proved by the drill of 2026-09-21: refused; beside it: "),
            "{}",
            cell.because
        );
        let cell = field(&snapshot, asked, Attack::StandIn, DrillResult::Served);
        assert_eq!(cell.resistance, Resistance::Absent);
        // A rule of the network is no check of the caller.
        let cell = field(&snapshot, asked, Attack::StandIn, DrillResult::NotReached);
        assert_eq!(cell.resistance, Resistance::Unproven);
        assert!(cell.because.contains("which is no check of who calls"), "{}", cell.because);
        let cell = field(&snapshot, asked, Attack::GoAround, DrillResult::NotReached);
        assert_eq!(cell.resistance, Resistance::Impossible);
        // Others are served without proof: a refusal of one attempt does not take that away.
        let open = edge_of(&snapshot, "app2", "redis");
        let cell = field(&snapshot, open, Attack::StandIn, DrillResult::Refused);
        assert_eq!(cell.resistance, Resistance::Absent);
        assert!(cell.because.contains("was refused, others were served"), "{}", cell.because);
    }
}
