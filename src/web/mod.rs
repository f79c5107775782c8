//! The face: the API, the pages, and who may see what.

mod patterns;
mod state;
mod listen;
mod layers;
mod routes;
mod error;
pub mod exhibit;
mod auth;
mod body;
mod idempotency;
mod searches;
mod stream;
mod sources;
mod view;
mod health;
mod performance;
mod families;
mod assets;
mod live;
mod export;
pub mod api;
pub mod chart;
pub mod week;
pub mod qr;
pub mod pages;
pub mod show;

pub use auth::SignIns;
pub use export::Exports;
pub use families::families;
pub use health::{Condition, HealthBoard, Prober};
pub use listen::{ConnectionLimits, Listener, answer};
pub use live::LiveStreams;
pub use patterns::Previews;
pub use performance::Throughput;
pub use routes::router;
pub use state::{Answered, App, Appliance, SharedKeyring};
