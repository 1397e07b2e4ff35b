use super::{CanonicalPath, PathError};

fn canonical(raw: &str) -> Result<String, PathError> {
    CanonicalPath::parse(raw).map(|path| path.as_str().to_owned())
}

#[test]
fn paths_that_clients_send_keep_their_spelling() {
    for path in [
        "/",
        "/prometheus/",
        "/prometheus/api/v1/query",
        "/api/v1/label/U__2e_/values",
        "/api/v1/label/caf%C3%A9/values",
        "/alertmanager/api/v2/silence/0f7d0b0c-1c51-4f6e-9c39-7a3b3b1f0b11",
        "/logs-dogwalking-*,-secret/_search",
        "/app/discover$a&b=c:d@e!f'(g)~",
        "/files/..hidden/a..b/.well-known/x.",
        "/100%25",
        "/a%20b%22%3C%3E",
        "/a+b",
        "/a%2Bb",
        "/%25zz",
    ] {
        assert_eq!(canonical(path).as_deref(), Ok(path));
    }
}

#[test]
fn other_spellings_become_the_canonical_one() {
    for (raw, expected) in [
        ("/%61dmin", "/admin"),
        ("/%7Euser/%2D%5F%2e%41", "/~user/-_.A"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a%2cb%3a%40%3d", "/a,b:@="),
        ("/logs-{now}", "/logs-%7Bnow%7D"),
        ("/a|b^c`d\"e<f>", "/a%7Cb%5Ec%60d%22e%3Cf%3E"),
        ("/a%2bb", "/a%2Bb"),
        ("/%2ehidden", "/.hidden"),
        ("/x%2e%2ey", "/x..y"),
    ] {
        assert_eq!(canonical(raw).as_deref(), Ok(expected), "{raw}");
    }
}

#[test]
fn ambiguous_paths_are_refused() {
    use PathError::*;
    for (raw, expected) in [
        ("", NotAbsolute),
        ("api", NotAbsolute),
        ("*", NotAbsolute),
        ("https://x/", NotAbsolute),
        ("/..", DotSegment),
        ("/.", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/./b", DotSegment),
        ("/a/..", DotSegment),
        ("/%2e%2e/b", DotSegment),
        ("/a/%2E%2e", DotSegment),
        ("/a/.%2e/b", DotSegment),
        ("/%2e/b", DotSegment),
        ("//", EmptySegment),
        ("//evil.example/", EmptySegment),
        ("/a//b", EmptySegment),
        ("/a/b//", EmptySegment),
        ("/a%2fb", EncodedSlash),
        ("/a%2Fb", EncodedSlash),
        ("/..%2fadmin", EncodedSlash),
        ("/a%5cb", EncodedSlash),
        ("/a\\b", Backslash),
        ("/\\evil.example", Backslash),
        ("/a;b", Parameter),
        ("/admin;/x", Parameter),
        ("/..;/admin", Parameter),
        ("/a%3bb", Parameter),
        ("/a%00b", Control),
        ("/a%0d%0aSet-Cookie:x", Control),
        ("/a%7f", Control),
        ("/a\tb", Control),
        ("/a%C2%85b", Control),
        ("/a b", NotEncoded),
        ("/a#b", NotEncoded),
        ("/a?b", NotEncoded),
        ("/café", NotEncoded),
        ("/a%", BadEncoding),
        ("/a%4", BadEncoding),
        ("/a%zz", BadEncoding),
        ("/a%u002e", BadEncoding),
        ("/a%c0%ae", NotUtf8),
        ("/%c0%af", NotUtf8),
        ("/%e0%80%af", NotUtf8),
        ("/%ed%a0%80", NotUtf8),
        ("/%ff", NotUtf8),
        ("/%c3", NotUtf8),
        ("/%252e%252e/", DoubleEncoding),
        ("/%252f", DoubleEncoding),
        ("/%25%32%65", DoubleEncoding),
        ("/%2541", DoubleEncoding),
        ("/%25c3%25a9", DoubleEncoding),
    ] {
        assert_eq!(canonical(raw), Err(expected), "{raw}");
    }
}

/// Every path of up to five letters over an alphabet of trouble: whatever is accepted keeps the promises of the module.
#[test]
fn whatever_is_accepted_is_stable_and_free_of_structure_in_disguise() {
    const LETTERS: [&str; 14] =
        ["/", ".", "%2e", "%2F", "%25", "2", "e", "%5c", ";", "a", "%61", "%c3", "%a9", "%"];
    let mut accepted = 0;
    for number in 0..LETTERS.len().pow(5) {
        let mut raw = String::from("/");
        let mut rest = number;
        for _ in 0..5 {
            raw.push_str(LETTERS[rest % LETTERS.len()]);
            rest /= LETTERS.len();
        }
        let Ok(path) = canonical(&raw) else { continue };
        accepted += 1;
        assert_eq!(canonical(&path).as_deref(), Ok(path.as_str()), "{raw}");
        let lower = path.to_ascii_lowercase();
        for forbidden in ["//", "%2f", "%5c", "%2e", "%00", ";", "\\"] {
            assert!(!lower.contains(forbidden), "{raw} -> {path}");
        }
        assert!(!path.split('/').any(|segment| segment == "." || segment == ".."), "{raw} -> {path}");
    }
    assert!(accepted > 10_000, "{accepted}");
}
