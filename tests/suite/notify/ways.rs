//! Each way out by itself: what a mail program, a webhook and a push server get.

use super::mail_server::{Fault, MailServer, Security};
use super::receiver::Receiver;
use super::{configured, hook, identity, raise, route, settled};
use crate::appliance::{Appliance, eventually, lossy};
use crate::samples::failed_sign_in;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use mail_parser::{Message, MessageParser, MimeHeaders};
use serde_json::Value;
use sha2::Sha256;

fn mail_target(name: &str, port: u16, rest: &str) -> String {
    format!(
        "[notify.targets.{name}]\nkind = \"email\"\nserver = \"localhost:{port}\"\n\
         from = \"Sealwatch <seal@example.org>\"\nto = [\"on-call@example.org\", \"Bob <bob@example.org>\"]\n{rest}"
    )
}

fn parsed(data: &[u8]) -> Message<'_> {
    MessageParser::default().parse(data).expect("it is a mail")
}

#[test]
fn mails_of_one_alert_stand_together_and_say_who_what_when_how_often_and_against_which_limit() {
    let me = identity("localhost", 2200);
    let mut appliance = Appliance::at_rest();
    std::fs::write(appliance.file("ca.pem"), &me.pem).expect("it can be written");
    std::fs::write(appliance.file("password"), "right\n").expect("it can be written");
    let tls = |security: &str| {
        format!(
            "security = {security:?}\nuser = \"seal\"\ntime_zone = \"Europe/Berlin\"\nca_file = {:?}\nsecret_file = {:?}\n",
            appliance.file("ca.pem"),
            appliance.file("password")
        )
    };
    let start_tls = MailServer::start(Security::StartTls(me.config.clone()), Fault::None);
    let from_the_start = MailServer::start(Security::Tls(me.config), Fault::None);
    let plain = MailServer::start(Security::Plain, Fault::None);
    let allow = [&start_tls, &from_the_start, &plain].map(|server| format!("localhost:{}", server.port));
    let rest = [
        mail_target("starttls", start_tls.port, &tls("starttls")),
        mail_target("tls", from_the_start.port, &tls("tls")),
        mail_target("plain", plain.port, "security = \"none\"\n"),
        route("all", &["starttls", "tls", "plain"]),
    ]
    .concat();
    appliance.configure(&configured(&allow, &rest));
    let client = appliance.everything("mail");
    let alert = raise(&client, "clinic", "ada");
    for name in ["starttls", "tls", "plain"] {
        settled(&client, &alert, name, "told");
    }
    // After the cooldown there is a second one of the same alert.
    let later: Vec<Value> = (310..312).map(|second| failed_sign_in("clinic", "ada", second)).collect();
    let burst: Vec<Value> = (306..310).map(|second| failed_sign_in("clinic", "ada", second)).collect();
    client.post("/api/v1/audit/events", &Value::from([burst, later].concat())).expect(202);
    for (server, encrypted) in [(&start_tls, true), (&from_the_start, true), (&plain, false)] {
        let taken = eventually("two mails", || Some(server.taken()).filter(|taken| taken.len() == 2));
        let mails: Vec<Message<'_>> = taken.iter().map(|taken| parsed(&taken.data)).collect();
        let ids: Vec<&str> = mails.iter().map(|mail| mail.message_id().expect("an id")).collect();
        assert_ne!(ids[0], ids[1]);
        for (taken, mail) in taken.iter().zip(&mails) {
            assert_eq!(taken.from, "seal@example.org");
            assert_eq!(taken.to, ["on-call@example.org", "bob@example.org"]);
            let user = encrypted.then(|| ("seal".to_owned(), "right".to_owned()));
            assert_eq!(taken.user, user);
            assert_eq!(mail.subject(), Some("[HIGH] Failed sign-ins: ada"));
            assert_eq!(mail.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
            assert_eq!(mail.references().as_text(), Some(format!("{alert}@example.org").as_str()));
            assert_eq!(mail.in_reply_to().as_text(), Some(format!("{alert}@example.org").as_str()));
            let (text, html) = (mail.body_text(0).expect("a text"), mail.body_html(0).expect("HTML"));
            assert_eq!((mail.text_body.len(), mail.html_body.len()), (1, 1), "two forms of one text");
            assert!(mail.part(mail.text_body[0]).is_some_and(|part| part.is_content_type("text", "plain")));
            for body in [&text, &html] {
                let zone =
                    if encrypted { "11:00:04 CET on 2026-01-05" } else { "10:00:04 UTC on 2026-01-05" };
                let first = body.contains(zone) && body.contains("ada failed to sign in 5 times");
                assert!(first || body.contains("ada failed to sign in"), "{body}");
                assert!(body.contains("the limit is 5 within 5 minutes"), "{body}");
                assert!(body.contains(&format!("https://seal.example/alerts/{alert}")), "{body}");
                assert!(body.contains("\u{2014} "), "a signed checkpoint: {body}");
            }
        }
        let first = mails[0].body_text(0).expect("a text");
        let zone = if encrypted { "11:00:04 CET on 2026-01-05" } else { "10:00:04 UTC on 2026-01-05" };
        assert!(first.contains("5 times") && first.contains(zone), "{first}");
    }
}

#[test]
fn a_webhook_gets_signed_json_that_a_receiver_of_the_scheme_accepts() {
    let receiver = Receiver::start();
    let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let mut appliance = Appliance::at_rest();
    std::fs::write(appliance.file("secret"), format!("whsec_{secret}\n")).expect("it can be written");
    let rest = format!(
        "{}secret_file = {:?}\n{}",
        hook("desk", receiver.port),
        appliance.file("secret"),
        route("all", &["desk"])
    );
    appliance.configure(&configured(&[receiver.address()], &rest));
    let client = appliance.everything("hook");
    let alert = raise(&client, "clinic", "ada");
    let told = settled(&client, &alert, "desk", "told");
    let got = receiver.got().remove(0);
    assert_eq!((got.method.as_str(), got.path.as_str()), ("POST", "/hook"));
    let (id, timestamp) = (got.header("webhook-id"), got.header("webhook-timestamp"));
    assert_eq!(id, format!("msg_{}", told["id"].as_str().expect("an id").replace('-', "")));
    let key = STANDARD.decode(secret).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&got.body);
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(got.header("webhook-signature"), signature);
    let json = got.json();
    assert_eq!(json["type"], "alert.notified");
    assert_eq!(json["data"]["alert"]["id"], *alert);
    assert_eq!(json["data"]["alert"]["organizationId"], "clinic");
    assert_eq!(json["data"]["alert"]["eventsCounted"], 5);
    assert_eq!(json["data"]["alert"]["threshold"], 5);
    assert!(json["data"]["checkpoint"].as_str().is_some_and(|note| note.contains("\u{2014} ")), "{json}");
}

