//! One run of the observer, from attach to summary.

use std::fs::File;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tierzero_core::event::{Event, What};
use tierzero_core::finding::Finding;
use tierzero_core::fingerprint::Fingerprinter;
use tierzero_core::pipeline::{Pipeline, Settings, Step};
use tierzero_replay::{Header, LogWriter};

use super::attribution::Attribution;
use super::cost::Cost;
use super::keeping::{Keeping, Kept, LONGEST};
use super::source::Source;
use super::stop::Stop;
use super::summary::Summary;
use super::viewer::Viewer;
use crate::config::Config;
use crate::error::{Failure, Outcome};
use crate::live::Status;
use crate::outlets::{JOURNAL_SOCKET, Journal, Outlets, journal_is_stderr, token};
use crate::output::{colour, escape, words};
use crate::place::Db;
use crate::stored;

/// Payload bytes kept of each direction until a flow is judged, where the configuration does not say.
const PAYLOAD_BYTES: usize = 16 * 1024;
/// The pipeline hears that time passes, and the view is drawn, this often.
const TICK: Duration = Duration::from_millis(250);
/// Losses, translations and processes of sockets are asked for this often.
const SECOND: Duration = Duration::from_secs(1);
/// Old flows are forgotten, and the store hears that observation goes on, this often.
const UPKEEP: Duration = Duration::from_secs(30);

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) config: Config,
    pub(crate) db: Db,
    pub(crate) duration: Option<Duration>,
    pub(crate) record: Option<PathBuf>,
    pub(crate) json: bool,
    /// The journal's socket, where it was asked for.
    pub(crate) journal: Option<PathBuf>,
}

/// Observes until somebody wants the end.
pub(crate) fn run(wish: &Wish) -> Outcome {
    let stop = Stop::on_signals()?;
    let started = Timestamp::now();
    let mut store = stored::writable(&wish.db)?;
    let opened = |error| stored::failure("the database can't be used; nothing was started", &error);
    // The lock comes before anything is attached: a second observer on the same database ends here.
    store.begin_session(started).map_err(opened)?;
    let key = store.installation_key().map_err(opened)?;
    let before = store.snapshot().map_err(opened)?;
    let outlets = outlets_of(wish, &before.findings)?;
    let record = wish.record.as_deref().map(|path| open_record(path, started)).transpose()?;
    let mut pipeline = Pipeline::new(settings(&wish.config, key));
    pipeline.find_by(wish.config.rules());
    pipeline.name_callers(wish.config.callers.clone());
    pipeline.label(wish.config.labels.clone());
    pipeline.own_by(wish.config.terms.clone());
    pipeline.restore(&before);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("the observer can't be started").because(error))?;
    runtime.block_on(async {
        let mut first = Vec::new();
        // Inside the runtime: the sensor registers its rings with it.
        let source = Source::start(&wish.config, &mut first)?;
        say_start(wish, &source, &first);
        let terminal = !wish.json && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        let session = Session {
            source,
            pipeline,
            keeping: Keeping::new(store, record.is_some()),
            record,
            outlets,
            viewer: Viewer::start(wish.json, terminal, &before)?,
            attribution: Attribution::default(),
            stop,
            started,
            begun: Instant::now(),
            duration: wish.duration,
            kept_in: wish.db.shown(),
            in_file: wish.db.file().is_some(),
            retention: wish.config.retention_days,
            events: 0,
            record_trouble: None,
        };
        session.observe(first).await
    })
}

/// Settings of the pipeline as configured.
pub(crate) fn settings(config: &Config, key: [u8; 32]) -> Settings {
    Settings {
        short_lived_s: config.short_lived_s,
        payload_bytes: config.payload_bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(PAYLOAD_BYTES),
        agents: config.agents.clone(),
        fingerprinter: Fingerprinter::new(key),
    }
}

/// Where findings go beside the store and whoever looks.
fn outlets_of(wish: &Wish, before: &[Finding]) -> Outcome<Outlets> {
    let journal = match &wish.journal {
        Some(socket) => Some(Journal::at(socket)?),
        None if journal_is_stderr() => Journal::at(Path::new(JOURNAL_SOCKET)).ok(),
        None => None,
    };
    let webhook = wish.config.webhook.clone();
    if let Some(file) = webhook.as_ref().and_then(|webhook| webhook.token_file.as_ref()) {
        token(file).map_err(|error| {
            Failure::new("the webhook's token can't be used; nothing was started")
                .at_file(file)
                .because(error)
        })?;
    }
    Outlets::start(journal, webhook, before)
}

