//! What an operator calls listeners.
//!
//! A label is a statement, the weakest evidence there is (requirements 3.2). `legacy` is taken at its word: it can only
//! make an answer worse. `modern` fills in what was not observed (a refusal) and hides nothing that was: a listener that
//! served somebody for a place, a shared secret or in a way that could not be read keeps its class, and both are shown.

use super::{Listener, ListenerClass, Workload};
use crate::event::ListenAddress;

/// Listeners that fit all that is given. With nothing given it fits none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Label {
    /// Address of the host's own that it listens at, path of a Unix socket, or `@name`.
    pub address: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// systemd unit, with or without `.service`.
    pub unit: Option<String>,
    /// Program path, or its file name.
    pub exe: Option<String>,
}

/// All labels.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Labels {
    /// Legacy ones.
    pub legacy: Vec<Label>,
    /// Modern ones.
    pub modern: Vec<Label>,
}

impl Label {
    fn fits(&self, listener: &Listener, owner: &Workload) -> bool {
        let Self { address, port, unit, exe } = self;
        let (ip, at_port, path) = match &listener.at {
            ListenAddress::Tcp { address } | ListenAddress::Udp { address } => {
                (Some(address.ip()), Some(address.port()), None)
            }
            ListenAddress::Unix { path, file: _ } => (None, None, Some(path)),
        };
        let at = |wanted: &String| {
            path == Some(wanted) || wanted.parse().is_ok_and(|wanted: std::net::IpAddr| ip == Some(wanted))
        };
        let runs = |wanted: &String| {
            let exe = owner.exe.as_deref().unwrap_or_default();
            exe == wanted || (!wanted.contains('/') && exe.rsplit('/').next() == Some(wanted))
        };
        let is_unit = |wanted: &String| {
            let unit = owner.unit.as_deref().unwrap_or_default();
            unit == wanted || unit.strip_suffix(".service") == Some(wanted)
        };
        let any = address.is_some() || port.is_some() || unit.is_some() || exe.is_some();
        any && address.as_ref().is_none_or(at)
            && port.is_none_or(|port| at_port == Some(port))
            && unit.as_ref().is_none_or(is_unit)
            && exe.as_ref().is_none_or(runs)
    }
}

impl Labels {
    /// The class of a listener, given its class and reasons by behaviour.
    pub(crate) fn weigh(
        &self,
        listener: &Listener,
        owner: &Workload,
        (class, mut reasons): (ListenerClass, Vec<String>),
        open_questions: bool,
    ) -> (ListenerClass, Vec<String>) {
        let any = |labels: &[Label]| labels.iter().any(|it| it.fits(listener, owner));
        if any(&self.legacy) {
            reasons.push("the operator calls it legacy".to_owned());
            return (ListenerClass::Legacy, reasons);
        }
        if !any(&self.modern) || class == ListenerClass::Modern {
            return (class, reasons);
        }
        if class == ListenerClass::Unknown && !open_questions {
            reasons.push("the operator calls it modern".to_owned());
            return (ListenerClass::Modern, reasons);
        }
        reasons.push("the operator calls it modern, and what was observed speaks against it".to_owned());
        (class, reasons)
    }
}
