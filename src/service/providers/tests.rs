use super::*;

#[test]
fn an_issuer_is_an_https_url_or_loopback() {
    for good in [
        "https://login.example.org",
        "https://login.example.org/realms/one",
        "https://login.example.org:8443/",
        "http://127.0.0.1:8080",
        "http://127.1.2.3/x",
        "http://localhost:3000",
        "http://[::1]:3000",
    ] {
        assert!(issuer(good).is_ok(), "{good}");
    }
    let long = format!("https://example.org/{}", "a".repeat(MAX_ISSUER));
    for bad in [
        "",
        "login.example.org",
        "http://login.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://169.254.169.254/latest",
        "http://[::2]",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https://example.org?x=1",
        "https://example.org/#x",
        "https://user@example.org",
        "https://user:secret@example.org",
        "https://example.org/\n",
        &long,
    ] {
        assert!(matches!(issuer(bad), Err(Error::Invalid { field: "issuer", .. })), "{bad}");
    }
}

#[test]
fn scopes_are_few_short_and_of_their_characters() {
    let given = |scopes: &[&str]| super::scopes(scopes.iter().map(|&s| s.to_owned()).collect());
    assert_eq!(given(&["openid", "email", "profile", "email"]).unwrap(), ["email", "profile"]);
    assert_eq!(given(&[]).unwrap(), Vec::<String>::new());
    assert!(given(&["https://example.org/scope", &"a".repeat(MAX_SCOPE)]).is_ok());
    for bad in ["", "two words", "quote\"", "back\\slash", "\u{e9}", "a\0", &"a".repeat(MAX_SCOPE + 1)] {
        assert!(matches!(given(&[bad]), Err(Error::Invalid { field: "scopes", .. })), "{bad:?}");
    }
    assert!(given(&["a"; MAX_SCOPES]).is_ok());
    assert!(matches!(given(&["a"; MAX_SCOPES + 1]), Err(Error::Invalid { field: "scopes", .. })));
}
