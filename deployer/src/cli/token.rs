//! `token`: an access token of a test user, made where absent.

use super::Global;
use super::failure::Failure;
use super::outputs::{output, outputs};
use super::session::{Session, project};
use super::ui::Ui;
use crate::aws::{SignedIn, TestUser};

/// Print an access token of a test user, which is made where absent (never in production)
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// The test user's address
    #[arg(long, value_name = "EMAIL")]
    user: String,
}

pub async fn run(ui: &Ui, global: &Global, args: TokenArgs) -> Result<u8, Failure> {
    let session = Session::open_running(project(global)?).await?;
    let signed_in = sign_in(ui, &session, &args.user).await?;
    ui.result(&signed_in.access_token);
    Ok(0)
}

/// Signs the test user in. It gets a new random password each time, which nobody ever sees.
pub async fn sign_in(ui: &Ui, session: &Session, email: &str) -> Result<SignedIn, Failure> {
    let stage = session.project.stage.as_str();
    if !session.project.class.test_users() {
        return Err(Failure::usage(
            format!("{stage} is a production stage: no test user is made in it"),
            "sign in through the hosted pages as yourself",
        ));
    }
    let outputs = outputs(session).await?;
    let password = password();
    let user = TestUser {
        pool: output(&outputs, "UserPoolId")?,
        client: output(&outputs, "UserPoolClientId")?,
        email,
        password: &password,
    };
    let aws = &session.aws;
    let known = aws.user_is_ours(user.pool, email).await.map_err(Failure::aws("look for the test user"))?;
    match known {
        None => {
            aws.make_user(&user).await.map_err(Failure::aws("make the test user"))?;
            ui.status(&format!("made the test user {email}"));
        }
        Some(true) => {
            aws.set_password(&user).await.map_err(Failure::aws("renew the test user's password"))?
        }
        Some(false) => {
            return Err(Failure::usage(
                format!("{email} is a user that this tool did not make, so it does not touch it"),
                "name another address",
            ));
        }
    }
    aws.sign_in(&user).await.map_err(Failure::aws("sign the test user in"))
}

/// Random, and with a character of every kind that a pool may ask for.
fn password() -> String {
    format!("aA1!{}", uuid::Uuid::new_v4().simple())
}
