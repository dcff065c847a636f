//! One flow's account of demand, offer and decision, kept as three facts until they are judged.

use jiff::Timestamp;

use crate::evidence::{
    Application, Credential, CredentialKind, Hidden, Level, Observation, Operation, Principal, Proof,
    Protocol, Rule, Scope, Shown, Source,
};

use super::contrast::Kinds;
use super::names::{MOST_NAMES, NameUsed};
use super::operations::ByOperation;
use super::presented::Credentials;
use super::standing::{Offer, Standing};
use super::{Check, Contrast, ProofKind};

mod outcome;
mod refusal;

/// Most rules kept for one flow; a caller that shows more has shown enough.
const MOST_RULES: usize = 48;

/// The account of one flow. Observations go in, in order; [`Ledger::class`] says what they come to.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    protocol: Option<Protocol>,
    pub(super) connection: Option<Offer>,
    pub(super) request: Option<Offer>,
    /// What the encryption around the connection rests on, where something else was then offered inside it.
    around: Option<Offer>,
    pub(super) asked: Kinds,
    open_demand: Kinds,
    weakest: Option<Standing>,
    /// What a finished handshake rests on, and whether it was asked for.
    pub(super) admitted: Option<(Check, bool)>,
    public: bool,
    /// What the protocol gives anyone was asked for, and no answer was seen.
    asked_public: bool,
    /// All that was sent was sent in a protocol that never answers.
    one_way: bool,
    refused: bool,
    /// It was refused for who called, and not for what was asked.
    refused_caller: bool,
    application: Option<Application>,
    /// What sizes alone suggest that the receiver accepted.
    inferred: Option<Check>,
    /// Observation began after the flow did.
    late: bool,
    /// What the last refused request presented for itself alone.
    refused_request: Option<Check>,
    pub(super) hidden: Option<Hidden>,
    hidden_last: bool,
    /// A library tells what is inside an encryption.
    inside: bool,
    /// What is inside is of a known protocol, and was read so far.
    inside_read: bool,
    /// The handshake may rest on a key that both sides agreed elsewhere.
    agreed: bool,
    /// The receiver's library did not verify the certificate that was presented.
    unverified: bool,
    answered: bool,
    vouched: Option<bool>,
    vouched_uid: Option<u32>,
    credited: Credited,
    pub(super) names: Vec<NameUsed>,
    pub(super) credentials: Vec<Credential>,
    pub(super) presented: Credentials,
    pub(super) by_operation: ByOperation,
    /// When what is observed happened.
    pub(super) now: Timestamp,
    rules: Vec<&'static Rule>,
}

/// What this flow has already added to its listener's contrast: each fact counts once a flow.
#[derive(Clone, Copy, Debug, Default)]
struct Credited {
    demanded: Kinds,
    missing: Kinds,
    wrong: Kinds,
    declined: Kinds,
    place: bool,
}

impl Ledger {
    /// Protocol, where the bytes showed one.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// What was carried inside the protocol, where the bytes showed it: the first that was.
    #[must_use]
    pub fn application(&self) -> Option<Application> {
        self.application
    }

    /// Names that the caller used.
    #[must_use]
    pub fn names(&self) -> &[NameUsed] {
        &self.names
    }

    /// Traces of the credentials that the caller presented.
    #[must_use]
    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    /// Rules of evidence that were used, each once, in order of first use.
    #[must_use]
    pub fn rules(&self) -> &[&'static Rule] {
        &self.rules
    }

    /// Why the identity layer can't be read, if so.
    #[must_use]
    pub fn hidden(&self) -> Option<Hidden> {
        self.hidden
    }

    /// What the receiver accepted, by inference from the sizes of SSH packets up to success. It decides no verdict: inferred evidence alone comforts
    /// nobody and alarms nobody.
    #[must_use]
    pub fn inferred(&self) -> Option<Check> {
        self.inferred
    }

    /// True when bytes of the stream are missing or were cut.
    #[must_use]
    pub fn gap(&self) -> bool {
        matches!(self.hidden, Some(Hidden::Gap | Hidden::Truncated))
    }

