//! Every developer command: `cargo xtask --help`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a developer command talks to the terminal")]

use clap::{Parser, Subcommand};

mod bench;
mod ci;
mod corpus;
mod ebpf;
mod fuzz;
mod golden;
mod lab;
mod process;
mod tidy;
mod vm;

/// What every command returns: a sentence for the person who ran it.
pub(crate) type Outcome = Result<(), String>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of tierzero")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the eBPF object with Debian's rustc and bpf-linker, or prove that the committed one is the same.
    Ebpf(ebpf::Arguments),
    /// Check the house rules.
    Tidy(tidy::Arguments),
    /// Run everything that CI runs.
    Ci(ci::Arguments),
    /// Run real programs in network namespaces against the real observer, and score what it says.
    Lab(lab::Arguments),
    /// Judge `tierzero replay` on real captures with known truth, where they are at hand.
    Corpus(corpus::Arguments),
    /// Boot old and new kernels and show what loads, attaches and sees.
    Vm(vm::Arguments),
    /// Measure what observing costs.
    Bench(bench::Arguments),
    /// Run the fuzz targets.
    Fuzz(fuzz::Arguments),
    /// Compare or bless the golden files.
    Golden(golden::Arguments),
}

fn main() -> std::process::ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Ebpf(arguments) => ebpf::run(arguments),
        Command::Tidy(arguments) => tidy::run(arguments),
        Command::Ci(arguments) => ci::run(arguments),
        Command::Lab(arguments) => lab::run(arguments),
        Command::Corpus(arguments) => corpus::run(arguments),
        Command::Vm(arguments) => vm::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Fuzz(arguments) => fuzz::run(arguments),
        Command::Golden(arguments) => golden::run(arguments),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(says) => {
            // A command that has said it all itself returns no words.
            if !says.is_empty() {
                eprintln!("error: {says}");
            }
            std::process::ExitCode::FAILURE
        }
    }
}
