//! What the engine tells while it works, and the one question it may ask.

use futures::future::BoxFuture;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::Review;
use crate::aws::{Event, StackStatus};

/// One thing that happened. Renderers subscribe; the engine never prints.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Progress {
    /// A step began: "build", "upload", …
    Step { name: &'static str, detail: String },
    /// Something worth knowing that is no failure.
    Note { text: String },
    /// Something worth a warning.
    Warning { text: String },
    /// A line of the compiler.
    Compiler { line: String },
    /// A file went up, or was there already.
    Uploaded { key: String, bytes: u64, present: bool },
    /// What the change set would do.
    Plan {
        stack: String,
        #[serde(flatten)]
        review: Box<Review>,
    },
    /// A resource or the stack changed its status.
    Event { event: Box<Event> },
    /// Somebody else's operation, or a former one of ours, is being waited for.
    Waiting { stack: String, status: StackStatus },
}

/// Where progress goes. Cheap to clone; sending never blocks and never fails the engine.
#[derive(Debug, Clone)]
pub struct Reporter(mpsc::UnboundedSender<Progress>);

impl Reporter {
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Progress>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub fn tell(&self, progress: Progress) {
        // Nobody listens any more: that changes nothing about the deployment.
        let _ = self.0.send(progress);
    }

    pub fn step(&self, name: &'static str, detail: impl Into<String>) {
        self.tell(Progress::Step { name, detail: detail.into() });
    }

    pub fn note(&self, text: impl Into<String>) {
        self.tell(Progress::Note { text: text.into() });
    }

    pub fn warn(&self, text: impl Into<String>) {
        self.tell(Progress::Warning { text: text.into() });
    }
}

/// A question to the person at the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is about to happen, a line each.
    pub about: Vec<String>,
    pub text: String,
    /// The answer must be this very text instead of yes.
    pub typed: Option<String>,
}

impl Question {
    /// Whether what was typed means to go on.
    pub fn accepts(&self, text: &str) -> bool {
        match &self.typed {
            Some(wanted) => text.trim() == wanted,
            None => matches!(text.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// There is no terminal to ask at.
    NobodyToAsk,
}

/// The one way to ask.
pub trait Confirm: Send + Sync {
    fn confirm<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Answer>;
}

/// Whether the user wants to stop (the first Ctrl-C).
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves at the first Ctrl-C; never, where nobody can send one any more.
    pub async fn wait(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|set| *set).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
