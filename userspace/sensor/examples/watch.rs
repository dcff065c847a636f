//! Prints what the kernel tells, until interrupted or for the given number of seconds: `watch [SECONDS] [cost]`.
#![allow(clippy::print_stdout, reason = "a program to look at the stream")]

use std::time::{Duration, Instant};

use tierzero_sensor::{Options, Sensor};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
    let quiet = std::env::args().nth(2).is_some();
    let (mut sensor, degradations) = Sensor::start(Options::default())?;
    for degradation in degradations {
        println!("{degradation:?}");
    }
    println!("attached");
    let start = Instant::now();
    let mut events = Vec::new();
    while start.elapsed() < Duration::from_secs(seconds.min(1 << 30)) {
        sensor.next(&mut events).await?;
        events.extend(sensor.losses());
        for event in events.drain(..) {
            if !quiet {
                println!("{} {:?}", event.at, event.what);
            }
        }
    }
    sensor.finish(&mut events);
    for cost in sensor.cost() {
        println!("{:14} {:9} runs {:12} ns", cost.name, cost.runs, cost.nanoseconds);
    }
    Ok(())
}
