//! The forms of the hosted pages, as HTML.

use super::html::escape;

/// What every form needs: where it lives, the request it carries and the token that proves it is ours.
pub(super) struct Frame<'a> {
    /// `/_hosted/<domain>`.
    pub base: &'a str,
    /// The authorization request, encoded.
    pub query: &'a str,
    pub csrf: &'a str,
    /// What went wrong, or what to know.
    pub notice: Option<Notice>,
}

pub(super) enum Notice {
    Problem(String),
    Hint(String),
}

/// One more attribute that signing up asks for.
pub(super) struct Asked {
    pub name: String,
    pub label: String,
}

impl Frame<'_> {
    fn link(&self, page: &str) -> String {
        escape(&format!("{}/{page}?{}", self.base, self.query))
    }

    fn notice(&self) -> String {
        match &self.notice {
            None => String::new(),
            Some(Notice::Problem(text)) => {
                format!("<p class=\"problem\" role=\"alert\">{}</p>", escape(text))
            }
            Some(Notice::Hint(text)) => format!("<p role=\"status\">{}</p>", escape(text)),
        }
    }

    fn form(&self, title: &str, page: &str, fields: &str, rest: &str) -> String {
        format!(
            "<h1>{title}</h1>{}<form method=\"post\" action=\"{}\">{}{fields}</form>{rest}",
            self.notice(),
            self.link(page),
            hidden("_csrf", self.csrf)
        )
    }

    /// `hint` is the name that the application expects, already filled in.
    pub fn login(&self, by_email: bool, hint: &str) -> String {
        let fields = format!(
            "{}{}<button>Sign in</button>",
            name_field(by_email, hint),
            input("password", "Password", "password", "current-password", "")
        );
        let rest = format!(
            "<nav><a href=\"{}\">Create an account</a><a href=\"{}\">Forgot your password?</a></nav>",
            self.link("signup"),
            self.link("forgotPassword")
        );
        self.form("Sign in", "login", &fields, &rest)
    }

    pub fn sign_up(&self, by_email: bool, asked: &[Asked], policy: &str) -> String {
        let more: String =
            asked.iter().map(|asked| input(&asked.name, &asked.label, "text", "off", "")).collect();
        let fields = format!(
            "{}{more}{}<p class=\"hint\">{}</p><button>Sign up</button>",
            name_field(by_email, ""),
            input("password", "Password", "password", "new-password", ""),
            escape(policy)
        );
        let rest = format!("<nav><a href=\"{}\">Sign in instead</a></nav>", self.link("login"));
        self.form("Create an account", "signup", &fields, &rest)
    }

    pub fn confirm(&self, username: &str) -> String {
        let known = if username.is_empty() { name_field(false, "") } else { hidden("username", username) };
        let fields = format!(
            "{known}{}<button name=\"action\" value=\"confirm\">Confirm</button>\
             <button class=\"quiet\" name=\"action\" value=\"resend\" formnovalidate>Send a new code</button>",
            input("code", "Code", "text", "one-time-code", "")
        );
        let rest = format!("<nav><a href=\"{}\">Back to sign in</a></nav>", self.link("login"));
        self.form("Confirm your account", "confirm", &fields, &rest)
    }

    pub fn forgot(&self, by_email: bool) -> String {
        let fields = format!("{}<button>Send a code</button>", name_field(by_email, ""));
        let rest = format!("<nav><a href=\"{}\">Back to sign in</a></nav>", self.link("login"));
        self.form("Forgot your password?", "forgotPassword", &fields, &rest)
    }

    pub fn reset(&self, username: &str) -> String {
        let fields = format!(
            "{}{}{}<button>Change password</button>",
            hidden("username", username),
            input("code", "Code", "text", "one-time-code", ""),
            input("password", "New password", "password", "new-password", "")
        );
        let rest = format!("<nav><a href=\"{}\">Send another code</a></nav>", self.link("forgotPassword"));
        self.form("Choose a new password", "confirmForgotPassword", &fields, &rest)
    }

    pub fn new_password(&self, session: &str) -> String {
        let fields = format!(
            "{}{}<button>Change password</button>",
            hidden("session", session),
            input("password", "New password", "password", "new-password", "")
        );
        self.form("Replace your temporary password", "changePassword", &fields, "")
    }
}

/// A page without a way on.
pub(super) fn dead_end(message: &str) -> String {
    format!("<h1>This does not work</h1><p class=\"problem\" role=\"alert\">{}</p>", escape(message))
}

fn name_field(by_email: bool, value: &str) -> String {
    if by_email {
        input("username", "Email", "email", "username", value)
    } else {
        input("username", "User name", "text", "username", value)
    }
}

fn input(name: &str, label: &str, kind: &str, autocomplete: &str, value: &str) -> String {
    let (name, label, value) = (escape(name), escape(label), escape(value));
    format!(
        "<label for=\"{name}\">{label}</label><input id=\"{name}\" name=\"{name}\" type=\"{kind}\" \
         value=\"{value}\" autocomplete=\"{autocomplete}\" required>"
    )
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
}
