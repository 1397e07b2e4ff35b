//! What a request says of itself: cookies and `Authorization`. Nothing but the very cookie that a login gave opens
//! anything, no input panics, and no evidence of ours is left for a backend.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bartizan_access::identity::{Identity, IdentitySettings, IssuerSettings, Users, remove_evidence};
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NAME: &str = "__Host-bartizan=";
/// The public key of RFC 7515, A.3.
const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

struct House {
    runtime: Runtime,
    identity: Identity,
    /// The value of the cookie that a login gave.
    cookie: String,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let directory = std::env::temp_dir().join(format!("bartizan-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let (users, keys) = (directory.join("users.yaml"), directory.join("keys.json"));
    Users::put(&users, "bo", "correct horse", &[]).expect("a user");
    std::fs::write(&keys, KEYS).expect("a key set");
    let issuer = serde_json::json!({"issuer": "joe", "audiences": ["bartizan"], "jwks_file": keys});
    let issuer: IssuerSettings = serde_json::from_value(issuer).expect("settings");
    let settings = IdentitySettings { users: Some(users), issuers: vec![issuer], ..Default::default() };
    let identity = Identity::new(settings).expect("an identity");
    std::fs::remove_dir_all(&directory).expect("removed");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let login = runtime.block_on(identity.login(CLIENT, "bo", "correct horse", now())).expect("logged in");
    let set = login.cookie.to_str().expect("text");
    let cookie = set.strip_prefix(NAME).and_then(|rest| rest.split(';').next()).expect("a value").to_owned();
    House { runtime, identity, cookie }
});

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn headers(name: http::HeaderName, value: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_bytes(value).ok()?);
    Some(headers)
}

fn establishes(headers: &HeaderMap) -> bool {
    let house = &*HOUSE;
    house.runtime.block_on(house.identity.establish(CLIENT, headers, now())).is_ok()
}

/// The input as the whole header; as an edit of the right cookie; as credentials behind each scheme.
fuzz_target!(|input: &[u8]| {
    let right = HOUSE.cookie.as_str();
    if let Some(mut cookies) = headers(COOKIE, input) {
        assert!(!establishes(&cookies));
        remove_evidence(&mut cookies);
        let left = cookies.get(COOKIE).map(HeaderValue::as_bytes).unwrap_or_default();
        let is_ours = |pair: &[u8]| {
            let pair = pair.trim_ascii();
            pair.starts_with(b"__Host-bartizan=") || pair.starts_with(b"__Host-bartizan-login=")
        };
        assert!(!left.split(|byte| *byte == b';').any(is_ours));
    }
    if let Some((&at, patch)) = input.split_first() {
        let at = usize::from(at) % right.len();
        let end = (at + patch.len()).min(right.len());
        let mut edited = right.as_bytes().to_vec();
        edited.splice(at..end, patch.iter().copied());
        let value = [NAME.as_bytes(), &edited].concat();
        if let Some(cookies) = headers(COOKIE, &value) {
            // What follows a semicolon is another cookie, spaces around a value are not part of it.
            let first = edited.split(|byte| *byte == b';').next().unwrap_or_default();
            assert!(!establishes(&cookies) || first.trim_ascii_end() == right.as_bytes());
        }
    }
    for scheme in [&b""[..], b"Basic ", b"Bearer ", b"Bearer eyJhbGciOiJFUzI1NiJ9."] {
        if let Some(authorization) = headers(AUTHORIZATION, &[scheme, input].concat()) {
            assert!(!establishes(&authorization));
        }
    }
});
