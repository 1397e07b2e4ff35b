use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};

use serde_json::json;

use super::Identity;
use crate::identity::cookie::{self, SESSION_COOKIE};
use crate::identity::failure::{IdentityError, LoginError, SessionFault, TokenFault};
use crate::identity::jwt::tests::signer::Signer;
use crate::identity::settings::{IdentitySettings, IssuerSettings};
use crate::identity::subject::Login;
use crate::identity::users::Users;
use crate::identity::{Established, Evidence, rotate_session_keys};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HOUR: u64 = 3600;

struct House {
    directory: tempfile::TempDir,
    identity: Identity,
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn settings(directory: &Path) -> IdentitySettings {
    let mut settings = IdentitySettings { users: Some(directory.join("users.yaml")), ..Default::default() };
    settings.session.keys = Some(directory.join("session.keys"));
    settings
}

fn house() -> House {
    let directory = tempfile::tempdir().expect("a directory");
    let users = directory.path().join("users.yaml");
    Users::put(&users, "bo", "correct horse", &["payments".to_owned()]).expect("added");
    let identity = Identity::new(settings(directory.path())).expect("an identity");
    House { directory, identity }
}

impl House {
    async fn login(&self, seconds: u64) -> HeaderMap {
        let login = self.identity.login(CLIENT, "bo", "correct horse", at(seconds)).await.expect("logged in");
        with_cookie(&login.cookie)
    }

    async fn establish(&self, headers: &HeaderMap, seconds: u64) -> Result<Established, IdentityError> {
        self.identity.establish(CLIENT, headers, at(seconds)).await
    }
}

/// What the browser sends back after a `Set-Cookie`.
fn with_cookie(set_cookie: &HeaderValue) -> HeaderMap {
    let text = set_cookie.to_str().expect("text");
    let pair = text.split(';').next().expect("a pair");
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::from_str(pair).expect("a header value"));
    headers
}

fn basic(user: &str, password: &str) -> HeaderMap {
    let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).expect("a header value"));
    headers
}

#[tokio::test]
async fn a_login_begins_a_session_that_names_its_user() {
    let house = house();
    let headers = house.login(0).await;
    for seconds in [0, 1, 2 * HOUR] {
        let established = house.establish(&headers, seconds).await.expect("established");
        assert_eq!(established.subject.name(), "bo");
        assert_eq!(established.subject.groups(), ["payments"]);
        assert_eq!(established.subject.login(), &Login::Session);
        let session = established.session.expect("a session");
        assert!(session.is_own_form(&session.csrf_token()));
    }
}

#[tokio::test]
async fn a_session_ends_when_idle_and_lives_on_when_renewed() {
    let house = house();
    let mut headers = house.login(0).await;
    let unused = house.establish(&headers, 8 * HOUR).await.map(|_| ());
    assert_eq!(unused, Err(IdentityError::Session(SessionFault::Idle)));

    let mut form_token = None;
    for hours in [0, 7, 14, 21, 23] {
        let established = house.establish(&headers, hours * HOUR).await.expect("established");
        let session = established.session.expect("a session");
        assert_eq!(session.renewal().is_some(), hours > 0, "after {hours} h");
        // Renewal keeps the forms of open tabs valid.
        assert!(session.is_own_form(form_token.get_or_insert_with(|| session.csrf_token())));
        headers = session.renewal().map(with_cookie).unwrap_or(headers);
    }
    let old = house.establish(&headers, 24 * HOUR).await.map(|_| ());
    assert_eq!(old, Err(IdentityError::Session(SessionFault::TooOld)));
}

#[tokio::test]
async fn wrong_names_and_wrong_passwords_are_told_the_same() {
    let house = house();
    for (user, password) in [("bo", "wrong"), ("ghost", "correct horse"), ("", ""), ("BO", "correct horse")] {
        let refused = house.identity.login(CLIENT, user, password, at(0)).await.map(|_| ());
        assert_eq!(refused, Err(LoginError::Refused), "{user}");
        let refused = house.establish(&basic(user, password), 0).await.map(|_| ());
        assert_eq!(refused, Err(IdentityError::Password), "{user}");
    }
}

