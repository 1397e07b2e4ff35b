use super::{LONGEST, safe_return_address};

#[test]
fn paths_of_this_origin_pass_unchanged() {
    for address in [
        "/",
        "/prometheus/graph?g0.expr=up%7Bteam%3D%22a%22%7D&g0.tab=0",
        "/prometheus/api/v1/label/a%2Fb/values",
        "/search?next=//evil.example/%09\\",
        "/a//b",
        "/prometheus/query?time=@1",
        "/100%",
        "/%zz",
    ] {
        assert_eq!(safe_return_address(address), address);
    }
}

#[test]
fn whatever_could_lead_elsewhere_becomes_the_start_page() {
    for address in [
        "",
        "//evil",
        "///evil",
        "/\\evil",
        "\\\\evil",
        "\\/evil",
        "\t//evil",
        "/\t/evil",
        "/\n/evil",
        "/\r\nSet-Cookie: a=b",
        "/\u{0}/evil",
        " //evil",
        "/ /evil",
        "https:evil",
        "https://evil",
        "HTTPS://evil",
        "http:///evil",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil",
        "evil.example/",
        "@evil",
        "/@evil",
        "//user@evil",
        "/%2fevil",
        "/%2Fevil",
        "%2f%2fevil",
        "/%252fevil",
        "/%25252fevil",
        "/%2525252525252fevil",
        "/%5cevil",
        "/%09/evil",
        "/%0d%0aLocation:%20//evil",
        "/%00",
        "/.//evil",
        "/..//evil",
        "/a/..//evil",
        "/a/%2e%2e//evil",
        "/a/.%2e//evil",
        "/a\\..\\..//evil",
        "/a/..%5c/evil",
        "/a#b",
        "/#//evil",
        "/\u{ff0f}evil",
        "/\u{2028}",
        "?next=/",
        "#",
        ":",
        "/a\u{7f}",
    ] {
        assert_eq!(safe_return_address(address), "/", "{address:?}");
    }
    let long = format!("/{}", "a".repeat(LONGEST));
    assert_eq!(safe_return_address(&long), "/");
}
