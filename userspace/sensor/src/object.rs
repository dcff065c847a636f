//! The compiled programs, and how they are set up for this kernel.

use aya::{Ebpf, EbpfError, EbpfLoader, VerifierLogLevel};
use tierzero_maps::table;

use crate::error::SensorError;
use crate::offsets::Offsets;
use crate::sensor::Options;

/// Built by `cargo xtask ebpf`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../ebpf/tierzero.bpf.o");

/// Creates the maps and prepares the programs; none is loaded yet.
pub(crate) fn open(options: &Options, offsets: &Offsets) -> Result<Ebpf, SensorError> {
    let _ = rustix::process::setrlimit(
        rustix::process::Resource::Memlock,
        rustix::process::Rlimit { current: None, maximum: None },
    ); // Before 5.11 maps count as locked memory; where this fails, the map's error says so.
    let payload_bytes = options.payload_bytes;
    let follow_udp = u32::from(options.udp);
    let follow_tls = u32::from(options.tls_library);
    let socket_key = random();
    let control_wake = u64::from(options.control_ring_bytes) / 8;
    let payload_wake = u64::from(options.payload_ring_bytes) / 8;
    let mut loader = EbpfLoader::new();
    loader
        .btf(None)
        .verifier_log_level(VerifierLogLevel::DEBUG)
        .map_max_entries(table::CONTROL, options.control_ring_bytes)
        .map_max_entries(table::PAYLOAD, options.payload_ring_bytes)
        .override_global("PAYLOAD_BYTES", &payload_bytes, true)
        .override_global("FOLLOW_UDP", &follow_udp, true)
        .override_global("FOLLOW_TLS", &follow_tls, true)
        .override_global("SOCKET_KEY", &socket_key, false)
        .override_global("CONTROL_WAKE_BYTES", &control_wake, true)
        .override_global("PAYLOAD_WAKE_BYTES", &payload_wake, true);
    for (name, entries) in table::TLS_TABLES {
        loader.map_max_entries(name, if options.tls_library { *entries } else { 1 });
    }
    for (name, value) in &offsets.values {
        loader.override_global(name, value, false);
    }
    loader.load(OBJECT).map_err(|error| refused(&error))
}

fn refused(error: &EbpfError) -> SensorError {
    let because = chain(error);
    if because.contains("Operation not permitted") || because.contains("Permission denied") {
        SensorError::NotPermitted { because }
    } else {
        SensorError::Object { because }
    }
}

/// An error with all that caused it, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut says = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !says.contains(&text) {
            says = format!("{says}: {text}");
        }
        cause = error.source();
    }
    says
}

/// A number that no one outside can guess: std seeds its hash maps from the kernel's random numbers.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8)
}
