use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read_env(pairs: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    Settings::read(&map(&[]), &map(pairs)).map_err(|bad| bad.0)
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let settings = read_env(&[]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:50051");
    assert_eq!(settings.data_dir, PathBuf::from("./countersign-data"));
    assert_eq!(settings.hash, HashCost { memory: 19456, passes: 2, lanes: 1, threads: None });
    assert_eq!(settings.signing_algorithm, None);
    assert_eq!(settings.links, Links { parameter: "sst".into(), max_age: Duration::from_hours(1), one_time: true });
    assert_eq!((settings.password_alone, settings.password_with_code), (15, 8));
    assert_eq!((settings.most_sessions, settings.most_keys), (1000, 100));
    assert_eq!(settings.drain, Duration::from_secs(10));
    assert!(settings.cookie_secure && settings.reflection && settings.tls.is_none() && settings.kek.is_none());
    assert!(settings.admin_password.is_none() && settings.public_url.is_none() && settings.audience.is_none());
    assert_eq!(settings.reached_at("127.0.0.1:4711".parse().unwrap()), "http://127.0.0.1:4711");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, "listen = '127.0.0.1:1'\ndrain_seconds = 1\nreflection = false\nsesame_max_age = 60\n").unwrap();
    let file = file.display().to_string();
    let environment =
        map(&[("COUNTERSIGN_CONFIG", &file), ("COUNTERSIGN_LISTEN", "127.0.0.1:2"), ("COUNTERSIGN_DRAIN_SECONDS", "2")]);
    let flags = map(&[("COUNTERSIGN_LISTEN", "127.0.0.1:3")]);
    let settings = Settings::read(&flags, &environment).unwrap();
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.drain, Duration::from_secs(2));
    assert!(!settings.reflection);
    assert_eq!(settings.links.max_age, Duration::from_mins(1));
}

#[test]
fn every_bad_setting_is_reported_by_name_at_once() {
    let bad = [
        ("COUNTERSIGN_LISTEN", "everywhere"),
        ("COUNTERSIGN_PUBLIC_URL", "ftp://x"),
        ("COUNTERSIGN_TLS_CERT", "only.pem"),
        ("COUNTERSIGN_PLAINTEXT", "maybe"),
        ("COUNTERSIGN_KEK_FILE", "/nonexistent/kek"),
        ("COUNTERSIGN_SIGNING_ALGORITHM", "none"),
        ("COUNTERSIGN_HASH_MEMORY", "-1"),
        ("COUNTERSIGN_HASH_PASSES", "0"),
        ("COUNTERSIGN_HASH_LANES", "x"),
        ("COUNTERSIGN_HASH_THREADS", "0"),
        ("COUNTERSIGN_DRAIN_SECONDS", "1e9"),
        ("COUNTERSIGN_MAX_CONNECTIONS", "0"),
        ("COUNTERSIGN_MAX_CONNECTIONS_PER_SOURCE", "0"),
        ("COUNTERSIGN_TRUSTED_PROXIES", "proxy.example.org"),
        ("COUNTERSIGN_CA_FILE", "/nonexistent/ca.pem"),
        ("HTTPS_PROXY", "socks5://ann:secret@proxy.example.org"),
        ("COUNTERSIGN_REFLECTION", "2"),
        ("COUNTERSIGN_LOG", "a=b=c"),
        ("SESAME_TOKEN_NAME", "a b"),
        ("SESAME_MAX_AGE", "604801"),
        ("SESAME_ONE_TIME", "once"),
        ("COOKIE_SECURE", "very"),
        ("COUNTERSIGN_PASSWORD_MIN", "7"),
        ("COUNTERSIGN_PASSWORD_MIN_WITH_OTP", "7"),
        ("COUNTERSIGN_MAX_SESSIONS", "0"),
        ("COUNTERSIGN_MAX_KEYS", "0"),
        ("COUNTERSIGN_MAX_MEMBERS", "0"),
        ("COUNTERSIGN_MAX_PROVIDERS", "0"),
        ("COUNTERSIGN_ADMIN_PASSWORD_FILE", "/nonexistent/password"),
        ("COUNTERSIGN_AUDIENCE", "a\u{0}b"),
        ("COUNTERSIGN_CONFIG", "/nonexistent/config"),
    ];
    let problems = read_env(&bad).unwrap_err();
    for (name, _) in bad {
        let name = if name == "COUNTERSIGN_TLS_CERT" { "COUNTERSIGN_TLS_KEY" } else { name };
        let about = |problem: &&String| problem.split([':', ' ']).next() == Some(name);
        assert_eq!(problems.iter().filter(about).count(), 1, "{name}: {problems:#?}");
    }
    assert_eq!(problems.len(), bad.len(), "{problems:#?}");
}

#[test]
fn an_unknown_key_in_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    for text in ["lisen = 'x'", "admin_password = 'x'", "[listen]\na = 1", "config = 'x'", "not toml"] {
        std::fs::write(&file, text).unwrap();
        let problems = read_env(&[("COUNTERSIGN_CONFIG", &file.display().to_string())]).unwrap_err();
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].starts_with("COUNTERSIGN_CONFIG (--config): "), "{problems:?}");
    }
}

