//! Every format: well-formed whatever the names are, the same each time, with what was not seen in it.

#[cfg(test)]
#[path = "../../../core/tests/estate/mod.rs"]
mod estate;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod graph;
#[cfg(test)]
#[path = "../../../core/tests/graph_values/mod.rs"]
mod graph_values;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod report;
