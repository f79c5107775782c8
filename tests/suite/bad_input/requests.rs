//! Requests by whom, in what form, and to what address they must not be.

use super::{EVENTS, Table, chunked};
use crate::appliance::Appliance;
use crate::intake::gzip;
use crate::samples::{plain, plain_with};
use serde_json::json;

#[test]
fn who_may_not_or_speaks_another_form_is_refused() {
    let mut table = Table::new();
    let appliance = &table.appliance;
    let (nobody, ingest) = (appliance.client(), appliance.key(&["--name", "ingest"]));
    let read = nobody.with_key(&appliance.key(&["--name", "read", "--scope", "read"]));
    let bound = nobody.with_key(&appliance.key(&["--name", "bound", "--organization", "org-a"]));
    let revoked = nobody.with_key(&appliance.key(&["--name", "revoked"]));
    table.client.call("DELETE", "/api/v1/keys/revoked", b"").expect(204);
    let good = plain().to_string();
    let gone = good.as_str();
    let keyed = nobody.with_key(&ingest);
    for (name, client, path, status, code, field) in [
        ("no key", nobody.clone(), EVENTS, 401, "no_key", None),
        ("unknown key", nobody.with_key("sw_0000000000000000000000"), EVENTS, 401, "unknown_key", None),
        ("empty key", nobody.with_key(""), EVENTS, 401, "unknown_key", None),
        ("half a key", nobody.with_key(&ingest[..ingest.len() - 1]), EVENTS, 401, "unknown_key", None),
        ("a revoked key", revoked, EVENTS, 401, "unknown_key", None),
        ("a proxy's scheme", nobody.with("Authorization", "Basic YTpi"), EVENTS, 401, "no_key", None),
        (
            "two keys",
            keyed.with("Authorization", &format!("Bearer {ingest}")),
            EVENTS,
            400,
            "several_keys",
            None,
        ),
        ("two keys of one kind", keyed.with_key(&ingest), EVENTS, 400, "several_keys", None),
        (
            "a key in the address",
            keyed.clone(),
            "/api/v1/audit/events?api_key=sw_1",
            400,
            "key_in_address",
            None,
        ),
        ("a key to read", read, EVENTS, 403, "not_allowed", None),
        (
            "an idempotency key too long",
            keyed.with("Idempotency-Key", &"k".repeat(256)),
            EVENTS,
            400,
            "invalid_parameter",
            Some("Idempotency-Key"),
        ),
        (
            "an empty idempotency key",
            keyed.with("Idempotency-Key", ""),
            EVENTS,
            400,
            "invalid_parameter",
            Some("Idempotency-Key"),
        ),
    ] {
        let reply = client.post_text(path, gone);
        table.check(name, &reply, status, code, field);
    }
    let foreign = bound.post(EVENTS, &plain_with(json!({"organizationId": "org-b"})));
    table.check("another's organisation", &foreign, 403, "organization_not_allowed", Some("organizationId"));

    let untyped = table.client.call("POST", EVENTS, good.as_bytes());
    table.check("no content type", &untyped, 415, "media_type", None);
    for kind in [
        "",
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/x-ndjson; charset=latin1",
        "multipart/form-data; boundary=x",
    ] {
        let reply = table.client.post_as(EVENTS, kind, good.as_bytes());
        table.check(kind, &reply, 415, "media_type", None);
    }
    let lines = table.client.post_as(
        &format!("{EVENTS}/bulk"),
        "application/x-ndjson",
        b"{\"events\":[]}\n{\"events\":[]}",
    );
    table.check("bulk as lines", &lines, 415, "media_type", None);
    for coding in ["br", "zstd", "deflate", "gzip, gzip"] {
        let reply = table.client.with("Content-Encoding", coding).post_text(EVENTS, &good);
        table.check(coding, &reply, 415, "content_encoding", None);
    }
    let gzipped = table.client.with("Content-Encoding", "gzip");
    let packed = gzip(good.as_bytes());
    let reply = gzipped.post_as(EVENTS, "application/json", &packed[..packed.len() - 4]);
    table.check("gzip cut off", &reply, 400, "gzip_damaged", None);
    let reply = gzipped.post_text(EVENTS, &good);
    table.check("gzip that is none", &reply, 400, "gzip_damaged", None);
    let mut flipped = packed;
    let crc = flipped.len() - 8;
    flipped[crc] ^= 1;
    let reply = gzipped.post_as(EVENTS, "application/json", &flipped);
    table.check("gzip with a wrong sum", &reply, 400, "gzip_damaged", None);
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    let reply = gzipped.post_as(EVENTS, "application/json", &bomb);
    table.check("a gzip bomb", &reply, 413, "body_too_large", None);
    let reply = table.client.post_as(EVENTS, "application/json", &vec![b' '; 100_000_000]);
    table.check("100 MB, announced", &reply, 413, "body_too_large", None);
    let reply = chunked(&table.client, &vec![b' '; 1 << 20], 100);
    table.check("100 MB, in chunks", &reply, 413, "body_too_large", None);
    table.finish(30);
}

