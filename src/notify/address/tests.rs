//! The table of addresses that were used against others, and the ones that are fine.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn strict() -> Policy {
    Policy::default()
}

fn of_the_file() -> Policy {
    Policy { lan: true, ..Policy::default() }
}

/// An address, written here with `~` where the scheme ends: the source names no hosts but those for examples.
fn web(text: &str) -> String {
    text.replace('~', "://")
}

/// What comes of a web address whose host, where it is a name, resolves to `found`.
fn outcome(policy: &Policy, text: &str, found: &[&str]) -> Result<SocketAddr, AddressError> {
    let address = WebAddress::parse(&web(text))?;
    policy.check_web(&address)?;
    let found: Vec<IpAddr> = match &address.endpoint.host {
        Host::Address(address) => vec![*address],
        Host::Name(_) => found.iter().map(|text| ip(text)).collect(),
    };
    policy.choose(&address.endpoint, address.tls, &found)
}

#[test]
fn addresses_that_are_written_to_deceive_are_refused_as_written() {
    let long = format!("https~{}.example/", "a".repeat(2_000));
    for text in [
        "http~127.1",
        "http~2130706433",
        "http~0x7f000001",
        "http~0X7F.1",
        "http~0177.0.0.1",
        "http~127.0.0.01",
        "http~localhost.",
        "http~[fe80::1%25eth0]",
        "http~user:pw@host.example",
        "http~host@evil.example",
        "http~host#@evil.example",
        "http~host\\@evil.example",
        "//evil.example",
        "///evil.example",
        "http:evil.example",
        "HTTP:\\\\evil.example",
        "http~/evil.example",
        "file~/etc/passwd",
        "gopher~evil.example",
        "ftp~evil.example",
        "dict~evil.example",
        "unix:/run/x.sock",
        "data:text/plain,x",
        "https~host.example:0/",
        "https~host.example:65536/",
        "https~host.example:-1/",
        "https~host.example:+80/",
        "https~host.example:/",
        "https~127。0。0。1/",
        "https~⑯⑨.254.169.254/",
        "https~host.example./",
        "https~host\0.example/",
        "https~host%00.example/",
        "https~host .example/",
        "https~-host.example/",
        "https~host..example/",
        "https~[::1",
        "https~[::1]x/",
        "https~",
        "",
        &long,
    ] {
        assert!(matches!(WebAddress::parse(&web(text)), Err(AddressError::Written(_))), "{text}");
    }
}

#[test]
fn addresses_that_lie_nowhere_are_refused_even_for_the_file() {
    for text in [
        "https~127.0.0.1",
        "https~0.0.0.0",
        "https~[::1]",
        "https~[::]",
        "https~[::ffff:127.0.0.1]",
        "https~[::ffff:7f00:1]",
        "https~[::ffff:0:7f00:1]",
        "https~[::7f00:1]",
        "https~[64:ff9b::7f00:1]",
        "https~[64:ff9b:1::7f00:1]",
        "https~[2002:7f00:1::]",
        "https~[fe80::1]",
        "https~[::ffff:10.0.0.1]",
        "https~[64:ff9b::a00:1]",
        "https~169.254.169.254",
        "https~169.254.170.2",
        "https~[::ffff:169.254.169.254]",
        "https~[fd00:ec2::254]",
        "https~100.100.100.200",
        "https~198.18.0.1",
        "https~198.19.255.255",
        "https~224.0.0.1",
        "https~[ff02::1]",
        "https~255.255.255.255",
        "https~240.0.0.1",
        "https~192.0.0.192",
        "https~[100::1]",
    ] {
        let found = outcome(&of_the_file(), text, &[]);
        assert!(matches!(found, Err(AddressError::Forbidden { .. })), "{text}: {found:?}");
    }
}

#[test]
fn private_networks_are_for_the_file_alone() {
    for text in [
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "[fd00::1]",
        "[fc00::1]",
    ] {
        let text = format!("https~{text}/");
        assert!(matches!(outcome(&strict(), &text, &[]), Err(AddressError::Forbidden { .. })), "{text}");
        assert!(outcome(&of_the_file(), &text, &[]).is_ok(), "{text}");
    }
    for text in ["172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.167.0.1", "[2606:4700::1111]"]
    {
        assert!(outcome(&strict(), &format!("https~{text}/"), &[]).is_ok(), "{text}");
    }
}

