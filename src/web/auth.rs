//! Who asks: API keys, sessions, the local socket; and how fast passwords may be guessed.

use super::error::Problem;
use super::listen::Peer;
use super::state::{App, Appliance};
use crate::ingest::Refused;
use crate::keys;
use crate::model::{Caller, CallerKind, Organizations, ReceivedAt, Rights};
use crate::store::{Session, SessionHash};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum_extra::extract::CookieJar;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The cookie that holds a session's token.
pub const SESSION_COOKIE: &str = "sealwatch_session";
/// A session's use is noted when it was last noted longer ago than this.
const USE_NOTED_NANOS: u64 = 300 * 1_000_000_000;
/// Failed sign-ins from one address, or for one name, before they are made to wait.
const FAILURES_FREE: u32 = 5;
/// The longest wait between tries from one address, and with one name from anywhere.
const WAIT_MAX: Duration = Duration::from_secs(300);
const NAME_WAIT_MAX: Duration = Duration::from_secs(4);
/// Addresses and names whose failures are remembered; beyond it the oldest are forgotten.
const FAILURES_KEPT: usize = 10_000;

/// Finds out who makes the request, and notes now and then that a session is in use.
pub async fn identify(parts: &Parts, app: &App) -> Result<Option<Caller>, Problem> {
    let Some((caller, unnoted)) = find(parts, app).await? else { return Ok(None) };
    if let Some(hash) = unnoted {
        match app.writer.commit(move |txn| txn.use_session(&hash)).await {
            // Reading goes on where nothing can be written.
            Ok(()) | Err(Refused::DiskFull) => {}
            Err(refused) => return Err(refused.into()),
        }
    }
    Ok(Some(caller))
}

/// Finds out whether whoever made the request is still known. An answer that goes on for hours is no use of a
/// session: it must not keep one open.
pub async fn identify_again(parts: &Parts, app: &App) -> Result<Option<Caller>, Problem> {
    Ok(find(parts, app).await?.map(|(caller, _)| caller))
}

/// Who asks, and by which session where its use is to be noted.
type Found = (Caller, Option<SessionHash>);

async fn find(parts: &Parts, app: &App) -> Result<Option<Found>, Problem> {
    let peer = parts.extensions.get::<Peer>().copied().unwrap_or_default();
    if peer.local {
        return Ok(Some((local_operator(), None)));
    }
    if let Some(presented) = presented_key(parts)? {
        let known = app.keyring.get().find(&presented).ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "unknown_key",
                "this API key is not known here, or was revoked",
            )
        })?;
        let caller = Caller {
            name: format!("key:{}", known.key.name),
            kind: CallerKind::Key(known.key.id),
            rights: known.key.rights(),
            organizations: known.key.organizations(),
        };
        return Ok(Some((caller, None)));
    }
    let found = signed_in(&parts.headers, app).await?;
    let found = found.or_else(|| Some((demonstrator(app, peer, &parts.headers)?, None)));
    if found.is_some() && !is_safe(&parts.method) {
        check_same_origin(&parts.headers)?;
    }
    Ok(found)
}

fn local_operator() -> Caller {
    let rights = Rights { ingest: false, read: true, triage: true, admin: true, audit: true };
    let organizations = Organizations::All;
    Caller { name: "local".to_owned(), kind: CallerKind::Local, rights, organizations }
}

/// In the demonstration, whoever sits at this host is signed in. The name in `Host` is checked, so that a
/// page elsewhere cannot make a browser here ask under a name of its own.
fn demonstrator(app: &Appliance, peer: Peer, headers: &HeaderMap) -> Option<Caller> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let from_here = peer.address.is_some_and(|address| address.is_loopback());
    let to_here = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    let rights = Rights { ingest: false, read: true, triage: true, admin: true, audit: true };
    (app.demo && from_here && to_here).then(|| Caller {
        name: "demo".to_owned(),
        kind: CallerKind::User,
        rights,
        organizations: Organizations::All,
    })
}

fn presented_key(parts: &Parts) -> Result<Option<String>, Problem> {
    let query = parts.uri.query().unwrap_or_default().to_ascii_lowercase();
    let in_address = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    if ["api_key", "apikey", "x-api-key", "access_token"].into_iter().any(in_address) {
        let message = "an API key does not belong in the address, where logs keep it: send it as X-API-Key, and replace this one";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "key_in_address", message));
    }
    let mut found = Vec::new();
    for value in parts.headers.get_all("x-api-key") {
        found.push(value.to_str().map_err(|_| bad_key())?.trim());
    }
    for value in parts.headers.get_all(header::AUTHORIZATION) {
        let value = value.to_str().map_err(|_| bad_key())?;
        let (scheme, token) = value.split_once(' ').ok_or_else(bad_key)?;
        if scheme.eq_ignore_ascii_case("basic") {
            // Meant for a proxy in front of us, which lets it through.
            continue;
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(bad_key());
        }
        found.push(token.trim());
    }
    match found[..] {
        [] => Ok(None),
        [key] => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, "several_keys", "send one API key, in one header")),
    }
}

