//! API keys, users and their sessions.

use super::error::StoreError;
use super::open::Store;
use super::tables as t;
use super::txn::Txn;
use crate::model::{Activity, ApiKey, ReceivedAt, SourceId, User};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The first byte of every JSON value in these tables.
const VERSION: u8 = 1;

/// SHA-256 of a session's token.
pub type SessionHash = [u8; 32];

/// A person who is signed in. It ends with sign-out, after a time without use, or when the password changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Who.
    pub user: String,
    /// When it began.
    pub created_at: ReceivedAt,
    /// When it was last used, to within some minutes.
    pub used_at: ReceivedAt,
}

/// Someone who has given the right password.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Who.
    pub user: String,
    /// The hash that the password was found to fit.
    pub password_hash: String,
    /// From where.
    pub address: String,
    /// The session that the browser had before, which ends.
    pub instead_of: Option<SessionHash>,
}

impl Store {
    /// Every API key.
    pub fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let keys = self.db.begin_read()?.open_table(t::KEYS)?;
        let rows = keys.iter()?.map(|row| {
            let (id, value) = row?;
            decode("keys", id.value(), value.value())
        });
        rows.collect()
    }

    /// Every user, by name.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        let users = self.db.begin_read()?.open_table(t::USERS)?;
        let rows = users.iter()?.map(|row| {
            let (name, value) = row?;
            decode("users", name.value(), value.value())
        });
        rows.collect()
    }

    /// The user of that name.
    pub fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        let users = self.db.begin_read()?.open_table(t::USERS)?;
        users.get(name)?.map(|value| decode("users", name, value.value())).transpose()
    }

    /// The session of that token.
    pub fn session(&self, hash: &SessionHash) -> Result<Option<Session>, StoreError> {
        let sessions = self.db.begin_read()?.open_table(t::SESSIONS)?;
        sessions.get(hash)?.map(|value| decode("sessions", hex::encode(hash), value.value())).transpose()
    }
}

