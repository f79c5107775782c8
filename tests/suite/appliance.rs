//! The program under test: one process on a data directory of its own, ended with the test that started it.

use crate::client::Client;
use crate::command::output_of;
use crate::samples;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take that a test waits for, on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// The appliance's check of its own log comes at any moment after the first start; where its entry would be in the way,
/// there is none.
pub(crate) const UNCHECKED: (&str, &str) = ("SEALWATCH_LOG__CHECK_HOURS", "0");

/// So that no test depends on how full this machine's disk is.
const ROOMY: [(&str, &str); 3] = [
    ("SEALWATCH_HEALTH__DISK_WARN_PERCENT", "99"),
    ("SEALWATCH_HEALTH__DISK_ALERT_PERCENT", "99"),
    ("SEALWATCH_HEALTH__DISK_CRITICAL_PERCENT", "100"),
];

/// The program with an environment that holds nothing of ours.
pub(crate) fn sealwatch() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealwatch"));
    command.env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// A running `sealwatch serve`, or one that was stopped and can go on.
pub(crate) struct Appliance {
    root: TempDir,
    env: Vec<(String, String)>,
    config: Option<PathBuf>,
    child: Option<Child>,
    /// Another program with its arguments that starts it, such as one that makes system calls fail.
    pub(crate) under: Vec<&'static str>,
    /// Where it answers, as `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Appliance {
    /// Starts one on an empty data directory, with the defaults.
    pub(crate) fn start() -> Appliance {
        Appliance::start_with(&[])
    }

    /// The same with these in its environment.
    pub(crate) fn start_with(env: &[(&str, &str)]) -> Appliance {
        let mut appliance = Appliance::at_rest();
        appliance.restart_with(env);
        appliance
    }

    /// The same with a configuration file of that text.
    pub(crate) fn start_configured(config: &str) -> Appliance {
        let mut appliance = Appliance::at_rest();
        appliance.configure(config);
        appliance
    }

    /// Starts this one with a configuration file of that text.
    pub(crate) fn configure(&mut self, config: &str) {
        std::fs::write(self.file("sealwatch.toml"), config).expect("it can be written");
        self.config = Some(self.file("sealwatch.toml"));
        self.restart();
    }

    /// One that has not been started, and has no data directory yet.
    pub(crate) fn at_rest() -> Appliance {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        Appliance {
            root,
            env: Vec::new(),
            config: None,
            child: None,
            under: Vec::new(),
            address: String::new(),
        }
    }

    /// The directory that `--data-dir` names.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A place for files of the test itself.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A command on the same data directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = sealwatch();
        command.args(args).arg("--data-dir").arg(self.data_dir());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// What that command came to.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        output_of(&mut self.command(args))
    }

    /// Makes an API key: `args` are those after `key create`.
    #[track_caller]
    pub(crate) fn key(&self, args: &[&str]) -> String {
        let output = self.run(&[&["key", "create"], args].concat());
        assert!(output.status.success(), "key create {args:?}: {}", lossy(&output.stderr));
        let key = lossy(&output.stdout).trim().to_owned();
        assert!(key.starts_with("sw_"), "standard output of key create is the key alone, not {key:?}");
        key
    }

    /// A client with no key.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// A client that may do everything, for all organisations.
    #[track_caller]
    pub(crate) fn everything(&self, name: &str) -> Client {
        let scopes = ["--scope", "ingest", "--scope", "read", "--scope", "admin"];
        self.client().with_key(&self.key(&[&["--name", name], &scopes[..]].concat()))
    }

    /// Ends it at once, as the kernel does that has no memory left.
    pub(crate) fn kill9(&mut self) {
        let child = self.child.as_mut().expect("it runs");
        child.kill().expect("it is ours to kill");
        child.wait().expect("it was started here");
        self.child = None;
    }

    /// Tells it to stop (SIGTERM) and waits until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let child = self.child.as_ref().expect("it runs");
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is ours to stop");
        self.end()
    }

    /// Waits until it has ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().expect("it was started here") {
                return status;
            }
            if Instant::now() > deadline {
                drop(child.kill());
                panic!("it did not stop: {}", self.log());
            }
            park();
        }
    }

    /// Starts it again with these, and only these, in its environment.
    pub(crate) fn restart_with(&mut self, env: &[(&str, &str)]) {
        self.env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.restart();
    }

    /// Starts it again, on another port.
    pub(crate) fn restart(&mut self) {
        let started = self.launch("127.0.0.1:0");
        started.unwrap_or_else(|| panic!("it did not become ready: {}", self.log()));
    }

    /// Starts it again where it answered before. Someone may have borrowed the port meanwhile.
    pub(crate) fn restart_in_place(&mut self) {
        let address = self.address.clone();
        eventually("the port is free again", || self.launch(&address));
    }

    /// The most memory that it ever had, in KiB, as the kernel counted it.
    pub(crate) fn memory_peak_kib(&self) -> u64 {
        let pid = self.child.as_ref().expect("it runs").id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel counts it");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.file("serve.log")).unwrap_or_default()
    }

    /// Whether the line with its address came.
    fn launch(&mut self, listen: &str) -> Option<()> {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.file("serve.log"))
            .expect("it can be written");
        let mut command = self.command(&["serve", "--listen", listen]);
        for (name, value) in
            ROOMY.into_iter().filter(|(name, _)| !self.env.iter().any(|(set, _)| set == name))
        {
            command.env(name, value);
        }
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        if let [program, args @ ..] = &self.under[..] {
            let mut around = Command::new(program);
            around.args(args).arg(command.get_program()).args(command.get_args());
            around.env_clear().stdin(Stdio::null());
            around.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = around;
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program can be started");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Read to the end, so that the program never waits for a reader.
            for line in output.lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let deadline = Instant::now() + PATIENCE;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let Some((_, rest)) = line.split_once("http://") else { continue };
                    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c)));
                    rest[..end.unwrap_or(rest.len())].clone_into(&mut self.address);
                    self.child = Some(child);
                    return Some(());
                }
                Err(_) => {
                    drop(child.kill());
                    drop(child.wait());
                    return None;
                }
            }
        }
    }

    /// Waits until everything that was stored before has been looked at for misuse: detection goes by the
    /// order of the log, so an event that is sent now and raises an alert of its own comes after all of it.
    #[track_caller]
    pub(crate) fn detection_is_done(&self, client: &Client) {
        static FENCES: AtomicU64 = AtomicU64::new(0);
        let fence = format!("fence-{}", FENCES.fetch_add(1, Ordering::Relaxed));
        client.post("/api/v1/audit/events", &samples::data_access(&fence, "fence", "23:00:00")).expect(201);
        eventually("the alert of the fence", || {
            alerts(client, "").iter().any(|alert| alert["organizationId"] == *fence).then_some(())
        });
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            println!("the last lines of its log, newest first:\n{}", tail.join("\n"));
        }
    }
}