#[tokio::test]
async fn unknown_names_take_as_long_as_known_ones() {
    let house = house();
    let mut medians = [0u128; 2];
    for (median, user) in medians.iter_mut().zip(["bo", "ghost"]) {
        let mut times = Vec::new();
        for round in 0..5 {
            let begun = std::time::Instant::now();
            let refused = house.identity.login(CLIENT, user, &format!("wrong {round}"), at(0)).await;
            assert!(matches!(refused, Err(LoginError::Refused)));
            times.push(begun.elapsed().as_micros());
        }
        times.sort_unstable();
        *median = times[2];
    }
    // A check that is left out shows as a factor of a thousand; a busy machine as less than ten.
    assert!(medians[0] < medians[1] * 10 && medians[1] < medians[0] * 10, "{medians:?}");
}

#[tokio::test]
async fn guessing_is_throttled_for_form_and_basic_together() {
    let house = house();
    for round in 0..3 {
        let _ = house.identity.login(CLIENT, "bo", &format!("wrong {round}"), at(0)).await;
        let _ = house.establish(&basic("bo", &format!("bad {round}")), 0).await;
    }
    let throttled = house.establish(&basic("bo", "correct horse"), 0).await.map(|_| ());
    assert!(matches!(throttled, Err(IdentityError::Throttled { .. })), "{throttled:?}");
    let throttled = house.identity.login(CLIENT, "bo", "correct horse", at(0)).await.map(|_| ());
    assert!(matches!(throttled, Err(LoginError::Throttled { .. })));
    assert!(house.establish(&basic("bo", "correct horse"), 60).await.is_ok());
}

#[tokio::test]
async fn forty_requests_at_once_with_the_right_password_are_one_check() {
    let house = house();
    let headers = basic("bo", "correct horse");
    let requests = (0..40).map(|_| house.establish(&headers, 0));
    for established in join_all(requests).await {
        assert_eq!(established.expect("established").subject.login(), &Login::Basic);
    }
}

/// Polls all of them in turn until all are ready.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut pending {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        match pending.iter().all(|(_, output)| output.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    pending.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test]
async fn authorization_wins_over_the_cookie_and_never_falls_back_to_it() {
    let house = house();
    let mut headers = house.login(0).await;
    headers.extend(basic("bo", "wrong"));
    assert_eq!(house.establish(&headers, 0).await.map(|_| ()), Err(IdentityError::Password));
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Negotiate x"));
    assert_eq!(house.establish(&headers, 0).await.map(|_| ()), Err(IdentityError::UnknownScheme));
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer a.b.c"));
    assert!(house.establish(&headers, 0).await.is_err());
    headers.extend(basic("bo", "correct horse"));
    assert_eq!(house.establish(&headers, 0).await.expect("established").subject.login(), &Login::Basic);
    assert_eq!(house.establish(&HeaderMap::new(), 0).await.map(|_| ()), Err(IdentityError::Anonymous));
}

#[tokio::test]
async fn changed_users_count_as_soon_as_the_file_is_read() {
    let house = house();
    let users = house.directory.path().join("users.yaml");
    let (cookie, script) = (house.login(0).await, basic("bo", "correct horse"));
    assert!(house.establish(&script, 0).await.is_ok());
    let text = std::fs::read_to_string(&users).expect("read").replace("payments", "walks");
    std::fs::write(&users, text).expect("written");
    house.identity.reload().expect("reloaded");
    for headers in [&cookie, &script] {
        assert_eq!(house.establish(headers, 1).await.expect("established").subject.groups(), ["walks"]);
    }

    Users::put(&users, "bo", "battery staple", &[]).expect("changed");
    house.identity.reload().expect("reloaded");
    let ended = house.establish(&cookie, 2).await.map(|_| ());
    assert_eq!(ended, Err(IdentityError::Session(SessionFault::PasswordChanged)));
    assert_eq!(house.establish(&script, 2).await.map(|_| ()), Err(IdentityError::Password));

    Users::remove(&users, "bo").expect("removed");
    house.identity.reload().expect("reloaded");
    let ended = house.establish(&cookie, 3).await.map(|_| ());
    assert_eq!(ended, Err(IdentityError::Session(SessionFault::UserGone)));
}

#[tokio::test]
async fn a_broken_user_file_is_refused_and_the_old_users_go_on() {
    let house = house();
    let cookie = house.login(0).await;
    std::fs::write(house.directory.path().join("users.yaml"), "users: [").expect("written");
    assert!(house.identity.reload().is_err());
    assert!(house.establish(&cookie, 1).await.is_ok());
}

