//! Pressure: more than there is room for, clients that are slow, and who may come in at all.

use crate::appliance::{Appliance, eventually, total};
use crate::client::{encoded, read_reply};
use crate::intake::gzip;
use crate::samples::plain;
use crate::source::{Table, routes};
use serde_json::json;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const EVENTS: &str = "/api/v1/audit/events";

#[test]
fn where_there_is_no_room_a_whole_request_is_refused_and_may_come_again() {
    let appliance = Appliance::start_with(&[
        ("SEALWATCH_INTAKE__BODY_BYTES_MAX", "1048576"),
        ("SEALWATCH_INTAKE__EVENT_BYTES_MAX", "65536"),
        ("SEALWATCH_INTAKE__QUEUE_BYTES_MAX", "1048576"),
    ]);
    let client = appliance.everything("crowd");
    let head = client.with("Content-Type", "application/json").head("POST", EVENTS);
    // One that announces a large body takes the room, and then says nothing. It may itself find none, so each
    // round brings another.
    let mut holders = Vec::new();
    let batch = json!([plain(), plain()]);
    let refused = eventually("the room is taken", || {
        let mut holder = TcpStream::connect(&client.address).expect("it listens");
        holder.write_all(format!("{head}Content-Length: 1048576\r\n\r\n[").as_bytes()).expect("it reads");
        holders.push(holder);
        let reply = client.post(EVENTS, &batch);
        (reply.status != 202).then_some(reply)
    });
    assert_eq!(refused.status, 429, "{refused}");
    assert!(refused.header("retry-after").is_some_and(|secs| secs.parse::<u64>().is_ok()), "{refused}");
    assert_eq!(refused.json()["code"], "overloaded");
    let before = total(&client, "");
    assert_eq!(before % 2, 0, "reading goes on, and no half of a batch was stored");
    client.get("/livez").expect(200);
    drop(holders);
    eventually("there is room again", || (client.post(EVENTS, &batch).status == 202).then_some(()));
    assert_eq!(total(&client, ""), before + 2, "none of what was refused was stored");
    let metrics = client.get("/metrics").expect(200).text();
    assert!(metrics.contains("sealwatch_intake_unaccounted_events 0"), "{metrics}");
}

