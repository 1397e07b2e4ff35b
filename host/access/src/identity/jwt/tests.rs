use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Issuers;
use crate::identity::failure::{IdentityError, SetupError, TokenFault};
use crate::identity::settings::{IssuerSettings, TokenAlgorithm};
use crate::identity::subject::{Login, Subject};

mod fetching;
pub(in crate::identity) mod signer;

use signer::Signer;

const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// An issuer `https://id.example` with one key of each kind, and what it says of people.
struct Issuer {
    _directory: tempfile::TempDir,
    issuers: Issuers,
    rsa: Signer,
    ec: Signer,
    ed: Signer,
}

fn settings(more: Value) -> IssuerSettings {
    let mut settings = json!({"issuer": "https://id.example", "audiences": ["bartizan", "watch"]});
    let fields = settings.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    serde_json::from_value(settings).expect("settings")
}

fn issuer() -> Issuer {
    issuer_with(json!({}))
}

fn issuer_with(more: Value) -> Issuer {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("jwks.json");
    let (rsa, ec, ed) = (Signer::rsa("r1"), Signer::ec("e1"), Signer::ed("d1"));
    fs::write(&path, json!({"keys": [rsa.jwk(), ec.jwk(), ed.jwk()]}).to_string()).expect("written");
    let mut settings = settings(more);
    settings.jwks_file = Some(path);
    let issuers = Issuers::new(&[settings], None).expect("issuers");
    Issuer { _directory: directory, issuers, rsa, ec, ed }
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "aud": "bartizan", "sub": "bo",
        "exp": NOW + 600, "iat": NOW, "groups": ["payments", "on call"],
    })
}

fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => claims.as_object_mut().expect("an object").remove(name),
        value => claims.as_object_mut().expect("an object").insert(name.to_owned(), value),
    };
    claims
}

impl Issuer {
    async fn verify(&self, token: &str) -> Result<Subject, IdentityError> {
        self.issuers.verify(token, now()).await.map(|(subject, _)| subject)
    }

    async fn fault(&self, token: &str) -> TokenFault {
        match self.verify(token).await {
            Err(IdentityError::Token(fault)) => fault,
            other => panic!("{other:?} for {token}"),
        }
    }

    /// The fault of a token that is right but for one claim.
    async fn fault_of(&self, name: &str, value: Value) -> TokenFault {
        self.fault(&self.ec.token(&claims_with(name, value))).await
    }

    /// The fault of a token that is right but for one header.
    async fn fault_of_header(&self, name: &str, value: Value) -> TokenFault {
        let mut header = self.ec.header();
        header.as_object_mut().expect("an object").insert(name.to_owned(), value);
        self.fault(&self.ec.sign(&header.to_string(), &claims().to_string())).await
    }
}

fn claim(name: &str) -> TokenFault {
    TokenFault::Claim { claim: name.to_owned() }
}

#[tokio::test]
async fn tokens_of_each_kind_of_key_name_their_person() {
    let issuer = issuer();
    for signer in [&issuer.rsa, &issuer.ec, &issuer.ed] {
        let subject = issuer.verify(&signer.token(&claims())).await.expect("verified");
        assert_eq!(subject.name(), "bo");
        assert_eq!(subject.groups(), ["payments", "on call"]);
        assert_eq!(subject.login(), &Login::Jwt { issuer: "https://id.example".to_owned() });
    }
}

#[tokio::test]
async fn any_changed_character_is_refused() {
    let issuer = issuer();
    let token = issuer.ec.token(&claims());
    for at in 0..token.len() {
        for other in ["A", "B", ".", "=", "_"] {
            let forged = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(forged == token || issuer.verify(&forged).await.is_err(), "{at}: {other}");
        }
    }
    for length in 0..token.len() {
        assert!(issuer.verify(&token[..length]).await.is_err());
    }
}

