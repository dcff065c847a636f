//! Wraps and relays in the graph JSON, and read back from it.

use serde::{Deserialize, Serialize};
use tierzero_core::graph::{Stander, StandingRoom, StandingScope, Wrap, WrapState};
use tierzero_core::id::{ListenerId, WorkloadId, WrapId};

use crate::read::{ReadError, word};
use crate::words::Word;

#[derive(Serialize, Deserialize)]
pub(crate) struct WrapJson {
    proxy: String,
    front: String,
    backend: String,
    state: String,
    standing_room: Vec<Stander>,
    id: String,
    why: String,
    matched: u64,
    standing_scope: String,
    standing_more: u64,
    bypassed_by: Vec<String>,
}

impl From<&Wrap> for WrapJson {
    fn from(wrap: &Wrap) -> Self {
        let Wrap { id, proxy, front, backend, state, why, matched, standing_room, bypassed_by } = wrap;
        let StandingRoom { scope, workloads, more } = standing_room;
        Self {
            proxy: proxy.to_string(),
            front: front.to_string(),
            backend: backend.to_string(),
            state: state.word().to_owned(),
            standing_room: workloads.clone(),
            id: id.to_string(),
            why: why.clone(),
            matched: *matched,
            standing_scope: scope.word().to_owned(),
            standing_more: *more,
            bypassed_by: bypassed_by.iter().map(ToString::to_string).collect(),
        }
    }
}

pub(crate) fn read(wrap: WrapJson) -> Result<Wrap, ReadError> {
    Ok(Wrap {
        id: WrapId::from_stored(&wrap.id),
        proxy: WorkloadId::from_stored(&wrap.proxy),
        front: ListenerId::from_stored(&wrap.front),
        backend: ListenerId::from_stored(&wrap.backend),
        state: word::<WrapState>("state of a wrap", &wrap.state)?,
        why: wrap.why,
        matched: wrap.matched,
        standing_room: StandingRoom {
            scope: word::<StandingScope>("standing scope", &wrap.standing_scope)?,
            workloads: wrap.standing_room,
            more: wrap.standing_more,
        },
        bypassed_by: wrap.bypassed_by.iter().map(|id| WorkloadId::from_stored(id)).collect(),
    })
}
