//! `[notify]`: who is told of alerts, by which ways, and when nobody is.

use super::detection::{ZONE, show_zone, time_zone};
use super::reader::{Reader, SECRET_PREFIX, Section};
use super::secret::read_secret_file;
use crate::model::{AlertType, Matcher, Pattern, Secret, Severity};
use crate::notify::{
    Endpoint, Mail, MailSecurity, Policy, Push, SigningKey, Target, Template, Way, WebAddress, Webhook,
    WebhookForm, is_mailbox, json_escape,
};
use crate::routing::{Maintenance, Recurrence, Route, Routing};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Targets, routes and windows, of each kind.
const NAMED_MAX: usize = 100;
/// People that one mail goes to.
const RECIPIENTS_MAX: usize = 50;
/// The days of the week as they are written.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Who is told of what, and how they are reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Notify {
    /// Where people reach the appliance, for links; `None`: where it answers.
    pub public_url: Option<String>,
    /// Where notifications may go.
    pub policy: Policy,
    /// Everyone who can be told.
    pub targets: Vec<Target>,
    /// Who is told of what.
    pub routing: Routing,
    /// How long a notification may wait for a target that is down.
    pub wait_max: Duration,
    /// How long a target must have failed before that is an alert.
    pub broken_after: Duration,
    /// Where secrets and certificates are to be read from, by target.
    files: BTreeMap<String, Files>,
}

/// What a target's settings say about files.
#[derive(Clone, Debug, Default, PartialEq)]
struct Files {
    secret: Option<PathBuf>,
    ca: Option<PathBuf>,
    /// Who signs in, at a mail server.
    user: Option<String>,
}

impl Notify {
    pub(super) fn read(reader: &mut Reader, listen: SocketAddr) -> Notify {
        let mut section = reader.section(&["notify"]);
        let public_url = section.text(
            "public_url",
            "an address such as \"https://seal.example\"",
            None,
            |text| {
                let address = WebAddress::parse(text).ok().map(|address| Some(address.text));
                if text.is_empty() { Some(None) } else { address }
            },
            or_nothing,
        );
        let allowed = section.list(
            "allow",
            "a list of hosts with ports such as \"127.0.0.1:2586\" or \"ntfy.lan:443\"",
            Vec::new(),
            |text| Endpoint::parse(text).ok(),
        );
        let wait_max = Duration::from_secs(section.integer("wait_max_secs", 86_400, 1..=2_592_000));
        let broken_after = Duration::from_secs(section.integer("broken_after_secs", 300, 1..=86_400));
        let policy = Policy { lan: true, allowed, own: Some(listen) };
        let mut files = BTreeMap::new();
        let mut targets = Vec::new();
        for name in names(reader, "targets") {
            let section = reader.section(&["notify", "targets", &name]);
            let (target, own_files) = read_target(section, name.clone(), &policy);
            targets.extend(target);
            files.insert(name, own_files);
        }
        let known: BTreeSet<String> = files.keys().cloned().collect();
        let mut routing = Routing::default();
        for name in names(reader, "routes") {
            routing.routes.push(read_route(reader.section(&["notify", "routes", &name]), name, &known));
        }
        for name in names(reader, "maintenance") {
            let section = reader.section(&["notify", "maintenance", &name]);
            routing.maintenance.extend(read_maintenance(section, name));
        }
        if !known.is_empty() && routing.routes.is_empty() {
            let message = "no route leads to them, so nobody would be told; write [notify.routes.all] with targets = […]";
            reader.mistake(&["notify".to_owned(), "targets".to_owned()], message.to_owned());
        }
        Notify { public_url, policy, targets, routing, wait_max, broken_after, files }
    }

    /// What links begin with.
    pub fn link_base(&self, listen: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{listen}"))
    }

