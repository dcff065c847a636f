//! How far agents reach: bridges, containment, what-if and cut set, as pure functions of a compact graph.
//!
//! What is searched is what was observed: edges on which something was served or may have been. A path respects
//! time: each hop was used at or after the hop in front of it.

mod bridges;
mod compact;
mod containment;
mod cut;
mod doubts;
mod flow;
mod of;
mod place;
mod reach;
mod walk;

use super::HopStrength;

pub use bridges::{BridgeKind, Bridges, CompactBridge, Hardness, Limits};
pub use compact::{ArcInput, CompactGraph, Input, ListenerInput, NodeInput, RelayInput, TreeKind, WrapInput};
pub use containment::{CompactContainment, ContainmentState, Reached};
pub use cut::{CompactCut, CompactCutEdge, CutScope};
pub use of::{Bridge, Containment, Cut, CutEdge, Routes, WouldServe};
pub use place::{Exposed, Place};