fn bad_key() -> Problem {
    let message = "send the API key as `X-API-Key: sw_…` or `Authorization: Bearer sw_…`";
    Problem::new(StatusCode::UNAUTHORIZED, "unknown_key", message)
}

async fn signed_in(headers: &HeaderMap, app: &App) -> Result<Option<Found>, Problem> {
    let Some(hash) = session_of(headers) else { return Ok(None) };
    let now = app.now_received();
    let idle = app.config.web.session_idle_secs.saturating_mul(1_000_000_000);
    let longest = app.config.web.session_max_secs.saturating_mul(1_000_000_000);
    let found = app
        .read(move |app| {
            let session = app.store.session(&hash)?.filter(|session| is_alive(session, now, idle, longest));
            let Some(session) = session else { return Ok(None) };
            Ok::<_, crate::store::StoreError>(app.store.user(&session.user)?.map(|user| (session, user)))
        })
        .await?;
    let Some((session, user)) = found else { return Ok(None) };
    let is_old = now.0.saturating_sub(session.used_at.0) > USE_NOTED_NANOS;
    let caller = Caller {
        name: user.name,
        kind: CallerKind::User,
        rights: user.role.rights(),
        organizations: Organizations::from_names(user.organizations),
    };
    Ok(Some((caller, is_old.then_some(hash))))
}

/// A session from the future is over: nothing may make one immortal.
fn is_alive(session: &Session, now: ReceivedAt, idle: u64, longest: u64) -> bool {
    let within = |since: ReceivedAt, most: u64| now.0.checked_sub(since.0).is_some_and(|age| age <= most);
    within(session.used_at, idle) && within(session.created_at, longest)
}

/// The hash of the session's token, if a cookie brings one.
pub fn session_of(headers: &HeaderMap) -> Option<SessionHash> {
    CookieJar::from_headers(headers).get(SESSION_COOKIE).map(|cookie| keys::token_hash(cookie.value()))
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Refuses what another site made a browser send with our cookie. Browsers that say where a request comes
/// from are believed; others must name our own origin.
pub fn check_same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let same = match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => {
            let origin = text("origin").and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
            origin.is_some() && origin == text("host")
        }
    };
    if same {
        return Ok(());
    }
    let message = "this request came from another site; open the page of the appliance itself and try again";
    Err(Problem::new(StatusCode::FORBIDDEN, "cross_site", message))
}

/// Failed sign-ins by address and by name: after a few, each further one doubles the wait. A name's wait
/// stays short, so that strangers cannot keep its owner out.
#[derive(Default)]
pub struct SignIns(Mutex<HashMap<String, Failures>>);

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl SignIns {
    /// How long the next try must still wait, if it must.
    pub fn wait(&self, address: Option<IpAddr>, name: &str, now: Instant) -> Option<Duration> {
        let failures = self.0.lock().expect("no holder of this lock panics");
        let waits = [(key_of_address(address), WAIT_MAX), (key_of_name(name), NAME_WAIT_MAX)];
        let waits = waits.into_iter().filter_map(|(key, most)| {
            let failures = failures.get(&key)?;
            let doublings = failures.count.checked_sub(FAILURES_FREE)?.min(16);
            let wait = Duration::from_secs(1 << doublings).min(most);
            wait.checked_sub(now.saturating_duration_since(failures.last)).filter(|left| !left.is_zero())
        });
        waits.max()
    }

    /// Notes a failure.
    pub fn failed(&self, address: Option<IpAddr>, name: &str, now: Instant) {
        let mut failures = self.0.lock().expect("no holder of this lock panics");
        for key in [key_of_address(address), key_of_name(name)] {
            if failures.len() >= FAILURES_KEPT && !failures.contains_key(&key) {
                forget_oldest(&mut failures);
            }
            let entry = failures.entry(key).or_insert(Failures { count: 0, last: now });
            let forgotten = now.saturating_duration_since(entry.last) > 2 * WAIT_MAX;
            *entry = Failures { count: if forgotten { 1 } else { entry.count.saturating_add(1) }, last: now };
        }
    }

    /// Forgets the failures of whoever has signed in.
    pub fn succeeded(&self, address: Option<IpAddr>, name: &str) {
        let mut failures = self.0.lock().expect("no holder of this lock panics");
        failures.remove(&key_of_address(address));
        failures.remove(&key_of_name(name));
    }
}

