//! Holds the arrows of `src/lib.rs` over the sources themselves: which module may name which, which module may name which
//! crate, how long a file may grow, and that nothing is left for later by a comment.
//!
//! The scan reads text, not syntax: comments are dropped, and what stands from the first `#[cfg(test)] mod` on, or in a
//! `tests` file, is not held to the arrows (tests may build what they like).

use std::fs;
use std::path::{Path, PathBuf};

/// Who may name whom. A module may always name itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["app", "cli", "config"]),
    ("lib", &[]),
    ("cli", &["app", "config", "edge", "model"]),
    ("app", &["config", "crypto", "edge", "grpc", "web", "model", "net", "oidc", "service", "store"]),
    ("config", &["model"]),
    ("net", &["model"]),
    ("edge", &["model", "service"]),
    ("grpc", &["edge", "model", "service"]),
    ("web", &["edge", "model", "service"]),
    ("oidc", &["crypto", "model", "service"]),
    ("service", &["crypto", "model", "store"]),
    ("crypto", &["model"]),
    ("store", &["model"]),
    ("model", &[]),
];

/// Which files may name a crate: paths under `src/` that begin so.
const CRATES: &[(&str, &[&str])] = &[
    ("argon2", &["crypto/password"]),
    ("aws_lc_rs", &["crypto/", "net/tls", "app"]),
    ("axum", &["web/", "app"]),
    ("bcrypt", &["crypto/password"]),
    ("cookie", &["edge/"]),
    ("countersign_client", &["cli/", "grpc/pb"]),
    ("hyper_rustls", &["oidc/"]),
    ("jsonwebtoken", &["crypto/jwt"]),
    ("pbkdf2", &["crypto/password"]),
    ("maud", &["web/"]),
    ("prost", &["grpc/", "store/kv/record/"]),
    ("prost_types", &["grpc/", "cli/"]),
    ("rtime_clock", &["model/clock/machine"]),
    ("sled", &["store/sled"]),
    ("tonic", &["grpc/", "cli/", "app"]),
    ("tonic_types", &["grpc/"]),
    ("totp_rs", &["crypto/"]),
];

/// Which packages of this workspace a package may depend on, for its tests too: its folder, and theirs by name.
const PACKAGES: &[(&str, &[&str])] = &[(".", &["countersign-client"]), ("client", &[]), ("bench", &["countersign-client"])];

/// Where there is Rust.
const RUST: [&str; 6] = ["src", "tests", "benches", "client/src", "bench/src", "bench/tests"];

/// The longest file that is still read in one go.
const MAX_LINES: usize = 400;

#[test]
fn modules_name_only_what_the_arrows_allow() {
    let found: Vec<String> = sources("src").iter().flat_map(|(path, text)| broken_arrows(path, text)).collect();
    assert!(found.is_empty(), "arrows that run the wrong way:\n{}", found.join("\n"));
}

#[test]
fn crates_are_named_only_where_they_belong() {
    let found: Vec<String> = sources("src").iter().flat_map(|(path, text)| strayed_crates(path, text)).collect();
    assert!(found.is_empty(), "crates outside their place:\n{}", found.join("\n"));
}

/// Whatever is committed, signed or believed of a provider gets its time through `service::time`, which judges the clock first.
#[test]
fn only_one_file_of_the_services_has_a_clock() {
    let judged = |path: &str| ["service/", "oidc/", "grpc/", "web/", "edge/"].iter().any(|module| path.starts_with(module));
    let of_tests = |path: &str| is_test_file(path) || path.ends_with("/testing.rs") || path == "oidc/scripted.rs";
    let with_clock: Vec<String> = sources("src")
        .into_iter()
        .filter(|(path, _)| judged(path) && !of_tests(path))
        .filter(|(_, text)| ["dyn Clock", "SystemClock", "ManualClock"].iter().any(|name| code_of(text).contains(name)))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(with_clock, ["service/time.rs"]);
}

#[test]
fn every_module_has_its_arrows() {
    assert!(sources("src").iter().any(|(path, _)| path == "lib.rs"), "the sources were not found");
    let known = |path: &str| ARROWS.iter().any(|(module, _)| *module == top_module(path));
    let found: Vec<String> = sources("src").into_iter().map(|(path, _)| path).filter(|path| !known(path)).collect();
    assert!(found.is_empty(), "modules without a row in ARROWS:\n{}", found.join("\n"));
}

#[test]
fn packages_depend_only_on_what_they_may() {
    let manifest =
        |folder: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join("Cargo.toml")).unwrap();
    let members: Vec<String> = members(&manifest("."));
    let known: Vec<&str> = PACKAGES.iter().map(|(folder, _)| *folder).filter(|folder| *folder != ".").collect();
    assert_eq!(members, known, "the members of the workspace, and the rows of PACKAGES");
    for (folder, allowed) in PACKAGES {
        assert_eq!(ours(&manifest(folder)), *allowed, "{folder}/Cargo.toml");
    }
}

