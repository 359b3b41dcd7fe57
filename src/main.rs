//! The `hpcapi` command: arguments in, exit code out.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match hpcapi::cli::main().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            hpcapi::output::error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}
