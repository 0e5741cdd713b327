//! The steps of a change through both stores, and how a request completes what an earlier one left half-done.

use functions_shared::accounts::{Account, Change, Pending, Written};
use functions_shared::aws::CallError;
use functions_shared::caller::Caller;
use functions_shared::problem::Problem;
use functions_shared::profiles::Write;
use functions_shared::user::User;
use functions_shared::user_pool::{NewEmail, Verification};
use lambda_http::http::StatusCode;

use crate::UpdateAccount;
use crate::body::Wanted;

/// What became of a pending address at the pool.
pub enum Told {
    /// The pool knows of it, and the table says so.
    Done(Account),
    /// The pool takes it for no address: it is pending no more.
    Refused(Account),
    /// Another request changed the account meanwhile.
    Lost,
}

impl UpdateAccount {
    /// The caller's account, after completing what an earlier request left half-done.
    pub async fn current(&self, caller: &Caller) -> Result<Account, Problem> {
        let user = self
            .user_pool
            .admin_get_user(&caller.username)
            .await?
            // The name may have passed to somebody else after the token was issued.
            .filter(|user| user.sub == caller.sub)
            .ok_or_else(not_found)?;
        let account = self.row(&user).await?;
        let account = self.follow(&user, account).await?;
        if account.pending_email.is_none() || account.pending_told {
            return Ok(account);
        }
        match self.tell(caller, account).await.map_err(earlier)? {
            Told::Done(account) | Told::Refused(account) => Ok(account),
            Told::Lost => Err(Problem::unavailable()),
        }
    }

    /// The user's row, made from what the pool knows of them where a failed confirmation left it out.
    async fn row(&self, user: &User) -> Result<Account, Problem> {
        if let Some(account) = self.accounts.get_item(&user.sub).await? {
            return Ok(account);
        }
        // Otherwise another request of the same user was faster.
        if self.profiles.put_item(user).await? == Write::Done {
            tracing::warn!(subject = user.sub.hash(), "made a row that the confirmation left out");
        }
        self.accounts.get_item(&user.sub).await?.ok_or_else(Problem::unavailable)
    }

    /// Makes the table's address the pool's, which keeps an address until another one is verified.
    async fn follow(&self, user: &User, account: Account) -> Result<Account, Problem> {
        let email = user.email.as_deref().filter(|email| account.email.as_deref() != Some(email));
        let verified = account.pending_email.as_deref().is_some_and(|pending| same(pending, &user.email));
        if email.is_none() && !verified {
            return Ok(account);
        }
        let change = Change { email, pending: verified.then_some(Pending::Gone), name: None };
        match self.accounts.update_item(&user.sub, &account, &change).await.map_err(not_recorded)? {
            Written::Done(account) => Ok(account),
            Written::Lost(_) | Written::NoRow => Err(Problem::unavailable()),
        }
    }

