use super::Network;

fn holds(range: &str, address: &str) -> bool {
    range.parse::<Network>().unwrap().contains(address.parse().unwrap())
}

#[test]
fn ranges_hold_the_addresses_that_share_their_prefix() {
    assert!(holds("10.0.0.0/8", "10.255.1.2"));
    assert!(!holds("10.0.0.0/8", "11.0.0.0"));
    assert!(holds("192.0.2.7", "192.0.2.7"));
    assert!(!holds("192.0.2.7", "192.0.2.6"));
    assert!(holds("0.0.0.0/0", "203.0.113.1"));
    assert!(holds("2001:db8::/32", "2001:db8:ffff::1"));
    assert!(!holds("2001:db8::/32", "2001:db9::1"));
    assert!(holds("::/0", "::1"));
}

#[test]
fn families_do_not_mix_but_for_mapped_addresses() {
    assert!(!holds("0.0.0.0/0", "::1"));
    assert!(!holds("::/0", "10.0.0.1"));
    assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
}

#[test]
fn what_is_no_range_is_refused() {
    for text in [
        "",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0/8",
        "::/129",
        "2001:db8::1/32",
        "x",
        "10.0.0.0/8/8",
    ] {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
}
