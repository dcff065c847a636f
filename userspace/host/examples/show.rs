//! Prints what the host crate reads: `cargo run -p tierzero-host --example show`.
#![expect(clippy::print_stdout, clippy::wildcard_enum_match_arm, reason = "an example that prints")]

use std::time::Instant;

use jiff::Timestamp;
use tierzero_core::event::{Addresses, Event, What};
use tierzero_core::id::EndKey;
use tierzero_host::{Host, describe};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:?}", describe());
    let mut host = Host::new()?;
    let start = Instant::now();
    let (events, degraded) = host.snapshot(Timestamp::now());
    let took = start.elapsed();
    let quiet = std::env::args().any(|argument| argument == "--quiet");
    for event in events.iter().filter(|_| !quiet) {
        if let What::ProcessSeen { process } = &event.what {
            println!(
                "process {:?} {:?} {:?} place {:?}",
                process.key, process.exe, process.argv, process.place
            );
        } else {
            println!("{:?}", event.what);
        }
    }
    for one in degraded {
        println!("degraded: {one:?}");
    }
    println!("{} events in {took:?}; addresses {:?}", events.len(), host.local_addresses());
    let start = Instant::now();
    let mut translations = Vec::new();
    host.translations(Timestamp::now(), &mut translations);
    println!("{} translations and namespaces in {:?}", translations.len(), start.elapsed());
    let start = Instant::now();
    host.translations(Timestamp::now(), &mut translations);
    println!("nothing new in {:?}", start.elapsed());
    // The commonest live event: a connection of a process that is known.
    let known = events.iter().find_map(|event| match &event.what {
        What::ProcessSeen { process } if process.key.pid == std::process::id() => {
            Some((process.key, process.netns))
        }
        _ => None,
    });
    if let Some((key, netns)) = known {
        let address = "127.0.0.1:1".parse()?;
        let ends = Addresses { local: address, remote: address, netns };
        let what = What::Connecting { end: EndKey::Tcp { cookie: 1 }, ends, process: Some(key) };
        let mut event = Event { at: Timestamp::now(), what };
        let mut before = Vec::new();
        let start = Instant::now();
        for _ in 0..1_000_000 {
            host.enrich(&mut event, &mut before);
        }
        println!(
            "1,000,000 events of a known process enriched in {:?}; {} told before",
            start.elapsed(),
            before.len()
        );
    }
    Ok(())
}