impl Txn<'_> {
    /// Stores a new key under the next number, which it returns with it; `None` where the name is taken.
    pub fn create_key(&mut self, key: ApiKey, by: &str) -> Result<Option<ApiKey>, StoreError> {
        let mut next = 1;
        for row in self.reading().open_table(t::KEYS)?.iter()? {
            let (id, value) = row?;
            let known: ApiKey = decode("keys", id.value(), value.value())?;
            if known.name == key.name {
                return Ok(None);
            }
            next = id.value() + 1;
        }
        let key = ApiKey { id: SourceId(next), ..key };
        self.writing().open_table(t::KEYS)?.insert(next, &encode(&key)[..])?;
        self.append_activity(&Activity::KeyCreated {
            name: key.name.clone(),
            id: next,
            organization: key.organization.clone(),
            by: by.to_owned(),
        })?;
        Ok(Some(key))
    }

    /// Ends a key: its record stays as the source of what it sent. `false` where no such key is in force.
    pub fn revoke_key(&mut self, name: &str, by: &str) -> Result<bool, StoreError> {
        let mut found = None;
        for row in self.reading().open_table(t::KEYS)?.iter()? {
            let (id, value) = row?;
            let key: ApiKey = decode("keys", id.value(), value.value())?;
            if key.name == name && !key.revoked {
                found = Some(key);
            }
        }
        let Some(key) = found else { return Ok(false) };
        // Its signing secret stays, so that what it sent can still be checked.
        let revoked = ApiKey { revoked: true, ..key };
        self.writing().open_table(t::KEYS)?.insert(revoked.id.0, &encode(&revoked)[..])?;
        self.append_activity(&Activity::KeyRevoked { name: name.to_owned(), by: by.to_owned() })?;
        Ok(true)
    }

    /// Whether anyone could sign in.
    pub fn has_users(&self) -> Result<bool, StoreError> {
        Ok(!self.reading().open_table(t::USERS)?.is_empty()?)
    }

    /// Adds a user; `false` where the name is taken.
    pub fn add_user(&mut self, user: &User, by: &str) -> Result<bool, StoreError> {
        if self.reading().open_table(t::USERS)?.get(&*user.name)?.is_some() {
            return Ok(false);
        }
        self.writing().open_table(t::USERS)?.insert(&*user.name, &encode(user)[..])?;
        let (name, role) = (user.name.clone(), user.role);
        self.append_activity(&Activity::UserAdded { name, role, by: by.to_owned() })?;
        Ok(true)
    }

    /// Removes a user and ends their sessions; `false` where there is none.
    pub fn remove_user(&mut self, name: &str, by: &str) -> Result<bool, StoreError> {
        if self.reading().open_table(t::USERS)?.get(name)?.is_none() {
            return Ok(false);
        }
        self.writing().open_table(t::USERS)?.remove(name)?;
        self.end_sessions_of(name)?;
        self.forget_searches_of(name)?;
        self.append_activity(&Activity::UserRemoved { name: name.to_owned(), by: by.to_owned() })?;
        Ok(true)
    }

    /// Gives a user another password and ends their sessions; `false` where there is none.
    pub fn set_password(&mut self, name: &str, password_hash: String, by: &str) -> Result<bool, StoreError> {
        let value = self.reading().open_table(t::USERS)?.get(name)?.map(|value| value.value().to_vec());
        let Some(value) = value else { return Ok(false) };
        let user = User { password_hash, ..decode("users", name, &value)? };
        self.writing().open_table(t::USERS)?.insert(name, &encode(&user)[..])?;
        self.end_sessions_of(name)?;
        self.append_activity(&Activity::PasswordChanged { name: name.to_owned(), by: by.to_owned() })?;
        Ok(true)
    }

    /// Begins a session. `false` where the password is no longer the one that was given.
    pub fn sign_in(&mut self, hash: &SessionHash, sign_in: &SignIn) -> Result<bool, StoreError> {
        let name = sign_in.user.clone();
        let value = self.reading().open_table(t::USERS)?.get(&*name)?.map(|value| value.value().to_vec());
        let user: Option<User> = value.map(|value| decode("users", &name, &value)).transpose()?;
        if user.is_none_or(|user| user.password_hash != sign_in.password_hash) {
            return Ok(false);
        }
        let session = Session { user: name.clone(), created_at: self.now(), used_at: self.now() };
        let mut sessions = self.writing().open_table(t::SESSIONS)?;
        if let Some(old) = sign_in.instead_of {
            sessions.remove(&old)?;
        }
        sessions.insert(hash, &encode(&session)[..])?;
        drop(sessions);
        self.append_activity(&Activity::SignedIn { name, address: sign_in.address.clone() })?;
        Ok(true)
    }

    /// Notes that a session is in use.
    pub fn use_session(&mut self, hash: &SessionHash) -> Result<(), StoreError> {
        let now = self.now();
        let mut sessions = self.writing().open_table(t::SESSIONS)?;
        let value = sessions.get(hash)?.map(|value| value.value().to_vec());
        let session = value.and_then(|value| decode::<Session>("sessions", hex::encode(hash), &value).ok());
        if let Some(session) = session {
            sessions.insert(hash, &encode(&Session { used_at: now, ..session })[..])?;
        }
        Ok(())
    }

    /// Ends a session.
    pub fn sign_out(&mut self, hash: &SessionHash, user: &str) -> Result<(), StoreError> {
        self.writing().open_table(t::SESSIONS)?.remove(hash)?;
        self.append_activity(&Activity::SignedOut { name: user.to_owned() })?;
        Ok(())
    }

    /// Removes the sessions that nobody has used since `used_before` or that began before `created_before`.
    pub fn end_old_sessions(
        &mut self,
        used_before: ReceivedAt,
        created_before: ReceivedAt,
    ) -> Result<(), StoreError> {
        self.end_sessions(|session| session.used_at < used_before || session.created_at < created_before)
    }

    fn end_sessions_of(&mut self, name: &str) -> Result<(), StoreError> {
        self.end_sessions(|session| session.user == name)
    }

    fn end_sessions(&mut self, ends: impl Fn(&Session) -> bool) -> Result<(), StoreError> {
        let mut ended = Vec::new();
        for row in self.reading().open_table(t::SESSIONS)?.iter()? {
            let (hash, value) = row?;
            // A session that cannot be read is over, too.
            let session = decode("sessions", hex::encode(hash.value()), value.value());
            if session.is_ok_and(|session| !ends(&session)) {
                continue;
            }
            ended.push(*hash.value());
        }
        for hash in ended {
            self.writing().open_table(t::SESSIONS)?.remove(&hash)?;
        }
        Ok(())
    }
}

pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, value).expect("these values have only string keys");
    bytes
}

pub(super) fn decode<T: DeserializeOwned>(
    table: &'static str,
    key: impl ToString,
    bytes: &[u8],
) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&VERSION, json)) => {
            serde_json::from_slice(json).map_err(|error| StoreError::damaged(table, key, error))
        }
        _ => Err(StoreError::damaged(table, key, "the row has an unknown version")),
    }
}