#[tokio::test]
async fn unsigned_tokens_are_refused() {
    let issuer = issuer();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": alg, "typ": "JWT"}).to_string();
        let unsigned = issuer.ec.sign(&header, &claims().to_string());
        assert_eq!(issuer.fault(&unsigned).await, TokenFault::Algorithm, "{alg}");
        let bare = format!("{}.", unsigned.rsplit_once('.').expect("a dot").0);
        assert_eq!(issuer.fault(&bare).await, TokenFault::Unreadable { part: "signature" });
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    // RS256 keys used as HMAC secrets, in the spellings that are known to have worked elsewhere.
    let issuer = issuer();
    let listed = issuer_with(json!({"algorithms": ["RS256", "HS256"]}));
    for secret in issuer.rsa.spellings() {
        let forged = signer::hmac_token(&secret, Some("r1"), &claims());
        assert_eq!(issuer.fault(&forged).await, TokenFault::Algorithm);
    }
    // Settings that list both are refused before; even then no public key verifies HS256.
    for secret in listed.rsa.spellings() {
        let forged = signer::hmac_token(&secret, Some("r1"), &claims());
        assert!(matches!(listed.fault(&forged).await, TokenFault::Key { .. }));
    }
}

#[tokio::test]
async fn the_header_chooses_neither_algorithm_nor_key() {
    let issuer = issuer();
    let foreign = Signer::ec("e1");
    assert_eq!(issuer.fault(&foreign.token(&claims())).await, TokenFault::Signature);
    let public = foreign.jwk();
    for (name, value) in [
        ("jwk", public),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = foreign.header();
        header.as_object_mut().expect("an object").insert(name.to_owned(), value);
        let forged = foreign.sign(&header.to_string(), &claims().to_string());
        assert_eq!(issuer.fault(&forged).await, TokenFault::Signature, "{name}");
    }
    // The right signature under another name.
    assert_eq!(issuer.fault_of_header("alg", json!("ES384")).await, no_key());
    assert_eq!(issuer.fault_of_header("alg", json!("RS256")).await, no_key());
    for odd in [json!(["ES256"]), json!(null), json!("es256"), json!("ES512"), json!("ES256K")] {
        assert_eq!(issuer.fault_of_header("alg", odd).await, TokenFault::Algorithm);
    }
}

fn no_key() -> TokenFault {
    TokenFault::Key { issuer: "https://id.example".to_owned() }
}

#[tokio::test]
async fn a_kid_only_looks_a_key_up() {
    let issuer = issuer();
    for kid in ["../../../../dev/null", "e1' OR '1'='1", "e1\0", "E1", "", "e1;id", &"k".repeat(4000)] {
        assert_eq!(issuer.fault_of_header("kid", json!(kid)).await, no_key(), "{kid}");
    }
    for kid in [json!(1), json!(["e1"]), json!({"e1": 1}), json!(null)] {
        assert_eq!(issuer.fault_of_header("kid", kid).await, TokenFault::Unreadable { part: "header" });
    }
    let header = json!({"alg": "ES256"}).to_string();
    assert!(
        issuer.verify(&issuer.ec.sign(&header, &claims().to_string())).await.is_ok(),
        "without one, the keys are tried"
    );
}

#[tokio::test]
async fn extensions_that_have_to_be_understood_are_refused() {
    let issuer = issuer();
    assert_eq!(issuer.fault_of_header("crit", json!(["exp"])).await, TokenFault::CriticalHeader);
    assert_eq!(issuer.fault_of_header("crit", json!([])).await, TokenFault::CriticalHeader);
    assert_eq!(issuer.fault_of_header("b64", json!(false)).await, TokenFault::CriticalHeader);
    for typ in [json!("logout+jwt"), json!("dpop+jwt"), json!("JOSE"), json!(1), json!(null), json!("")] {
        assert_eq!(issuer.fault_of_header("typ", typ).await, TokenFault::Type);
    }
    for typ in ["at+jwt", "application/at+JWT", "jwt"] {
        let header = json!({"alg": "ES256", "typ": typ}).to_string();
        assert!(issuer.verify(&issuer.ec.sign(&header, &claims().to_string())).await.is_ok(), "{typ}");
    }
}

#[tokio::test]
async fn what_has_to_be_there_has_to_be_there() {
    let issuer = issuer();
    for (name, fault) in
        [("exp", claim("exp")), ("aud", claim("aud")), ("sub", claim("sub")), ("iss", TokenFault::Issuer)]
    {
        assert_eq!(issuer.fault_of(name, Value::Null).await, fault);
        assert_eq!(issuer.fault_of(name, json!({})).await, fault);
        assert_eq!(issuer.fault_of(name, json!(true)).await, fault);
    }
    for exp in [json!("9999999999"), json!(-1), json!([NOW + 600])] {
        assert_eq!(issuer.fault_of("exp", exp).await, claim("exp"));
    }
}

