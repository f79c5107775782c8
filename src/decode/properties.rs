//! What must hold for any bytes.

use super::*;
use proptest::prelude::*;

/// Bytes that are often nearly JSON, so that they get past the first byte.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 36] = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\"a\"",
        "\"action\":\"x\"",
        "\"status\":\"success\"",
        "\\u0061",
        "\\ud83e",
        "\\uddad",
        "\\n",
        "\\",
        "1",
        "-0",
        "0.5",
        "1e400",
        "1e-400",
        "01",
        "true",
        "null",
        "nul",
        " ",
        "\n",
        "\r\n",
        "é",
        "\u{1f9ad}",
        "\u{7f}",
        "\u{0}",
        "\"eventData\":{}",
        "\"events\":[]",
        "\"timestamp\":\"2024-01-01T00:00:00Z\"",
        "\"sessionContext\":{\"ipAddress\":\"::1\"}",
        "{\"a\":[1,{\"b\":null}]}",
    ];
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24)
        .prop_map(|some| some.concat().into_bytes());
    prop_oneof![4 => pieces, 1 => prop::collection::vec(any::<u8>(), 0..64)]
}

/// JSON objects of any content, each key once.
fn objects() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
    ];
    let value = leaf.prop_recursive(2, 12, 4, |value| {
        prop_oneof![
            prop::collection::vec(value.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(" , "))),
            prop::collection::btree_map("[a-c\"\\\\é]{0,3}", value, 0..4).prop_map(object),
        ]
    });
    // No field that has a rule begins with an x.
    prop::collection::btree_map("x[a-z]{3,8}", value, 0..4).prop_map(object)
}

fn object(members: std::collections::BTreeMap<String, String>) -> String {
    let members: Vec<_> =
        members.iter().map(|(key, value)| format!("{}:\t{value}", serde_json::json!(key))).collect();
    format!("{{{}}}", members.join(" ,"))
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_nothing_is_read_that_is_not_json(body in nearly_json()) {
        let limits = Limits::default();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let is_json = serde_json::from_slice::<serde_json::Value>(&body).is_ok();
        match event(&body, &limits, Some(now)) {
            Ok(_) => prop_assert!(is_json),
            Err(fault) if fault.kind == FaultKind::Invalid => prop_assert!(is_json, "{}", fault),
            Err(fault) => prop_assert!(!is_json || fault.code == "duplicate_key", "{}", fault),
        }
        for form in [Form::Json, Form::Lines] {
            let _ = request(&body, form, &limits);
        }
        let _ = (bulk(&body, Form::Json, &limits), members(&body), gunzip(&body, 1000));
        let _ = stored(&body, crate::model::ReceivedAt(0));
    }

    #[test]
    fn any_object_becomes_an_event_with_what_is_required_before_it(extra in objects()) {
        let required = r#"{"timestamp":"2024-01-01T00:00:00Z","action":"a","status":"attempt","#;
        let raw = extra.replacen('{', required, 1).replace(",}", "}");
        if extra != "{}" && serde_json::from_str::<serde_json::Value>(&raw).is_ok() {
            let outcome = event(raw.as_bytes(), &Limits::default(), None).map_err(|fault| fault.code);
            prop_assert!(matches!(outcome, Ok(_) | Err("too_deep")), "{:?}", outcome);
        }
    }

    #[test]
    fn every_element_of_every_form_has_exactly_its_bytes(
        events in prop::collection::vec(objects(), 2..6),
        space in "[ \t\r]{0,3}",
    ) {
        let limits = Limits::default();
        let array = format!("{space}[{space}{}{space}]\n", events.join(&format!("{space},\n{space}")));
        let joined = format!("{space}{}{space}", events.join(&space));
        let lines = format!("{space}{}", events.join(&format!("{space}\n\n{space}")));
        let bulk_body = format!("{{\"x\":[{{}}], \"events\" :{array}}}");
        let bulk_items = bulk(bulk_body.as_bytes(), Form::Json, &limits).expect("well formed");
        let bodies = [(&array, Form::Json, 1), (&joined, Form::Json, 1), (&lines, Form::Lines, 2)];
        for (body, form, step) in bodies {
            let Ok(Request::Stream(items)) = request(body.as_bytes(), form, &limits) else {
                return Err(TestCaseError::fail("not a stream"));
            };
            prop_assert_eq!(items.len(), events.len());
            for (index, (item, sent)) in items.iter().zip(&events).enumerate() {
                prop_assert_eq!(item.raw, sent.as_bytes());
                prop_assert_eq!(item.line, index * step + 1);
            }
            if step == 1 {
                prop_assert_eq!(&items, &bulk_items);
            }
        }
    }
}
