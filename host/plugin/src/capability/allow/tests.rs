use super::*;

fn list(origins: &[&str]) -> AllowList {
    let grants: Vec<_> =
        origins.iter().map(|origin| HttpGrant { origin: (*origin).to_owned(), private: false }).collect();
    AllowList::new(&grants).unwrap()
}

fn admits(list: &AllowList, url: &str) -> bool {
    list.admits(&Url::parse(url).unwrap()).is_ok()
}

#[test]
fn scheme_host_and_port_must_all_be_listed() {
    let list = list(&["https://api.example.com", "http://10.0.0.3:9100", "http://[::1]:81"]);
    for url in [
        "https://api.example.com/v1?x=y",
        "https://API.example.com:443/",
        "http://10.0.0.3:9100/metrics",
        "http://0x0a.0.0.3:9100/",
        "http://[0:0::1]:81/",
    ] {
        assert!(admits(&list, url), "{url}");
    }
    for url in [
        "http://api.example.com/",
        "https://api.example.com:8443/",
        "https://api.example.com.evil.example/",
        "https://evil.example/api.example.com",
        "https://api.example.com@evil.example/",
        "https://api.example.com./",
        "http://10.0.0.4:9100/",
        "http://[::ffff:10.0.0.3]:9100/",
        "ftp://api.example.com/",
    ] {
        assert!(!admits(&list, url), "{url}");
    }
    assert!(!admits(&AllowList::default(), "https://api.example.com/"));
}

#[test]
fn an_entry_that_is_no_single_origin_is_refused() {
    for origin in [
        "api.example.com",
        "ftp://a.example",
        "https://*.example.com",
        "https://a.example/path",
        "https://a.example?x",
        "https://me@a.example",
        "https://",
        "file:///etc/passwd",
    ] {
        let grant = HttpGrant { origin: origin.to_owned(), private: false };
        assert!(AllowList::new(&[grant]).is_err(), "{origin}");
    }
    let grant = |private| HttpGrant { origin: "http://a.example".to_owned(), private };
    assert!(AllowList::new(&[grant(true), grant(false)]).is_err());
}

#[test]
fn only_addresses_of_the_public_internet_are_public() {
    for address in
        ["1.1.1.1", "93.184.216.34", "100.63.0.1", "172.32.0.1", "2606:4700::1111", "2001:4860:4860::8888"]
    {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
    for address in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
    ] {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inwards_is_not_resolved_unless_it_may() {
    let resolve = |private| async move {
        let grant = HttpGrant { origin: "http://localhost".to_owned(), private };
        let resolver = Resolver(AllowList::new(&[grant]).unwrap());
        resolver.resolve("localhost".parse().unwrap()).await.map(Iterator::count)
    };
    assert!(resolve(false).await.unwrap_err().is::<NotPublic>());
    assert!(resolve(true).await.unwrap() > 0);
}
