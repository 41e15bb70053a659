use super::*;

fn metadata(pairs: &[(&'static str, &str)]) -> MetadataMap {
    let mut map = MetadataMap::new();
    for (name, value) in pairs {
        map.append(*name, value.parse().unwrap());
    }
    map
}

#[test]
fn a_personal_key_is_parted_at_its_first_colon() {
    let parse = |value: &str| personal_key(&metadata(&[("authorization", value)]));
    for value in ["PersonalKey a:b", "personalkey a:b", "PERSONALKEY a:b"] {
        let (id, secret) = parse(value).unwrap().unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("a", "b"));
    }
    let (id, secret) = parse("PersonalKey a:b:c ").unwrap().unwrap();
    assert_eq!((id.as_str(), secret.expose()), ("a", "b:c "));
    let (id, secret) = parse("PersonalKey :").unwrap().unwrap();
    assert_eq!((id.as_str(), secret.expose()), ("", ""));
    assert!(matches!(parse("PersonalKey nothing"), Err(Error::InvalidCredentials)));
    for other in ["Bearer a:b", "PersonalKey", "", "Personal Key a:b"] {
        assert!(parse(other).unwrap().is_none(), "{other}");
    }
    assert!(personal_key(&MetadataMap::new()).unwrap().is_none());
}

#[test]
fn an_authorization_that_cannot_be_meant_is_no_token() {
    assert_eq!(authorization(&MetadataMap::new()), None);
    assert_eq!(authorization(&metadata(&[("authorization", "Bearer x")])), Some("Bearer x"));
    assert_eq!(authorization(&metadata(&[("authorization", "Bearer x"), ("authorization", "Bearer x")])), Some(""));
    let mut binary = http::HeaderMap::new();
    binary.insert("authorization", http::HeaderValue::from_bytes(b"Bearer \xff").unwrap());
    assert_eq!(authorization(&MetadataMap::from_headers(binary)), Some(""));
}

#[test]
fn the_cookie_is_for_this_host_only() {
    let secure = Cookies::new("https://auth.example.org", true);
    let mut answer = MetadataMap::new();
    secure.set(&mut answer, &Secret::new("csr_x"), Duration::from_hours(24));
    assert_eq!(
        answer.get("set-cookie").unwrap().to_str().unwrap(),
        "__Host-countersign_refresh=csr_x; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure"
    );
    let mut answer = MetadataMap::new();
    Cookies::new("http://127.0.0.1:1", false).clear(&mut answer);
    assert_eq!(
        answer.get("set-cookie").unwrap().to_str().unwrap(),
        "countersign_refresh=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    );
}

#[test]
fn the_cookie_is_found_among_others_and_must_be_one() {
    let cookies = Cookies::new("http://127.0.0.1:1", false);
    let find = |lines: &[&str]| {
        let pairs: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
        cookies.refresh_token(&metadata(&pairs))
    };
    let one = find(&["a=b; countersign_refresh=csr_x; c=d"]).unwrap().unwrap();
    assert_eq!(one.expose(), "csr_x");
    assert_eq!(find(&["a=b", "countersign_refresh=csr_x"]).unwrap().unwrap().expose(), "csr_x");
    for none in [&["a=b"][..], &["xcountersign_refresh=y"], &["countersign_refresh="], &["countersign_refresh"], &[]] {
        assert!(find(none).unwrap().is_none(), "{none:?}");
    }
    assert!(matches!(find(&["countersign_refresh=a; countersign_refresh=b"]), Err(Error::Invalid { field: "cookie", .. })));
    let secure = Cookies::new("https://auth.example.org", true);
    assert!(secure.refresh_token(&metadata(&[("cookie", "countersign_refresh=x")])).unwrap().is_none());
}

#[test]
fn only_our_own_pages_may_use_the_cookie() {
    let cookies = Cookies::new("https://auth.example.org/", true);
    let check = |origins: &[&str]| {
        let pairs: Vec<_> = origins.iter().map(|origin| ("origin", *origin)).collect();
        cookies.check_origin(&metadata(&pairs)).is_ok()
    };
    assert!(check(&[]));
    assert!(check(&["https://auth.example.org"]));
    assert!(check(&["https://AUTH.example.org:443"]));
    for foreign in [
        "null",
        "",
        "http://auth.example.org",
        "https://auth.example.org:8443",
        "https://auth.example.org.evil.test",
        "https://evil.test",
        "file:///x",
        "data:text/html,x",
    ] {
        assert!(!check(&[foreign]), "{foreign}");
    }
    assert!(!check(&["https://auth.example.org", "https://evil.test"]));
}
