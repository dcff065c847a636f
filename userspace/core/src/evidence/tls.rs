//! TLS: being written.
use super::Hidden;
use super::dissector::{Dissector, Input, Next, Notes};
use crate::event::Role;

/// Begins to read TLS inside another protocol's flow.
pub(crate) fn begin() -> Box<dyn Dissector> {
    Box::new(Tls)
}
#[derive(Debug)]
struct Tls;
impl Dissector for Tls {
    fn read(&mut self, _from: Role, _input: &mut Input<'_>, _notes: &mut Notes<'_>) -> Next {
        Next::Lost(Hidden::Encrypted)
    }
}
