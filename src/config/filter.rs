//! The form of the log's filter. The library takes every name for a target, so that a misspelt level would log nothing.

use std::str::FromStr as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::form::Form;

/// The libraries that log.
const LIBRARIES: [&str; 12] =
    ["axum", "h2", "hyper", "hyper_rustls", "hyper_util", "mio", "rustls", "sled", "tokio", "tokio_util", "tonic", "tower"];
/// Our own modules, which log as `countersign::MODULE`.
const MODULES: [&str; 12] = ["app", "cli", "config", "crypto", "edge", "grpc", "model", "net", "oidc", "service", "store", "web"];

/// Levels and targets with levels, separated by commas: `info`, `warn,countersign=debug`.
pub(super) fn log_filter(text: &str) -> Form<String> {
    let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    for item in &items {
        let known = match item.split_once('=') {
            Some((target, level)) => is_target(target) && is_level(level),
            None => is_level(item) || is_target(item),
        };
        if !known {
            return Err(format!(
                "a filter such as info or warn,countersign=debug: {item:?} has no level (off, error, warn, info, debug, trace) and \
                 no target that is known here"
            ));
        }
    }
    let filter = items.join(",");
    match EnvFilter::try_new(&filter) {
        Ok(_) if !filter.is_empty() => Ok(filter),
        _ => Err("a filter such as info or warn,countersign=debug".to_owned()),
    }
}

fn is_level(text: &str) -> bool {
    !text.is_empty() && LevelFilter::from_str(text).is_ok()
}

fn is_target(text: &str) -> bool {
    let mut parts = text.split("::");
    let library = parts.next().unwrap_or_default();
    let below = parts.clone().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    match library {
        "countersign" => below && parts.next().is_none_or(|module| MODULES.contains(&module)),
        library => below && LIBRARIES.contains(&library),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_level_and_no_known_target_is_refused() {
        for good in [
            "info",
            "WARN",
            "off",
            "warn,countersign=debug",
            "warn, countersign::net=trace",
            "countersign",
            "info,h2=off,hyper_util=debug,rustls::server=trace",
            "3",
        ] {
            assert_eq!(log_filter(good).unwrap(), good.replace(' ', ""), "{good}");
        }
        for bad in [
            "warning",
            "information",
            "verbose",
            "countersing=debug",
            "countersign=warning",
            "countersign::nett=debug",
            "countersign=",
            "countersign:net=debug",
            "info countersign=debug",
            "info;debug",
            "a=b=c",
            "[span]=info",
            ",",
            "6",
        ] {
            assert!(log_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn our_modules_are_those_of_the_map() {
        let map = include_str!("../lib.rs");
        let modules: Vec<&str> = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
        assert_eq!(modules, MODULES);
    }
}