#[tokio::test]
async fn keys_rotate_without_logging_anybody_out() {
    let house = house();
    let cookie = house.login(0).await;
    let path = house.directory.path().join("session.keys");
    rotate_session_keys(&path).expect("rotated");
    house.identity.reload().expect("reloaded");
    assert!(house.establish(&cookie, 1).await.is_ok());

    let other_process = Identity::new(settings(house.directory.path())).expect("an identity");
    assert!(other_process.establish(CLIENT, &cookie, at(1)).await.is_ok());

    let newest: Vec<String> =
        std::fs::read_to_string(&path).expect("read").lines().take(2).map(str::to_owned).collect();
    std::fs::write(&path, newest.join("\n")).expect("written");
    house.identity.reload().expect("reloaded");
    let ended = house.establish(&cookie, 2).await.map(|_| ());
    assert_eq!(ended, Err(IdentityError::Session(SessionFault::UnknownKey)));
}

#[tokio::test]
async fn changed_files_are_noticed_by_themselves() {
    let house = house();
    let cookie = house.login(0).await;
    let users = house.directory.path().join("users.yaml");
    let identity = Arc::new(house.identity);
    let maintenance = tokio::spawn(Arc::clone(&identity).maintain());
    Users::remove(&users, "bo").expect("removed");
    let mut tries = 0;
    while identity.establish(CLIENT, &cookie, at(1)).await.is_ok() {
        tries += 1;
        assert!(tries < 100, "the removed user is still in after 10 s");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    maintenance.abort();
}

#[tokio::test]
async fn changed_settings_end_no_session_and_forget_no_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let users = directory.path().join("users.yaml");
    Users::put(&users, "bo", "correct horse", &[]).expect("added");
    let mut settings = IdentitySettings { users: Some(users), ..Default::default() };
    let before = Identity::new(settings.clone()).expect("an identity");
    let login = before.login(CLIENT, "bo", "correct horse", at(0)).await.expect("logged in");
    for round in 0..5 {
        let _ = before.login(CLIENT, "bo", &format!("wrong {round}"), at(0)).await;
    }
    settings.session.idle = Duration::from_secs(60);
    let after = before.with_settings(settings).expect("an identity");
    assert!(after.establish(CLIENT, &with_cookie(&login.cookie), at(59)).await.is_ok());
    assert!(after.establish(CLIENT, &with_cookie(&login.cookie), at(60)).await.is_err());
    let throttled = after.login(CLIENT, "bo", "correct horse", at(0)).await.map(|_| ());
    assert!(matches!(throttled, Err(LoginError::Throttled { .. })));
}

/// An identity that believes tokens of one issuer, in this directory.
fn with_issuer(directory: &Path, signer: &Signer) -> Identity {
    let path = directory.join("jwks.json");
    std::fs::write(&path, json!({"keys": [signer.jwk()]}).to_string()).expect("written");
    let issuer = json!({"issuer": "ci", "audiences": ["bartizan"], "jwks_file": path});
    let issuer: IssuerSettings = serde_json::from_value(issuer).expect("settings");
    Identity::new(IdentitySettings { issuers: vec![issuer], ..settings(directory) }).expect("an identity")
}

/// A token that is valid for ten minutes.
fn bearer(signer: &Signer, seconds: u64) -> HeaderMap {
    let expires = 1_800_000_000 + seconds + 600;
    let claims = json!({"iss": "ci", "aud": "bartizan", "sub": "deploy", "exp": expires, "groups": ["ops", "payments"]});
    let mut headers = HeaderMap::new();
    let value = format!("Bearer {}", signer.token(&claims));
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).expect("a header value"));
    headers
}

#[tokio::test]
async fn a_remembered_token_ends_in_its_time_and_with_its_key() {
    let house = house();
    let (signer, other) = (Signer::rsa("k"), Signer::rsa("k"));
    let identity = with_issuer(house.directory.path(), &signer);
    let headers = bearer(&signer, 0);
    for seconds in [0, 1, 299, 300, 659] {
        let established = identity.establish(CLIENT, &headers, at(seconds)).await.expect("established");
        assert_eq!(established.subject.name(), "deploy");
        assert_eq!(established.subject.login(), &Login::Jwt { issuer: "ci".to_owned() });
        assert!(established.session.is_none());
    }
    let expired = identity.establish(CLIENT, &headers, at(660)).await;
    assert!(matches!(expired, Err(IdentityError::Token(TokenFault::Expired { .. }))), "{expired:?}");

    assert!(identity.establish(CLIENT, &headers, at(1)).await.is_ok());
    let set = json!({"keys": [other.jwk()]}).to_string();
    std::fs::write(house.directory.path().join("jwks.json"), set).expect("written");
    identity.reload().expect("reloaded");
    let refused = identity.establish(CLIENT, &headers, at(1)).await.map(|_| ());
    assert_eq!(refused, Err(IdentityError::Token(TokenFault::Signature)));
}

