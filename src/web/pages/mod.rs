//! The pages: each file has one page's template struct, built from data by a pure function.
//!
//! Handlers read the store and call `XPage::new`; a template shows what stands in the struct and decides
//! nothing. All text that a sender or a person wrote goes through [`text`] first and is escaped by the
//! template after that.

pub mod activity;
pub mod address;
pub mod alert;
pub mod alerts;
pub mod badge;
pub mod bulk;
pub mod chips;
pub mod curl;
pub mod dead_letters;
pub mod delivery;
pub mod event;
pub mod events;
pub mod evidence;
pub mod fields;
pub mod filter;
pub mod frame;
pub mod health;
pub mod help;
pub mod history;
pub mod integrity;
pub mod live;
pub mod message;
pub mod notifications;
pub mod neighbours;
pub mod overview;
pub mod pattern;
pub mod patterns;
pub mod rule;
pub mod search;
pub mod search_field;
pub mod search_help;
pub mod setting;
pub mod settings;
pub mod sign_in;
pub mod sources;
pub mod subject;
pub mod text;
pub mod time;
pub mod traces;
pub mod undelivered;
pub mod words;
