//! The `tierzero` binary: reads the command line, wires the crates, prints. It holds no rule of judgement.

mod arguments;
mod commands;
mod config;
mod core_dumps;
mod diagnosis;
mod error;
mod live;
mod moment;
mod observe;
mod operator;
mod outlets;
mod output;
mod panic;
mod place;
mod stored;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

fn main() -> ExitCode {
    core_dumps::prevent();
    panic::install();
    if std::env::args_os().any(|argument| argument == "--no-color") {
        anstream::ColorChoice::Never.write_global();
    }
    let command = arguments::Arguments::command().color(match anstream::ColorChoice::global() {
        anstream::ColorChoice::Never => clap::ColorChoice::Never,
        anstream::ColorChoice::Auto | anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi => {
            clap::ColorChoice::Auto
        }
    });
    let parsed =
        command.try_get_matches().and_then(|matches| arguments::Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too. A reader that went away (`| head`) is no failure.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    output::tracing::start(arguments.global.verbose);
    match panic::guarded(|| commands::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}