    /// Reads what stands in files, credentials and variables. A target's secret is that of
    /// `SEALWATCH_SECRET_<TARGET>`, else of its `secret_file`, else of the systemd credential `notify-<target>`.
    pub(super) fn find_secrets(&mut self, reader: &mut Reader, environment: &BTreeMap<String, String>) {
        let credentials = environment.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        for target in &mut self.targets {
            let files = self.files.get(&target.name).cloned().unwrap_or_default();
            let name = target.name.clone();
            let at = |key: &str| ["notify", "targets", &name, key].map(str::to_owned);
            if let Some(file) = &files.ca {
                match read_pem(file) {
                    Ok(pem) => target.ca = Some(pem),
                    Err(why) => reader.mistake(&at("ca_file"), format!("{}: {why}", file.display())),
                }
            }
            let variable = variable(&target.name);
            let credential = credentials.as_ref().map(|dir| dir.join(format!("notify-{}", target.name)));
            let found = if let Some(text) = environment.get(&variable).filter(|text| !text.is_empty()) {
                Some(Ok(Secret::new(text.clone())))
            } else if let Some(file) = &files.secret {
                Some(read_secret_file(file).map_err(|why| format!("{}: {why}", file.display())))
            } else {
                credential.filter(|file| file.exists()).map(|file| {
                    read_secret_file(&file).map_err(|why| format!("the credential {}: {why}", file.display()))
                })
            };
            let given = match found {
                Some(Ok(secret)) => give(target, secret, files.user.as_deref()),
                Some(Err(why)) => Err(why),
                None if files.user.is_some() => Err(format!("is needed to sign in; or set {variable}")),
                None => Ok(()),
            };
            if let Err(why) = given {
                reader.mistake(&at("secret_file"), why);
            }
        }
    }
}

fn give(target: &mut Target, secret: Secret, user: Option<&str>) -> Result<(), String> {
    match &mut target.way {
        Way::Mail(mail) => mail.sign_in = user.map(|user| (user.to_owned(), secret)),
        Way::Webhook(webhook) => {
            webhook.secret = Some(SigningKey::parse(secret.reveal()).map_err(str::to_owned)?);
        }
        Way::Push(push) => push.token = Some(secret),
        Way::Console => {}
    }
    Ok(())
}

fn variable(target: &str) -> String {
    let name: String = target.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_uppercase() }).collect();
    format!("{SECRET_PREFIX}{name}")
}

fn read_pem(file: &Path) -> Result<String, String> {
    let pem = std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    crate::notify::check_certificates(&pem)?;
    Ok(pem)
}