#[test]
fn a_name_is_judged_by_all_that_it_resolves_to() {
    let (public, hidden) = ("93.184.215.14", "127.0.0.1");
    for name in ["localhost", "LOCALHOST", "metadata.google.internal", "xn--ntfy-0ra.example", "a.example"] {
        let text = format!("https~{name}/");
        for found in
            [&[hidden][..], &[public, hidden], &[hidden, public], &[public, "169.254.169.254"], &["::1"]]
        {
            assert!(outcome(&of_the_file(), &text, found).is_err(), "{name} {found:?}");
        }
        assert_eq!(outcome(&strict(), &text, &[public]), Ok(SocketAddr::new(ip(public), 443)));
    }
    assert_eq!(outcome(&strict(), "https~a.example/", &[]), Err(AddressError::Nothing));
}

#[test]
fn the_connection_goes_to_the_address_that_was_checked_and_a_flip_is_seen() {
    let first = outcome(&of_the_file(), "https~a.example:8443/x", &["93.184.215.14", "93.184.215.15"]);
    assert_eq!(first, Ok("93.184.215.14:8443".parse().expect("an address")));
    // The next resolution answers otherwise, as with a time to live of 0.
    assert!(outcome(&of_the_file(), "https~a.example:8443/x", &["169.254.169.254"]).is_err());
}

#[test]
fn an_endpoint_that_is_named_may_be_anywhere_and_only_that_one() {
    let allowed = vec![
        Endpoint::parse("127.0.0.1:8080"),
        Endpoint::parse("Ntfy.LAN:2586"),
        Endpoint::parse("[::1]:25"),
    ];
    let allowed = allowed.into_iter().collect::<Result<_, _>>().expect("three endpoints");
    let policy = Policy { allowed, ..strict() };
    for (fine, text, found) in [
        (true, "http~127.0.0.1:8080/", &[][..]),
        (false, "http~127.0.0.1:8081/", &[]),
        (false, "http~127.0.0.2:8080/", &[]),
        (false, "http~localhost:8080/", &["127.0.0.1"]),
        (true, "http~ntfy.lan:2586/", &["127.0.0.1"]),
        (true, "http~NTFY.lan:2586/", &["10.0.0.1"]),
        (false, "http~ntfy.lan/", &["127.0.0.1"]),
        (false, "http~xn--ntfy-0ra.lan:2586/", &["127.0.0.1"]),
        (true, "http~[::1]:25/", &[]),
    ] {
        assert_eq!(outcome(&policy, text, found).is_ok(), fine, "{text}");
    }
}

#[test]
fn ports_of_other_protocols_and_open_lines_are_refused() {
    for port in [22, 25, 6379] {
        assert_eq!(
            outcome(&of_the_file(), &format!("https~a.example:{port}/"), &["93.184.215.14"]),
            Err(AddressError::Port(port))
        );
    }
    let plain = outcome(&of_the_file(), "http~a.example/", &["93.184.215.14"]);
    assert!(matches!(plain, Err(AddressError::Plain(_))), "{plain:?}");
    assert!(outcome(&of_the_file(), "http~ntfy.lan/", &["10.0.0.7"]).is_ok(), "a home server on the LAN");
}

#[test]
fn the_appliance_is_never_its_own_target() {
    let allowed = vec![Endpoint::parse("127.0.0.1:5600").expect("an endpoint")];
    for own in ["127.0.0.1:5600", "0.0.0.0:5600", "[::]:5600"] {
        let own = Some(own.parse().expect("an address"));
        let policy = Policy { own, allowed: allowed.clone(), ..of_the_file() };
        let found = outcome(&policy, "http~127.0.0.1:5600/api", &[]);
        assert!(matches!(found, Err(AddressError::Own(_))), "{found:?}");
    }
}