#[test]
fn cleartext_off_loopback_is_refused_unless_asked_for() {
    let listen = ("COUNTERSIGN_LISTEN", "192.0.2.1:50051");
    let problems = read_env(&[listen]).unwrap_err();
    assert!(problems[0].starts_with("COUNTERSIGN_LISTEN (--listen): 192.0.2.1:50051 is not a loopback address"), "{problems:?}");
    assert!(read_env(&[listen, ("COUNTERSIGN_PLAINTEXT", "true")]).is_ok());
    let tls = [("COUNTERSIGN_TLS_CERT", "c"), ("COUNTERSIGN_TLS_KEY", "k")];
    let settings = read_env(&[listen, tls[0], tls[1]]).unwrap();
    assert_eq!(settings.reached_at(settings.listen), "https://192.0.2.1:50051");
    assert_eq!(read_env(&[listen, tls[0], tls[1], ("COUNTERSIGN_PLAINTEXT", "true")]).unwrap_err().len(), 1);
    for loopback in ["[::1]:0", "127.8.9.10:0", "localhost:0", "[::ffff:127.0.0.1]:0"] {
        assert!(read_env(&[("COUNTERSIGN_LISTEN", loopback)]).is_ok(), "{loopback}");
    }
}

#[test]
fn nobody_can_call_the_unspecified_address() {
    let settings = [("COUNTERSIGN_LISTEN", "0.0.0.0:50051"), ("COUNTERSIGN_PLAINTEXT", "true")];
    let problems = read_env(&settings).unwrap_err();
    assert!(problems[0].starts_with("COUNTERSIGN_PUBLIC_URL"), "{problems:?}");
    let reached = ("COUNTERSIGN_PUBLIC_URL", "https://Auth.Example.org/");
    assert_eq!(read_env(&[settings[0], settings[1], reached]).unwrap().public_url.unwrap(), "https://auth.example.org");
}

#[test]
fn a_public_url_is_an_origin() {
    for bad in ["https://a/b", "https://a?b", "https://a#b", "https://u@a", "https://u:p@a", "a", "//a", "https:///"] {
        assert_eq!(read_env(&[("COUNTERSIGN_PUBLIC_URL", bad)]).unwrap_err().len(), 1, "{bad}");
    }
}

#[test]
fn secrets_come_from_one_place_and_do_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "correct horse battery\r\n").unwrap();
    let file = file.display().to_string();
    let filed = ("COUNTERSIGN_ADMIN_PASSWORD_FILE", file.as_str());
    let settings = read_env(&[filed]).unwrap();
    assert_eq!(settings.admin_password.as_ref().unwrap().expose(), "correct horse battery");
    assert!(!format!("{settings:?}").contains("horse"));
    let problems = read_env(&[filed, ("COUNTERSIGN_ADMIN_PASSWORD", "another secret")]).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(!problems[0].contains("another secret"));
}

#[test]
fn an_empty_text_is_none() {
    let settings = read_env(&[("COUNTERSIGN_LISTEN", ""), ("COUNTERSIGN_KEK_FILE", "")]).unwrap();
    assert_eq!(settings.listen.port(), 50051);
}

#[test]
fn the_table_has_each_name_flag_and_key_once() {
    for of in [|s: &table::Setting| s.name.to_owned(), table::Setting::key] {
        let all: std::collections::BTreeSet<String> = table::ALL.iter().map(of).collect();
        assert_eq!(all.len(), table::ALL.len());
    }
    let flags: Vec<_> = table::ALL.iter().map(|s| s.flag).filter(|flag| !flag.is_empty()).collect();
    assert_eq!(flags.iter().collect::<std::collections::BTreeSet<_>>().len(), flags.len());
}

#[test]
fn the_way_to_identity_providers_is_read_as_other_programs_read_it() {
    let outside = |pairs: &[(&str, &str)]| read_env(pairs).unwrap().outside;
    assert!(outside(&[]).proxy.is_empty() && outside(&[("HTTPS_PROXY", "")]).proxy.is_empty());
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        assert_eq!(outside(&[(name, "proxy.example.org:3128")]).proxy.expose(), "proxy.example.org:3128", "{name}");
    }
    let both = outside(&[("HTTPS_PROXY", "http://a"), ("ALL_PROXY", "http://b"), ("no_proxy", "c")]);
    assert_eq!((both.proxy.expose(), both.no_proxy.as_str()), ("http://a", "c"));
    let problems = read_env(&[("HTTPS_PROXY", "socks5://ann:secret@proxy.example.org")]).unwrap_err();
    assert!(!problems[0].contains("secret") && problems[0].contains("http or https URL"), "{problems:?}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let pem = rcgen::generate_simple_self_signed(["ca.example.org".to_owned()]).unwrap().cert.pem();
    std::fs::write(&file, format!("# ours\n{pem}{pem}")).unwrap();
    assert_eq!(outside(&[("COUNTERSIGN_CA_FILE", file.to_str().unwrap())]).authorities.len(), 2);
    for bad in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, bad).unwrap();
        assert!(read_env(&[("COUNTERSIGN_CA_FILE", file.to_str().unwrap())]).is_err(), "{bad:?}");
    }
}
