//! Reading events back: their bytes and proofs, lists, filters, pages.

use crate::appliance::Appliance;
use crate::client::encoded;
use crate::intake::{id_of, is_hex};
use crate::samples::{self, plain_with};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const EVENTS: &str = "/api/v1/audit/events";

#[test]
fn raw_salt_and_leaf_prove_an_event() {
    let appliance = Appliance::start();
    let client = appliance.everything("proof");
    // White space, escapes, order and numbers that no serialiser would write like this.
    let body = "{ \"status\":\"success\",\t\"timestamp\":\"2026-01-05T10:00:00Z\",\"b\":1.50,\"a\":-0, \
                \"big\":123456789012345678901234567890, \
                \"action\":\"t\\u0065st\\/raw \u{1f9ad}\", \"e\":1E5 }";
    let before = jiff::Timestamp::now().as_nanosecond();
    let stored = client.post_text(EVENTS, body).expect(201).json();
    let id = id_of(&stored);
    let part = |name: &str| client.get(&format!("{EVENTS}/{id}/{name}")).expect(200);
    assert_eq!(part("raw").text(), body);
    let salt = part("salt").text();
    assert!(is_hex(&json!(salt), 64), "{salt}");
    let leaf = part("leaf");
    assert_eq!(leaf.header("content-type"), Some("application/octet-stream"));

    let received: jiff::Timestamp =
        stored["receivedAt"].as_str().and_then(|t| t.parse().ok()).expect("a time");
    assert!((before..before + 60_000_000_000).contains(&received.as_nanosecond()));
    let salt = hex::decode(salt).expect("hex digits");
    let mut expected = vec![1, 1];
    expected.extend(stored["seq"].as_u64().expect("a number").to_be_bytes());
    expected.extend(u64::try_from(received.as_nanosecond()).expect("after 1970").to_be_bytes());
    expected.extend(Sha256::digest([&salt[..], body.as_bytes()].concat()));
    assert_eq!(leaf.body, expected);
    assert_eq!(stored["leafHash"], hex::encode(Sha256::digest([&[0][..], &leaf.body].concat())));
    // Numbers are shown as they were sent.
    let shown = client.get(&format!("{EVENTS}/{id}")).expect(200).text();
    for number in ["1.50", "-0", "123456789012345678901234567890", "1E5"] {
        assert!(shown.contains(&format!(":{number}")), "{number} in {shown}");
    }
}

#[test]
fn lists_filter_sort_and_go_in_pages() {
    let appliance = Appliance::start();
    let client = appliance.everything("lists");
    let events: Vec<Value> = (0..25)
        .map(|n| {
            plain_with(json!({
                "timestamp": samples::after_ten(n),
                "action": if n % 2 == 0 { "test.even" } else { "test.odd" },
                "status": (["attempt", "success", "failure"][n as usize % 3]),
                "principalId": format!("user {}, ä", n % 5),
                "organizationId": if n < 20 { "org-a" } else { "org-b" },
                "dataClassification": if n % 4 == 0 { "PHI" } else { "PUBLIC" },
                "targetResourceType": if n == 7 { json!("patient") } else { Value::Null },
                "correlationId": format!("c-{n}"),
                "n": n,
            }))
        })
        .map(|event| if event["n"] == 3 { samples::hashed(event) } else { event })
        .collect();
    client.post(EVENTS, &Value::from(events)).expect(202);
    let ns = |query: &str| -> Vec<u64> {
        let page = client.get(&format!("{EVENTS}?limit=1000&{query}")).expect(200).json();
        let found: Vec<u64> =
            page["events"].as_array().into_iter().flatten().filter_map(|e| e["n"].as_u64()).collect();
        assert_eq!(page["pagination"]["total"], found.len(), "{query}");
        found
    };
    assert_eq!(ns(""), (0..25).rev().collect::<Vec<_>>(), "newest first");
    assert_eq!(ns("sortDirection=asc&sortField=timestamp"), (0..25).collect::<Vec<_>>());
    assert_eq!(ns("sortDirection=asc&sortField=receivedAt"), (0..25).collect::<Vec<_>>());
    assert_eq!(ns(&format!("principalIds={}", encoded("user 2, ä"))), [22, 17, 12, 7, 2]);
    assert_eq!(ns("actions=test.odd&organizationIds=org-b"), [23, 21]);
    assert_eq!(ns("organizationIds=org-b&organizationIds=org-a").len(), 25);
    assert_eq!(ns("statuses=failure&statuses=attempt").len(), 17);
    assert_eq!(ns("dataClassifications=PHI"), [24, 20, 16, 12, 8, 4, 0]);
    assert_eq!(ns("resourceTypes=patient"), [7]);
    assert_eq!(ns("correlationId=c-11"), [11]);
    assert_eq!(ns("verifiedOnly=true"), [3], "without a key the hash alone decides");
    let ten = |second: u32| encoded(&samples::after_ten(second));
    assert_eq!(ns(&format!("startDate={}&endDate={}", ten(5), ten(8))), [8, 7, 6, 5]);
    assert_eq!(ns("startDate=2026-01-06").len(), 0);

    for query in ["actions=test.even", "sortDirection=asc", ""] {
        let page = |more: &str| client.get(&format!("{EVENTS}?limit=4&{query}{more}")).expect(200).json();
        let whole = ns(query);
        let (mut by_offset, mut by_cursor, mut more) = (Vec::new(), Vec::new(), String::new());
        let take = |page: &Value, to: &mut Vec<u64>| {
            assert_eq!(page["pagination"]["total"], whole.len());
            to.extend(
                page["events"].as_array().into_iter().flatten().filter_map(|event| event["n"].as_u64()),
            );
        };
        loop {
            let at = page(&format!("&offset={}", by_offset.len()));
            assert_eq!(at["pagination"]["hasPrevious"], !by_offset.is_empty());
            take(&at, &mut by_offset);
            assert_eq!(at["pagination"]["hasNext"], by_offset.len() < whole.len());
            if by_offset.len() >= whole.len() {
                break;
            }
        }
        loop {
            let at = page(&more);
            take(&at, &mut by_cursor);
            let Some(next) = at["pagination"]["nextCursor"].as_str() else { break };
            assert!(by_cursor.len() <= whole.len(), "the cursor goes round");
            more = format!("&cursor={}", encoded(next));
        }
        assert_eq!(by_offset, whole);
        assert_eq!(by_cursor, whole);
    }
}
