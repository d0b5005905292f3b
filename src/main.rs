//! The `imgguard` program.

fn main() -> std::process::ExitCode {
    imgguard::cli::main()
}