#[test]
fn slack_templates_push_and_the_journal_say_the_same_in_their_own_ways() {
    let receiver = Receiver::start();
    let mut appliance = Appliance::at_rest();
    std::fs::write(appliance.file("token"), "tk_secret\n").expect("it can be written");
    let push = |name: &str, topic: &str| {
        format!(
            "[notify.targets.{name}]\nkind = \"push\"\nurl = \"http://127.0.0.1:{}/base/\"\nsecret_file = {:?}\n{topic}",
            receiver.port,
            appliance.file("token")
        )
    };
    let rest = [
        format!("{}format = \"slack\"\n", hook("chat", receiver.port)),
        format!(
            "{}format = \"template\"\ntemplate = '{{\"msg\": \"{{{{ who }}}}/{{{{ severity }}}}\", \"n\": {{{{ count }}}}}}'\n",
            hook("own", receiver.port).replace("/hook", "/own")
        ),
        push("phones", ""),
        push("fixed", "topic = \"alerts\"\n"),
        "[notify.targets.journal]\nkind = \"console\"\n".to_owned(),
        route("all", &["chat", "own", "phones", "fixed", "journal"]),
    ]
    .concat();
    appliance.configure(&configured(&[receiver.address()], &rest));
    let client = appliance.everything("ways");
    let alert = raise(&client, "st mary/1", "ada");
    for name in ["chat", "own", "phones", "fixed", "journal"] {
        settled(&client, &alert, name, "told");
    }
    let got = receiver.got();
    let of =
        |path: &str| got.iter().find(|got| got.path == path).unwrap_or_else(|| panic!("{path}: {got:?}"));
    let text = of("/hook").json()["text"].as_str().expect("a text").to_owned();
    assert!(text.starts_with("*[HIGH] Failed sign-ins: ada*\nada failed to sign in 5 times"), "{text}");
    assert_eq!(of("/own").json(), serde_json::json!({"msg": "ada/HIGH", "n": 5}));
    for path in ["/base/st%20mary%2F1", "/base/alerts"] {
        let push = of(path);
        assert_eq!(push.header("authorization"), "Bearer tk_secret");
        assert_eq!(push.header("title"), "[HIGH] Failed sign-ins: ada");
        assert_eq!(push.header("priority"), "4");
        assert_eq!(push.header("tags"), "rotating_light,failed-auth");
        assert_eq!(push.header("click"), format!("https://seal.example/alerts/{alert}"));
        assert!(lossy(&push.body).starts_with("ada failed to sign in 5 times"));
    }
    let log = appliance.log();
    let line = log.lines().find(|line| line.contains("Failed sign-ins: ada")).expect("a line in the journal");
    assert!(line.contains("[HIGH] Failed sign-ins: ada") && line.contains(&alert), "{line}");
    assert!(!log.contains("tk_secret"));
}

