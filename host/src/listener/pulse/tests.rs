use std::time::{Duration, Instant};

use super::super::settings::Limits;
use super::{Doing, Verdict, Ward};

fn limits() -> Limits {
    Limits {
        handshake_timeout: Duration::from_secs(5),
        head_timeout: Duration::from_secs(6),
        idle_timeout: Duration::from_secs(60),
        write_timeout: Duration::from_secs(20),
        ..Limits::default()
    }
}

/// What is decided about a connection prepared by `prepare`, so many seconds later.
fn verdict_after(seconds: u64, prepare: impl Fn(&super::Pulse), draining: bool) -> Verdict {
    let began = Instant::now();
    let ward = Ward::new(&limits(), began);
    let pulse = ward.admit();
    prepare(&pulse);
    let now = began + Duration::from_secs(seconds);
    if draining {
        ward.drain(now)
    } else {
        ward.look(now)
    }
    pulse.verdict()
}

#[test]
fn each_state_has_its_own_deadline() {
    let doing = |doing| move |pulse: &super::Pulse| pulse.now_doing(doing);
    for (state, last_good, first_closed) in
        [(Doing::Handshake, 4, 5), (Doing::ReadingHead, 5, 6), (Doing::Waiting, 59, 60)]
    {
        assert!(verdict_after(last_good, doing(state), false) < Verdict::Close, "{state:?}");
        assert_eq!(verdict_after(first_closed, doing(state), false), Verdict::Close, "{state:?}");
    }
    assert_eq!(verdict_after(1_000_000, doing(Doing::Upgraded), false), Verdict::GoOn);
}

#[test]
fn an_idle_connection_is_put_to_rest_before_it_is_closed() {
    let waiting = |pulse: &super::Pulse| pulse.now_doing(Doing::Waiting);
    assert_eq!(verdict_after(1, waiting, false), Verdict::GoOn);
    assert_eq!(verdict_after(3, waiting, false), Verdict::Rest);
}

#[test]
fn a_connection_that_still_owes_a_body_is_never_at_rest() {
    let owing = |pulse: &super::Pulse| {
        pulse.now_doing(Doing::ReadingBody);
        assert!(!pulse.is_at_rest());
    };
    assert_eq!(verdict_after(59, owing, false), Verdict::GoOn);
    assert_eq!(verdict_after(60, owing, false), Verdict::Close);
    assert_eq!(verdict_after(1, owing, true), Verdict::Close);
}

#[test]
fn a_request_in_flight_may_take_its_time_but_a_client_that_does_not_read_may_not() {
    let in_flight = |pulse: &super::Pulse| {
        pulse.now_doing(Doing::Waiting);
        pulse.request_began();
    };
    let blocked = |pulse: &super::Pulse| {
        in_flight(pulse);
        pulse.write_blocked(true);
    };
    assert_eq!(verdict_after(10_000, in_flight, false), Verdict::GoOn);
    assert_eq!(verdict_after(19, blocked, false), Verdict::GoOn);
    assert_eq!(verdict_after(21, blocked, false), Verdict::Close);
}

#[test]
fn a_drain_finishes_requests_and_gives_the_others_a_grace() {
    let began = Instant::now();
    let ward = Ward::new(&limits(), began);
    let (idle, busy) = (ward.admit(), ward.admit());
    idle.now_doing(Doing::Waiting);
    busy.now_doing(Doing::Waiting);
    busy.request_began();
    ward.drain(began + Duration::from_millis(100));
    assert_eq!((idle.verdict(), busy.verdict()), (Verdict::Finish, Verdict::Finish));
    ward.look(began + Duration::from_secs(2));
    assert_eq!((idle.verdict(), busy.verdict()), (Verdict::Close, Verdict::Finish));
    ward.close_all();
    assert_eq!(busy.verdict(), Verdict::Close);
}

#[test]
fn the_end_of_a_request_begins_the_idle_time() {
    let began = Instant::now();
    let ward = Ward::new(&limits(), began);
    let pulse = ward.admit();
    pulse.now_doing(Doing::Waiting);
    pulse.request_began();
    ward.look(began + Duration::from_secs(59));
    pulse.request_ended();
    ward.look(began + Duration::from_secs(118));
    assert_eq!(pulse.verdict(), Verdict::Rest);
    pulse.stir();
    assert_eq!(pulse.verdict(), Verdict::GoOn);
    ward.look(began + Duration::from_secs(119));
    assert_eq!(pulse.verdict(), Verdict::Close);
}

#[test]
fn ended_connections_are_forgotten() {
    let ward = Ward::new(&limits(), Instant::now());
    ward.admit().end();
    let _kept = ward.admit();
    ward.look(Instant::now());
    assert_eq!(ward.pulses.borrow().len(), 1);
}
