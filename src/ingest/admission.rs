//! Room for what is being taken in: bytes of requests between their first byte and their answer.

use super::Refused;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for, because a semaphore counts in 32 bits.
const UNIT: usize = 1024;

/// The room. When it is taken, requests are refused before anything of them is kept.
#[derive(Clone)]
pub struct Admission {
    room: Arc<Semaphore>,
    total: usize,
}

/// The part of the room that one request holds; given back when it ends.
pub struct Admitted {
    admission: Admission,
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Admission {
    /// Room for that many bytes.
    pub fn new(bytes_max: usize) -> Admission {
        let total = bytes_max.div_ceil(UNIT).min(u32::MAX as usize);
        Admission { room: Arc::new(Semaphore::new(total)), total }
    }

    /// A request that holds nothing yet.
    pub fn begin(&self) -> Admitted {
        Admitted { admission: self.clone(), permit: None, bytes: 0 }
    }

    /// The share of the room that is taken, 0 to 1.
    pub fn fill(&self) -> f64 {
        1.0 - self.room.available_permits() as f64 / self.total as f64
    }
}

impl Admitted {
    /// Takes room for `more` bytes, or none and refuses. What has room is never taken back.
    pub fn grow(&mut self, more: usize) -> Result<(), Refused> {
        let had = self.bytes.div_ceil(UNIT).min(self.admission.total);
        self.bytes = self.bytes.saturating_add(more);
        // A request larger than all the room is let in when it is alone.
        let wants = self.bytes.div_ceil(UNIT).min(self.admission.total) - had;
        let wants = u32::try_from(wants).expect("the room is counted in 32 bits");
        let permit = self.admission.room.clone().try_acquire_many_owned(wants);
        let permit = permit.map_err(|_| Refused::Overloaded)?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_until_others_leave() {
        let admission = Admission::new(10 * UNIT);
        let mut first = admission.begin();
        first.grow(8 * UNIT).expect("it is empty");
        let mut second = admission.begin();
        assert_eq!(second.grow(3 * UNIT), Err(Refused::Overloaded));
        assert!((admission.fill() - 0.8).abs() < 1e-9);
        drop(first);
        let mut third = admission.begin();
        third.grow(1_000 * UNIT).expect("alone, even a giant is let in");
        assert_eq!(admission.begin().grow(1), Err(Refused::Overloaded));
    }
}