    /// Makes the changes that the caller wants, if the account has the version that they saw.
    pub async fn change(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        version: Option<u64>,
    ) -> Result<Account, Problem> {
        let account = self.current(caller).await?;
        // A repeat whose first answer was lost is not a race, although it names an old version; RFC 9110,
        // section 13.1.1, lets it succeed.
        if is_done(wanted, &account) {
            return Ok(account);
        }
        if version.is_some_and(|version| version != account.version) {
            return Err(version_mismatch());
        }
        let pending = wanted
            .email
            .as_deref()
            .map(|email| if same(email, &account.email) { Pending::Gone } else { Pending::Asked(email) });
        let change = Change { name: wanted.name.as_deref(), email: None, pending };
        let written = self.accounts.update_item(&caller.sub, &account, &change).await.map_err(not_updated)?;
        let account = match written {
            Written::Done(account) => account,
            Written::Lost(_) => return Err(version_mismatch()),
            Written::NoRow => return Err(not_found()),
        };
        if !matches!(pending, Some(Pending::Asked(_))) {
            return Ok(account);
        }
        match self.tell(caller, account).await? {
            Told::Done(account) => Ok(account),
            Told::Refused(_) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_email",
                "The e-mail address is none; everything else was changed.",
            )),
            Told::Lost => Err(version_mismatch()),
        }
    }

    /// Tells the pool of the pending address, and the table that it did.
    pub async fn tell(&self, caller: &Caller, account: Account) -> Result<Told, Problem> {
        let Some(pending) = account.pending_email.as_deref() else { return Ok(Told::Done(account)) };
        let answer = self.user_pool.admin_update_user_attributes(&caller.username, pending).await;
        let pending_now = match answer.map_err(not_requested)? {
            NewEmail::Accepted => Pending::Told,
            NewEmail::Refused => Pending::Gone,
            NewEmail::UserGone => return Err(not_found()),
        };
        let change = Change { pending: Some(pending_now), ..Change::default() };
        match self.accounts.update_item(&caller.sub, &account, &change).await.map_err(not_recorded)? {
            Written::Done(account) if account.pending_email.is_some() => Ok(Told::Done(account)),
            Written::Done(account) => Ok(Told::Refused(account)),
            Written::NoRow => Err(not_found()),
            // The faster request's address may have reached the pool before this one's: the pool must end with
            // the table's.
            Written::Lost(theirs) => {
                if let Some(email) = &theirs.pending_email
                    && *email != pending
                {
                    self.user_pool
                        .admin_update_user_attributes(&caller.username, email)
                        .await
                        .map_err(not_requested)?;
                }
                Ok(Told::Lost)
            }
        }
    }

    /// Has the pool send another code to the pending address, for which no scope is needed. Where nothing is
    /// pending any more, nothing is sent.
    pub async fn resend(&self, caller: &Caller) -> Result<Account, Problem> {
        let account = self.current(caller).await?;
        match self.tell(caller, account).await? {
            Told::Done(account) | Told::Refused(account) => Ok(account),
            Told::Lost => Err(version_mismatch()),
        }
    }

    /// Verifies the pending address by its code. A repeat finds nothing pending any more and changes nothing.
    pub async fn verify(&self, caller: &Caller, token: &str, code: &str) -> Result<Account, Problem> {
        let account = self.current(caller).await?;
        if account.pending_email.is_none() {
            return Ok(account);
        }
        match self.user_pool.verify_user_attribute(token, code).await.map_err(not_verified)? {
            Verification::Done => self.current(caller).await,
            Verification::CodeRefused => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "code_refused",
                "The code is not the one that was sent last, or not valid any more.",
            )),
            Verification::TokenRefused => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "sign_in_again",
                "Sign in with the password (SRP) and send that access token: it has the scope \
                 aws.cognito.signin.user.admin, which this one lacks, or this one was revoked.",
            )),
            Verification::TooManyTries => Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_tries",
                "Too many wrong codes; try again later.",
            )),
        }
    }
}

/// Whether the account is as wanted already.
fn is_done(wanted: &Wanted, account: &Account) -> bool {
    let email = wanted.email.as_deref().is_none_or(|email| match &account.pending_email {
        Some(pending) => email == pending,
        None => same(email, &account.email),
    });
    email && (wanted.name.is_none() || wanted.name == account.name)
}

/// The pool's addresses have no case (`UsernameConfiguration` in its template).
fn same(email: &str, other: &Option<String>) -> bool {
    other.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(email))
}

fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "account_not_found", "The user of this token has no account.")
}

/// The caller saw another version than the one that is there.
pub fn version_mismatch() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "version_mismatch",
        "The account was changed meanwhile; read it again.",
    )
}

/// What failed was left over from another request; this one has done nothing yet.
fn earlier(problem: Problem) -> Problem {
    if problem.cause.is_none() {
        return problem;
    }
    let code = problem.code;
    problem.saying(
        code,
        "An earlier change of the e-mail address could not be completed, and nothing else was done; send this again.",
    )
}

fn not_updated(error: CallError) -> Problem {
    Problem::from(error).saying("account_not_updated", "The change was not stored; send it again.")
}

fn not_requested(error: CallError) -> Problem {
    Problem::from(error).saying(
        "email_not_requested",
        "The change was stored, but the sign-in service does not know the new e-mail address yet; send it again.",
    )
}

fn not_recorded(error: CallError) -> Problem {
    Problem::from(error).saying(
        "email_not_recorded",
        "The sign-in service knows the e-mail address, but the account does not show it yet; send it again.",
    )
}

fn not_verified(error: CallError) -> Problem {
    Problem::from(error).saying("email_not_verified", "The code could not be checked; send it again.")
}
