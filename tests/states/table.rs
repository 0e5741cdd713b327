//! What must happen, written down by hand from CloudFormation's documentation and the stage classes:
//! nothing here is computed by the code that it judges.
//!
//! A cell reads `calls : exit code`. The calls are those that change something, in their order.

/// A row: the stack's status, and the cell of each class (ephemeral, development, production).
pub type Row = (&'static str, [&'static str; 3]);

/// The one status that no version of this tool knows.
pub const UNKNOWN: &str = "REFRESHED";

/// Exit codes: 5 is a wait that is over, 7 a choice for a person.
const BUSY: [&str; 3] = [": 5", ": 5", ": 5"];
const STUCK: [&str; 3] = [": 7", ": 7", ": 7"];
const NOTHING: [&str; 3] = [": 0", ": 0", ": 0"];

/// A stage that keeps data is protected once it works; production has a stack policy besides.
const CREATE: [&str; 3] =
    ["create execute : 0", "create execute protect : 0", "create execute policy protect : 0"];
const UPDATE: [&str; 3] = ["update execute : 0", "update execute : 0", "update execute policy : 0"];

/// `up --yes` of other content than the live one.
pub const UP: [Row; 25] = [
    ("absent", CREATE),
    ("DELETE_COMPLETE", CREATE),
    ("REVIEW_IN_PROGRESS", CREATE),
    ("CREATE_COMPLETE", UPDATE),
    ("UPDATE_COMPLETE", UPDATE),
    ("UPDATE_ROLLBACK_COMPLETE", UPDATE),
    ("IMPORT_COMPLETE", UPDATE),
    ("IMPORT_ROLLBACK_COMPLETE", UPDATE),
    ("CREATE_IN_PROGRESS", BUSY),
    ("UPDATE_IN_PROGRESS", BUSY),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", BUSY),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", BUSY),
    ("ROLLBACK_IN_PROGRESS", BUSY),
    ("UPDATE_ROLLBACK_IN_PROGRESS", BUSY),
    ("IMPORT_IN_PROGRESS", BUSY),
    ("IMPORT_ROLLBACK_IN_PROGRESS", BUSY),
    ("DELETE_IN_PROGRESS", BUSY),
    ("CREATE_FAILED", ["delete create execute : 0", ": 7", ": 7"]),
    ("ROLLBACK_COMPLETE", ["delete create execute : 0", "delete create execute protect : 0", ": 7"]),
    ("ROLLBACK_FAILED", ["delete create execute : 0", ": 7", ": 7"]),
    (
        "UPDATE_FAILED",
        [
            "roll-back update execute : 0",
            "roll-back update execute : 0",
            "roll-back update execute policy : 0",
        ],
    ),
    (
        "UPDATE_ROLLBACK_FAILED",
        ["continue update execute : 0", "continue update execute : 0", "continue update execute policy : 0"],
    ),
    ("DELETE_FAILED", ["delete create execute : 0", "delete create execute protect : 0", ": 7"]),
    ("IMPORT_ROLLBACK_FAILED", STUCK),
    (UNKNOWN, STUCK),
];

/// A working development stack is protected against termination, which `down` lifts; in production a
/// person did before.
const DELETE: [&str; 3] = ["delete : 0", "unprotect delete : 0", "delete : 0"];
/// A stack that never worked was never protected.
const DELETE_WRECK: [&str; 3] = ["delete : 0", "delete : 0", "delete : 0"];
const EPHEMERAL_DELETES: [&str; 3] = ["delete : 0", ": 7", ": 7"];

/// `down`, approved: by `--yes` in development, by typing the stack's name in production.
pub const DOWN: [Row; 25] = [
    ("absent", NOTHING),
    ("DELETE_COMPLETE", NOTHING),
    ("REVIEW_IN_PROGRESS", DELETE_WRECK),
    ("CREATE_COMPLETE", DELETE),
    ("UPDATE_COMPLETE", DELETE),
    ("UPDATE_ROLLBACK_COMPLETE", DELETE),
    ("IMPORT_COMPLETE", DELETE),
    ("IMPORT_ROLLBACK_COMPLETE", DELETE),
    ("CREATE_IN_PROGRESS", BUSY),
    ("UPDATE_IN_PROGRESS", BUSY),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", BUSY),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", BUSY),
    ("ROLLBACK_IN_PROGRESS", BUSY),
    ("UPDATE_ROLLBACK_IN_PROGRESS", BUSY),
    ("IMPORT_IN_PROGRESS", BUSY),
    ("IMPORT_ROLLBACK_IN_PROGRESS", BUSY),
    ("DELETE_IN_PROGRESS", BUSY),
    ("CREATE_FAILED", DELETE_WRECK),
    ("ROLLBACK_COMPLETE", DELETE_WRECK),
    ("ROLLBACK_FAILED", DELETE_WRECK),
    ("UPDATE_FAILED", DELETE),
    ("UPDATE_ROLLBACK_FAILED", EPHEMERAL_DELETES),
    ("DELETE_FAILED", DELETE_WRECK),
    ("IMPORT_ROLLBACK_FAILED", EPHEMERAL_DELETES),
    (UNKNOWN, STUCK),
];

/// `rollback` without anything to skip, the same in every class.
pub const ROLLBACK: [(&str, &str); 25] = [
    ("absent", ": 0"),
    ("DELETE_COMPLETE", ": 0"),
    ("REVIEW_IN_PROGRESS", ": 0"),
    ("CREATE_COMPLETE", ": 0"),
    ("UPDATE_COMPLETE", ": 0"),
    ("UPDATE_ROLLBACK_COMPLETE", ": 0"),
    ("IMPORT_COMPLETE", ": 0"),
    ("IMPORT_ROLLBACK_COMPLETE", ": 0"),
    ("CREATE_IN_PROGRESS", ": 5"),
    ("UPDATE_IN_PROGRESS", ": 5"),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ": 5"),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", ": 5"),
    ("ROLLBACK_IN_PROGRESS", ": 5"),
    ("UPDATE_ROLLBACK_IN_PROGRESS", ": 5"),
    ("IMPORT_IN_PROGRESS", ": 5"),
    ("IMPORT_ROLLBACK_IN_PROGRESS", ": 5"),
    ("DELETE_IN_PROGRESS", ": 5"),
    ("CREATE_FAILED", ": 7"),
    ("ROLLBACK_COMPLETE", ": 7"),
    ("ROLLBACK_FAILED", ": 7"),
    ("UPDATE_FAILED", "roll-back : 0"),
    ("UPDATE_ROLLBACK_FAILED", "continue : 0"),
    ("DELETE_FAILED", ": 7"),
    ("IMPORT_ROLLBACK_FAILED", ": 7"),
    (UNKNOWN, ": 7"),
];
