//! What each verdict loses here. The judgement itself is the core's; this says which evidence can reach it.

use serde::Serialize;
use tierzero_core::verdict::Verdict;

/// What to expect of a verdict on this host.
#[derive(Debug, Serialize)]
pub(super) struct VerdictOutlook {
    pub(super) verdict: &'static str,
    pub(super) available: bool,
    pub(super) says: String,
}

/// What is never seen, whatever the kernel allows.
pub(super) const ALWAYS_UNSEEN: [&str; 4] = [
    "what is inside TLS: client certificates up to TLS 1.2 are seen, in TLS 1.3 they are not",
    "protocols without a dissector: they are opaque, with their byte counts",
    "the inside of other hosts, raw sockets, and network stacks outside the kernel",
    "what a shared process did for whom, and what a database permits",
];

/// For each verdict, given whether the kernel tells and which programs are missing.
pub(super) fn outlook(kernel_sees: bool, missing: &[&str]) -> Vec<VerdictOutlook> {
    let payload = kernel_sees && !missing.iter().any(|name| name.starts_with("payload"));
    let unix_missing: Vec<&str> = missing.iter().copied().filter(|name| name.starts_with("unix")).collect();
    Verdict::ALL
        .into_iter()
        .map(|verdict| {
            let available = payload || verdict == Verdict::Opaque;
            let says = match (available, verdict) {
                (false, _) => "not available: no payload is seen, so nothing is said about checks".to_owned(),
                (true, Verdict::Opaque) if !payload => {
                    "every flow: who calls whom is known, nothing more".to_owned()
                }
                (true, Verdict::IdentityChecked | Verdict::LocationTrusted) if !unix_missing.is_empty() => {
                    format!("available for TCP; on Unix sockets without {}", unix_missing.join(", "))
                }
                (true, Verdict::IdentityChecked) => {
                    "available: keys and tokens that can be read, the kernel's word on Unix sockets"
                        .to_owned()
                }
                (
                    true,
                    Verdict::LocationTrusted
                    | Verdict::Opaque
                    | Verdict::Unproven
                    | Verdict::SecretChecked
                    | Verdict::Public
                    | Verdict::Refused,
                ) => "available".to_owned(),
            };
            VerdictOutlook { verdict: verdict.as_str(), available, says }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_payload_nothing_but_opaque_is_promised() {
        for (kernel_sees, missing) in
            [(false, vec![]), (true, vec!["payload_in"]), (true, vec!["payload_out"])]
        {
            for one in outlook(kernel_sees, &missing) {
                assert_eq!(one.available, one.verdict == "opaque", "{one:?}");
            }
        }
        assert!(outlook(true, &[]).iter().all(|one| one.available));
    }
}
