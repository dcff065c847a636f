//! Prints what the host crate reads: `cargo run -p tierzero-host --example show`.
#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::time::Instant;

use jiff::Timestamp;
use tierzero_core::event::What;
use tierzero_host::{Host, describe};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:?}", describe());
    let mut host = Host::new()?;
    let start = Instant::now();
    let (events, degraded) = host.snapshot(Timestamp::now());
    let took = start.elapsed();
    for event in &events {
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
    Ok(())
}
