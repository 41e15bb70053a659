//! The `countersign` binary: hands the command line over to [`countersign::cli`].

fn main() -> std::process::ExitCode {
    countersign::cli::main()
}