#[test]
fn addresses_and_parameters_that_are_none_are_refused() {
    let mut table = Table::new();
    let id = "0192a0de-0000-7000-8000-00000000000f";
    for (name, path, field) in [
        ("unknown parameter", "/audit/events?colour=red", "colour"),
        ("limit 0", "/audit/events?limit=0", "limit"),
        ("limit 1001", "/audit/events?limit=1001", "limit"),
        ("a negative limit", "/audit/events?limit=-1", "limit"),
        ("a huge limit", "/audit/events?limit=99999999999999999999999", "limit"),
        ("a negative offset", "/audit/events?offset=-1", "offset"),
        ("a word as offset", "/audit/events?offset=ten", "offset"),
        ("sort by anything", "/audit/events?sortField=principalId", "sortField"),
        ("sort anyhow", "/audit/events?sortDirection=sideways", "sortDirection"),
        ("a cursor of nobody", "/audit/events?cursor=%00%ff", "cursor"),
        ("a cursor cut off", "/audit/events?cursor=AAAA", "cursor"),
        ("two limits", "/audit/events?limit=1&limit=2", "limit"),
        ("an unknown status", "/audit/events?statuses=success,broken", "statuses"),
        ("an unknown class", "/audit/events?dataClassifications=SECRET", "dataClassifications"),
        ("a date that is none", "/audit/events?startDate=2026-02-30", "startDate"),
        ("a date as a word", "/audit/events?endDate=today", "endDate"),
        ("maybe", "/audit/events?verifiedOnly=maybe", "verifiedOnly"),
        ("alerts: unknown parameter", "/alerts?colour=red", "colour"),
        ("alerts: unknown severity", "/alerts?severity=BAD", "severity"),
        ("alerts: unknown status", "/alerts?status=open", "status"),
        ("alerts: unknown type", "/alerts?type=OTHER", "type"),
        ("alerts: sort", "/alerts?sortBy=colour", "sortBy"),
        ("alerts: order", "/alerts?sortOrder=up", "sortOrder"),
        ("alerts: limit", "/alerts?limit=1001", "limit"),
        ("alerts: date", "/alerts?startDate=x", "startDate"),
    ] {
        let reply = table.client.get(&format!("/api/v1{path}"));
        table.check(name, &reply, 400, "invalid_parameter", Some(field));
    }
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v2/alerts",
        "/api/v1/audit/events/",
        "/api/v1/audit/events/:id",
        "/api/v1/audit/events/{id}",
        "/api/v1/audit/events/%7Bid%7D",
        "/api/v1/audit/events/..%2f..%2fetc%2fpasswd",
        "/api/v1/audit/events/%2e%2e",
        "/api/v1/audit/events/../alerts",
        "/api/v1/alerts/:id",
        "/api/v1/alerts/0",
        "/api/v1/alerts/%00",
        "/api/v1/health/components/nothing",
        "/static/../Cargo.toml",
        "/static/%2e%2e%2fCargo.toml",
        "/static/nothing.js",
        "/.env",
        "//",
        "/api/v1/keys/x/y",
        &format!("/api/v1/audit/events/{id}"),
        &format!("/api/v1/audit/events/{id}/raw"),
        &format!("/api/v1/alerts/{id}"),
        &format!("/api/v1/audit/events/{id}/secret"),
    ] {
        let reply = table.client.get(path);
        table.check(path, &reply, 404, "not_found", None);
    }
    for (method, path) in [
        ("PUT", EVENTS),
        ("DELETE", EVENTS),
        ("PATCH", "/api/v1/alerts"),
        ("TRACE", EVENTS),
        ("GET", "/api/v1/audit/events/bulk"),
        ("POST", "/healthz"),
        ("DELETE", "/api/v1/alerts/statistics"),
        ("BREW", "/metrics"),
    ] {
        let reply = table.client.call(method, path, b"");
        table.check(&format!("{method} {path}"), &reply, 405, "method_not_allowed", None);
    }
    let step = |step: &str, body: &str| table.client.post_text(&format!("/api/v1/alerts/{id}/{step}"), body);
    let replies = [
        step("explode", "{}"),
        step("resolve", "{}"),
        step("resolve", "[]"),
        step("resolve", r#"{"notes":1}"#),
        step("comment", "{}"),
    ];
    let expected = [404, 404, 400, 400, 422].into_iter().zip([
        "not_found",
        "not_found",
        "json_syntax",
        "json_syntax",
        "required",
    ]);
    for (reply, (status, code)) in replies.iter().zip(expected) {
        let field = (status == 422).then_some("comment");
        table.check(code, reply, status, code, field);
    }
    for body in
        ["", "[]", r#"{"name":7}"#, r#"{"name":"x","scopes":["fly"]}"#, r#"{"name":"x","colour":"red"}"#]
    {
        let reply = table.client.post_text("/api/v1/keys", body);
        assert!([400, 422].contains(&reply.status), "{body}: {reply}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{body}: {reply}");
    }
    table.finish(50);
}

#[test]
fn an_unknown_address_is_not_echoed_as_html() {
    let appliance = Appliance::start();
    for path in [
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/alerts/%3Cimg%20src=x%3E",
        "/sign-in?next=%22%3E%3Cscript%3E",
    ] {
        let reply = appliance.client().with("Accept", "text/html").get(path);
        assert!(!reply.text().contains("<script>a") && !reply.text().contains("<img"), "{reply}");
        assert!(!reply.text().contains("\"><script>"), "{reply}");
        assert!(
            reply
                .header("content-security-policy")
                .is_some_and(|policy| policy.contains("default-src 'none'"))
        );
    }
}
