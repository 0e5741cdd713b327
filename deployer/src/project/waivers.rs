//! Waivers as files write them: what the linter finds and somebody answers for, until a day.

use std::path::PathBuf;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

use super::NameError;
use super::problem::Place;
use super::values::Reason;

/// A finding that may stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The rule's id.
    pub rule: String,
    /// Only in this file: a path in the project, or in the function's crate.
    pub file: Option<PathBuf>,
    /// Why it may stay.
    pub reason: String,
    /// The last day on which it may.
    pub until: Date,
    /// Where it was written.
    pub place: Place,
}

/// A finding that may stay until a day, for a reason.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Waiver")]
pub struct WaiverFile {
    /// The id of the rule, as `check` shows it.
    pub rule: String,
    /// Only in this file: a path in the project.
    pub file: Option<String>,
    /// Why it may stay.
    pub reason: Reason,
    /// The last day on which it may, at most a year ahead, such as `2027-01-31`.
    pub until: LastDay,
}

/// A day such as `2027-01-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct LastDay(Date);

impl TryFrom<String> for LastDay {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        // jiff would read a date with a time as well.
        let date = if text.len() == "2027-01-31".len() { text.parse().ok() } else { None };
        date.map(Self).ok_or(NameError {
            text,
            kind: "a waiver's last day",
            rule: "a day such as 2027-01-31",
        })
    }
}

impl WaiverFile {
    /// With the place where it stands.
    pub fn at(self, place: Place) -> Waiver {
        Waiver {
            rule: self.rule,
            file: self.file.map(PathBuf::from),
            reason: self.reason.into(),
            until: self.until.0,
            place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_is_a_day_and_nothing_else() {
        assert!(LastDay::try_from("2027-01-31".to_owned()).is_ok());
        for bad in ["", "2027-02-30", "31.01.2027", "2027-01-31T00:00", "soon", "2027-1-31"] {
            assert!(LastDay::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
