//! Reading a large capture: the tool beside tshark, on the same file, in pairs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::capture;
use super::figures::{Spread, number};
use super::{Settings, results};

/// Bytes of the capture.
const BYTES: u64 = 200 << 20;
const SEED: u64 = 20_261_123;

/// What is compared with: its name, and its words with FILE for the capture.
const OTHERS: [(&str, &[&str]); 2] = [
    ("tshark -q -z conv,tcp", &["tshark", "-n", "-r", "FILE", "-q", "-z", "conv,tcp"]),
    (
        "tshark -T fields",
        &[
            "tshark",
            "-n",
            "-r",
            "FILE",
            "-T",
            "fields",
            "-e",
            "tcp.stream",
            "-e",
            "ip.src",
            "-e",
            "ip.dst",
            "-e",
            "_ws.col.Protocol",
            "-e",
            "http.authorization",
            "-e",
            "pgsql.password",
        ],
    ),
];

pub(super) fn run(settings: &Settings) -> Result<Value, String> {
    let (path, made) = match &settings.capture {
        Some(path) => (path.clone(), None),
        None => {
            let (path, written) = generate()?;
            println!(
                "  {} MiB generated, seed {SEED}: {} connections, {} frames; HTTP, Redis, PostgreSQL, TLS",
                written.bytes >> 20,
                written.flows,
                written.frames
            );
            println!("  of 1000 segments 10 come late, 5 come twice, 1 is missing");
            (path, Some(written))
        }
    };
    let bytes = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    let file = path.display().to_string();
    let own = settings.tierzero.display().to_string();
    let replay = [own.as_str(), "replay", "--json", "--db", ":memory:", file.as_str()];
    // Once for the page cache.
    time(&replay)?;
    println!("  {} pairs, one after the other; wall time, median (lowest to highest)", settings.pairs);
    println!(
        "  {:<24} {:>24} {:>24} {:>26}",
        "beside", "its seconds", "tierzero replay, s", "its time over tierzero's"
    );
    let mut rows = Vec::new();
    for (name, words) in OTHERS {
        let words: Vec<&str> = words.iter().map(|word| if *word == "FILE" { &file } else { *word }).collect();
        if Command::new("tshark").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            println!("  {name:<24} skipped: tshark is not installed (apt-get install tshark)");
            rows.push(json!({ "beside": name, "skipped": "not installed" }));
            continue;
        }
        let (mut theirs, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..settings.pairs {
            crate::lab::stop::check()?;
            let (other, tierzero) = (time(&words)?, time(&replay)?);
            theirs.push(other);
            ours.push(tierzero);
            ratios.push(other / tierzero);
        }
        let of = |figures: &[f64]| Spread::of(figures).ok_or("no pair was run");
        let (theirs, ours, ratio) = (of(&theirs)?, of(&ours)?, of(&ratios)?);
        println!("  {name:<24} {theirs:>24} {ours:>24} {ratio:>26}");
        let rate = number(bytes) / ours.median / f64::from(1 << 20);
        println!("  {:<24} {:>24} {rate:>20.1} MiB/s", "", "");
        rows.push(json!({ "beside": name, "seconds": theirs, "tierzero_seconds": ours, "ratio": ratio }));
    }
    if made.is_some() {
        std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(
        json!({ "bytes": bytes, "flows": made.map(|it| it.flows), "frames": made.map(|it| it.frames), "rows": rows }),
    )
}

fn generate() -> Result<(PathBuf, capture::Written), String> {
    let path = results()?.join("replay.pcap.tmp");
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut out = BufWriter::new(File::create(&path).map_err(failed)?);
    let written = capture::write(&mut out, BYTES, SEED).map_err(failed)?;
    out.flush().map_err(failed)?;
    Ok((path, written))
}

/// Seconds that a command takes; what it says goes nowhere.
fn time(words: &[&str]) -> Result<f64, String> {
    let (program, arguments) = words.split_first().ok_or("no command")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begin = Instant::now();
    let status = command.status().map_err(|error| format!("{program}: {error}"))?;
    let seconds = begin.elapsed().as_secs_f64();
    if status.success() { Ok(seconds) } else { Err(format!("{}: {status}", Path::new(program).display())) }
}