/// The names under `[notify.KIND.…]`; those that are none are mistakes.
fn names(reader: &mut Reader, kind: &str) -> BTreeSet<String> {
    let names = reader.names_under(&["notify", kind]);
    let is_name = |name: &&String| {
        (1..=60).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    let path = |name: &str| ["notify", kind, name].map(str::to_owned);
    for name in names.iter().filter(|name| !is_name(name)) {
        let message = "is no name: 1 to 60 letters, digits, - and _".to_owned();
        reader.mistake(&path(name), message);
    }
    if names.len() > NAMED_MAX {
        reader.mistake(&path(""), format!("there may be {NAMED_MAX} of them"));
    }
    names
}

fn read_target(mut section: Section<'_>, name: String, policy: &Policy) -> (Option<Target>, Files) {
    let mut files = Files::default();
    let kinds = [("email", Some('m')), ("webhook", Some('w')), ("push", Some('p')), ("console", Some('c'))];
    let kind = section.choice("kind", None, &kinds);
    section.require(
        name != "otlp",
        "kind",
        "the name otlp is that of the collector of telemetry; choose another",
    );
    section.require(
        kind.is_some(),
        "kind",
        "is missing; it is \"email\", \"webhook\", \"push\" or \"console\"",
    );
    let time_zone = section.text("time_zone", ZONE, TimeZone::UTC, time_zone, show_zone);
    let title = template(&mut section, "title");
    let text = template(&mut section, "text");
    let a_file = |text: &str| super::path(text).map(Some);
    let show_file = |path: &Option<PathBuf>| path.as_deref().map_or_else(String::new, super::show_path);
    if kind.is_some_and(|kind| kind != 'c') {
        files.secret = section.text("secret_file", "the path of a file", None, a_file, show_file);
        files.ca = section.text("ca_file", "the path of a file", None, a_file, show_file);
    }
    let way = match kind {
        Some('m') => read_mail(&mut section, &mut files).map(Way::Mail),
        Some('w') => read_webhook(&mut section, policy).map(Way::Webhook),
        Some('p') => read_push(&mut section, policy).map(Way::Push),
        Some(_) => Some(Way::Console),
        None => None,
    };
    (way.map(|way| Target { name, way, time_zone, title, text, ca: None }), files)
}

fn read_mail(section: &mut Section<'_>, files: &mut Files) -> Option<Mail> {
    let a_server = "a host with a port such as \"mail.example:587\"";
    let server =
        section.text("server", a_server, None, |text| Endpoint::parse(text).ok().map(Some), or_nothing);
    section.require(server.is_some(), "server", "is missing: the mail server's host and port");
    let securities =
        [("starttls", MailSecurity::StartTls), ("tls", MailSecurity::Tls), ("none", MailSecurity::Plain)];
    let security = section.choice("security", MailSecurity::StartTls, &securities);
    let a_name = |text: &str| (!text.is_empty()).then(|| Some(text.to_owned()));
    files.user = section.text("user", "a name", None, a_name, or_nothing);
    section.require(
        files.user.is_none() || security != MailSecurity::Plain,
        "security",
        "must not be \"none\" where somebody signs in: the password would be sent in the open",
    );
    let mailbox = |text: &str| is_mailbox(text).then(|| text.to_owned());
    let a_mailbox = "a mail address such as \"Sealwatch <seal@example.org>\"";
    let from = section.text("from", a_mailbox, None, |text| mailbox(text).map(Some), or_nothing);
    section.require(from.is_some(), "from", "is missing: the sender's mail address");
    let to = section.list("to", "a list of mail addresses", Vec::new(), mailbox);
    section.require(
        (1..=RECIPIENTS_MAX).contains(&to.len()),
        "to",
        format!("must name 1 to {RECIPIENTS_MAX} mail addresses"),
    );
    Some(Mail { server: server?, security, sign_in: None, from: from?, to })
}

fn read_webhook(section: &mut Section<'_>, policy: &Policy) -> Option<Webhook> {
    let url = read_url(section, policy);
    let formats = [("json", 'j'), ("slack", 's'), ("template", 't')];
    let format = section.choice("format", 'j', &formats);
    let body = if format == 't' { template(section, "template") } else { None };
    let gives_json = body.as_ref().is_none_or(|body| {
        let sample = body.render(|name| sample_of(name).to_owned(), json_escape);
        serde_json::from_str::<serde_json::Value>(&sample).is_ok()
    });
    section.require(
        gives_json,
        "template",
        "gives no JSON; placeholders of text stand in quotes, only numbers may stand alone",
    );
    let form = match (format, body) {
        ('j', _) => WebhookForm::Json,
        ('s', _) => WebhookForm::Slack,
        (_, Some(body)) => WebhookForm::Template(body),
        (_, None) => {
            section.require(false, "template", "is missing: the JSON to send, with {{ placeholders }}");
            return None;
        }
    };
    Some(Webhook { url: url?, secret: None, form })
}

/// A value as hard to fit in as any that a placeholder can have.
fn sample_of(placeholder: &str) -> &'static str {
    match placeholder {
        "count" | "occurrences" | "threshold" | "timespan_secs" => "7",
        _ => "a\"b",
    }
}

fn read_push(section: &mut Section<'_>, policy: &Policy) -> Option<Push> {
    let url = read_url(section, policy);
    let a_topic = |text: &str| (1..=64).contains(&text.chars().count()).then(|| Some(text.to_owned()));
    let topic = section.text("topic", "a topic of 1 to 64 characters", None, a_topic, or_nothing);
    Some(Push { url: url?, topic, token: None })
}

fn read_url(section: &mut Section<'_>, policy: &Policy) -> Option<WebAddress> {
    // Many a receiver is let in by the path of its address alone, so no more than the host is ever shown.
    let show = |text: &Option<String>| {
        let address = text.as_deref().and_then(|text| WebAddress::parse(text).ok());
        address.map_or_else(String::new, |address| {
            format!("{}://{}", if address.tls { "https" } else { "http" }, address.endpoint)
        })
    };
    let text = section.text("url", "a text", None, |text| Some(Some(text.to_owned())), show);
    let Some(text) = text else {
        section.require(false, "url", "is missing: the address to send to");
        return None;
    };
    let checked = WebAddress::parse(&text).and_then(|address| policy.check_web(&address).map(|()| address));
    checked.map_err(|why| section.require(false, "url", why.to_string())).ok()
}

