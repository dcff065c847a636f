//! Which connection: ends seen by the kernel are joined to flows, across network namespaces and address translation.

pub(crate) mod listening;
pub(crate) mod pairs;
pub(crate) mod state;
pub(crate) mod table;
