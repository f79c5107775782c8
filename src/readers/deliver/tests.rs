//! A worker, a log and a server that comes and goes, by a clock that runs so fast that an hour takes seconds.

use super::*;
use crate::detect::{Bursts, Finding, Settings};
use crate::ingest::{Disk, DiskLimits, DiskUse, WriterTask};
use crate::model::{
    AlertChange, AlertFilter, AlertOrder, DeliveryState, Matcher, NotTold, Pattern, ReceivedAt, Seq,
};
use crate::notify::{Endpoint, Policy, Target, Way, WebAddress, Webhook, WebhookForm};
use crate::readers::small_log::SmallLog;
use crate::routing::{Retry, Route, Routing};
use crate::search_text::Query;
use crate::store::DetectionStep;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many seconds pass in one.
const SPEED: u32 = 500;

/// What came to the server: when, by the fast clock, about what, and whether it was taken.
type Calls = Arc<Mutex<Vec<(Duration, String, bool)>>>;

/// A server that takes notifications while it is up, and else answers that it is not.
fn server(steady: Steady, is_up: impl Fn(Duration) -> bool + Send + 'static) -> (u16, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let calls = Calls::default();
    let noted = calls.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = String::new();
            let mut piece = [0; 4_096];
            // The body is one object, and the last that is sent.
            while !request.ends_with('}') {
                let Ok(read @ 1..) = stream.read(&mut piece) else { break };
                request.push_str(&String::from_utf8_lossy(&piece[..read]));
            }
            let key = request.split("\"key\":\"").nth(1).and_then(|rest| rest.split('"').next());
            let (at, key) = (steady.passed(), key.unwrap_or_default().to_owned());
            let takes = is_up(at);
            noted.lock().expect("nobody panics").push((at, key, takes));
            let status = if takes { "200 OK" } else { "503 Service Unavailable" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    (port, calls)
}

/// A worker at work for the one target `desk`.
struct Running {
    _dir: tempfile::TempDir,
    store: Arc<Store>,
    writer: Writer,
    thread: WriterTask,
    worker: tokio::task::JoinHandle<Result<(), ReaderError>>,
    stop: CancellationToken,
    steady: Steady,
}

fn start(port: u16, steady: Steady, wait_max: Duration) -> Running {
    let began = Timestamp::from_second(1_800_000_000).expect("a time");
    let clock = Clock::new(move || began + SignedDuration::try_from(steady.passed()).expect("a short time"));
    let disk_limits =
        DiskLimits { warn_percent: 80, alert_percent: 90, refuse_percent: 95, reserve_bytes: 10 };
    let disk = Disk::new(|| Ok(DiskUse { used: 1, free: 10_000 }), disk_limits);
    let SmallLog { dir, store, writer, task: thread } = SmallLog::open(&clock, disk);
    let url = WebAddress::parse(&format!("http://127.0.0.1:{port}/hook")).expect("an address");
    let way = Way::Webhook(Webhook { url, secret: None, form: WebhookForm::Json });
    let (name, time_zone) = ("desk".to_owned(), TimeZone::UTC);
    let target = Target { name, way, time_zone, title: None, text: None, ca: None };
    let allowed = vec![Endpoint::parse(&format!("127.0.0.1:{port}")).expect("an endpoint")];
    let policy = Policy { allowed, ..Policy::default() };
    let notifier = Notifier::new(vec![target], policy, String::new()).expect("the roots in the program");
    let patience = Patience { wait_max, retry: Retry::default(), chance: 0 };
    // A minute of the fast clock is no time for five tries on a slow machine.
    let limits = BreakerLimits { within: Duration::from_secs(3_600), ..BreakerLimits::default() };
    let reader = DeliverReader::new(store.clone(), writer.clone(), notifier, clock, patience, Arc::default())
        .by(steady)
        .guarded(limits);
    let stop = CancellationToken::new();
    let worker = tokio::spawn(reader.run(stop.clone()));
    Running { _dir: dir, store, writer, thread, worker, stop, steady }
}

impl Running {
    /// Raises an alert of that key, and with it a notification.
    async fn raise(&self, key: String) {
        let raise = move |txn: &mut Txn<'_>| {
            let mut bursts = Bursts::default();
            let (pattern, seq, received_at) = (Pattern::SourceSilent, Seq(0), txn.now());
            let finding = Finding { pattern, seq, received_at, key: &key };
            bursts.observe_finding(&Settings::default(), &finding);
            let (name, targets) = ("all".to_owned(), vec!["desk".to_owned()]);
            let routes = vec![Route { name, matcher: Matcher::default(), targets }];
            let routing = Arc::new(Routing { routes, ..Routing::default() });
            txn.apply_detection(&DetectionStep { bursts: bursts.take(), routing, ..DetectionStep::default() })
        };
        self.writer.commit_in_time(raise).await.expect("the disk works");
    }

    /// What became of all notifications, by what they are about.
    fn states(&self) -> Vec<(String, DeliveryState)> {
        let (filter, query) = (AlertFilter::all(Organizations::All), Query::everything());
        let found = self.store.alerts_page(&filter, &query, AlertOrder::CreatedAt, false, 0, 1_000);
        let alerts = found.expect("it reads").alerts;
        let state = |alert: crate::model::Alert| {
            let mut found = self.store.deliveries_of(alert.id, 10).expect("it reads");
            (alert.key, found.pop().expect("each has one").state)
        };
        alerts.into_iter().map(state).collect()
    }

    async fn wait_until(&self, is_over: impl Fn(&Running) -> bool) {
        // Half a day of the fast clock.
        while !is_over(self) && self.steady.passed() < Duration::from_secs(43_200) {
            self.steady.sleep(Duration::from_secs(10)).await;
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.worker.await.expect("it does not panic").expect("the disk works");
        self.writer.stop().await;
        self.thread.join().expect("the disk works");
    }
}

fn all_told(running: &Running) -> bool {
    running.states().iter().all(|(_, state)| matches!(state, DeliveryState::Told { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_without_its_target_costs_no_notification_and_the_oldest_goes_first() {
    let steady = Steady::times(SPEED);
    let hour = Duration::from_secs(3_600);
    let (port, calls) = server(steady, move |at| at >= hour);
    let running = start(port, steady, 24 * hour);
    let keys: Vec<String> = (0..60).map(|number| format!("k{number}")).collect();
    for key in &keys {
        running.raise(key.clone()).await;
    }
    running.wait_until(all_told).await;
    assert!(all_told(&running), "{:?}", running.states());
    let calls = calls.lock().expect("nobody panics").clone();
    let (down, up): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(at, ..)| *at < hour);
    assert!(down.len() <= 5 + 3_600 / 30, "no more than the breaker lets through: {}", down.len());
    assert!(down.len() > 10, "it was asked now and then: {}", down.len());
    let mut told: Vec<String> = up.into_iter().map(|(_, key, _)| key).collect();
    let probe = told.remove(0);
    // The few that were tried before the breaker opened are told when their time has come.
    let tried: Vec<String> = down.iter().take(5).map(|(_, key, _)| key.clone()).collect();
    let others = |keys: &[String]| -> Vec<String> {
        keys.iter().filter(|key| **key != probe && !tried.contains(key)).cloned().collect()
    };
    assert_eq!(others(&told), others(&keys));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_comes_and_goes_is_left_alone_while_it_is_down_and_gets_everything() {
    let steady = Steady::times(SPEED / 5);
    // Up for half a minute, down for the next, for ten minutes.
    let is_up = |at: Duration| at.as_secs() >= 600 || (at.as_secs() / 30).is_multiple_of(2);
    let (port, calls) = server(steady, is_up);
    let running = start(port, steady, Duration::from_secs(86_400));
    for number in 0..60 {
        running.raise(format!("k{number}")).await;
        let next = Duration::from_secs(10 * (number + 1));
        running.steady.sleep(next.saturating_sub(steady.passed())).await;
    }
    running.wait_until(all_told).await;
    assert!(all_told(&running), "{:?}", running.states());
    let calls = calls.lock().expect("nobody panics").clone();
    let in_vain: Vec<Duration> = calls.iter().filter(|(.., taken)| !taken).map(|(at, ..)| *at).collect();
    // Ten times down; each time five open the breaker, and then it lets one through.
    assert!(!in_vain.is_empty() && in_vain.len() <= 10 * 6, "{}", in_vain.len());
    for began in 0..10u64 {
        let minute = began * 60 + 30..began * 60 + 60;
        let count = in_vain.iter().filter(|at| minute.contains(&at.as_secs())).count();
        assert!(count <= 7, "{count} in one half minute");
    }
    let mut taken: Vec<&String> = calls.iter().filter(|(.., taken)| *taken).map(|(_, key, _)| key).collect();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 60);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_waited_for_its_bound_is_given_up_with_the_reason() {
    let steady = Steady::times(SPEED);
    let (port, calls) = server(steady, |_| false);
    let running = start(port, steady, Duration::from_secs(600));
    for number in 0..20 {
        running.raise(format!("k{number}")).await;
    }
    let is_dead = |state: &DeliveryState| matches!(state, DeliveryState::Dead { .. });
    running.wait_until(|running| running.states().iter().all(|(_, state)| is_dead(state))).await;
    let tried: Vec<String> =
        calls.lock().expect("nobody panics").iter().map(|(_, key, _)| key.clone()).collect();
    for (key, state) in running.states() {
        let DeliveryState::Dead { attempts, reason, .. } = state else { panic!("{key}: {state:?}") };
        assert_eq!(reason, "waited in vain for 10 minutes: answered 503");
        assert_eq!(attempts as usize, tried.iter().filter(|tried| **tried == key).count(), "{key}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_through_an_outage_and_is_over_is_not_told_and_of_what_fired_on_the_newest_alone_is() {
    let steady = Steady::times(SPEED);
    let is_up = Arc::new(AtomicBool::new(false));
    let asked = is_up.clone();
    let (port, _calls) = server(steady, move |_| asked.load(Ordering::Relaxed));
    let running = start(port, steady, Duration::from_secs(86_400));
    for _ in 0..3 {
        running.raise("goes on".to_owned()).await;
        running.raise("is over".to_owned()).await;
        running.steady.sleep(Duration::from_secs(600)).await;
    }
    let (filter, query) = (AlertFilter::all(Organizations::All), Query::everything());
    let found =
        running.store.alerts_page(&filter, &query, AlertOrder::CreatedAt, false, 0, 10).expect("it reads");
    let id = |key: &str| found.alerts.iter().find(|alert| alert.key == key).expect("it is there").id;
    let (open, closed) = (id("goes on"), id("is over"));
    let close = move |txn: &mut Txn<'_>| {
        txn.change_alert(closed, &Organizations::All, AlertChange::Resolved, "ada", None)
    };
    running.writer.commit_in_time(close).await.expect("the disk works").expect("it is open");
    is_up.store(true, Ordering::Relaxed);
    let states = |alert| -> Vec<DeliveryState> {
        let found = running.store.deliveries_of(alert, 10).expect("it reads");
        found.into_iter().rev().map(|delivery| delivery.state).collect()
    };
    let waits = |state: &DeliveryState| matches!(state, DeliveryState::Waiting { .. });
    running.wait_until(|_| !states(open).iter().chain(&states(closed)).any(waits)).await;
    let told = |state: &DeliveryState| matches!(state, DeliveryState::Told { .. });
    let of_open = states(open);
    assert!(of_open.len() == 3 && told(&of_open[2]), "{of_open:?}");
    let why = |state: &DeliveryState| match state {
        DeliveryState::NotTold { why, .. } => Some(why.clone()),
        _ => None,
    };
    assert!(of_open[..2].iter().all(|state| why(state) == Some(NotTold::Superseded)), "{of_open:?}");
    let of_closed: Vec<_> = states(closed).iter().map(why).collect();
    assert_eq!(of_closed.last(), Some(&Some(NotTold::Closed { by: "ada".to_owned() })), "{of_closed:?}");
    assert!(of_closed.iter().all(Option::is_some), "{of_closed:?}");
    running.stop().await;
}

#[test]
fn a_try_that_somebody_asked_for_and_that_gets_through_closes_the_breaker() {
    let board = DeliveryBoard::by(Steady::default(), BreakerLimits::default());
    let at = ReceivedAt(1);
    let unknown = Err(NotifyError::Status { status: 401, retry_after: None, text: String::new() });
    board.note("desk", &unknown, at);
    assert_eq!(board.status("desk").breaker_name(), "open");
    board.note("desk", &Ok(Taken::default()), at);
    assert_eq!(board.status("desk").breaker_name(), "closed");
}
