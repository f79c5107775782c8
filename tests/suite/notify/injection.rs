//! What stands in events stays text: in mail headers, HTML, JSON, push headers, templates and the journal.

use super::mail_server::{Fault, MailServer, Security};
use super::receiver::Receiver;
use super::{configured, hook, raise, route, settled};
use crate::appliance::Appliance;
use mail_parser::{HeaderName, MessageParser};

const PAYLOADS: [&str; 12] = [
    "a\r\nBcc: evil@example.org\r\n\r\nbody",
    "a\nX-Evil: 1",
    "=?utf-8?q?=0D=0ABcc:_evil@example.org?=",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "{{ checkpoint }} {{7*7}} ${jndi:ldap://host.example/}",
    "<!channel> <https://host.example|click> *bold*",
    "\u{1b}[2J\u{1b}]8;;https://host.example\u{7}x",
    "\u{202e}gpj.exe\u{2028}next",
    "\r\n.\r\nQUIT\r\n",
    "\",\"admin\":true,\"x\":\"",
    "ünï😀cödé",
];

#[test]
fn nothing_in_an_event_becomes_a_header_an_element_a_member_a_mention_or_a_template() {
    let mail = MailServer::start(Security::Plain, Fault::None);
    let receiver = Receiver::start();
    let rest = [
        format!(
            "[notify.targets.mail]\nkind = \"email\"\nserver = \"localhost:{}\"\nsecurity = \"none\"\n\
             from = \"seal@example.org\"\nto = [\"bob@example.org\"]\ntitle = \"{{{{ who }}}}: {{{{ title }}}}\"\n",
            mail.port
        ),
        format!(
            "[notify.targets.own-text]\nkind = \"email\"\nserver = \"localhost:{}\"\nsecurity = \"none\"\n\
             from = \"seal@example.org\"\nto = [\"own@example.org\"]\ntext = \"{{{{ who }}}} of {{{{ organization }}}}\"\n",
            mail.port
        ),
        hook("json", receiver.port).replace("/hook", "/json"),
        format!("{}format = \"slack\"\n", hook("slack", receiver.port).replace("/hook", "/slack")),
        format!(
            "{}format = \"template\"\ntemplate = '{{\"who\": \"{{{{ who }}}}\", \"of\": \"{{{{ organization }}}}\"}}'\n",
            hook("own", receiver.port).replace("/hook", "/own")
        ),
        format!("[notify.targets.push]\nkind = \"push\"\nurl = \"http://127.0.0.1:{}/push\"\n", receiver.port),
        "[notify.targets.journal]\nkind = \"console\"\n".to_owned(),
        route("all", &["mail", "own-text", "json", "slack", "own", "push", "journal"]),
    ]
    .concat();
    let allow = [format!("localhost:{}", mail.port), receiver.address()];
    let appliance = Appliance::start_configured(&configured(&allow, &rest));
    let client = appliance.everything("injection");
    for (number, payload) in PAYLOADS.iter().enumerate() {
        let organization = format!("o{number}{payload}");
        let events: Vec<_> =
            (0..5).map(|second| crate::samples::failed_sign_in(&organization, payload, second)).collect();
        client.post("/api/v1/audit/events", &serde_json::Value::from(events)).expect(202);
    }
    let last = raise(&client, "last", "the last one");
    for name in ["mail", "own-text", "json", "slack", "own", "push", "journal"] {
        settled(&client, &last, name, "told");
    }

    let expected = PAYLOADS.len() + 1;
    let page = client.get("/api/v1/alerts?limit=100").expect(200).json();
    for alert in page["data"].as_array().expect("an array") {
        let id = alert["id"].as_str().expect("an id");
        crate::appliance::eventually("all is told", || {
            let found = super::deliveries(&client, id);
            let left: Vec<_> = found.iter().filter(|one| one["state"] != "told").collect();
            assert!(left.iter().all(|one| one["why"].is_null()), "{left:?}");
            left.is_empty().then_some(())
        });
    }
    let taken = mail.taken();
    assert_eq!(taken.len(), 2 * expected);
    for taken in &taken {
        assert_eq!(taken.to.len(), 1, "nobody else got it");
        let message = MessageParser::default().parse(&taken.data).expect("it is a mail");
        let known = [
            HeaderName::From,
            HeaderName::Subject,
            HeaderName::MessageId,
            HeaderName::Date,
            HeaderName::InReplyTo,
            HeaderName::References,
            HeaderName::To,
            HeaderName::MimeVersion,
            HeaderName::ContentType,
            HeaderName::AutoSubmitted,
        ];
        for header in message.headers() {
            assert!(known.contains(&header.name), "{:?}", header.name);
        }
        assert_eq!(message.parts.len(), 3, "one text in two forms");
        let html = message.body_html(0).expect("HTML");
        for element in ["<script", "<img", "onerror=alert(1)>"] {
            assert!(!html.contains(element), "{html}");
        }
        let subject = message.subject().expect("a subject");
        assert!(!subject.chars().any(char::is_control) && !subject.contains('\u{202e}'), "{subject:?}");
        assert!(subject.chars().count() <= 201);
        let text = message.body_text(0).expect("a text");
        let inert = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r'));
        assert!(inert && !text.contains('\u{202e}'), "{text:?}");
    }

    let got = receiver.got();
    assert_eq!(got.len(), 4 * expected, "each once");
    for (number, payload) in PAYLOADS.iter().enumerate() {
        let of = format!("o{number}");
        let json: Vec<_> =
            got.iter().filter(|got| got.path == "/json").map(super::receiver::Got::json).collect();
        let found =
            json.iter().find(|json| json["data"]["alert"]["organizationId"] == format!("{of}{payload}"));
        assert_eq!(found.expect("it came")["data"]["alert"]["key"], *payload, "data is data, to the letter");
        let own: Vec<_> =
            got.iter().filter(|got| got.path == "/own").map(super::receiver::Got::json).collect();
        let mine = own.iter().filter(|own| {
            own["of"].as_str().is_some_and(|name| {
                name.starts_with(&format!(
                    "{of}{}",
                    payload
                        .chars()
                        .next()
                        .filter(|c| !c.is_control() && *c != '\u{202e}')
                        .map_or(String::from(" "), String::from)
                ))
            })
        });
        for own in mine {
            let members: Vec<&String> = own.as_object().expect("an object").keys().collect();
            assert_eq!(members, ["of", "who"], "{own}");
        }
    }
    for slack in got.iter().filter(|got| got.path == "/slack") {
        let text = slack.json()["text"].as_str().expect("a text").to_owned();
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
    }
    for push in got.iter().filter(|got| got.path.starts_with("/push")) {
        assert_eq!(push.path.matches('/').count(), 2, "one topic below the address: {}", push.path);
        assert!(!push.headers.contains_key("x-evil") && !push.headers.contains_key("bcc"));
        assert!(
            push.header("title").is_ascii()
                && push.header("click").starts_with("https://seal.example/alerts/")
        );
    }
    let log = appliance.log();
    let hidden = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!log.contains(hidden), "the journal holds no byte that moves a terminal");
}
