//! What the functions share. The map:
//!
//! - [`http`]: an HTTP function's frame: one log line and one answer a request; [`problem`]: its errors.
//! - [`caller`]: who calls, from the token that the API's authorizer verified.
//! - [`table`]: tables and indexes by type; [`row`]: the tables that there are, and what their rows look like.
//! - [`profiles`]: the `profiles` table, one method a DynamoDB action.
//! - [`accounts`]: the account in a row of that table, versioned.
//! - [`confirmation`]: the frame of a PostConfirmation trigger; [`identities`]: the write of one that makes two rows.
//! - [`user_pool`]: the user pool, one method a Cognito action; [`mend`]: rows that a confirmation left out.
//! - [`database_secret`]: the secret with the way to the stage's database.
//! - [`aws`]: the SDK's configuration and errors; [`config`]: the environment; [`logging`].
//!
//! A function's role grants exactly the actions its code calls, so each method of a table or a pool is one
//! action, named after it.

pub mod accounts;
pub mod aws;
pub mod caller;
pub mod config;
pub mod confirmation;
pub mod database_secret;
pub mod http;
pub mod identities;
pub mod logging;
pub mod mend;
pub mod problem;
pub mod profiles;
pub mod row;
pub mod table;
pub mod user;
pub mod user_pool;