#[tokio::test]
async fn a_token_counts_within_its_time_and_a_minute() {
    let issuer = issuer();
    let ok = async |name: &str, value: Value| {
        issuer.verify(&issuer.ec.token(&claims_with(name, value))).await.is_ok()
    };
    assert!(ok("exp", json!(NOW - 59)).await);
    assert!(ok("exp", json!(NOW as f64 - 58.5)).await);
    assert_eq!(issuer.fault_of("exp", json!(NOW - 60)).await, TokenFault::Expired { seconds_ago: 60 });
    assert_eq!(issuer.fault_of("exp", json!(0)).await, TokenFault::Expired { seconds_ago: NOW });
    for name in ["nbf", "iat"] {
        assert!(ok(name, json!(NOW + 60)).await);
        assert_eq!(issuer.fault_of(name, json!(NOW + 61)).await, TokenFault::NotYetValid { in_seconds: 61 });
        assert_eq!(issuer.fault_of(name, json!("now")).await, claim(name));
    }
    for absurd in [json!(u64::MAX), json!(1e300), json!(NOW * 1000), json!(NOW + 401 * 86_400)] {
        assert_eq!(issuer.fault_of("exp", absurd).await, TokenFault::ValidTooLong);
    }
}

#[tokio::test]
async fn what_is_remembered_ends_with_the_token() {
    let issuer = issuer();
    for (exp, until) in [(NOW + 100, NOW + 160), (NOW + 600, NOW + 300), (NOW - 50, NOW + 10)] {
        let token = issuer.ec.token(&claims_with("exp", json!(exp)));
        let (_, span) = issuer.issuers.verify(&token, now()).await.expect("verified");
        assert_eq!((span.from_seconds, span.until_seconds), (NOW, until));
    }
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() {
    let issuer = issuer();
    let ok = async |value: Value| issuer.verify(&issuer.ec.token(&claims_with("aud", value))).await.is_ok();
    assert!(ok(json!("watch")).await);
    assert!(ok(json!(["other", "bartizan"])).await);
    for aud in [json!("other"), json!([]), json!(["other"]), json!(""), json!("Bartizan"), json!("bartizan ")]
    {
        assert_eq!(issuer.fault_of("aud", aud).await, TokenFault::Audience);
    }
    assert_eq!(issuer.fault_of("aud", json!(["bartizan", 1])).await, claim("aud"));
    for iss in ["https://id.example/", "https://ID.example", "", "https://evil.example"] {
        assert_eq!(issuer.fault_of("iss", json!(iss)).await, TokenFault::Issuer);
    }
}

#[tokio::test]
async fn issuers_share_no_keys() {
    let directory = tempfile::tempdir().expect("a directory");
    let (one, two) = (Signer::ec("k"), Signer::ec("k"));
    let both = [("https://one.example", &one), ("https://two.example", &two)].map(|(name, signer)| {
        let path = directory.path().join(name.replace('/', "_"));
        fs::write(&path, json!({"keys": [signer.jwk()]}).to_string()).expect("written");
        IssuerSettings { issuer: name.to_owned(), jwks_file: Some(path), ..settings(json!({})) }
    });
    let issuers = Issuers::new(&both, None).expect("issuers");
    for (signer, name, right) in [
        (&one, "https://one.example", true),
        (&one, "https://two.example", false),
        (&two, "https://two.example", true),
        (&two, "https://one.example", false),
    ] {
        let token = signer.token(&claims_with("iss", json!(name)));
        assert_eq!(issuers.verify(&token, now()).await.is_ok(), right, "{name}");
    }
}

#[tokio::test]
async fn a_member_that_stands_there_twice_makes_a_token_unreadable() {
    let issuer = issuer();
    let text = claims().to_string();
    for twice in [
        text.replacen('{', r#"{"sub":"ada","#, 1),
        text.replacen('{', r#"{"exp":9999999999,"#, 1),
        text.replacen('{', r#"{"\u0073ub":"ada","#, 1),
        text.replacen('{', r#"{"a":{"b":1,"b":2},"#, 1),
    ] {
        let token = issuer.ec.sign(&issuer.ec.header().to_string(), &twice);
        assert_eq!(issuer.fault(&token).await, TokenFault::Unreadable { part: "payload" });
    }
    let header = r#"{"alg":"ES256","alg":"none","kid":"e1"}"#;
    let token = issuer.ec.sign(header, &text);
    assert_eq!(issuer.fault(&token).await, TokenFault::Unreadable { part: "header" });
}

#[tokio::test]
async fn what_is_no_token_is_told_apart_without_a_panic() {
    let issuer = issuer();
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let token = issuer.ec.sign(&issuer.ec.header().to_string(), &format!("{{\"a\":{deep}}}"));
    assert_eq!(issuer.fault(&token).await, TokenFault::Unreadable { part: "payload" });
    let long = issuer.ec.token(&claims_with("x", json!("x".repeat(20_000))));
    assert!(matches!(issuer.fault(&long).await, TokenFault::TooLong { .. }));
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b.c.d.e",
        "e30.e30.",
        "e30.e30.AA",
        "bnVsbA.bnVsbA.AA",
        "\u{e9}.b.c",
    ] {
        assert!(
            matches!(issuer.fault(text).await, TokenFault::Unreadable { .. } | TokenFault::Algorithm),
            "{text}"
        );
    }
}

#[tokio::test]
async fn groups_are_taken_as_they_are_named() {
    let issuer =
        issuer_with(json!({"groups_claim": "realm_access.roles", "user_claim": "https://id.example/name"}));
    let of = async |groups: Value| {
        let mut claims = claims_with("realm_access", json!({"roles": groups}));
        claims["https://id.example/name"] = json!("bö");
        issuer.verify(&issuer.ec.token(&claims)).await
    };
    let odd = json!(["a,b", "c d", "x|y", "(.*)", "e=f;", "päy", "a\"b", "payments"]);
    let subject = of(odd.clone()).await.expect("verified");
    assert_eq!(subject.name(), "bö");
    assert_eq!(json!(subject.groups()), odd, "nothing is split");
    assert_eq!(of(json!("a,b c")).await.expect("verified").groups(), ["a,b c"]);
    assert_eq!(of(json!([])).await.expect("verified").groups(), [""; 0]);
    for wrong in [json!([["nested"]]), json!([1]), json!({"payments": true}), json!([null]), json!(7)] {
        assert_eq!(of(wrong).await, Err(claim("realm_access.roles").into()));
    }
    let many: Vec<String> = (0..1001).map(|i| i.to_string()).collect();
    for wrong in [
        json!(many),
        json!(["a\nb"]),
        json!([""]),
        json!([" a"]),
        json!(["x".repeat(257)]),
        json!(["a\u{0}"]),
    ] {
        assert_eq!(of(wrong).await, Err(TokenFault::Groups.into()));
    }
}

#[tokio::test]
async fn a_name_with_dots_is_found_before_a_path() {
    let issuer = issuer_with(json!({"groups_claim": "a.b"}));
    let mut claims = claims();
    claims["a"] = json!({"b": ["nested"]});
    let nested = issuer.verify(&issuer.ec.token(&claims)).await.expect("verified");
    assert_eq!(nested.groups(), ["nested"]);
    claims["a.b"] = json!(["flat"]);
    let flat = issuer.verify(&issuer.ec.token(&claims)).await.expect("verified");
    assert_eq!(flat.groups(), ["flat"]);
}

#[tokio::test]
async fn names_that_could_fool_a_reader_are_refused() {
    let issuer = issuer();
    for name in ["", " bo", "bo\n", "b\u{0}o", &"x".repeat(257)] {
        assert_eq!(issuer.fault_of("sub", json!(name)).await, TokenFault::UserName, "{name:?}");
    }
}

#[tokio::test]
async fn a_prefix_keeps_an_issuer_out_of_the_names_of_others() {
    let issuer = issuer_with(json!({"user_prefix": "ci:", "groups_prefix": "ci:"}));
    let subject = issuer.verify(&issuer.ec.token(&claims())).await.expect("verified");
    assert_eq!((subject.name(), subject.groups()[0].as_str()), ("ci:bo", "ci:payments"));
}

#[tokio::test]
async fn algorithms_that_are_not_listed_are_refused() {
    let issuer = issuer_with(json!({"algorithms": ["RS256"]}));
    assert!(issuer.verify(&issuer.rsa.token(&claims())).await.is_ok());
    for signer in [&issuer.ec, &issuer.ed] {
        assert_eq!(issuer.fault(&signer.token(&claims())).await, TokenFault::Algorithm);
    }
}

#[tokio::test]
async fn a_shared_secret_has_32_bytes_and_verifies_hmac_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("secret");
    let with = |content: &str| {
        fs::write(&path, content).expect("written");
        Issuers::new(&[IssuerSettings { secret: Some(path.clone()), ..settings(json!({})) }], None)
    };
    for short in ["", "\n", "short", &"x".repeat(31), &format!("{}\r\n", "x".repeat(31))] {
        let Err(SetupError::Keys { reason, .. }) = with(short) else { panic!("taken: {short:?}") };
        assert!(reason.contains("at least 32"));
    }
    let secret = "x".repeat(32);
    let issuers = with(&format!("{secret}\n")).expect("issuers");
    let right = signer::hmac_token(secret.as_bytes(), None, &claims());
    assert!(issuers.verify(&right, now()).await.is_ok());
    let wrong = signer::hmac_token(b"", None, &claims());
    assert_eq!(issuers.verify(&wrong, now()).await.map(|_| ()), Err(TokenFault::Signature.into()));
    let ec = Signer::ec("e").token(&claims());
    assert_eq!(issuers.verify(&ec, now()).await.map(|_| ()), Err(TokenFault::Algorithm.into()));
}

#[test]
fn keys_that_are_not_for_verifying_are_left_out() {
    let signer = Signer::ec("e1");
    let with = |name: &str, value: Value| {
        let mut jwk = signer.jwk();
        jwk[name] = value;
        super::KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes())
    };
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!(null)),
        ("key_ops", json!(["sign", "encrypt"])),
        ("key_ops", json!("verify")),
        ("alg", json!("ES384")),
        ("alg", json!("RS256")),
        ("alg", json!("none")),
        ("crv", json!("P-384")),
        ("crv", json!("P-521")),
        ("x", json!("AAAA")),
        ("x", json!("not base64!")),
        ("kty", json!("oct")),
        ("kty", json!("RSA")),
        ("kid", json!(7)),
        ("d", json!("AAAA")),
    ] {
        assert!(with(name, value.clone()).is_err(), "{name}: {value}");
    }
    for (name, value) in [("key_ops", json!(["verify"])), ("use", json!("sig")), ("alg", json!("ES256"))] {
        assert!(with(name, value).is_ok_and(|keys| keys.fits(Some("e1"), TokenAlgorithm::ES256)));
    }
}

