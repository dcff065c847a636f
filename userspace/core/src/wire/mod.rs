//! Kernel records as bytes become events: total, fuzzed; an unknown kind is a value.
