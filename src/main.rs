//! The `countersign` binary: hands the command line over to [`countersign::cli`].

fn main() {}
