//! `docs/security.md` is held to the tests: every one that it names exists, and no line goes without.

use std::collections::BTreeSet;
use std::path::Path;

/// The lines that are shown to hold.
const LINES: &str = "A1 A2 A5 A6 A8 A10 A12 A13 B1 B2 B3 B4 B5 B8 C1 C2 C3 C4 C5 C6 C7 C9 C10 C11 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 \
                     E1 E2 E3 E5 E6 E7 E8 E9 E17 E18 E19 F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F12 G1 G2 G3 G7 G8 G9 G11 G12 G15 G16 \
                     H4 H5 H6 H7 H9 H11 H14";

/// The rows of the table: its line, and the tests it names.
fn rows() -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let (_, table) = text.split_once("## Line by line").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| line "));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let tests = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (cells[0].trim().to_owned(), tests)
    })
    .collect()
}

#[test]
fn every_line_names_its_tests() {
    let said: Vec<String> = rows().into_iter().filter(|(_, tests)| !tests.is_empty()).map(|(line, _)| line).collect();
    assert_eq!(said, LINES.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn every_test_that_it_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let missing: BTreeSet<String> = rows()
        .into_iter()
        .flat_map(|(_, tests)| tests)
        .filter(|test| {
            let (file, name) = test.split_once("::").unwrap();
            let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            !source.contains(&format!("fn {name}("))
        })
        .collect();
    assert!(missing.is_empty(), "docs/security.md names tests that are not there: {missing:#?}");
}
