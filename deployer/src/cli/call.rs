//! `call`: a route of the API, as a signed-in test user.

use super::failure::Failure;
use super::outputs::{output, outputs};
use super::session::{Session, project};
use super::token::sign_in;
use super::ui::Ui;
use super::{Global, INPUT, INTERNAL};
use crate::aws::http;

/// Call a route of the API, as a signed-in test user
#[derive(Debug, clap::Args)]
pub struct CallArgs {
    /// GET, POST, PUT, PATCH or DELETE
    method: String,
    /// The path, such as /user/profile
    path: String,
    /// Sign in as this test user, which is made where absent; otherwise call without a token
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// The body, as JSON
    #[arg(short, long, value_name = "JSON")]
    data: Option<String>,
}

pub async fn run(ui: &Ui, global: &Global, args: CallArgs) -> Result<u8, Failure> {
    if !args.path.starts_with('/') {
        return Err(Failure::usage(
            format!("the path {} does not begin with a slash", args.path),
            "write /user/profile",
        ));
    }
    let session = Session::open_running(project(global)?).await?;
    let outputs = outputs(&session).await?;
    let url = format!("{}{}", output(&outputs, "ApiUrl")?.trim_end_matches('/'), args.path);
    let mut headers = vec![("accept", "application/json")];
    let bearer = match &args.user {
        Some(email) => Some(format!("Bearer {}", sign_in(ui, &session, email).await?.access_token)),
        None => None,
    };
    headers.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
    let body = args.data.map(String::into_bytes);
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    let method = args.method.to_ascii_uppercase();
    let answer = http(&method, &url, &headers, body).await.map_err(Failure::aws(format!("call {url}")))?;
    ui.status(&format!("{method} {url}: {}", answer.status));
    if !answer.body.is_empty() {
        ui.result(&String::from_utf8_lossy(&answer.body));
    }
    Ok(match answer.status {
        ..400 => 0,
        400..500 => INPUT,
        _ => INTERNAL,
    })
}