#[test]
fn files_are_short_enough_to_read() {
    let long: Vec<String> = RUST
        .iter()
        .flat_map(|root| sources(root).into_iter().map(move |(path, text)| (format!("{root}/{path}"), text.lines().count())))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "files past {MAX_LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn every_verb_of_the_store_is_counted() {
    let counted = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/counts/verbs.rs")).unwrap();
    let (_, list) = counted.split_once("$with! {").unwrap();
    let counted: Vec<&str> = list.split('}').next().unwrap().split(',').map(str::trim).collect();
    let sources = sources("src/store/verbs");
    let verbs: Vec<&str> = sources.iter().flat_map(|(_, text)| after_each(text, "async fn ", &[])).map(identifier).collect();
    assert!(verbs.contains(&"open_session"), "the verbs were not found");
    // The store's end is no verb.
    let missing: Vec<&str> = verbs.into_iter().filter(|verb| *verb != "close" && !counted.contains(verb)).collect();
    assert!(missing.is_empty(), "verbs that benches/counts does not count: {missing:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let found: Vec<String> = RUST
        .iter()
        .chain(&["proto", "tools", "docs", ".ci"])
        .flat_map(|root| files(root, &["rs", "proto", "mjs", "md", "toml", "yaml", "sh", ""]))
        .flat_map(|(path, text)| postponed(&path, &text))
        .collect();
    assert!(found.is_empty(), "left for later:\n{}", found.join("\n"));
}

#[test]
fn the_scan_finds_what_is_planted() {
    let arrow = |path: &str, text: &str| broken_arrows(path, text).len();
    assert_eq!(arrow("store/sled/mod.rs", "use crate::crypto::seal::Seal;"), 1);
    assert_eq!(arrow("crypto/mod.rs", "fn f(s: &dyn crate::store::Store) {}"), 1);
    assert_eq!(
        arrow(
            "grpc/auth.rs",
            "use crate::{\n    web::{self, pages},\n    model::ids::UserId,\n    service::{crypto, login},\n};"
        ),
        1
    );
    assert_eq!(arrow("net/mod.rs", "use super::service::Services;"), 1);
    assert_eq!(arrow("net/accept.rs", "use super::super::service::Services;"), 1);
    assert_eq!(arrow("main.rs", "countersign::store::open();"), 1);
    assert_eq!(arrow("model/user.rs", "pub(crate) fn f() -> crate::store::Error {}"), 1);
    assert_eq!(arrow("grpc/auth.rs", "use crate::service::login;\nuse super::service::X;\nuse crate::grpc::status;"), 0);
    assert_eq!(arrow("model/user.rs", "//! See [`crate::store`].\nlet a = 1; // crate::store"), 0);
    assert_eq!(arrow("model/user.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::store::memory;\n}"), 0);
    assert_eq!(arrow("model/user.rs", "#[cfg(test)]\nmod tests;\nuse crate::store::Store;"), 1);
    assert_eq!(arrow("model/user.rs", "let a = (\"http://b\", crate::store::open()); let c = \"*/*\";"), 1);
    assert_eq!(arrow("service/login/tests.rs", "use crate::app;"), 0);

    let strayed = |path: &str, text: &str| strayed_crates(path, text).len();
    assert_eq!(strayed("store/mod.rs", "use sled::Db;"), 1);
    assert_eq!(strayed("store/mod.rs", "fn f(db: &::sled::Db) {}"), 1);
    assert_eq!(strayed("service/login.rs", "use {argon2::Argon2, tonic::Status};"), 2);
    assert_eq!(strayed("store/sled/mod.rs", "use sled::Db;"), 0);
    assert_eq!(strayed("app.rs", "use crate::store::sled::Sled; let s = self::sled::open(); mysled::x();"), 0);

    assert_eq!(members("[workspace]\nmembers = [\"a\", \"b\"]\n"), ["a", "b"]);
    let manifest = "[workspace.dependencies]\ncountersign-a = \"1\"\n[package]\nname = \"x\"\n[dependencies]\ncountersign-b = { path = \"b\" }\n\
                    [dev-dependencies]\ncountersign.workspace = true\n";
    assert_eq!(ours(manifest), ["countersign-b", "countersign"]);

    let marker = concat!("TO", "DO");
    assert_eq!(postponed("src/a.rs", &format!("fn f() {{}} // {marker}: later")).len(), 1);
    assert_eq!(postponed("src/a.rs", concat!("fn f() { unimple", "mented!() }")).len(), 1);
    assert_eq!(postponed("src/a.rs", "Status::unimplemented(\"no\")").len(), 0);
}

/// The members that the manifest of the workspace names.
fn members(manifest: &str) -> Vec<String> {
    let line = manifest.lines().find_map(|line| line.strip_prefix("members = [")).unwrap_or_default();
    let names = line.trim_end_matches(']').split(',').map(|name| name.trim().trim_matches('"').to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// The packages of ours that a manifest depends on, in whichever of its sections but that of the workspace.
fn ours(manifest: &str) -> Vec<&str> {
    let mut section = "";
    let mut found: Vec<&str> = Vec::new();
    for line in manifest.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name;
        } else if !section.starts_with("workspace")
            && section.trim_end_matches(']').ends_with("dependencies")
            && let Some((name, _)) = line.split_once(['=', '.'])
            && name.trim().starts_with("countersign")
            && !found.contains(&name.trim())
        {
            found.push(name.trim());
        }
    }
    found
}

/// Every name of another top-level module in `text` that [`ARROWS`] does not allow to the module of `path`.
fn broken_arrows(path: &str, text: &str) -> Vec<String> {
    let from = top_module(path);
    if is_test_file(path) {
        return Vec::new();
    }
    let allowed = ARROWS.iter().find(|(module, _)| *module == from).map_or(&[][..], |(_, to)| to);
    named_modules(path, &code_of(text))
        .into_iter()
        .filter(|to| to != from && ARROWS.iter().any(|(module, _)| module == to) && !allowed.contains(&to.as_str()))
        .map(|to| format!("src/{path}: {from} names {to}"))
        .collect()
}

/// The top-level modules that `code`, the content of `path`, reaches through `crate::` or through enough `super::`.
fn named_modules(path: &str, code: &str) -> Vec<String> {
    let mut roots = vec!["crate::".to_owned(), "super::".repeat(depth(path))];
    if path == "main.rs" {
        roots = vec!["countersign::".to_owned()];
    }
    roots.iter().flat_map(|root| paths_after(code, root)).collect()
}

/// The first segments of the paths that begin with `root` in `code`; those of each branch where it is `root{a::b, c}`.
fn paths_after(code: &str, root: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in after_each(code, root, &['.']) {
        let Some(group) = rest.strip_prefix('{') else {
            found.push(identifier(rest).to_owned());
            continue;
        };
        let mut depth = 1_usize;
        let mut at_start = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => at_start = true,
                c if depth == 1 && at_start && !c.is_whitespace() => {
                    found.push(group.get(at..).map_or("", identifier).to_owned());
                    at_start = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// Every crate of [`CRATES`] that `text` names although `path` is none of its places.
fn strayed_crates(path: &str, text: &str) -> Vec<String> {
    if is_test_file(path) {
        return Vec::new();
    }
    let code = code_of(text);
    CRATES
        .iter()
        .filter(|(_, places)| !places.iter().any(|place| path.starts_with(place)))
        .flat_map(|(name, _)| {
            let root = format!("{name}::");
            let plain = after_each(&code, &root, &[':', '.']).len();
            let rooted = after_each(&code, &format!("::{root}"), &[':', '>']).len();
            (0..plain + rooted).map(move |_| format!("src/{path}: names {name}")).collect::<Vec<_>>()
        })
        .collect()
}

/// The lines of `text` that put work off.
fn postponed(path: &str, text: &str) -> Vec<String> {
    let markers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("unimple", "mented!(")];
    text.lines()
        .enumerate()
        .filter(|(_, line)| markers.iter().any(|marker| line.contains(marker)))
        .map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim()))
        .collect()
}

/// What follows each `needle` in `code` that does not go on from a longer name, or from one of `not_after`.
fn after_each<'a>(code: &'a str, needle: &str, not_after: &[char]) -> Vec<&'a str> {
    code.match_indices(needle)
        .filter(|(at, _)| {
            let before = code.get(..*at).and_then(|head| head.chars().next_back());
            before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || not_after.contains(&c)))
        })
        .filter(|(at, _)| !needle.starts_with("super") || !code.get(..*at).is_some_and(|head| head.ends_with("super::")))
        .filter_map(|(at, _)| code.get(at + needle.len()..))
        .collect()
}