/// All alerts but those of fences; `query` begins with `&`.
#[track_caller]
pub(crate) fn found(client: &Client, query: &str) -> Vec<Value> {
    let is_fence =
        |alert: &Value| alert["organizationId"].as_str().is_some_and(|name| name.starts_with("fence-"));
    alerts(client, query).into_iter().filter(|alert| !is_fence(alert)).collect()
}

#[track_caller]
fn alerts(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/api/v1/alerts?limit=1000{query}")).expect(200).json();
    page["data"].as_array().expect("alerts stand in an array").clone()
}

/// The numbers of the audit, once all that was stored before has been counted. An answer of its own waits for that no
/// longer than two seconds.
#[track_caller]
pub(crate) fn counted(client: &Client) -> Value {
    counted_within(PATIENCE, client)
}

/// The same where there is much to count.
#[track_caller]
pub(crate) fn counted_within(patience: Duration, client: &Client) -> Value {
    within(patience, "the counters have come to the end of the log", || {
        let lag = client.get("/api/v1/metrics/performance").expect(200).json()["countLagEntries"].clone();
        (lag == 0).then(|| client.get("/api/v1/metrics/audit").expect(200).json())
    })
}

/// The value of that series of `/metrics`, its name with its labels.
pub(crate) fn metric(client: &Client, series: &str) -> Option<f64> {
    let text = client.get("/metrics").expect(200).text();
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?.parse().ok()
}

/// How many events there are, by the list's own word.
#[track_caller]
pub(crate) fn total(client: &Client, query: &str) -> u64 {
    let page = client.get(&format!("/api/v1/audit/events?limit=1{query}")).expect(200).json();
    page["pagination"]["total"].as_u64().expect("the total is a number")
}

/// Asks until there is an answer: the only place where a test lets time pass.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask)
}

/// The same for what takes its time.
#[track_caller]
pub(crate) fn within<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        park();
    }
}

/// Lets others run for a moment.
fn park() {
    std::thread::park_timeout(Duration::from_millis(10));
}

/// Lets so much time pass, for the one purpose of striking at some moment.
pub(crate) fn strike_after(time: Duration) {
    let deadline = Instant::now() + time;
    while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// The real input beside the repository; `None`, said out loud, where there is none.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {} is absent", file.display());
    None
}

/// Bytes as text for messages.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Numbers by chance from a seed that is printed, so that a failure can be looked at again.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(what: &str) -> Chance {
        let given = std::env::var("SEALWATCH_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| getrandom::u64().expect("the kernel gives random numbers"));
        println!("{what}: SEALWATCH_TEST_SEED={seed}");
        Chance(seed)
    }

    /// A number below `bound` (splitmix64).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
