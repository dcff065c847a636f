//! Who shows credentials to a listener, and how long what he shows lasts, told in sentences.

use std::io::{self, Write};

use tierzero_core::graph::{CredentialLife, Expiry, HeldCredential, Holder, Lifetime};
use tierzero_core::id::WorkloadId;

use super::escape;
use super::index::Index;
use super::text::{heading, sentence};
use super::words::{self, counted};

/// Most holders of one listener that are told of.
const SHOWN: usize = 12;

/// Tells about holders: of a listener all, of an edge those that call as `caller`.
pub(crate) fn tell<'a>(
    out: &mut dyn Write,
    index: &Index<'_>,
    holders: impl Iterator<Item = &'a Holder>,
    caller: Option<&WorkloadId>,
) -> io::Result<()> {
    let mut holders: Vec<&Holder> =
        holders.filter(|holder| caller.is_none_or(|caller| holder.callers.contains(caller))).collect();
    holders.retain(|holder| caller.is_none() || !holder.credentials.is_empty());
    if holders.is_empty() {
        return Ok(());
    }
    heading(out, "Under which names, and how long what they show lasts")?;
    for holder in holders.iter().take(SHOWN) {
        holder_lines(out, index, holder)?;
    }
    if holders.len() > SHOWN {
        sentence(out, "- ", &format!("and {} more", holders.len().saturating_sub(SHOWN)))?;
    }
    Ok(())
}

fn holder_lines(out: &mut dyn Write, index: &Index<'_>, holder: &Holder) -> io::Result<()> {
    let name = match &holder.principal {
        Some(principal) => escape::untrusted(&principal.name).to_string(),
        None => {
            let callers: Vec<_> = holder.callers.iter().map(|id| index.workload_name(id)).collect();
            format!("nameless, {}", callers.join(", "))
        }
    };
    let how = match (&holder.principal, holder.verified) {
        (None, _) => "no name goes with the credential",
        (Some(_), true) => "proof accepted",
        (Some(_), false) => "claimed",
    };
    let from = counted(words::count(holder.callers.len()), "workload", "workloads");
    sentence(
        out,
        "- ",
        &format!(
            "{name} ({how}); from {from}; {} to {}",
            words::moment(holder.first),
            words::moment(holder.last)
        ),
    )?;
    for says in life(&holder.life, holder) {
        sentence(out, "    ", &says)?;
    }
    Ok(())
}

/// What was seen of the lives of its credentials; nothing where none was shown.
fn life(life: &CredentialLife, holder: &Holder) -> Vec<String> {
    let mut says = Vec::new();
    if holder.credentials.is_empty() {
        return says;
    }
    let shown = words::count(holder.credentials.len()).saturating_add(holder.forgotten);
    says.push(format!(
        "{} shown; the longest {}",
        counted(shown, "credential was", "credentials were"),
        lasts(life.lifetime)
    ));
    if let Some(at) = life.refreshed_last {
        says.push(format!(
            "refresh seen: {} in time for the end of another, last at {}",
            counted(life.refreshed, "short-lived one came", "short-lived ones came"),
            words::moment(at)
        ));
    }
    match (life.expiry(), life.expired_accepted.or(life.expiry_enforced)) {
        (Expiry::Accepted, Some(at)) => says.push(format!(
            "expired accepted: one was taken more than five minutes after its end, at {}",
            words::moment(at)
        )),
        (Expiry::Enforced, Some(at)) => says.push(format!(
            "expiry enforced: one was refused after its end and for it, at {}",
            words::moment(at)
        )),
        (Expiry::Accepted | Expiry::Enforced | Expiry::NotSeen, _) => {
            if holder.credentials.iter().any(|held| held.credential.not_after.is_some()) {
                says.push("expiry: no expired one was seen to be shown".to_owned());
            }
        }
    }
    if let Some(rotated) = &life.rotated {
        let refused = rotated.old_refused.map_or_else(
            || "it was not shown again".to_owned(),
            |at| format!("refused at {}", words::moment(at)),
        );
        says.push(format!(
            "rotated, not expiring: the old one was last taken at {} ({refused}), the new one first at {}",
            words::moment(rotated.old_last),
            words::moment(rotated.new_first)
        ));
    }
    if let Some(at) = life.cancelled {
        says.push(format!(
            "one that had been taken was refused before its end, and not taken again, at {}",
            words::moment(at)
        ));
    }
    if let Some(seconds) = life.same_secret_s.filter(|seconds| *seconds > 0) {
        says.push(format!("the same secret was seen in use for at least {}", words::duration(seconds)));
    }
    if holder.credentials.iter().any(|held: &HeldCredential| held.credential.cleartext) {
        says.push("readable on the wire: whoever sees it can use it again".to_owned());
    }
    says
}

fn lasts(lifetime: Lifetime) -> &'static str {
    match lifetime {
        Lifetime::Nothing => "says nothing of its life",
        Lifetime::QuarterHour => "lasts 15 minutes or less",
        Lifetime::Hour => "lasts an hour or less",
        Lifetime::Day => "lasts a day or less",
        Lifetime::Unknown => "has a lifetime that was not readable",
        Lifetime::Longer => "lasts longer than a day",
        Lifetime::Endless => "has no end of its own",
    }
}
