//! Free ports on 127.0.0.1, below those that the system hands to clients, so that nothing takes one between the choice
//! and the use of it.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that nobody listens at, and that no other caller in this program gets.
pub fn free_port() -> u16 {
    free_row(1)
}

/// The first of `length` free ports in a row.
///
/// # Panics
/// When the machine has no such row left.
pub fn free_row(length: u16) -> u16 {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..10_000 {
        let first = FIRST + random_u16() % (COUNT - length);
        let mut row = first..first + length;
        if row.clone().all(|port| !taken.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            taken.extend(&mut row);
            return first;
        }
    }
    panic!("no {length} free ports in a row from {FIRST} on");
}

fn random_u16() -> u16 {
    let mut bytes = [0; 2];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    u16::from_le_bytes(bytes)
}
