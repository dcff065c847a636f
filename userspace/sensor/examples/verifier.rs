//! Prints the instructions that this kernel's verifier walks for each program: name, tab, count.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

fn main() -> Result<(), tierzero_sensor::SensorError> {
    for (program, count) in tierzero_sensor::verified_instructions()? {
        println!("{program}\t{count}");
    }
    Ok(())
}