fn or_nothing<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(String::new, T::to_string)
}

fn template(section: &mut Section<'_>, key: &str) -> Option<Template> {
    // Of the JSON it is only said that it is there: some receivers want their key in it.
    let show = |text: &Option<String>| match text {
        Some(_) if key == "template" => "set".to_owned(),
        text => or_nothing(text),
    };
    let text = section.text(key, "a text", None, |text| Some(Some(text.to_owned())), show)?;
    Template::parse(&text).map_err(|why| section.require(false, key, why)).ok()
}

fn read_route(mut section: Section<'_>, name: String, known: &BTreeSet<String>) -> Route {
    let targets = section.list("targets", "a list of targets", Vec::new(), |text| Some(text.to_owned()));
    let unknown = targets.iter().find(|target| !known.contains(*target));
    section.require(!targets.is_empty(), "targets", "must name at least one target");
    if let Some(unknown) = unknown {
        section.require(false, "targets", format!("there is no [notify.targets.{unknown}]"));
    }
    Route { name, matcher: read_matcher(&mut section), targets }
}

fn read_matcher(section: &mut Section<'_>) -> Matcher {
    let severities = Severity::ALL.map(|severity| (severity.name(), Some(severity)));
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let upper = |text: &str| text.trim().to_ascii_uppercase();
    Matcher {
        severity: section.choice("severity", None, &severities),
        types: section
            .list("types", "a list of types such as \"SECURITY\"", Vec::new(), |text| {
                AlertType::from_name(&upper(text)).map(AlertType::name)
            })
            .into_iter()
            .filter_map(AlertType::from_name)
            .collect(),
        patterns: section
            .list("patterns", "a list of patterns such as \"FAILED_AUTH\"", Vec::new(), |text| {
                Pattern::from_name(&upper(text)).map(Pattern::name)
            })
            .into_iter()
            .filter_map(Pattern::from_name)
            .collect(),
        organizations: section
            .list("organizations", "a list of names", Vec::new(), text)
            .into_iter()
            .collect(),
        tags: section.list("tags", "a list of tags", Vec::new(), text).into_iter().collect(),
        keys: section
            .list("keys", "a list of principals or addresses", Vec::new(), text)
            .into_iter()
            .collect(),
    }
}

fn read_maintenance(mut section: Section<'_>, name: String) -> Option<Maintenance> {
    let days = section.list("days", "a list of days such as \"sat\"", Vec::new(), weekday);
    let is_named = |(_, day): &(Weekday, &str)| days.contains(day);
    let days = Weekday::Monday.cycle_forward().zip(DAYS).filter(is_named).map(|(day, _)| day).collect();
    let clock = "a time of the day such as \"22:30\"";
    let a_minute = |text: &str| minute(text).map(Some);
    let show = |minute: &Option<u16>| {
        minute.map_or_else(String::new, |minute| format!("{:02}:{:02}", minute / 60, minute % 60))
    };
    let from = section.text("from", clock, None, a_minute, show);
    let to = section.text("to", clock, None, a_minute, show);
    section.require(from.is_some(), "from", "is missing: when the window begins");
    section.require(to.is_some(), "to", "is missing: when the window ends");
    let time_zone = section.text("time_zone", ZONE, TimeZone::UTC, time_zone, show_zone);
    let matcher = read_matcher(&mut section);
    let recurrence = Recurrence { days, from_minute: from?, to_minute: to?, time_zone };
    Some(Maintenance { name, matcher, recurrence })
}

fn weekday(text: &str) -> Option<&'static str> {
    DAYS.into_iter().find(|day| text.trim().eq_ignore_ascii_case(day))
}

/// The minute of the day; 24:00 is its end.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let of_day = hour * 60 + minute;
    (hour <= 24 && minute < 60 && of_day <= 24 * 60).then_some(of_day)
}

#[cfg(test)]
mod tests;