#[test]
fn slow_clients_are_cut_off_and_others_do_not_wait_for_them() {
    let appliance = Appliance::start_with(&[
        ("SEALWATCH_WEB__HEADER_TIMEOUT_SECS", "1"),
        ("SEALWATCH_WEB__BODY_IDLE_TIMEOUT_SECS", "1"),
        ("SEALWATCH_WEB__CONNECTIONS_MAX", "16"),
    ]);
    let client = appliance.everything("slow");
    let connect = |bytes: &str| {
        let mut stream = TcpStream::connect(&client.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("it is not zero");
        stream.write_all(bytes.as_bytes()).expect("it reads");
        stream
    };
    let head = client.with("Content-Type", "application/json").head("POST", EVENTS);
    // Fewer than there may be connections: others still come in at once.
    let idle: Vec<TcpStream> = (0..6).map(|_| connect("")).collect();
    let heads: Vec<TcpStream> = (0..6).map(|_| connect("GET / HTTP/1.1\r\nHost:")).collect();
    let body = connect(&format!("{head}Content-Length: 100\r\n\r\n{{"));
    client.post(EVENTS, &plain()).expect(201);
    // More than there may be: they are let go, and the next one comes in.
    let more: Vec<TcpStream> = (0..16).map(|_| connect("")).collect();
    client.post(EVENTS, &plain()).expect(201);
    let reply = read_reply(&mut BufReader::new(&body)).expect("it is told");
    assert_eq!((reply.status, &reply.json()["code"]), (408, &json!("body_too_slow")));
    for mut stream in idle.into_iter().chain(heads).chain(more) {
        // Closed, with or without a word.
        stream.read_to_end(&mut Vec::new()).expect("it is closed before the test's patience ends");
    }
    assert_eq!(total(&client, ""), 2);
}

/// Forms had no time-out: a handful of clients that began one and fell silent kept everyone else out for
/// good.
#[test]
fn silent_clients_in_the_middle_of_a_form_make_room_for_others() {
    let appliance = Appliance::start_with(&[
        ("SEALWATCH_WEB__BODY_IDLE_TIMEOUT_SECS", "1"),
        ("SEALWATCH_WEB__CONNECTIONS_MAX", "8"),
    ]);
    let client = appliance.client();
    let form = client.with("Content-Type", "application/x-www-form-urlencoded");
    let head = form.with("Sec-Fetch-Site", "same-origin").head("POST", "/sign-in");
    let began = Instant::now();
    let silent: Vec<TcpStream> = (0..8)
        .map(|_| {
            let mut stream = TcpStream::connect(&client.address).expect("it listens");
            stream.set_read_timeout(Some(Duration::from_secs(30))).expect("it is not zero");
            stream.write_all(format!("{head}Content-Length: 100\r\n\r\nu").as_bytes()).expect("it reads");
            stream
        })
        .collect();
    client.get("/livez").expect(200);
    assert!(began.elapsed() < Duration::from_secs(29), "it took {:?}", began.elapsed());
    for stream in &silent {
        let reply = read_reply(&mut BufReader::new(stream)).expect("it is told");
        assert_eq!((reply.status, &reply.json()["code"]), (408, &json!("body_too_slow")));
    }
}

/// Packed bodies were unpacked first and given room afterwards: twenty small requests at once took 800 MB.
#[test]
fn packed_bodies_take_the_room_of_what_is_in_them() {
    let appliance = Appliance::start_with(&[("SEALWATCH_INTAKE__QUEUE_BYTES_MAX", "67108864")]);
    let client = appliance.everything("packed").with("Content-Encoding", "gzip");
    let blank = vec![b' '; 16 << 20];
    let honest = gzip(&blank);
    // In two parts, of which the last says that it is one byte long.
    let lying = [gzip(&blank[1..]), gzip(b" ")].concat();
    assert!(honest.len() < 100_000 && lying.len() < 100_000);
    let replies: Vec<_> = std::thread::scope(|scope| {
        let bodies = (0..20).map(|n| if n % 2 == 0 { &honest } else { &lying });
        let client = &client;
        let calls: Vec<_> = bodies
            .map(|body| scope.spawn(move || client.post_as(EVENTS, "application/x-ndjson", body)))
            .collect();
        calls.into_iter().map(|call| call.join().expect("it is answered")).collect()
    });
    for reply in &replies {
        let may_come_again = reply.header("retry-after").is_some_and(|secs| secs.parse::<u64>().is_ok());
        let is_answered = [202, 400, 413].contains(&reply.status) || (reply.status == 429 && may_come_again);
        assert!(is_answered, "{reply}");
    }
    let peak = appliance.memory_peak_kib();
    assert!(peak < 600_000, "{peak} KiB");
    client.get("/livez").expect(200);
}

#[test]
fn a_source_that_sends_too_much_waits_and_others_do_not() {
    let config = "[intake]\nevents_per_sec_max = 2\n[sources.bulk]\nevents_per_sec_max = 0\n";
    let appliance = Appliance::start_configured(config);
    let (client, bulk) = (appliance.everything("app"), appliance.everything("bulk"));
    let batch = serde_json::Value::from(vec![plain(); 60]);
    client.post(EVENTS, &batch).expect(202);
    let refused = client.post(EVENTS, &plain()).expect(429);
    assert_eq!(refused.json()["code"], "rate_limited");
    let wait: u64 = refused.header("retry-after").expect("it says when").parse().expect("seconds");
    assert!((1..=21).contains(&wait), "{wait}");
    assert_eq!(total(&client, ""), 60, "nothing of it was stored");
    for _ in 0..5 {
        bulk.post(EVENTS, &batch).expect(202);
    }
    eventually("it may send again", || (client.post(EVENTS, &plain()).status == 201).then_some(()));
    let metrics = client.get("/metrics").expect(200).text();
    assert!(metrics.contains("sealwatch_intake_unaccounted_events 0"), "{metrics}");
}

/// Whoever went away while waiting for the commit was counted as waiting for ever.
#[test]
fn those_who_leave_while_they_wait_are_not_counted_as_waiting() {
    let appliance = Appliance::start();
    let client = appliance.everything("leaving");
    let body = json!([plain(), plain()]).to_string();
    let head = client.with("Content-Type", "application/json").head("POST", EVENTS);
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    for _ in 0..100 {
        let mut stream = TcpStream::connect(&client.address).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
    }
    client.post(EVENTS, &plain()).expect(201);
    eventually("nobody waits any more", || {
        let metrics = client.get("/api/v1/metrics/audit").expect(200).json();
        (metrics["queueDepth"] == 0).then_some(())
    });
}

#[test]
fn nobody_comes_in_without_a_key_but_to_the_few_addresses_that_are_open() {
    let appliance = Appliance::start();
    let nobody = appliance.client();
    let health = ["/livez", "/readyz", "/healthz", "/sign-in"];
    let open = [&health[..], &["/static/{name}", "/checkpoint", "/tile/{rest}", "/api/v1/log/key"]].concat();
    let mut asked = 0;
    for (table, path, methods) in routes() {
        for method in methods.iter().filter(|_| !open.contains(&&*path)) {
            asked += 1;
            let place =
                path.replace("{id}", "0192a0de-0000-7000-8000-00000000000f").replace("{step}", "comment");
            let place = place.replace("{name}", "anything");
            let client =
                nobody.with("Content-Type", "application/json").with("Sec-Fetch-Site", "same-origin");
            let reply = client.call(&method.to_uppercase(), &place, b"{}");
            let to_sign_in = reply.header("location").is_some_and(|to| to.starts_with("/sign-in"));
            let is_closed =
                reply.status == 401 || (table == Table::Pages && reply.status == 303 && to_sign_in);
            assert!(is_closed, "{method} {path}: {reply}");
            if table != Table::Pages {
                assert!(reply.header("www-authenticate").is_some(), "{method} {path}: {reply}");
            }
        }
    }
    assert!(asked > 25, "the table of routes was read");
    for path in &health {
        assert!(nobody.get(path).status < 400 || *path == "/readyz", "{path}");
    }
}

#[test]
fn no_address_makes_it_fail() {
    let appliance = Appliance::start();
    let client = appliance.everything("addresses");
    let odd = [
        "%ff",
        "%00",
        "%2e%2e%2f",
        "..",
        "%252e",
        "a%0d%0ab",
        "%F0%9F%A6%AD",
        "{id}",
        "*",
        "%",
        "%zz",
        "'",
        "\"",
    ];
    let long = "9".repeat(1_000);
    for part in odd.into_iter().chain([long.as_str()]) {
        for place in [
            "/",
            "/alerts/",
            "/events/",
            "/static/",
            "/api/v1/alerts/",
            "/api/v1/audit/events/",
            "/api/v1/keys/",
        ] {
            let reply = client.get(&format!("{place}{part}"));
            assert!((400..500).contains(&reply.status), "{place}{part}: {reply}");
        }
        for query in [
            "/alerts?search=",
            "/alerts?page=",
            "/events?cursor=",
            "/events?from=",
            "/events?status=",
            "/sign-in?next=",
        ] {
            let reply = client.get(&format!("{query}{part}"));
            assert!(reply.status < 500, "{query}{part}: {reply}");
        }
        for query in ["principalIds", "cursor", "startDate", "statuses", "limit", "q"] {
            let reply = client.get(&format!("{EVENTS}?{query}={part}"));
            assert!(reply.status < 500, "{query}={part}: {reply}");
        }
    }
    let unicode = encoded("\u{202e}\u{1b}[2J");
    assert_eq!(client.get(&format!("/{unicode}")).status, 404);
    assert!(!appliance.log().contains("panic"), "{}", appliance.log());
}