#[test]
fn a_test_says_how_it_ended_from_the_api_and_the_command_line_running_or_not() {
    let (receiver, refusing) = (Receiver::start(), Receiver::scripted(|_| super::receiver::Answer::of(403)));
    let rest =
        [hook("good", receiver.port), hook("bad", refusing.port), route("all", &["good", "bad"])].concat();
    let mut appliance =
        Appliance::start_configured(&configured(&[receiver.address(), refusing.address()], &rest));
    let client = appliance.everything("tests");
    let good = client.post_text("/api/v1/notify/targets/good/test", "").expect(200).json();
    assert_eq!(good["delivered"], true);
    assert_eq!(receiver.got()[0].json()["type"], "alert.test");
    let bad = client.post_text("/api/v1/notify/targets/bad/test", "").expect(200).json();
    assert!(bad["failure"].as_str().is_some_and(|why| why.contains("403")), "{bad}");
    client.post_text("/api/v1/notify/targets/other/test", "").expect(404);
    let reader = appliance.client().with_key(&appliance.key(&["--name", "r", "--scope", "read"]));
    reader.post_text("/api/v1/notify/targets/good/test", "").expect(403);
    reader.get("/api/v1/notify/targets").expect(403);
    let config = appliance.file("sealwatch.toml").display().to_string();
    let command = |name: &str| {
        let ended = appliance.run(&["notify", "test", name, "--config", &config]);
        (ended.status.code(), lossy(&ended.stderr))
    };
    assert_eq!(command("good").0, Some(0));
    let (code, told) = command("bad");
    assert!(code == Some(1) && told.contains("403"), "{told}");
    appliance.stop();
    let command = |name: &str| {
        let ended = appliance.run(&["notify", "test", name, "--config", &config]);
        (ended.status.code(), lossy(&ended.stderr))
    };
    assert_eq!(command("good").0, Some(0));
    assert_eq!(command("bad").0, Some(1));
    assert_eq!(command("other").0, Some(1));
    assert_eq!(receiver.got().len(), 3);
}

#[test]
fn each_way_carries_the_newest_checkpoint_of_the_log_out_of_the_host() {
    let (receiver, mail) = (Receiver::start(), MailServer::start(Security::Plain, Fault::None));
    let rest = [
        mail_target("mail", mail.port, "security = \"none\"\n"),
        hook("desk", receiver.port),
        format!("{}format = \"slack\"\n", hook("chat", receiver.port).replace("/hook", "/chat")),
        format!(
            "[notify.targets.push]\nkind = \"push\"\nurl = \"http://127.0.0.1:{}/push\"\n",
            receiver.port
        ),
        route("all", &["mail", "desk", "chat", "push"]),
        // None is signed while the test runs but the one at the start and, on a slow machine, the next.
        "[log]\ncheckpoint_secs = 60\n".to_owned(),
    ]
    .concat();
    let allow = [format!("localhost:{}", mail.port), receiver.address()];
    let appliance = Appliance::start_configured(&configured(&allow, &rest));
    let client = appliance.everything("checkpoints");
    let newest = || {
        eventually("one is signed", || {
            let reply = client.get("/checkpoint");
            (reply.status == 200).then(|| reply.text())
        })
    };
    let before = newest();
    let alert = raise(&client, "clinic", "ada");
    for name in ["mail", "desk", "chat", "push"] {
        settled(&client, &alert, name, "told");
    }
    let signed = [before, newest()];
    assert!(signed[0].contains("\n\n\u{2014} "), "a signed note: {}", signed[0]);
    let taken = mail.taken();
    let message = parsed(&taken[0].data);
    let got = receiver.got();
    let of = |path: &str| got.iter().find(|got| got.path.starts_with(path)).expect("it came");
    let text = |json: &Value| json.as_str().expect("a text").to_owned();
    let carried = [
        ("the mail's text", message.body_text(0).expect("a text").replace("\r\n", "\n")),
        ("the mail's HTML", message.body_html(0).expect("HTML").replace("\r\n", "\n")),
        ("the webhook", text(&of("/hook").json()["data"]["checkpoint"])),
        ("the webhook's text", text(&of("/hook").json()["data"]["text"])),
        ("the chat", text(&of("/chat").json()["text"])),
        ("the push", lossy(&of("/push").body)),
    ];
    for (what, carried) in carried {
        assert!(signed.iter().any(|note| carried.contains(note.trim_end())), "{what}: {carried}\n{signed:?}");
    }
}