/// Prints what an establish costs: `cargo test --release -p bartizan-access cost_of_an_establish -- --ignored
/// --nocapture`.
#[tokio::test]
#[ignore = "a measurement, not a check"]
async fn cost_of_an_establish() {
    let house = house();
    let signer = Signer::rsa("k");
    let identity = with_issuer(house.directory.path(), &signer);
    let login = identity.login(CLIENT, "bo", "correct horse", at(0)).await.expect("logged in");
    let (cookie, token, script) =
        (with_cookie(&login.cookie), bearer(&signer, 0), basic("bo", "correct horse"));
    for (name, headers) in [("session cookie", &cookie), ("RS256 token", &token), ("HTTP Basic", &script)] {
        let size = headers.iter().map(|(_, value)| value.len()).sum::<usize>();
        let mut rounds = Vec::new();
        for _ in 0..9 {
            let begun = std::time::Instant::now();
            for _ in 0..20_000 {
                std::hint::black_box(identity.establish(CLIENT, headers, at(1)).await).expect("established");
            }
            rounds.push(begun.elapsed().as_nanos() / 20_000);
        }
        rounds.sort_unstable();
        println!("{name}, {size} bytes, remembered: {} ns (fastest {})", rounds[4], rounds[0]);
    }
    for (name, headers) in [("session cookie", &cookie), ("RS256 token", &token)] {
        let begun = std::time::Instant::now();
        for _ in 0..2_000 {
            identity.reload_forgetting();
            std::hint::black_box(identity.establish(CLIENT, headers, at(1)).await).expect("established");
        }
        println!("{name}, verified: {} ns", begun.elapsed().as_nanos() / 2_000);
    }
}

impl Identity {
    /// Forgets what was verified, as a reload does.
    fn reload_forgetting(&self) {
        self.generation.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
    }
}

#[tokio::test]
async fn without_users_there_is_no_login() {
    let identity = Identity::new(IdentitySettings::default()).expect("an identity");
    assert!(!identity.offers_login());
    let refused = identity.login(CLIENT, "bo", "x", at(0)).await.map(|_| ());
    assert_eq!(refused, Err(LoginError::NotOffered));
    let refused = identity.establish(CLIENT, &basic("bo", "x"), at(0)).await.map(|_| ());
    assert_eq!(refused, Err(IdentityError::NotOffered { evidence: Evidence::Basic }));
}

#[tokio::test]
async fn a_login_form_belongs_to_the_browser_that_got_it() {
    let house = house();
    let first = house.identity.login_form(&HeaderMap::new());
    let browser = with_cookie(first.cookie.as_ref().expect("a cookie"));
    assert!(house.identity.is_own_login_form(&browser, &first.token));

    let second_tab = house.identity.login_form(&browser);
    assert!(second_tab.cookie.is_none());
    assert!(house.identity.is_own_login_form(&browser, &second_tab.token));

    let foreign = house.identity.login_form(&HeaderMap::new());
    assert!(!house.identity.is_own_login_form(&browser, &foreign.token));
    assert!(!house.identity.is_own_login_form(&HeaderMap::new(), &first.token));
    assert!(!house.identity.is_own_login_form(&browser, ""));
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let house = house();
    let cookie = house.login(0).await;
    let established = house.establish(&cookie, HOUR).await.expect("established");
    let session = established.session.as_ref().expect("a session");
    let shown = format!("{:?} {established:?}", house.identity);
    let renewed = session.renewal().expect("renewed").to_str().expect("text");
    for secret in [renewed, &session.csrf_token(), "$argon2id"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn logout_takes_back_the_cookie_that_login_sets() {
    let logout = Identity::new(IdentitySettings::default()).expect("an identity").logout();
    assert_eq!(logout, cookie::set(SESSION_COOKIE, "", 0).expect("a header"));
}
