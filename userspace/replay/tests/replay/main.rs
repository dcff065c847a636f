//! Logs written, read, cut, damaged, and from a later program.

#[cfg(test)]
mod logs;
#[cfg(test)]
mod samples;
