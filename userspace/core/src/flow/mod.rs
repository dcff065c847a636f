//! Which connection: flow table, the two ends joined, expiry.
