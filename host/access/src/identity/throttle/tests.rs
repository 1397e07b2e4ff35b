use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Throttle;
use crate::identity::settings::ThrottleSettings;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Failures that are answered at this moment.
fn answered(throttle: &Throttle, client: &str, name: &str, now: SystemTime) -> u32 {
    let settings = ThrottleSettings::default();
    (0..1000).find(|_| throttle.count(&settings, address(client), name, now).is_err()).unwrap_or(1000)
}

fn succeed(throttle: &Throttle, client: &str, name: &str, now: SystemTime) {
    let settings = ThrottleSettings::default();
    let attempt = throttle.count(&settings, address(client), name, now).map_err(|_| ()).expect("counted");
    throttle.succeeded(&settings, attempt);
}

#[test]
fn a_burst_of_failures_is_answered_and_then_one_each_interval() {
    let throttle = Throttle::new();
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(0)), 5);
    let wait = throttle
        .count(&ThrottleSettings::default(), address("192.0.2.1"), "bo", at(10))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(wait, Duration::from_secs(20));
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(30)), 1);
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(300)), 5);
}

#[test]
fn the_person_gets_in_from_elsewhere() {
    let throttle = Throttle::new();
    answered(&throttle, "192.0.2.1", "bo", at(0));
    assert_eq!(answered(&throttle, "192.0.2.2", "bo", at(0)), 5);
    assert_eq!(answered(&throttle, "192.0.2.1", "cy", at(0)), 5);
}

#[test]
fn a_client_that_tries_many_names_is_stopped() {
    let throttle = Throttle::new();
    let total: u32 = (0..20).map(|i| answered(&throttle, "192.0.2.1", &format!("name {i}"), at(0))).sum();
    assert_eq!(total, 30);
    assert_eq!(answered(&throttle, "192.0.2.2", "name 0", at(0)), 5);
}

#[test]
fn many_clients_that_try_one_name_are_stopped_but_for_where_it_logged_in_before() {
    let throttle = Throttle::new();
    succeed(&throttle, "198.51.100.7", "bo", at(0));
    let total: u32 = (0..40).map(|i| answered(&throttle, &format!("192.0.2.{i}"), "bo", at(1))).sum();
    assert_eq!(total, 100);
    assert_eq!(answered(&throttle, "203.0.113.1", "bo", at(1)), 0, "a new place has to wait");
    assert_eq!(answered(&throttle, "198.51.100.7", "bo", at(1)), 5, "the desk has not");
    assert_eq!(answered(&throttle, "203.0.113.1", "bo", at(11)), 1, "and a new place not for long");
}

#[test]
fn right_passwords_are_not_counted() {
    let throttle = Throttle::new();
    (0..500).for_each(|_| succeed(&throttle, "192.0.2.1", "bo", at(0)));
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(0)), 5);
}

#[test]
fn attempts_under_way_count_before_they_are_decided() {
    let throttle = Throttle::new();
    let settings = ThrottleSettings::default();
    let under_way: Vec<_> = (0..5)
        .map(|_| {
            throttle.count(&settings, address("192.0.2.1"), "bo", at(0)).map_err(|_| ()).expect("counted")
        })
        .collect();
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(0)), 0);
    under_way.iter().for_each(|attempt| throttle.give_back(&settings, attempt));
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(0)), 5);
}

#[test]
fn a_network_of_ipv6_is_one_client_and_a_mapped_address_is_itself() {
    let throttle = Throttle::new();
    assert_eq!(answered(&throttle, "2001:db8::1", "bo", at(0)), 5);
    assert_eq!(answered(&throttle, "2001:db8::ffff:ffff", "bo", at(0)), 0);
    assert_eq!(answered(&throttle, "2001:db8:0:1::1", "bo", at(0)), 5);
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(0)), 5);
    assert_eq!(answered(&throttle, "::ffff:192.0.2.1", "bo", at(0)), 0);
}

#[test]
fn a_flood_of_other_names_does_not_clear_a_count() {
    let throttle = Throttle::new();
    answered(&throttle, "192.0.2.1", "bo", at(0));
    let settings = ThrottleSettings::default();
    for i in 0..50_000u32 {
        let client = IpAddr::V4((0x0a00_0000 + i).into());
        let _ = throttle.count(&settings, client, &format!("name {i}"), at(1));
    }
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(1)), 0);
}

#[test]
fn a_clock_that_goes_back_locks_nobody_out_for_long() {
    let throttle = Throttle::new();
    answered(&throttle, "192.0.2.1", "bo", at(1_000_000));
    assert_eq!(answered(&throttle, "192.0.2.1", "bo", at(0)), 0);
    let wait = throttle
        .count(&ThrottleSettings::default(), address("192.0.2.1"), "bo", at(0))
        .map(|_| ())
        .unwrap_err();
    assert!(wait <= Duration::from_secs(150), "{wait:?}");
}