fn open_record(path: &Path, started: Timestamp) -> Outcome<LogWriter<File>> {
    LogWriter::create(path, &Header::new(env!("CARGO_PKG_VERSION"), started)).map_err(|error| {
        Failure::new("the record can't be begun; nothing was started")
            .at_file(path)
            .caused_by(&error)
            .next(error.hint())
    })
}

/// To stderr, so that a pipe holds nothing but lines of the graph.
fn say_start(wish: &Wish, source: &Source, first: &[Event]) {
    let host = first.iter().find_map(|event| {
        let What::Host(host) = &event.what else { return None };
        Some(format!("{} (kernel {})", host.name, host.kernel))
    });
    let how = if source.is_kernel() { "with eBPF" } else { "by polling socket tables" };
    let host = host.unwrap_or_else(|| "this host".to_owned());
    let until = match wish.duration {
        Some(duration) => format!("for {}", words::duration(duration.as_secs())),
        None => "until Ctrl-C".to_owned(),
    };
    colour::stderr_line(&format!(
        "observing {} {how} {until}; kept in {}",
        escape::untrusted(&host),
        escape::untrusted(&wish.db.shown())
    ));
    for event in first {
        if let What::Coverage(tierzero_core::event::Coverage::Degraded(one)) = &event.what {
            let tierzero_core::event::Degradation { name, loses, because, remedy } = one;
            let because = if because.is_empty() { String::new() } else { format!(" ({because})") };
            colour::warn(&escape::untrusted(&format!("degraded: {name}: {loses}{because} {remedy}")));
        }
    }
}

struct Session {
    source: Source,
    pipeline: Pipeline,
    keeping: Keeping,
    record: Option<LogWriter<File>>,
    viewer: Viewer,
    outlets: Outlets,
    attribution: Attribution,
    stop: Stop,
    started: Timestamp,
    begun: Instant,
    duration: Option<Duration>,
    kept_in: String,
    in_file: bool,
    retention: Option<u32>,
    events: u64,
    record_trouble: Option<String>,
}

impl Session {
    async fn observe(mut self, first: Vec<Event>) -> Outcome {
        let mut events = first;
        self.feed(&mut events);
        let mut cost = Cost::new();
        let (mut tick, mut second, mut upkeep) = (Instant::now(), Instant::now(), Instant::now());
        let (mut counted, mut rate) = (self.events, 0);
        let mut outcome = Ok(());
        while !self.stop.is_wanted() && outcome.is_ok() {
            if self.remaining().is_some_and(|remaining| remaining.is_zero()) {
                break;
            }
            let since = Timestamp::now();
            if let Ok(Err(error)) = tokio::time::timeout(LONGEST, self.source.next(&mut events)).await {
                tracing::warn!(%error, "the sensor failed");
                self.source = self.source.fall_back(&error, since, &mut events);
            }
            self.feed(&mut events);
            let now = Instant::now();
            if now.duration_since(second) >= SECOND {
                rate = per_second(self.events - counted, now.duration_since(second));
                (second, counted) = (now, self.events);
                let unnamed = self.attribution.overdue(now);
                self.source.each_second(&unnamed, &mut events);
                self.outlets.say_undelivered(&mut events);
                self.feed(&mut events);
                cost.measure();
            }
            if now.duration_since(upkeep) >= UPKEEP {
                upkeep = now;
                self.keep_up();
            }
            if now.duration_since(tick) >= TICK {
                tick = now;
                let step = self.pipeline.tick(Timestamp::now());
                self.take(step);
            }
            if self.keeping.is_due(now) {
                let kept = self.keeping.write(now);
                outcome = self.reached(kept);
            }
            if outcome.is_ok() {
                outcome = self.show(rate, &cost);
            }
        }
        self.end(events, outcome)
    }

    /// Everything through the pipeline.
    fn feed(&mut self, events: &mut Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let now = Instant::now();
        for event in events.drain(..) {
            self.events += 1;
            self.attribution.look(&event, now);
            let Step { deltas, recordable } = self.pipeline.step(event);
            self.keeping.take(deltas, recordable);
        }
    }

