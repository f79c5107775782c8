//! `[notify]`: settings in, targets, routes and windows or mistakes out.

use crate::config::{Config, Mistake, Overrides, load};
use crate::notify::Way;

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<Mistake>> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("sealwatch.toml");
    std::fs::write(&file, text).expect("it takes files");
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(Some(&file), Overrides::default(), variables)
}

/// The indented example of the shipped file.
fn example() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/sealwatch.toml");
    let manual = std::fs::read_to_string(path).expect("the manual is part of the repository");
    let begin = manual.find("[notify]").expect("it explains [notify]");
    let end = begin + manual[begin..].find("\n[web]").expect("[web] follows");
    let lines = manual[begin..end].lines().filter_map(|line| line.strip_prefix("#   "));
    let lines = lines.skip_while(|line| !line.starts_with('['));
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with("secret_file")).collect();
    lines.join("\n")
}

#[test]
fn the_example_of_the_shipped_file_is_read_as_it_says() {
    let secrets = [
        ("SEALWATCH_SECRET_ON_CALL", "hunter2"),
        ("SEALWATCH_SECRET_DESK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("SEALWATCH_SECRET_PHONES", "tk_1"),
    ];
    let config = read(&example(), &secrets).expect("the example is sound");
    let kinds: Vec<(&str, &str)> =
        config.notify.targets.iter().map(|target| (target.name.as_str(), target.way.name())).collect();
    assert_eq!(
        kinds,
        [("desk", "webhook"), ("journal", "console"), ("on-call", "email"), ("phones", "push")]
    );
    assert!(matches!(&config.notify.targets[0].way, Way::Webhook(webhook) if webhook.secret.is_some()));
    assert!(matches!(&config.notify.targets[2].way, Way::Mail(mail) if mail.sign_in.is_some()));
    assert_eq!(config.notify.routing.routes[0].targets, ["on-call", "phones"]);
    assert_eq!(config.notify.routing.maintenance[0].recurrence.from_minute, 22 * 60);
    assert!(!format!("{config:?}").contains("hunter2") && !format!("{config:?}").contains("tk_1"));
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = r#"
[notify]
allow = ["localhost"]
[notify.targets."Ops Team"]
kind = "console"
[notify.targets.a]
kind = "pigeon"
[notify.targets.b]
kind = "webhook"
url = "http:\u002F/user:pw@host.example/"
format = "template"
template = '{"x": "{{ titel }}"}'
[notify.targets.c]
kind = "webhook"
url = "https://host.example:6379/"
format = "template"
template = '{"x": {{ who }}}'
[notify.targets.d]
kind = "email"
server = "mail.example"
security = "none"
user = "x"
from = "nobody"
to = []
[notify.routes.r]
targets = ["e"]
severity = "SEVERE"
[notify.maintenance.m]
days = ["someday"]
from = "25:00"
"#;
    let mistakes = read(text, &[]).expect_err("there are many");
    let told: Vec<String> = mistakes.iter().map(|mistake| mistake.to_string()).collect();
    for expected in [
        "notify.allow: a list is not a list of hosts with ports",
        "notify.targets.\"Ops Team\": is no name",
        "notify.targets.a.kind: \"pigeon\" is not one of",
        "notify.targets.b.url: an address holds no user and no password",
        "notify.targets.b.template: there is no {{ titel }}; there are title,",
        "notify.targets.c.url: port 6379 is not for HTTP",
        "notify.targets.c.template: gives no JSON",
        "notify.targets.d.server: \"mail.example\" is not a host with a port",
        "notify.targets.d.security: must not be \"none\"",
        "notify.targets.d.from: \"nobody\" is not a mail address",
        "notify.targets.d.to: must name 1 to 50",
        "notify.routes.r.targets: there is no [notify.targets.e]",
        "notify.routes.r.severity: \"SEVERE\" is not one of",
        "notify.maintenance.m.days: a list is not a list of days",
        "notify.maintenance.m.from: \"25:00\" is not a time of the day",
        "notify.maintenance.m.to: is missing",
    ] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}\n{told:#?}");
    }
}

#[test]
fn a_target_that_no_route_leads_to_is_a_mistake_and_so_is_a_sign_in_without_a_password() {
    let lonely = "[notify.targets.a]\nkind = \"console\"";
    assert!(read(lonely, &[]).expect_err("nobody is told")[0].message.contains("no route leads to them"));
    let mail = "[notify.targets.a]\nkind = \"email\"\nserver = \"mail.example:587\"\nuser = \"x\"\n\
                from = \"a@example.org\"\nto = [\"b@example.org\"]\n[notify.routes.r]\ntargets = [\"a\"]";
    let mistakes = read(mail, &[]).expect_err("a password is missing");
    assert!(mistakes[0].message.contains("SEALWATCH_SECRET_A"), "{mistakes:?}");
    assert!(read(mail, &[("SEALWATCH_SECRET_A", "x")]).is_ok());
    let hook = "[notify.targets.a]\nkind = \"webhook\"\nurl = \"https://a.example/\"\n[notify.routes.r]\ntargets = [\"a\"]";
    let mistakes = read(hook, &[("SEALWATCH_SECRET_A", "hunter2")]).expect_err("no signing secret");
    assert!(mistakes[0].message.contains("whsec_") && !mistakes[0].message.contains("hunter2"));
}

#[test]
fn what_lets_in_whoever_knows_it_is_shown_nowhere() {
    let text = "[notify.targets.a__b]\nkind = \"webhook\"\nurl = \"https://hooks.example/T0/hidden-1\"\n\
                format = \"template\"\ntemplate = '{\"key\": \"hidden-2\"}'\n\
                [notify.routes.r]\ntargets = [\"a__b\"]\nseverity = \"high\"";
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let variables =
        [("SEALWATCH_SECRET_A__B", secret), ("SEALWATCH_NOTIFY__TARGETS__A__B__TITLE", "{{ title }}")];
    let config = read(text, &variables).expect("all is well");
    let settings = config.layers.settings(&crate::model::Overrides::default());
    let value = |key: &str| {
        settings.iter().find(|setting| setting.key == key).and_then(|setting| setting.value.as_deref())
    };
    for (key, text, shown) in [
        ("notify.targets.a__b.url", "https://hooks.example:443", "\"https://hooks.example:443\""),
        ("notify.targets.a__b.template", "set", "\"set\""),
        ("notify.targets.a__b.title", "{{ title }}", "{{ title }}"),
        ("notify.routes.r.targets", "a__b", "[\"a__b\"]"),
        ("notify.routes.r.severity", "HIGH", "\"high\""),
    ] {
        assert_eq!((config.texts[key].as_str(), value(key)), (text, Some(shown)), "{key}");
    }
    assert_eq!(value("notify.targets.a__b.text"), None, "nobody wrote one");
    let all = format!("{settings:?} {:?}", config.texts);
    assert!(!all.contains("hidden") && !all.contains(secret));
}
