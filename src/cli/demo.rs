//! `sealwatch demo`: the appliance on a temporary directory, with an attack flowing in.

mod events;

use super::serve;
use crate::app::{self, Opened};
use crate::config::Config;
use crate::decode;
use crate::ingest::{self, Clock, Notes, Refused, Sender, Weight};
use crate::integrity;
use crate::keys;
use crate::model::{ApiKey, KeyScope, Secret, SourceId};
use crate::store::Account;
use crate::web::App;
use anyhow::Context;
use events::{DemoEvent, script};
use jiff::Timestamp;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Shows what Sealwatch does: an appliance with sample events, gone when it ends.
///
/// It keeps its data in a temporary directory and answers on this host only, where whoever opens the page is
/// signed in. A day of an invented hospital and an invented bank is there already; an attack begins within
/// seconds.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Where to answer; must be an address of this host itself
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5600")]
    listen: SocketAddr,
}

/// The story is the same every time.
const SEED: u64 = 7;

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.listen.ip().is_loopback(),
        "the demonstration knows no passwords: listen on 127.0.0.1 or [::1]"
    );
    let dir = TemporaryDir::make()?;
    let signing = Secret::new(keys::new_session_token());
    let mut config = Config { data_dir: dir.0.clone(), listen: args.listen, ..Config::default() };
    config.integrity.signing_secret = Some(signing.clone());
    let telemetry = serve::begin_telemetry(&config)?;
    let clock = StoryClock::default();
    let start = Timestamp::now();
    let mut story = script(start, SEED, signer(&signing)).peekable();
    if let Some(first) = story.peek() {
        clock.set(Some(first.at));
    }
    let opened = app::open(config, clock.clock(), telemetry, true)?;
    serve::runtime()?.block_on(async move {
        let listener = serve::listen(args.listen).await?;
        let feed = Feed::begin(&opened, &signing)?;
        while let Some(event) = story.next_if(|event| event.at < start) {
            clock.set(Some(event.at));
            feed.send(&event).await?;
        }
        clock.set(None);
        let address = listener.local_addr().context("cannot learn the address")?;
        let stop = serve::stop_on_signal()?;
        app::serve(opened, listener, stop, |_| {
            tokio::spawn(async move { feed.tell(story).await });
            drop(writeln!(
                std::io::stdout(),
                "Open http://{address} in a browser. Ctrl-C ends the demonstration and removes its data."
            ));
        })
        .await
        .context("the demonstration ended")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn signer(secret: &Secret) -> impl Fn(&str) -> (String, String) + 'static {
    let key = integrity::Key::new(secret);
    move |json| {
        let hash = decode::event(json.as_bytes(), &decode::Limits::default(), None)
            .map(|event| integrity::hash_v1(&event))
            .expect("the story holds valid events");
        (hex::encode(hash), hex::encode(integrity::sign(&hash, &key)))
    }
}

/// A clock that stands in the past while the history is told, and then runs.
#[derive(Clone, Default)]
struct StoryClock(Arc<AtomicI64>);

impl StoryClock {
    fn set(&self, time: Option<Timestamp>) {
        self.0.store(time.map_or(0, Timestamp::as_microsecond), Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let time = self.0.clone();
        Clock::new(move || match time.load(Ordering::Relaxed) {
            0 => Timestamp::now(),
            micros => Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }
}

/// The invented application that sends the events.
struct Feed {
    app: App,
    source: SourceId,
    key: integrity::Key,
}

impl Feed {
    fn begin(opened: &Opened, secret: &Secret) -> anyhow::Result<Feed> {
        let app = opened.app();
        let record = ApiKey {
            id: SourceId(0),
            name: "demo-application".to_owned(),
            organization: None,
            scopes: vec![KeyScope::Ingest],
            key_hash: keys::token_hash(&keys::new_api_key()),
            signing_secret: None,
            revoked: false,
        };
        let mut txn = app.store.begin(app.clock.received_at())?;
        let made = txn.create_key(record, "sealwatch")?.context("the log is new, so no name is taken")?;
        txn.commit()?;
        app.keyring.reload(&app.store, &app.config)?;
        Ok(Feed { app, source: made.id, key: integrity::Key::new(secret) })
    }

    async fn send(&self, event: &DemoEvent) -> Result<(), Refused> {
        let sender = Sender { source: self.source, organization: None, key: Some(&self.key) };
        let limits = &self.app.config.intake.limits;
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).expect("the kernel's random source is always there once the host is up");
        let store = self.app.store.clone();
        let raw = event.json.as_bytes();
        let notes = &mut Notes::default();
        let draft = ingest::draft(raw, &sender, limits, None, salt, |raw| store.content_digest(raw), notes)
            .expect("the story holds valid events");
        let (source, weight) = (self.source, Weight { events: 1, bytes: raw.len() });
        let begun = std::time::Instant::now();
        let signer = self.app.signer.current();
        self.app
            .writer
            .submit(weight, move |txn| {
                txn.account(source, Account { received: 1, stored: 1, ..Account::default() })?;
                let appended = txn.append_events(vec![draft])?;
                // The story's time does not wait for the reader that signs.
                txn.seal(&signer)?;
                Ok(appended)
            })
            .await?;
        self.app.counters.latency().record(begun.elapsed(), 1);
        Ok(())
    }

    /// Sends each event when its time has come, until the appliance ends.
    async fn tell(self, story: impl Iterator<Item = DemoEvent>) {
        for event in story {
            let wait = event.at.duration_since(Timestamp::now());
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
            if self.send(&event).await == Err(Refused::Stopped) {
                return;
            }
        }
    }
}

/// A directory that goes when the value does.
struct TemporaryDir(PathBuf);

impl TemporaryDir {
    fn make() -> anyhow::Result<TemporaryDir> {
        let name = format!("sealwatch-demo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // What is left of a process that had our number is nobody's.
        remove(&path);
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(TemporaryDir(path))
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(path: &Path) {
    // What cannot be removed lies in the system's place for such things.
    drop(std::fs::remove_dir_all(path));
}
