//! A crowd confirms at once while functions are killed at random: nobody is lost, and nobody is there twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_cognitoidentityprovider::error::ProvideErrorMetadata;
use aws_sdk_cognitoidentityprovider::types::UserStatusType;

use crate::{AttributeType, Copy, PASSWORD, Row, Stage, text};

pub const USERS: usize = 200;
/// Between two kills. A confirmation takes some milliseconds.
const PAUSE: Duration = Duration::from_millis(20);

/// One of the crowd.
pub struct User {
    email: String,
    pub sub: String,
    /// What the caller of ConfirmSignUp was told, where it was an error.
    pub told: Option<String>,
}

/// Signs somebody up and leaves it to them to confirm.
async fn sign_up(stage: &Stage, number: usize) -> User {
    let email = format!("crowd-{number}@example.com");
    let call = stage.cognito().sign_up().client_id(stage.output("UserPoolClientId"));
    let attribute = AttributeType::builder().name("email").value(&email).build().unwrap();
    let call = call.username(&email).password(PASSWORD).user_attributes(attribute);
    let sub = call.send().await.unwrap().user_sub().to_owned();
    User { email, sub, told: None }
}

/// Confirms with the code that was mailed.
async fn confirm(stage: &Stage, mut user: User) -> User {
    let code = stage.code(&user.email).await;
    let call = stage.cognito().confirm_sign_up().client_id(stage.output("UserPoolClientId"));
    let answer = call.username(&user.email).confirmation_code(code).send().await;
    user.told = answer.err().map(|error| error.code().unwrap_or("no answer").to_owned());
    user
}

/// Processes that run the code of functions below this folder.
fn functions(folder: &Path) -> Vec<String> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    processes
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|id| fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe.starts_with(folder)))
        .collect()
}

/// Kills one function after another, each somewhere else in its work, until it is `over`. Answers how many.
fn kill(folder: &Path, over: &AtomicBool) -> usize {
    let mut killed = 0;
    while !over.load(Ordering::Relaxed) {
        let running = functions(folder);
        // What is looked at first differs from time to time.
        if let Some(process) = running.get(killed % running.len().max(1)) {
            // It may have ended by itself meanwhile.
            let sent = Command::new("kill").args(["-KILL", process]).output().unwrap();
            killed += usize::from(sent.status.success());
        }
        std::thread::sleep(PAUSE);
    }
    killed
}

/// The rows with this text in a field.
fn those<'a>(rows: &'a [Row], field: &str, value: &str) -> Vec<&'a Row> {
    rows.iter().filter(|row| text(row, field) == value).collect()
}

/// The user's rows in both tables: one each under the same id, or none at all.
fn rows_of(user: &User, profiles: &[Row], identities: &[Row]) -> usize {
    let own = those(profiles, "sub", &user.sub);
    let found: Vec<&Row> = own.iter().flat_map(|row| those(identities, "id", text(row, "id"))).collect();
    assert!(own.len() <= 1 && own.len() == found.len(), "{}: {own:?} {found:?}", user.email);
    own.len()
}

/// Everybody, confirmed at once while functions are killed, and how many were. Needs a runtime with more than one
/// thread.
pub async fn under_fire(copy: &Copy, stage: &Stage) -> (Vec<User>, usize) {
    let mut crowd = Vec::new();
    for number in 0..USERS {
        crowd.push(sign_up(stage, number).await);
    }
    let (over, folder) = (AtomicBool::new(false), copy.path(".deployer/local").canonicalize().unwrap());
    let (crowd, killed) = std::thread::scope(|threads| {
        let killer = threads.spawn(|| kill(&folder, &over));
        let confirming = crowd.into_iter().map(|user| confirm(stage, user));
        let crowd = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(futures::future::join_all(confirming))
        });
        over.store(true, Ordering::Relaxed);
        (crowd, killer.join().unwrap())
    });
    assert!(killed > 5, "{killed}");
    (crowd, killed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_who_confirm_while_functions_are_killed_nobody_is_lost_or_there_twice() {
    let copy = Copy::new();
    let stage = Stage::up(&copy, "local-identities");
    let (crowd, killed) = under_fire(&copy, &stage).await;
    let (profiles, identities) = (stage.rows("TableProfiles").await, stage.rows("TableIdentities").await);
    let told = crowd.iter().filter(|user| user.told.is_some()).count();
    for user in &crowd {
        let found = rows_of(user, &profiles, &identities);
        assert!(found == 1 || user.told.is_some(), "{} has no rows, and nobody was told", user.email);
    }
    // Cognito keeps who it confirmed although the trigger failed: their first request makes the rows.
    for user in crowd.iter().filter(|user| user.told.is_some()) {
        let call = stage.cognito().admin_get_user().user_pool_id(stage.output("UserPoolId"));
        let status = call.username(&user.sub).send().await.unwrap().user_status().cloned();
        assert_eq!(status, Some(UserStatusType::Confirmed), "{}: {:?}", user.email, user.told);
        let (token, _) = stage.sign_in(&user.email).await;
        assert_eq!(stage.call("GET /user/identity", &token, &[], None).await.0, 200, "{}", user.email);
    }
    let (profiles, identities) = (stage.rows("TableProfiles").await, stage.rows("TableIdentities").await);
    for user in &crowd {
        assert_eq!(rows_of(user, &profiles, &identities), 1, "{}", user.email);
    }
    let ids: BTreeSet<&str> = identities.iter().map(|row| text(row, "id")).collect();
    assert_eq!((profiles.len(), identities.len(), ids.len()), (USERS, USERS, USERS));
    println!(
        "{USERS} confirmed at once, {killed} functions killed: {told} told of an error, one row each in both tables"
    );
    copy.succeed(&["down", "--stage", "local-identities"]);
}
