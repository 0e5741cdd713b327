//! What the functions with a Postgres database share. The map:
//!
//! - [`database`]: the way there, kept between invocations; [`credentials`]: what the secret says; [`authority`]: whom
//!   to trust; [`error`]: what can go wrong.
//! - [`schema`]: the stage's part of the database; [`users`]: the table `users`, one function a statement.

pub mod authority;
pub mod credentials;
pub mod database;
pub mod error;
pub mod schema;
pub mod users;