    /// True when the receiver granted its service at least once (not counting what is public).
    #[must_use]
    pub fn was_served(&self) -> bool {
        self.weakest.is_some()
    }

    /// True when the responder is known to have sent something.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.answered
    }

    /// The uid that the kernel vouched for in a recorded observation, and whether the receiver looked.
    #[must_use]
    pub fn vouched(&self) -> Option<(u32, bool)> {
        Some((self.vouched_uid?, self.vouched?))
    }

    /// Keeps a rule that speaks of this flow without an observation in its payload.
    pub fn cite(&mut self, rule: &'static Rule) {
        if self.rules.len() < MOST_RULES && !self.rules.iter().any(|known| known.id == rule.id) {
            self.rules.push(rule);
        }
    }

    /// Whether observation began after the flow did: from then on only proof that was seen counts, not its absence.
    pub fn joined_late(&mut self, late: bool) {
        self.late = late;
    }

    /// Takes one observation. What it newly shows about the listener is added to `contrast`; returns true when the
    /// contrast grew.
    pub fn observe(
        &mut self,
        observation: &Observation,
        short_lived_s: u64,
        contrast: &mut Contrast,
    ) -> bool {
        let rule = observation.rule.0;
        self.cite(rule);
        let by_library = rule.source == Source::Uprobe;
        self.inside |= by_library;
        if let Shown::Speaks { protocol } = &observation.shown {
            if by_library || !self.inside {
                self.protocol = Some(*protocol);
            }
            self.inside_read |= by_library && *protocol != Protocol::Tls;
            return false;
        }
        if let Shown::Hidden { why } = &observation.shown {
            // Bytes of both directions were there, or reading would have ended otherwise.
            self.answered |= *why == Hidden::Unsupported && rule.id == "stream.unsupported";
            self.inside_read &= !by_library;
            self.agreed |= *why == Hidden::AgreedKey;
            // An encryption that a library looks into hides nothing more than was known.
            let last = self.hidden_last;
            self.hide(*why);
            self.hidden_last = last || by_library || self.blurred(Source::Uprobe) || !self.inside;
            return false;
        }
        // Inferred evidence is shown to the reader and decides nothing (decision 9); declared evidence comes later.
        if rule.level != Level::Observed {
            self.infer(&observation.shown);
            return false;
        }
        let before = contrast.signs();
        let counted = self.credited_count();
        match &observation.shown {
            Shown::Speaks { .. } | Shown::Hidden { .. } => {}
            Shown::Carries { application, .. } => {
                self.application.get_or_insert(*application);
            }
            Shown::Demands { proof } => {
                if let Some(kind) = ProofKind::of(*proof) {
                    self.open_demand.insert(kind);
                    self.asked.insert(kind);
                    if !self.credited.demanded.has(kind) {
                        self.credited.demanded.insert(kind);
                        contrast.kind_mut(kind).demanded += 1;
                    }
                }
            }
            Shown::Offers { proof, scope, principal, credential } => {
                let known = |it: &Credential| it.kind == CredentialKind::X509;
                let named = by_library && self.credentials.iter().any(known);
                // The wire showed the same certificate, and all of it.
                let credential = credential.as_ref().filter(|it| !(named && known(it)));
                self.unverified &= !by_library || *proof != Proof::Key;
                let certificate = self.connection.filter(|it| it.proof == Proof::Key);
                if *scope == Scope::Connection && *proof != Proof::Key && by_library && certificate.is_some()
                {
                    self.around = certificate;
                }
                self.offered(*proof, *scope, principal.as_ref(), credential, short_lived_s);
            }
            Shown::Declines => {}
            Shown::Unverified => {
                self.unverified = true;
                self.presented.lost();
            }
            Shown::Accepts => {
                self.accepted();
                self.presented.accepted();
            }
            Shown::Admits { expected } => self.admitted(*expected),
            // Without a link to the handshake that made the session, nothing is known of what was proved in it.
            Shown::Resumes { .. } => self.hide(Hidden::Resumed),
            Shown::Keeps { .. } | Shown::NamesServer { .. } => {}
            Shown::Serves { operation: Operation::Public } => self.public = true,
            Shown::Serves { operation: Operation::Service } | Shown::SendsOneWay => {
                let one_way = matches!(observation.shown, Shown::SendsOneWay);
                self.one_way = one_way && (self.one_way || self.weakest.is_none());
                self.served(rule.source, contrast);
            }
            Shown::AsksPublic => self.asked_public = true,
            Shown::Asks { operation } => self.by_operation.asks(operation),
            Shown::Refuses { why } => self.refuse(*why, rule.source, contrast),
            Shown::Ignores => {
                self.presented.lost();
                self.connection = None;
                self.request = None;
                self.admitted = None;
            }
            Shown::KernelVouches { uid, receiver_looked } => {
                self.vouched_uid = Some(*uid);
                self.vouched = Some(*receiver_looked || self.vouched == Some(true));
            }
        }
        before != contrast.signs() || counted != self.credited_count()
    }

    /// SSH authenticates always, so that sizes which fit one method and its success suggest the check. A TLS 1.3
    /// handshake stays `opaque` whatever its shape (decision 9).
    fn infer(&mut self, shown: &Shown) {
        if let (Some(Protocol::Ssh), Shown::Offers { proof, .. }) = (self.protocol, shown) {
            self.inferred = match proof {
                Proof::Key => Some(Check::Key),
                Proof::Secret => Some(Check::Secret),
                Proof::Claim | Proof::Token => None,
            };
        }
    }

    fn hide(&mut self, why: Hidden) {
        // The first reason stands, but a gap outranks it: from there on nothing can be ruled out.
        if self.hidden.is_none() || matches!(why, Hidden::Gap | Hidden::JoinedLate | Hidden::Truncated) {
            self.hidden = Some(why);
        }
        self.hidden_last = true;
        self.credentials_blind(why);
    }

    fn offered(
        &mut self,
        proof: Proof,
        scope: Scope,
        principal: Option<&Principal>,
        credential: Option<&Credential>,
        short_lived_s: u64,
    ) {
        let check = match proof {
            // PostgreSQL's start-up role and MySQL's user are parameters that every client must send, not assertions
            // (evidence catalogue 5.1 and 5.2: accepting them without proof is NONE).
            Proof::Claim if matches!(self.protocol, Some(Protocol::Postgresql | Protocol::Mysql)) => {
                Check::None
            }
            // Who binds as nobody asserts nothing (evidence catalogue 6.1).
            Proof::Claim if self.protocol == Some(Protocol::Ldap) && principal.is_none() => Check::None,
            Proof::Claim => Check::Claimed,
            Proof::Secret => Check::Secret,
            Proof::Token => match credential.and_then(|it| it.lifetime_s) {
                Some(lifetime) if lifetime <= short_lived_s => Check::Token,
                // A bearer that outlives the limit, or does not say, is a shared secret.
                Some(_) | None => Check::Secret,
            },
            Proof::Key => Check::Key,
        };
        self.presented.offered(proof, scope, principal, credential, self.now);
        let offer = Offer { proof, check, scope };
        match scope {
            Scope::Connection => self.connection = Some(offer),
            Scope::Request => self.request = Some(offer),
        }
        self.named(principal, proof, scope);
        if let Some(credential) = credential
            && self.credentials.len() < MOST_NAMES
            && !self.credentials.contains(credential)
        {
            self.credentials.push(credential.clone());
        }
    }

    fn accepted(&mut self) {
        self.accept(true);
    }

    /// `judged` says that the receiver is known to have looked at the proof.
    fn accept(&mut self, judged: bool) {
        let offers = [self.request.or(self.connection), self.around];
        for offer in offers.into_iter().flatten().filter(|it| it.proof != Proof::Claim) {
            let asked = judged && self.stands(&offer);
            self.names_accepted(offer.proof, (offer.check, asked));
            if let Some(kind) = ProofKind::of(offer.proof) {
                match kind {
                    ProofKind::Secret => self.open_demand.secret = false,
                    ProofKind::Key => self.open_demand.key = false,
                }
            }
        }
    }

    /// Only what was offered here and asked for here counts, and only if everything up to here could be read.
    fn admitted(&mut self, expected: bool) {
        let Some(offer) = self.connection.filter(|it| it.proof != Proof::Claim) else { return };
        if self.hidden.is_none() && self.request.is_none() {
            // A certificate's handshake may be finished and its holder refused inside.
            self.accept(expected);
            if expected {
                self.presented.accepted();
            }
            self.open_demand = Kinds::default();
            self.admitted = Some((offer.check, expected && self.asked_for(offer.check)));
        }
    }

    fn served(&mut self, source: Source, contrast: &mut Contrast) {
        let blurred = self.blurred(source);
        let offer = [self.request, self.connection, self.around]
            .into_iter()
            .flatten()
            .max_by_key(|offer| (self.stands(offer), offer.proof));
        let standing = match offer {
            Some(Offer { proof: Proof::Secret | Proof::Token | Proof::Key, check, scope })
                if self.late && self.hidden.is_none() =>
            {
                Standing::Proved { asked: self.asked_for(check), check, scope }
            }
            _ if blurred => Standing::Blurred,
            // A key agreed elsewhere is proof that no library tells of.
            None | Some(Offer { proof: Proof::Claim, .. }) if self.agreed => Standing::Blurred,
            None | Some(Offer { check: Check::None, .. }) => Standing::None,
            Some(Offer { proof: Proof::Claim, .. }) => Standing::Claimed,
            Some(offer @ Offer { check, scope, .. }) => {
                Standing::Proved { asked: self.stands(&offer), check, scope }
            }
        };
        if matches!(standing, Standing::None | Standing::Claimed) {
            self.by_operation.served_anybody(self.open_demand);
            for kind in self.open_demand.each() {
                if !self.credited.declined.has(kind) {
                    self.credited.declined.insert(kind);
                    contrast.kind_mut(kind).declined_and_served += 1;
                }
            }
        }
        if let Standing::Proved { check, scope, .. } = standing {
            if let Some(kind) = ProofKind::of_check(check).filter(|_| scope == Scope::Request) {
                self.by_operation.served_proof(kind);
            }
            self.accepted();
            self.presented.accepted();
        }
        self.presented.served();
        self.names_served();
        self.open_demand = Kinds::default();
        self.weakest = Some(self.weakest.map_or(standing, |known| known.min(standing)));
        self.request = None;
        self.hidden_last = false;
    }

    /// Why something could not be read by any sense, if so.
    fn concealed(&self) -> Option<Hidden> {
        self.hidden.filter(|_| !self.inside_read || self.blurred(Source::Uprobe))
    }

    /// True when something before this point could not be read by the sense that speaks now.
    fn blurred(&self, source: Source) -> bool {
        self.late
            || self.hidden.is_some_and(|why| match why {
                // What is inside can be read by another sense.
                Hidden::Tls12 | Hidden::Tls13 | Hidden::Resumed | Hidden::AgreedKey | Hidden::Encrypted => {
                    source != Source::Uprobe
                }
                Hidden::Unsupported
                | Hidden::JoinedLate
                | Hidden::Gap
                | Hidden::Truncated
                | Hidden::NoPayload => true,
            })
    }

    /// True for an offer that the receiver asked for, unless its own library says that it did not verify it.
    fn stands(&self, offer: &Offer) -> bool {
        let certificate = offer.check == Check::Key && offer.scope == Scope::Connection;
        self.asked_for(offer.check) && !(certificate && self.unverified)
    }

    fn asked_for(&self, check: Check) -> bool {
        ProofKind::of_check(check).is_some_and(|kind| self.asked.has(kind))
    }

    fn credited_count(&self) -> usize {
        let Credited { demanded, missing, wrong, declined, place } = self.credited;
        [demanded, missing, wrong, declined].into_iter().map(|kinds| kinds.each().count()).sum::<usize>()
            + usize::from(place)
    }
}
