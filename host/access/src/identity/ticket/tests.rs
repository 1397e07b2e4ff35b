use super::Ticket;
use crate::identity::failure::SessionFault;
use crate::identity::settings::SessionSettings;

const NOW: u64 = 1_800_000_000;
const HOUR: u64 = 3600;

fn ticket(issued_ago: i64, seen_ago: i64) -> Ticket {
    Ticket {
        user: "bö".to_owned(),
        id: [7; 16],
        stamp: [9; 8],
        issued_seconds: NOW.saturating_add_signed(-issued_ago),
        seen_seconds: NOW.saturating_add_signed(-seen_ago),
    }
}

fn check(issued_ago: i64, seen_ago: i64) -> Result<(), SessionFault> {
    ticket(issued_ago, seen_ago).check(&SessionSettings::default(), NOW)
}

#[test]
fn what_is_written_is_read() {
    let original = ticket(10, 5);
    assert!(Ticket::decode(&original.encode()) == Some(original));
}

#[test]
fn what_is_cut_or_of_another_kind_is_not_read() {
    let bytes = ticket(10, 5).encode();
    assert!((0..41).all(|length| Ticket::decode(&bytes[..length]).is_none()));
    assert!(Ticket::decode(&[&[2], &bytes[1..]].concat()).is_none());
    assert!(Ticket::decode(&[&bytes[..], &[0xff]].concat()).is_none(), "the name has to be UTF-8");
}

#[test]
fn a_session_ends_when_idle_and_when_old() {
    let hour = HOUR as i64;
    assert_eq!(check(0, 0), Ok(()));
    assert_eq!(check(23 * hour, 8 * hour - 1), Ok(()));
    assert_eq!(check(23 * hour, 8 * hour), Err(SessionFault::Idle));
    assert_eq!(check(24 * hour - 1, 0), Ok(()));
    assert_eq!(check(24 * hour, 0), Err(SessionFault::TooOld));
    let settings = SessionSettings::default();
    assert_eq!(ticket(20 * hour, 0).ends_seconds(&settings), NOW + 4 * HOUR);
    assert_eq!(ticket(hour, 0).ends_seconds(&settings), NOW + 8 * HOUR);
    assert_eq!(ticket(hour, 0).renewal_seconds(&settings), NOW + HOUR / 2);
}

#[test]
fn a_clock_that_went_back_a_little_is_forgiven_and_a_far_future_is_not() {
    assert_eq!(check(-300, -300), Ok(()));
    assert_eq!(check(-301, -301), Err(SessionFault::FromTheFuture));
    assert_eq!(check(0, -301), Err(SessionFault::FromTheFuture));
    assert_eq!(check(i64::MIN + 1, 0), Err(SessionFault::FromTheFuture));
}
