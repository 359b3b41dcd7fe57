//! The `hpcapi` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before there are threads.
    hpcapi_lookups::built_in_only();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    if let Some(program) = hpcapi::cli::Program::called() {
        return ExitCode::from(runtime.block_on(program.main()));
    }
    let ended = runtime.block_on(hpcapi::cli::main());
    // After an interrupt nobody answers a question any more, nor waits for another run.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            hpcapi::output::error(&failure.error, &failure.again);
            ExitCode::from(failure.error.kind().exit_code())
        }
    }
}