fn forget_oldest(failures: &mut HashMap<String, Failures>) {
    let oldest = failures.iter().min_by_key(|(_, failures)| failures.last).map(|(key, _)| key.clone());
    if let Some(key) = oldest {
        failures.remove(&key);
    }
}

/// Whoever has an IPv6 address has all of its /64.
fn key_of_address(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V6(address)) => format!("from {:x}", address.to_bits() >> 64),
        Some(IpAddr::V4(address)) => format!("from {address}"),
        None => "from here".to_owned(),
    }
}

fn key_of_name(name: &str) -> String {
    format!("as {}", name.chars().take(100).collect::<String>())
}

/// An extractor of a caller with a right: refuses with 401 where nobody is known and 403 where the right is
/// missing.
macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident: $right:ident, $what:literal;)*) => {
        $($(#[$doc])* pub struct $name(pub Caller);

        impl FromRequestParts<App> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<$name, Problem> {
                let caller = identify(parts, app).await?.ok_or_else(nobody)?;
                if caller.rights.$right {
                    return Ok($name(caller));
                }
                Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", concat!("this needs the right to ", $what)))
            }
        })*
    };
}

callers! {
    /// May send events.
    Ingester: ingest, "send events: a key with the scope `ingest`";
    /// May read.
    Reader: read, "read: a key with the scope `read`, or a user";
    /// May change alerts.
    Triager: triage, "change alerts: the role analyst or admin, or a key with the scope `admin`";
    /// May make keys and users.
    Admin: admin, "administer: the role admin, or a key with the scope `admin`";
}

/// May administer what is everyone's: the targets of notifications, and whatever else leaves the host.
pub struct AdminOfAll(pub Caller);

impl FromRequestParts<App> for AdminOfAll {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<AdminOfAll, Problem> {
        let Admin(caller) = Admin::from_request_parts(parts, app).await?;
        if caller.organizations == Organizations::All {
            return Ok(AdminOfAll(caller));
        }
        let message = "this is of all organisations; ask an administrator of all of them";
        Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", message))
    }
}

impl OptionalFromRequestParts<App> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Reader>, Problem> {
        Ok(identify(parts, app).await?.filter(|caller| caller.rights.read).map(Reader))
    }
}

fn nobody() -> Problem {
    let message = "send an API key as `X-API-Key: sw_…`, or sign in at /sign-in";
    Problem::new(StatusCode::UNAUTHORIZED, "no_key", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_free_a_few_times_and_then_doubles_its_wait() {
        let sign_ins = SignIns::default();
        let (address, start) = (Some(IpAddr::from([10, 0, 0, 1])), Instant::now());
        for _ in 0..FAILURES_FREE - 1 {
            sign_ins.failed(address, "alice", start);
        }
        assert_eq!(sign_ins.wait(address, "alice", start), None);
        sign_ins.failed(address, "alice", start);
        assert_eq!(sign_ins.wait(address, "alice", start), Some(Duration::from_secs(1)));
        sign_ins.failed(address, "alice", start);
        assert_eq!(sign_ins.wait(address, "bob", start), Some(Duration::from_secs(2)), "the address counts");
        assert_eq!(sign_ins.wait(None, "alice", start), Some(Duration::from_secs(2)), "the name counts");
        assert_eq!(sign_ins.wait(None, "carol", start), None);
        for _ in 0..20 {
            sign_ins.failed(Some(IpAddr::from([10, 0, 0, 2])), "dora", start);
        }
        assert_eq!(
            sign_ins.wait(None, "dora", start),
            Some(NAME_WAIT_MAX),
            "strangers keep nobody out for long"
        );
        assert_eq!(sign_ins.wait(address, "alice", start + Duration::from_secs(2)), None);
        sign_ins.succeeded(address, "alice");
        assert_eq!(sign_ins.wait(address, "alice", start), None);
    }

    #[test]
    fn only_our_own_pages_may_change_something_with_a_cookie() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs
                .iter()
                .map(|(name, value)| {
                    (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
                })
                .collect()
        };
        for good in [
            &[("sec-fetch-site", "same-origin")][..],
            &[("origin", "http://seal.example:5600"), ("host", "seal.example:5600")],
        ] {
            assert!(check_same_origin(&headers(good)).is_ok(), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://a"), ("host", "a")],
            &[("origin", "http://evil.example"), ("host", "seal.example")],
            &[("origin", "null"), ("host", "seal.example")],
        ] {
            assert!(check_same_origin(&headers(bad)).is_err(), "{bad:?}");
        }
    }
}
