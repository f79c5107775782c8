//! The program: everything is in the library.

/// Measured against the system's allocator in `sealwatch bench`; see ARCHITECTURE.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sealwatch::cli::run()
}
