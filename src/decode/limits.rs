//! How large and how deep what is sent may be.

/// The limits of the intake, from the settings. What exceeds one is answered, never cut or dropped in
/// silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters (Unicode scalar values) of one string value at any depth.
    pub string_chars_max: usize,
    /// How deep objects and arrays may nest; the event itself is depth 1. Whatever is set, nothing deeper
    /// than 128 is ever read.
    pub depth_max: usize,
    /// Bytes of one event.
    pub event_bytes_max: usize,
    /// Bytes of a request body after decompression.
    pub body_bytes_max: usize,
    /// Keys of all objects of one event together.
    pub keys_max: usize,
    /// Bytes of one key, unescaped.
    pub key_bytes_max: usize,
    /// Events of one request.
    pub batch_events_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            string_chars_max: 10_000,
            depth_max: 3,
            event_bytes_max: 256 * 1024,
            body_bytes_max: 16 * 1024 * 1024,
            keys_max: 1_000,
            key_bytes_max: 256,
            batch_events_max: 100_000,
        }
    }
}

impl Limits {
    /// No limit but the reader's own of 128 levels: for what was accepted under limits that may since have
    /// changed.
    pub(super) const NONE: Limits = Limits {
        string_chars_max: usize::MAX,
        depth_max: usize::MAX,
        event_bytes_max: usize::MAX,
        body_bytes_max: usize::MAX,
        keys_max: usize::MAX,
        key_bytes_max: usize::MAX,
        batch_events_max: usize::MAX,
    };
}
