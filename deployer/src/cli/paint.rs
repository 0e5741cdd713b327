//! Shows the engine's progress: lines for a person, JSON lines for a machine, groups for GitHub.

use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::ui::{Ui, github};
use super::{Format, changes};
use crate::aws::Event;
use crate::deploy::{Progress, is_cascade};

/// Paints until the engine is gone.
pub struct Painter(JoinHandle<()>);

impl Painter {
    pub fn start(ui: Ui, mut progress: mpsc::UnboundedReceiver<Progress>) -> Self {
        Self(tokio::spawn(async move {
            let brush = Brush::new(ui);
            while let Some(one) = progress.recv().await {
                brush.paint(one);
            }
            brush.bar.finish_and_clear();
        }))
    }

    pub async fn finish(self) {
        if let Err(error) = self.0.await {
            tracing::debug!(%error, "the painter ended early");
        }
    }
}

struct Brush {
    ui: Ui,
    bar: ProgressBar,
}

impl Brush {
    fn new(ui: Ui) -> Self {
        let bar = if ui.animated() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(look) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(look);
        }
        if ui.animated() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { ui, bar }
    }

    fn paint(&self, progress: Progress) {
        if self.ui.format == Format::Json {
            return self.ui.json(&progress);
        }
        match progress {
            Progress::Step { name, detail } => {
                self.bar.set_message(format!("{name} {detail}"));
                self.line(&format!("{} {detail}", style(format!("{name:>10}")).for_stderr().green().bold()));
            }
            Progress::Note { text } => self.line(&format!("{:>10} {text}", "note")),
            Progress::Warning { text } => self.bar.suspend(|| self.ui.warn(&text)),
            Progress::Compiler { line } => self.line(&line),
            Progress::Uploaded { key, bytes, present } => {
                if !present {
                    self.line(&format!("{:>10} {key} ({})", "uploaded", size(bytes)));
                }
            }
            Progress::Plan { stack, review } => {
                self.line(&format!("{:>10} {stack}: {}", "changes", changes::count(&review.changes)));
                for line in changes::in_passing(&review, self.ui.verbose) {
                    self.line(&line);
                }
            }
            Progress::Event { event } => self.event(&event),
            Progress::Waiting { stack, status } => {
                self.bar.set_message(format!("waiting for {stack}"));
                self.line(&format!(
                    "{:>10} {stack} is {status}: somebody else's operation is running",
                    "waiting"
                ));
            }
        }
    }

    fn event(&self, event: &Event) {
        self.bar.set_message(format!("{} {}", event.logical_id, event.status));
        let verb = verb(&event.status);
        let interesting = verb.is_some() && !event.of_stack();
        if !interesting && !self.ui.verbose {
            return;
        }
        let verb = verb.unwrap_or(event.status.as_str());
        let failed = event.status.ends_with("FAILED");
        let reason = event.reason.as_deref().filter(|_| failed || self.ui.verbose);
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let cascade = failed && event.reason.as_deref().is_some_and(is_cascade);
        if cascade && !self.ui.verbose {
            return;
        }
        let word = style(format!("{verb:>10}")).for_stderr();
        let word = if failed { word.red().bold() } else { word.dim() };
        let kind = style(format!("({})", event.kind)).for_stderr().dim();
        self.line(&format!("{word} {} {kind}{reason}", event.logical_id));
        if failed && self.ui.format == Format::Github {
            self.line(&format!("::error::{}", github(&format!("{} failed{reason}", event.logical_id))));
        }
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| self.ui.status(text));
    }
}

/// A finished step in a word; `None` while it goes on.
fn verb(status: &str) -> Option<&'static str> {
    match status {
        "CREATE_COMPLETE" => Some("created"),
        "UPDATE_COMPLETE" => Some("updated"),
        "DELETE_COMPLETE" => Some("deleted"),
        "DELETE_SKIPPED" => Some("kept"),
        failed if failed.ends_with("_FAILED") => Some("failed"),
        _ => None,
    }
}

/// `2.1 MB`.
#[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// An event as one line of a history.
pub fn history(event: &Event) -> String {
    let reason = event.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
    format!(
        "{}  {:<28} {} ({}){reason}",
        event.time.strftime("%Y-%m-%d %H:%M:%SZ"),
        event.status,
        event.logical_id,
        event.kind
    )
}

/// An event as a machine reads it.
pub fn history_json(event: &Event) -> serde_json::Value {
    json!({"type": "event", "event": event})
}
