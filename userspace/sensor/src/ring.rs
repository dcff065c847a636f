//! Reading the ring buffers.

use std::os::fd::{AsFd, OwnedFd};

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use tokio::io::unix::AsyncFd;

use crate::error::SensorError;

/// Most records taken from one ring at once, so that a flood can't keep the reader from the other ring.
const AT_ONCE: usize = 65_536;

/// One ring buffer.
pub(crate) struct Ring {
    name: &'static str,
    buffer: RingBuf<MapData>,
    /// Made at the first wait, which happens inside the runtime.
    readiness: Option<AsyncFd<OwnedFd>>,
}

impl Ring {
    /// Takes the map out of the object.
    pub(crate) fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Self, SensorError> {
        let refused = |because: String| SensorError::Map { map: name.to_owned(), because };
        let map = ebpf.take_map(name).ok_or_else(|| refused("not in the object".to_owned()))?;
        let buffer = RingBuf::try_from(map).map_err(|error| refused(error.to_string()))?;
        Ok(Self { name, buffer, readiness: None })
    }

    /// Gives every record that is there to `take`; true when there may be more.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&[u8])) -> bool {
        for _ in 0..AT_ONCE {
            match self.buffer.next() {
                Some(record) => take(&record),
                None => return false,
            }
        }
        true
    }

    /// Prepares to wait.
    pub(crate) fn register(&mut self) -> Result<(), SensorError> {
        if self.readiness.is_none() {
            let refused = |error: std::io::Error| SensorError::Map {
                map: self.name.to_owned(),
                because: error.to_string(),
            };
            let fd = self.buffer.as_fd().try_clone_to_owned().map_err(refused)?;
            // SAFETY: the descriptor is owned here and closed only after it was taken off the reactor (on drop).
            let registered = unsafe { AsyncFd::register(fd) };
            self.readiness = Some(registered.map_err(|error| refused(error.into()))?);
        }
        Ok(())
    }

    /// Waits until the kernel side says that much waits. The ring is drained after this by whoever waited, and the
    /// kernel side signals again while much waits, so that readiness may be cleared here.
    pub(crate) async fn readable(&self) {
        match &self.readiness {
            Some(readiness) => match readiness.readable().await {
                Ok(mut guard) => guard.clear_ready(),
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}
