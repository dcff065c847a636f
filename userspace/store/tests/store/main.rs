//! The store against real files: what comes back, what a kill costs, what bad days look like.

#[cfg(test)]
mod bad_days;
#[cfg(test)]
mod fixture;
#[cfg(test)]
#[path = "../../../core/tests/graph_values/mod.rs"]
mod graph_values;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod memory;
