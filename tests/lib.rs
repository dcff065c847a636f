//! What the tests that need real programs are made of: the lab and the benchmarks. `cargo xtask` runs them; here is
//! no product code.

pub mod bench;
pub mod lab;
