//! Addresses of our own pages, with whatever text in their query.

/// `path` with the pairs whose value is not empty as its query, percent-encoded (RFC 3986).
pub fn address<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut address = path.to_owned();
    for (name, value) in query.into_iter().filter(|(_, value)| !value.is_empty()) {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(name);
        address.push('=');
        push_encoded(&mut address, value);
    }
    address
}

/// A text as one segment of a path, percent-encoded.
pub fn path_segment(text: &str) -> String {
    let mut segment = String::new();
    push_encoded(&mut segment, text);
    segment
}

/// Appends everything but RFC 3986's unreserved characters as `%XX`.
fn push_encoded(address: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                address.push(char::from(byte));
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_and_empty_ones_left_out() {
        let to = address("/events", [("principal", "a&b=ü\0"), ("action", ""), ("org", "x.y-z_~")]);
        assert_eq!(to, "/events?principal=a%26b%3D%C3%BC%00&org=x.y-z_~");
        assert_eq!(address("/alerts", []), "/alerts");
    }
}
