//! What a person or a program reads.

pub(crate) mod colour;
pub(crate) mod coverage;
pub(crate) mod explanation;
pub(crate) mod found;
pub(crate) mod holding;
pub(crate) mod index;
pub(crate) mod json;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod tracing;
pub(crate) mod walk;
pub(crate) mod words;

pub(crate) use tierzero_export::visible as escape;
