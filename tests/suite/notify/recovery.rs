//! After an outage: what waited goes out in order, one at a time, at a measured pace.

use super::receiver::{Answer, Receiver};
use super::{configured, hook, raise, route, settled};
use crate::appliance::{Appliance, eventually};
use std::time::Duration;

#[test]
fn what_waited_goes_out_oldest_first_and_no_faster_than_ten_a_second() {
    let receiver = Receiver::scripted(|number| match number {
        0 => Answer::of(503).with("Retry-After", "5"),
        _ => Answer::of(200),
    });
    let rest = [hook("desk", receiver.port), route("all", &["desk"])].concat();
    let appliance = Appliance::start_configured(&configured(&[receiver.address()], &rest));
    let client = appliance.everything("outage");
    let first = raise(&client, "clinic", "first");
    eventually("the target has asked to be left alone", || (!receiver.got().is_empty()).then_some(()));
    let names: Vec<String> = (0..8).map(|number| format!("p{number}")).collect();
    for name in &names {
        raise(&client, "clinic", name);
    }
    settled(&client, &first, "desk", "told");
    eventually("all have arrived", || (receiver.got().len() == names.len() + 2).then_some(()));
    let got = receiver.got();
    let key =
        |got: &super::receiver::Got| got.json()["data"]["alert"]["key"].as_str().expect("a name").to_owned();
    let others: Vec<_> = got.iter().filter(|got| key(got) != "first").collect();
    assert_eq!(others.iter().map(|got| key(got)).collect::<Vec<_>>(), names, "the oldest first");
    assert!(got[1].at - got[0].at >= Duration::from_secs(5), "nothing but after the pause");
    let took = others[others.len() - 1].at - others[0].at;
    // One may have been a little late and the last in time.
    assert!(took >= Duration::from_millis(600), "eight of them in {took:?}");
}
