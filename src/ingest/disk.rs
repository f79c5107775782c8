//! How full the disk is that holds the log, and what may still be written to it.

use super::Refused;
use crate::model::DiskState;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What a look at the disk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes in use.
    pub used: u64,
    /// Bytes that this user may still write.
    pub free: u64,
}

impl DiskUse {
    /// The share in use, 0 to 100, as `df` counts it.
    pub fn percent(self) -> f64 {
        100.0 * self.used as f64 / (self.used + self.free).max(1) as f64
    }
}

/// From where on which state holds.
#[derive(Clone, Copy, Debug)]
pub struct DiskLimits {
    /// Percentage in use at which someone should look today.
    pub warn_percent: u8,
    /// Percentage in use at which an alert is raised.
    pub alert_percent: u8,
    /// Percentage in use at which no event is taken in.
    pub refuse_percent: u8,
    /// Bytes that are kept free: a commit that found no room would end the process. No event is taken in below twice as
    /// many.
    pub reserve_bytes: u64,
}

/// The disk. Looking at it costs a microsecond, so whoever is about to write looks. Tests hand in one of their own.
#[derive(Clone)]
pub struct Disk {
    gauge: Arc<dyn Fn() -> io::Result<DiskUse> + Send + Sync>,
    limits: DiskLimits,
}

impl Disk {
    /// The disk on which that file lies.
    pub fn of(path: &Path, limits: DiskLimits) -> Disk {
        let path = path.to_owned();
        Disk::new(move || measure(&path), limits)
    }

    /// A disk that `gauge` tells of.
    pub fn new(gauge: impl Fn() -> io::Result<DiskUse> + Send + Sync + 'static, limits: DiskLimits) -> Disk {
        Disk { gauge: Arc::new(gauge), limits }
    }

    /// One that is never full: that of a log in memory.
    pub fn boundless() -> Disk {
        let limits =
            DiskLimits { warn_percent: 100, alert_percent: 100, refuse_percent: 100, reserve_bytes: 0 };
        Disk::new(|| Ok(DiskUse { used: 0, free: u64::MAX }), limits)
    }

    /// A look at it.
    pub fn usage(&self) -> io::Result<DiskUse> {
        (self.gauge)()
    }

    /// How it is. One that cannot be looked at counts as roomy: whether it can be written to will be seen.
    pub fn state(&self) -> DiskState {
        self.usage().map_or(DiskState::Roomy, |usage| self.state_of(usage))
    }

    /// The word for such a use.
    pub fn state_of(&self, usage: DiskUse) -> DiskState {
        let DiskLimits { warn_percent, alert_percent, refuse_percent, reserve_bytes } = self.limits;
        let percent = usage.percent();
        if usage.free < reserve_bytes {
            DiskState::Spent
        } else if percent >= f64::from(refuse_percent) || usage.free < reserve_bytes.saturating_mul(2) {
            DiskState::Full
        } else if percent >= f64::from(alert_percent) {
            DiskState::Short
        } else if percent >= f64::from(warn_percent) {
            DiskState::Scarce
        } else {
            DiskState::Roomy
        }
    }

    /// Whether events may be taken in.
    pub fn admit(&self) -> Result<(), Refused> {
        if self.state() >= DiskState::Full { Err(Refused::DiskFull) } else { Ok(()) }
    }
}

fn measure(path: &Path) -> io::Result<DiskUse> {
    let disk = rustix::fs::statvfs(path)?;
    let used = disk.f_blocks.saturating_sub(disk.f_bfree) * disk.f_frsize;
    Ok(DiskUse { used, free: disk.f_bavail * disk.f_frsize })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DiskLimits =
        DiskLimits { warn_percent: 80, alert_percent: 90, refuse_percent: 95, reserve_bytes: 10 };

    #[test]
    fn each_state_begins_at_its_limit() {
        let disk = Disk::new(|| Err(io::Error::other("not asked")), LIMITS);
        let of = |used: u64| disk.state_of(DiskUse { used, free: 1_000 - used });
        assert_eq!((of(799), of(800)), (DiskState::Roomy, DiskState::Scarce));
        assert_eq!((of(899), of(900)), (DiskState::Scarce, DiskState::Short));
        assert_eq!((of(949), of(950)), (DiskState::Short, DiskState::Full));
        assert_eq!((of(990), of(991)), (DiskState::Full, DiskState::Spent));
        assert_eq!(disk.state_of(DiskUse { used: 0, free: 19 }), DiskState::Full, "a small disk");
        assert_eq!(disk.state(), DiskState::Roomy, "one that cannot be asked");
    }
}