#[test]
fn weak_and_overfull_key_sets_are_refused() {
    let short = json!({"keys": [{"kty": "RSA", "n": "_".repeat(171), "e": "AQAB"}]});
    let many = json!({"keys": vec![Signer::ec("e").jwk(); 101]});
    for text in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[]}"#,
        r#"{"keys":[1]}"#,
        &short.to_string(),
        &many.to_string(),
    ] {
        assert!(super::KeySet::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[tokio::test]
async fn a_changed_key_file_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("jwks.json");
    let (old, new) = (Signer::ec("old"), Signer::ec("new"));
    let write = |path: &Path, signer: &Signer| {
        let set = json!({"keys": [signer.jwk()]}).to_string();
        crate::identity::file::replace(path, set.as_bytes()).expect("written");
    };
    write(&path, &old);
    let issuers =
        Issuers::new(&[IssuerSettings { jwks_file: Some(path.clone()), ..settings(json!({})) }], None)
            .expect("issuers");
    write(&path, &new);
    assert!(issuers.read_if_changed());
    assert!(!issuers.read_if_changed());
    assert!(issuers.verify(&new.token(&claims()), now()).await.is_ok());
    assert_eq!(issuers.verify(&old.token(&claims()), now()).await.map(|_| ()), Err(no_key().into()));
}
