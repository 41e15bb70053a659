//! An operator at a shell.

use countersign::grpc::pb::{ConfirmTotpRequest, EnrollTotpRequest};
use countersign::model::clock::{Clock as _, SystemClock};
use serde_json::json;

use crate::harness::{ADMIN_PASSWORD, PASSWORD, Ran, Server, bearer, command, one_time_code};

/// Somebody at a shell: a server, and a token once signed in.
struct Shell {
    server: String,
    token: String,
}

impl Shell {
    async fn as_admin(server: &Server) -> Self {
        let mut shell = Self { server: server.url(), token: String::new() };
        let ran = shell.run(&["login", "admin"], &format!("{ADMIN_PASSWORD}\n")).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout.trim_end().clone_into(&mut shell.token);
        shell
    }

    async fn run(&self, words: &[&str], input: &str) -> Ran {
        self.run_with(words, &[], input).await
    }

    async fn run_with(&self, words: &[&str], environment: &[(&str, &str)], input: &str) -> Ran {
        let mut all = vec![("COUNTERSIGN_SERVER", self.server.as_str()), ("COUNTERSIGN_TOKEN", self.token.as_str())];
        all.extend_from_slice(environment);
        command(words, &all, input).await
    }

    /// Runs with `--json` and gives what was printed.
    async fn json(&self, words: &[&str], input: &str) -> serde_json::Value {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let ran = self.run(&words, input).await;
        assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
        ran.json()
    }
}

#[tokio::test]
async fn login_prints_a_token_that_works_and_nothing_else() {
    let server = Server::start().await;
    let shell = Shell::as_admin(&server).await;
    assert_eq!(shell.token.split('.').count(), 3);
    assert_eq!(shell.token.lines().count(), 1);

    let answer = shell.json(&["login", "admin"], &format!("{ADMIN_PASSWORD}\n")).await;
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["active_organization"], "admin");
    assert_eq!(answer["user"]["roles"], json!(["superuser"]));
    assert_eq!(answer["user"]["organizations"], json!(["admin"]));
    assert!(answer["refresh_token"].as_str().unwrap().starts_with("csr_"));
    assert!(answer["access_expire_time"].as_str().unwrap().ends_with('Z'));

    let from_variable = shell.run_with(&["login", "admin"], &[("COUNTERSIGN_PASSWORD", ADMIN_PASSWORD)], "").await;
    assert_eq!(from_variable.code, 0, "{from_variable:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_operator_sets_a_site_up() {
    let server = Server::start().await;
    let shell = Shell::as_admin(&server).await;

    let made = shell.json(&["user", "create", "Ada", "--email", "ada@example.org", "--role", "staff"], PASSWORD).await;
    assert_eq!(made["user"]["username"], "Ada");
    assert_eq!(made["user"]["email"], "ada@example.org");
    assert_eq!(made["user"]["roles"], json!(["staff"]));
    let organization = shell.json(&["org", "create", "acme"], "").await;
    assert_eq!(organization["organization"]["name"], "acme");
    let member = shell.json(&["org", "add-member", "acme", "ada", "--role", "admin"], "").await;
    assert_eq!(member["role"], "admin");
    let ada = shell.json(&["login", "ada@example.org", "--org", "acme"], PASSWORD).await;
    assert_eq!(ada["active_organization"], "acme");
    assert_eq!(ada["user"]["organizations"], json!(["Ada", "acme"]));

    let idp =
        ["idp", "create", "corp", "--issuer", "https://login.example.org", "--client-id", "us", "--org", "acme", "--no-sign-up"];
    let provider = shell.json(&idp, "a client secret\n").await["identity_provider"].clone();
    assert_eq!((&provider["org_name"], &provider["sign_up"]), (&json!("acme"), &json!(false)));
    let redirect = format!("{}/sso/callback/{}", server.url(), provider["provider_id"].as_str().unwrap());
    assert_eq!(provider["redirect_uri"], json!(redirect));

    let update =
        ["idp", "update", "corp", "--org", "acme", "--new-client-secret", "--email-domain", "acme.example", "--sign-up", "true"];
    let changed = shell.json(&update, "another secret\n").await["identity_provider"].clone();
    assert_eq!((&changed["email_domains"], &changed["sign_up"]), (&json!(["acme.example"]), &json!(true)));
    assert_eq!((&changed["provider_id"], &changed["client_id"]), (&provider["provider_id"], &json!("us")));
    let cleared = shell.json(&["idp", "update", "corp", "--org", "acme", "--clear", "email_domains"], "").await;
    assert_eq!(cleared["identity_provider"]["email_domains"], json!([]));
    let listed = shell.json(&["idp", "list"], "").await;
    assert_eq!(listed["identity_providers"], json!([cleared["identity_provider"]]));
    assert_eq!(shell.json(&["idp", "delete", "corp", "--org", "acme"], "").await["deleted"], "corp");
    assert_eq!(shell.json(&["idp", "list"], "").await["identity_providers"], json!([]));

    let key = shell.json(&["key", "create", "nightly backup", "--ttl", "30d"], "").await;
    assert!(key["key_id"].as_str().unwrap().starts_with("csk_") && key["key_secret"].as_str().unwrap().starts_with("css_"));
    assert!(key["expire_time"].is_string());
    let machine = shell.json(&["key", "create", "cron", "--user", "ada"], "").await;
    assert!(machine["expire_time"].is_null());

    let link = shell.json(&["link", "create", "visitor", "dataset-42", "--ttl", "15m"], "").await;
    assert!(link["single_use_url"].as_str().unwrap().starts_with(&server.url()));
    server.stop().await;
}

