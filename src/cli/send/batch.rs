//! Groups elements into requests whose keys are the same whenever the same file is sent.

use super::elements::{Element, Elements};
use sha2::{Digest, Sha256};
use std::io::{self, BufRead};

/// Bytes of one request; an element more would be beyond it.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// What goes into one request: elements that follow each other in one input.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Batch {
    /// The elements that can be sent, with line and offset.
    pub(super) elements: Vec<(usize, u64, Vec<u8>)>,
    /// Line and reason of those that cannot.
    pub(super) unsendable: Vec<(usize, &'static str)>,
}

/// A batch as it goes over the wire.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Body {
    /// `application/x-ndjson`, or `application/json` where an element spans lines.
    pub(super) content_type: &'static str,
    /// The elements with their bytes unchanged.
    pub(super) bytes: bytes::Bytes,
    /// The `Idempotency-Key`: from the elements and where in the input they stand.
    pub(super) key: String,
}

impl Batch {
    /// The next elements, up to `events_max` of them; `None` at the end of the input.
    pub(super) fn read<R: BufRead>(
        elements: &mut Elements<R>,
        held: &mut Option<Element>,
        events_max: usize,
    ) -> io::Result<Option<Batch>> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.elements.len() < events_max {
            let Some(element) = held.take().map_or_else(|| elements.next(), |held| Ok(Some(held)))? else {
                break;
            };
            match element.bytes {
                Err(why) => batch.unsendable.push((element.line, why)),
                Ok(text) if bytes > 0 && bytes + text.len() > BATCH_BYTES_MAX => {
                    *held = Some(Element { bytes: Ok(text), ..element });
                    break;
                }
                Ok(text) => {
                    bytes += text.len();
                    batch.elements.push((element.line, element.offset, text));
                }
            }
        }
        let is_empty = batch.elements.is_empty() && batch.unsendable.is_empty();
        Ok((!is_empty).then_some(batch))
    }

    /// The two halves of a batch that the server refuses as a whole.
    pub(super) fn halves(mut self) -> [Batch; 2] {
        let second = self.elements.split_off(self.elements.len() / 2);
        [self, Batch { elements: second, unsendable: Vec::new() }]
    }

    /// The request. The number of an element in it is its place in `elements`, from 1.
    pub(super) fn body(&self) -> Body {
        let is_lines = !self.elements.iter().any(|(_, _, text)| text.contains(&b'\n'));
        let (content_type, open, between, close): (_, &[u8], &[u8], &[u8]) = if is_lines {
            ("application/x-ndjson", b"", b"\n", b"\n")
        } else {
            ("application/json", b"[", b",\n", b"]")
        };
        let texts: Vec<&[u8]> = self.elements.iter().map(|(_, _, text)| text.as_slice()).collect();
        let bytes = [open, &texts.join(between), close].concat();
        let offset = self.elements.first().map_or(0, |(_, offset, _)| *offset);
        let digest = Sha256::new().chain_update(offset.to_be_bytes()).chain_update(&bytes).finalize();
        Body { content_type, bytes: bytes.into(), key: format!("send-{}", hex::encode(&digest[..16])) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(text: &str, events_max: usize) -> Vec<Batch> {
        let mut elements = Elements::new(text.as_bytes());
        let mut held = None;
        std::iter::from_fn(|| Batch::read(&mut elements, &mut held, events_max).expect("memory can be read"))
            .collect()
    }

    #[test]
    fn a_file_makes_the_same_keys_each_time_and_each_place_its_own() {
        let keys = |text: &str| batches(text, 2).iter().map(|batch| batch.body().key).collect::<Vec<_>>();
        let text = "{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n";
        assert_eq!(keys(text), keys(text));
        assert_eq!(keys(text).len(), 3);
        assert_ne!(keys(text)[0], keys(text)[1], "equal bytes in another place are other events");
        assert_ne!(keys(text)[0], keys("{\"a\":1}\n{\"a\":2}\n")[0]);
    }

    #[test]
    fn lines_go_as_lines_and_what_spans_them_as_an_array() {
        let body = batches("{\"a\": 1}\r\n\n{\"b\":2}", 10)[0].body();
        assert_eq!(
            (body.content_type, &body.bytes[..]),
            ("application/x-ndjson", &b"{\"a\": 1}\n{\"b\":2}\n"[..])
        );
        let body = batches("{\n}\n{\n}", 10)[0].body();
        assert_eq!((body.content_type, &body.bytes[..]), ("application/json", &b"[{\n},\n{\n}]"[..]));
    }

    #[test]
    fn a_batch_ends_before_the_element_that_would_be_too_much() {
        let line = format!("\"{}\"\n", "x".repeat(BATCH_BYTES_MAX / 2 - 2));
        let counts =
            |text: &str, max| batches(text, max).iter().map(|batch| batch.elements.len()).collect::<Vec<_>>();
        assert_eq!(counts(&line.repeat(2), 10), [2]);
        assert_eq!(counts(&line.repeat(3), 10), [2, 1]);
        assert_eq!(counts("1\n2\n3\n", 2), [2, 1]);
    }

    #[test]
    fn halves_keep_every_element_in_order() {
        let [first, second] = batches("1\n2\n3\n", 10).remove(0).halves();
        let lines = |batch: &Batch| batch.elements.iter().map(|(line, _, _)| *line).collect::<Vec<_>>();
        assert_eq!((lines(&first), lines(&second)), (vec![1], vec![2, 3]));
    }
}