    fn take(&mut self, step: Step) {
        let Step { deltas, recordable } = step;
        if !(deltas.is_empty() && recordable.is_empty()) {
            self.keeping.take(deltas, recordable);
        }
    }

    /// What is durable may be recorded and shown.
    fn reached(&mut self, kept: Option<Kept>) -> Outcome {
        let Some(Kept { deltas, events }) = kept else { return Ok(()) };
        if let Some(record) = &mut self.record {
            let written =
                events.iter().try_for_each(|event| record.write(event)).and_then(|()| record.flush());
            if let Err(error) = written {
                self.record_trouble = Some(error.to_string());
                self.record = None;
            }
        }
        self.outlets.take(&deltas);
        self.viewer.take(&deltas)
    }

    fn show(&mut self, rate: u64, cost: &Cost) -> Outcome {
        if !self.viewer.is_due() {
            return Ok(());
        }
        let trouble = self.keeping.trouble().map(|trouble| {
            format!("{}; {} changes wait in memory; {}", trouble.says, self.keeping.waiting(), trouble.hint)
        });
        let record_trouble = self.record_trouble.as_ref().map(|says| format!("the record ended: {says}"));
        let status = Status {
            running: self.begun.elapsed(),
            remaining: self.remaining(),
            rate,
            cpu_percent: cost.percent,
            resident: cost.resident,
            kept_in: self.kept_in.clone(),
            trouble: trouble.or(record_trouble),
            undelivered: self.outlets.trouble(),
            polling: !self.source.is_kernel(),
        };
        if self.viewer.show(&status)? {
            self.stop.want();
        }
        Ok(())
    }

    fn remaining(&self) -> Option<Duration> {
        self.duration.map(|duration| duration.saturating_sub(self.begun.elapsed()))
    }

    fn keep_up(&mut self) {
        let now = Timestamp::now();
        self.keeping.touch(now);
        let kept = self.retention.map(|days| SignedDuration::from_hours(i64::from(days) * 24));
        let older_than = kept.and_then(|kept| now.checked_sub(kept).ok()).unwrap_or(Timestamp::MIN);
        self.keeping.retain(older_than);
    }

    /// The end, in order: what is still in the rings, what the pipeline still decides, what is still to be stored.
    fn end(mut self, mut events: Vec<Event>, outcome: Outcome) -> Outcome {
        self.viewer.leave();
        // From now on another Ctrl-C ends at once, also where the first one was a key.
        self.stop.want();
        self.source.finish(&mut events);
        events.push(Event { at: Timestamp::now(), what: What::Stopped });
        self.feed(&mut events);
        let step = self.pipeline.tick(Timestamp::now());
        self.take(step);
        let kept = self.keeping.write_last();
        let stored = kept.is_some();
        let shown = self.reached(kept);
        let record = self.record.take().map(LogWriter::<File>::finish).transpose();
        let summary = Summary {
            running: self.begun.elapsed(),
            from: self.started,
            to: Timestamp::now(),
            events: self.events,
            kept_in: (stored && self.in_file).then(|| self.kept_in.clone()),
        };
        std::mem::take(&mut self.outlets).end();
        let printed = outcome.and(shown).and_then(|()| self.viewer.end(&summary, &self.pipeline.snapshot()));
        let Self { keeping, record_trouble, .. } = self;
        if stored {
            ended(keeping)?
        } else {
            return Err(not_stored(&keeping));
        }
        if let Some(says) = record_trouble {
            return Err(Failure::new("the record ended before observation did").because(says));
        }
        record.map_err(|error| Failure::new("the record could not be ended in order").caused_by(&error))?;
        printed
    }
}

fn ended(keeping: Keeping) -> Outcome {
    keeping
        .end(Timestamp::now())
        .map_err(|error| stored::failure("the session could not be ended in order", &error))
}

fn not_stored(keeping: &Keeping) -> Failure {
    let (waiting, dropped) = (keeping.waiting(), keeping.dropped());
    let failure = Failure::new(format!(
        "{waiting} changes could not be stored; {dropped} more did not fit into memory"
    ));
    match keeping.trouble() {
        Some(trouble) => failure.because(&trouble.says).next(&trouble.hint),
        None => failure,
    }
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1000) / milliseconds
}