/// The Rust identifier at the start of `text`.
fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// `text` without its line comments and without its test module. `//` after a colon is an address, not a comment.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().map_or("", |next| next.trim());
        if line.trim() == "#[cfg(test)]" && next.starts_with("mod ") && next.ends_with('{') {
            break;
        }
        let comment =
            line.match_indices("//").map(|(at, _)| at).find(|at| !line.get(..*at).is_some_and(|head| head.ends_with(':')));
        code.push_str(comment.and_then(|at| line.get(..at)).unwrap_or(line));
        code.push('\n');
    }
    code
}

/// `grpc` for `grpc/auth.rs`, `app` for `app.rs`.
fn top_module(path: &str) -> &str {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// How many modules lie between `path` and the crate root: 1 for `grpc/mod.rs` and `app.rs`, 2 for `grpc/auth.rs`.
fn depth(path: &str) -> usize {
    let parts = path.split('/').count();
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The Rust files under `root`, by their path below it.
fn sources(root: &str) -> Vec<(String, String)> {
    let prefix = format!("{root}/");
    files(root, &["rs"]).into_iter().map(|(path, text)| (path.trim_start_matches(&prefix).to_owned(), text)).collect()
}

/// The text files under `root` whose name ends in one of `extensions` (`""`: has none), by their path in the repository.
fn files(root: &str, extensions: &[&str]) -> Vec<(String, String)> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![base.join(root)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let wanted = extensions.contains(&path.extension().and_then(|e| e.to_str()).unwrap_or_default());
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if wanted && let Ok(text) = fs::read_to_string(&path) {
                found.push((path.strip_prefix(base).unwrap_or(&path).display().to_string(), text));
            }
        }
    }
    found.sort();
    found
}
