use clap::{CommandFactory as _, Parser as _};

use super::*;
use crate::config::table;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_example_that_parses() {
    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        let mut leaves = command.get_subcommands().filter(|leaf| !leaf.is_hide_set()).peekable();
        if leaves.peek().is_none() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example =
                help.lines().find(|line| line.contains("countersign ")).unwrap_or_else(|| panic!("{}", command.get_name()));
            found.push(example.to_owned());
        }
        leaves.for_each(|leaf| examples(leaf, found));
    }
    let mut found = Vec::new();
    examples(&Cli::command(), &mut found);
    assert_eq!(found.len(), 30, "{found:#?}");
    for example in found {
        let line = example.split_once("countersign ").unwrap().1.trim_end_matches(')');
        let words = line.replace("\"nightly backup\"", "nightly-backup");
        let parsed = Cli::try_parse_from(std::iter::once("countersign").chain(words.split_whitespace()));
        assert!(parsed.is_ok(), "{example}");
    }
}

#[test]
fn it_serves_without_a_command_and_takes_the_flags_either_way() {
    for line in [&["countersign", "--listen", "127.0.0.1:0", "--plaintext"][..], &["countersign", "serve", "--plaintext=false"]] {
        assert!(Cli::try_parse_from(line).is_ok(), "{line:?}");
    }
    for line in
        [&["countersign", "--lisen", "x"][..], &["countersign", "dance"], &["countersign", "login"], &["countersign", "x", "y"]]
    {
        assert_eq!(Cli::try_parse_from(line).err().unwrap().exit_code(), 2, "{line:?}");
    }
}

#[test]
fn no_flag_takes_a_secret() {
    fn flags(command: &clap::Command, found: &mut Vec<String>) {
        found.extend(command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)));
        command.get_subcommands().for_each(|next| flags(next, found));
    }
    let mut found = Vec::new();
    flags(&Cli::command(), &mut found);
    let secret = |flag: &&String| ["password", "secret", "token", "otp", "kek"].contains(&flag.as_str());
    assert_eq!(found.iter().find(secret), None);
}

#[test]
fn durations_have_a_unit() {
    assert_eq!(input::duration("90d").unwrap().as_secs(), 90 * 86_400);
    assert_eq!(input::duration("15m").unwrap().as_secs(), 900);
    for bad in ["", "d", "15", "-1h", "1w", "1.5h", "99999999999999999999s", "9999999999999999d", "1é"] {
        assert!(input::duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn every_variable_of_a_command_is_known() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli")).unwrap() {
        let path = file.unwrap().path();
        let text = if path.is_file() { std::fs::read_to_string(&path).unwrap() } else { String::new() };
        for name in text
            .split('"')
            .filter(|part| part.len() > 12 && part.starts_with("COUNTERSIGN_") && !part.contains(char::is_whitespace))
        {
            let known = table::OF_COMMANDS.contains(&name) || table::ALL.iter().any(|setting| setting.name == name);
            assert!(known, "{name} in {}", path.display());
        }
    }
}