#[tokio::test]
async fn what_is_printed_for_people_says_what_was_done() {
    let server = Server::start().await;
    let shell = Shell::as_admin(&server).await;
    for (words, input, printed) in [
        (&["user", "create", "ada"][..], PASSWORD, "made the user ada\n"),
        (&["org", "create", "acme"], "", "made the organization acme\n"),
        (&["org", "add-member", "acme", "ada"], "", "ada is member of acme\n"),
    ] {
        let ran = shell.run(words, input).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (0, printed), "{ran:?}");
    }
    for (words, input, begins) in [
        (&["key", "create", "k"][..], "", "key_id csk_"),
        (&["link", "create", "visitor", "d"], "", "http://127.0.0.1:"),
        (
            &["idp", "create", "corp", "--issuer", "https://i.example.org", "--client-id", "us", "--public-client"],
            "",
            "redirect_uri http",
        ),
        (&["logout-user", "ada"], "", "ended 0 sessions and 0 links, revision "),
    ] {
        let ran = shell.run(words, input).await;
        assert!(ran.code == 0 && ran.stdout.starts_with(begins), "{words:?}: {ran:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_token_is_judged_by_its_exit_code_and_dies_with_logout_user() {
    let server = Server::start().await;
    let shell = Shell::as_admin(&server).await;
    shell.json(&["user", "create", "ada"], PASSWORD).await;
    let ada = shell.json(&["login", "ada"], PASSWORD).await["access_token"].as_str().unwrap().to_owned();

    let active = shell.json(&["token", "verify"], &ada).await;
    assert_eq!((&active["active"], &active["username"], &active["org_name"]), (&json!(true), &json!("ada"), &json!("ada")));
    let from_variable = shell.run_with(&["token", "verify"], &[("COUNTERSIGN_VERIFY_TOKEN", &ada)], "").await;
    assert!(from_variable.code == 0 && from_variable.stdout.starts_with("active: ada until "), "{from_variable:?}");

    let done = shell.json(&["logout-user", "ada"], "").await;
    assert_eq!(done["sessions_revoked"], 1);
    let revision = done["revision"].as_i64().unwrap().to_string();
    let dead = shell.run(&["token", "verify", "--min-revision", &revision, "--json"], &ada).await;
    assert_eq!((dead.code, &dead.json()["active"]), (5, &json!(false)), "{dead:?}");
    let junk = shell.run(&["token", "verify"], "junk\n").await;
    assert_eq!((junk.code, junk.stdout.as_str()), (5, "inactive\n"), "{junk:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_account_with_one_time_codes_is_asked_for_one() {
    let server = Server::start().await;
    let admin = server.login_admin().await;
    let mut account = server.calls().await.account();
    let enrolled = account.enroll_totp(bearer(&admin.access_token, EnrollTotpRequest {})).await.unwrap().into_inner();
    let otp = one_time_code(&enrolled.secret, SystemClock.now());
    let confirm = bearer(&admin.access_token, ConfirmTotpRequest { otp });
    let codes = account.confirm_totp(confirm).await.unwrap().into_inner().recovery_codes;

    let shell = Shell { server: server.url(), token: String::new() };
    let without = shell.run(&["login", "admin"], &format!("{ADMIN_PASSWORD}\n")).await;
    assert!(without.code == 4 && without.stderr.contains("OTP_REQUIRED"), "{without:?}");
    let second_line = shell.run(&["login", "admin"], &format!("{ADMIN_PASSWORD}\n{}\n", codes[0])).await;
    assert_eq!(second_line.code, 0, "{second_line:?}");
    let variable = [("COUNTERSIGN_OTP", codes[1].as_str())];
    let from_variable = shell.run_with(&["login", "admin"], &variable, ADMIN_PASSWORD).await;
    assert_eq!(from_variable.code, 0, "{from_variable:?}");
    server.stop().await;
}

#[tokio::test]
async fn an_operator_takes_people_and_organizations_back() {
    let server = Server::start().await;
    let shell = Shell::as_admin(&server).await;
    shell.json(&["user", "create", "ada", "--email", "ada@example.org"], PASSWORD).await;
    shell.json(&["org", "create", "acme"], "").await;
    shell.json(&["org", "add-member", "acme", "ada", "--role", "admin"], "").await;
    let table = shell.run(&["user", "list"], "").await.stdout;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["USERNAME", "EMAIL", "ROLES", "ORGANIZATIONS", "STATE"]);
    assert_eq!(lines[1], ["ada", "ada@example.org", "ada,acme"]);
    let members = shell.json(&["org", "members", "acme"], "").await;
    assert_eq!((&members["members"][0]["username"], &members["members"][0]["role"]), (&json!("ada"), &json!("admin")));
    assert_eq!(
        shell.json(&["org", "update", "acme", "--require-factor", "true"], "").await["organization"]["require_factor"],
        true
    );
    let organizations = shell.run(&["org", "list"], "").await.stdout;
    assert!(
        organizations.lines().any(|line| line.split_whitespace().eq(["acme", "shared", "second", "factor"])),
        "{organizations}"
    );
    let changed = shell.json(&["user", "update", "ada", "--no-email", "--role", "staff"], "").await;
    assert_eq!((&changed["user"]["email"], &changed["user"]["roles"]), (&json!(""), &json!(["staff"])));
    assert_eq!(shell.json(&["user", "disable", "ada"], "").await["disabled"], "ada");
    assert!(shell.run(&["user", "show", "ada"], "").await.stdout.contains("disabled"));
    assert_eq!(shell.json(&["user", "enable", "ada"], "").await["user"]["disabled"], false);

    let create = ["idp", "create", "corp", "--issuer", "https://login.example.org", "--client-id", "us", "--public-client"];
    shell.json(&create, "").await;
    let identity = ["--issuer", "https://login.example.org", "--subject", "7"];
    shell.json(&[&["identity", "link", "ada"][..], &identity].concat(), "").await;
    assert_eq!(shell.json(&["identity", "list", "ada"], "").await["identities"][0]["subject"], "7");
    shell.json(&[&["identity", "unlink", "ada"][..], &identity].concat(), "").await;
    assert_eq!(shell.run(&["identity", "list", "ada"], "").await.stdout.lines().count(), 1);

    shell.json(&["org", "remove-member", "acme", "ada"], "").await;
    for words in [&["org", "delete", "acme"][..], &["user", "delete", "ada"]] {
        let unasked = shell.run(words, "").await;
        assert!(unasked.code == 2 && unasked.stderr.contains("--yes"), "{unasked:?}");
        assert_eq!(shell.json(&[words, &["--yes"]].concat(), "").await["deleted"], words[2]);
    }
    let taken = shell.run(&["user", "create", "ada"], PASSWORD).await;
    assert!(taken.code == 1 && taken.stderr.contains("NAME_RESERVED"), "{taken:?}");
    assert_eq!(shell.json(&["user", "release-name", "ada"], "").await["released"], "ada");
    shell.json(&["user", "create", "ada"], PASSWORD).await;
    server.stop().await;
}

#[tokio::test]
async fn exit_codes_tell_what_went_wrong() {
    let server = Server::start().await;
    let shell = Shell::as_admin(&server).await;
    shell.json(&["user", "create", "ada"], PASSWORD).await;

    let wrong_password = shell.run(&["login", "admin"], "a wrong password it is\n").await;
    assert!(wrong_password.code == 4 && wrong_password.stderr.contains("INVALID_CREDENTIALS"), "{wrong_password:?}");
    let taken = shell.run(&["user", "create", "ada"], PASSWORD).await;
    assert!(taken.code == 1 && taken.stderr.contains("NAME_TAKEN"), "{taken:?}");
    let invalid = shell.run(&["org", "create", "no spaces"], "").await;
    assert!(invalid.code == 1 && invalid.stderr.contains("VALIDATION_FAILED"), "{invalid:?}");

    let signed_out = Shell { server: server.url(), token: String::new() };
    assert_eq!(signed_out.run(&["logout-user", "ada"], "").await.code, 4);
    let forged = Shell { server: server.url(), token: "a.b.c".to_owned() };
    assert_eq!(forged.run(&["logout-user", "ada"], "").await.code, 4);
    let ada = shell.json(&["login", "ada"], PASSWORD).await["access_token"].as_str().unwrap().to_owned();
    let plain = Shell { server: server.url(), token: ada };
    let denied = plain.run(&["org", "create", "acme"], "").await;
    assert!(denied.code == 4 && denied.stderr.contains("PERMISSION_DENIED"), "{denied:?}");

    for words in [
        &["dance"][..],
        &["login"],
        &["login", "admin", "--password", "x"],
        &["user", "create", "x", "--role", "emperor"],
        &["key", "create", "k", "--ttl", "soon"],
        &["--server", "x", "login", "admin"],
    ] {
        assert_eq!(shell.run(words, "").await.code, 2, "{words:?}");
    }
    let no_url = shell.run(&["login", "admin", "--server", "ftp://x"], ADMIN_PASSWORD).await;
    assert_eq!(no_url.code, 2, "{no_url:?}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = shell.run(&["login", "admin", "--server", &format!("http://{closed}")], ADMIN_PASSWORD).await;
    assert!(nobody.code == 3 && nobody.stderr.contains("cannot reach"), "{nobody:?}");
    server.stop().await;
}

#[tokio::test]
async fn every_command_shows_an_example() {
    for words in [
        &["--help"][..],
        &["serve", "--help"],
        &["login", "--help"],
        &["user", "create", "--help"],
        &["org", "create", "--help"],
        &["org", "add-member", "--help"],
        &["org", "list", "--help"],
        &["org", "update", "--help"],
        &["org", "delete", "--help"],
        &["org", "members", "--help"],
        &["org", "remove-member", "--help"],
        &["user", "list", "--help"],
        &["user", "show", "--help"],
        &["user", "update", "--help"],
        &["user", "disable", "--help"],
        &["user", "enable", "--help"],
        &["user", "delete", "--help"],
        &["user", "release-name", "--help"],
        &["identity", "list", "--help"],
        &["identity", "link", "--help"],
        &["identity", "unlink", "--help"],
        &["key", "create", "--help"],
        &["idp", "create", "--help"],
        &["idp", "update", "--help"],
        &["idp", "list", "--help"],
        &["idp", "delete", "--help"],
        &["link", "create", "--help"],
        &["logout-user", "--help"],
        &["token", "verify", "--help"],
        &["recover", "clock", "--help"],
    ] {
        let ran = command(words, &[], "").await;
        assert!(ran.code == 0 && ran.stdout.contains("Example:\n"), "{words:?}: {ran:?}");
    }
    let help = command(&["--help"], &[], "").await.stdout;
    assert!(help.contains("Exit codes: 0"), "{help}");
    assert_eq!(command(&["--version"], &[], "").await.code, 0);
}
