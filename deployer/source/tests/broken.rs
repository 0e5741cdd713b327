//! The repository's own functions: clean as they are, and found at fault once one place of them is made wrong again.
//! The mistakes stand in the shared library mostly, calls away from the function that makes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use deployer_source::rules::{self, Event, Function};
use deployer_source::{Dependency, Package, Workspace};

const FUNCTIONS: [(&str, Event<'_>); 8] = [
    ("get-identity", Event::Route { public: false }),
    ("get-profile", Event::Route { public: false }),
    ("get-user", Event::Route { public: false }),
    ("put-profile", Event::Route { public: false }),
    ("update-account", Event::Route { public: false }),
    ("post-confirmation", Event::Trigger("PostConfirmation")),
    ("post-confirmation-identities", Event::Trigger("PostConfirmation")),
    ("post-confirmation-postgres", Event::Trigger("PostConfirmation")),
];

/// The libraries that functions share.
const LIBRARIES: [&str; 2] = ["postgres", "shared"];

/// A file of `functions/`, a text in it, the text that makes it wrong, the function that is at fault then, and the rule.
type Break = (&'static str, &'static str, &'static str, &'static str, &'static str);

const BREAKS: &[Break] = &[
    (
        "shared/src/caller.rs",
        "claims.get(\"token_use\").is_none_or(|token_use| token_use != \"access\")",
        "claims.is_empty()",
        "get-profile",
        "id-token-accepted",
    ),
    (
        "shared/src/caller.rs",
        ".and_then(|authorizer| authorizer.jwt.as_ref())\n            .map(|jwt| &jwt.claims)",
        ".map(|authorizer| &authorizer.claims)",
        "put-profile",
        "payload-1-claims",
    ),
    (
        "shared/src/caller.rs",
        "claims.get(\"sub\")",
        "request.headers().get(\"x-user-id\")",
        "update-account",
        "identity-from-request",
    ),
    (
        "shared/src/confirmation/mod.rs",
        "Ok(event.payload)",
        "Ok(json!({\"done\": true}))",
        "post-confirmation",
        "wrong-answer",
    ),
    (
        "shared/src/confirmation/mod.rs",
        "return Err(failed(",
        "drop((",
        "post-confirmation-postgres",
        "swallowed-error",
    ),
    (
        "shared/src/confirmation/mod.rs",
        "let subject = user.sub.hash();",
        "let subject = user.sub.hash(); tracing::debug!(?event, \"confirmed\");",
        "post-confirmation",
        "logged-event",
    ),
    (
        "shared/src/confirmation/event.rs",
        "if source.trigger_source != CONFIRMED_SIGN_UP {\n        return Ok(None);\n    }",
        "",
        "post-confirmation",
        "any-trigger-source",
    ),
    (
        "shared/src/profiles.rs",
        ".condition_expression(\"attribute_not_exists(#pk)\")",
        "",
        "post-confirmation",
        "unconditional-write",
    ),
    (
        "shared/src/identities.rs",
        ".condition_expression(\"attribute_not_exists(#key)\")",
        "",
        "post-confirmation-identities",
        "unconditional-write",
    ),
    (
        "shared/src/identities.rs",
        "let rows: Result<Vec<Put>, BuildError>",
        "self.profiles.put_item().condition_expression(NEW).send().await?; \
         self.identities.put_item().condition_expression(NEW).send().await?; \
         let rows: Result<Vec<Put>, BuildError>",
        "post-confirmation-identities",
        "split-write",
    ),
    (
        "shared/src/user.rs",
        "Uuid::new_v5(&IDS, self.0.as_bytes())",
        "Uuid::new_v4()",
        "post-confirmation-identities",
        "random-key",
    ),
    (
        "shared/src/row.rs",
        "pk: partition_key(&user.sub)",
        "pk: user.email.clone().unwrap_or_default()",
        "post-confirmation",
        "keyed-by-email",
    ),
    (
        "shared/src/user_pool.rs",
        ".name(\"email\").value(email)",
        ".name(\"email_verified\").value(\"true\")",
        "update-account",
        "verified-by-hand",
    ),
    (
        "put-profile/src/main.rs",
        "let profile = body::profile(body)?;",
        "let profile = body::profile(body)?; tracing::info!(?body, \"got it\");",
        "put-profile",
        "logged-event",
    ),
    (
        "update-account/src/main.rs",
        "let wanted = body::wanted(request.body())?;",
        "let wanted = body::wanted(request.body())?; \
         self.user_pool.admin_get_user(&wanted.email.clone().unwrap_or_default()).await?;",
        "update-account",
        "identity-from-request",
    ),
];

/// The functions' sources in a folder of their own.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
        for name in FUNCTIONS.iter().map(|(name, _)| *name).chain(LIBRARIES) {
            copy(&functions.join(name).join("src"), &folder.path().join(name).join("src"));
        }
        Self(folder)
    }

    fn packages(&self) -> Vec<Package> {
        let source = |name: &str, file: &str| self.0.path().join(name).join("src").join(file);
        let dependencies = LIBRARIES
            .map(|name| Dependency { package: format!("functions-{name}"), ..Dependency::default() });
        let function = |(name, _): (&str, Event<'_>)| Package {
            name: name.to_owned(),
            binary: Some(source(name, "main.rs")),
            dependencies: dependencies.to_vec(),
            ..Package::default()
        };
        let library = |name: &str| Package {
            name: format!("functions-{name}"),
            library: Some(source(name, "lib.rs")),
            dependencies: dependencies.iter().filter(|one| !one.package.ends_with(name)).cloned().collect(),
            ..Package::default()
        };
        FUNCTIONS.into_iter().map(function).chain(LIBRARIES.map(library)).collect()
    }

    /// `function rule` of everything that is found in `functions`.
    fn found(&self, functions: &[&str]) -> Vec<String> {
        let workspace = Workspace::load(self.0.path(), &self.packages(), functions).unwrap();
        let asked = FUNCTIONS.into_iter().filter(|(name, _)| functions.contains(name));
        let found = asked.flat_map(|(package, event)| {
            let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let (partition_keys, sort_keys) = (keys(&["pk", "id"]), keys(&["sk"]));
            let function = Function { package, event, grants: Vec::new(), partition_keys, sort_keys };
            let faults = rules::check(&workspace, &function);
            faults.into_iter().map(move |fault| format!("{package} {}", fault.rule))
        });
        found.collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn the_functions_are_clean_and_each_mistake_in_them_is_found() {
    let copy = Copy::new();
    assert_eq!(copy.found(&FUNCTIONS.map(|(name, _)| name)), Vec::<String>::new());
    let mut missed = Vec::new();
    for (file, old, new, function, rule) in BREAKS {
        let path = copy.0.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} holds no {old:?}");
        fs::write(&path, text.replace(old, new)).unwrap();
        let found = copy.found(&[function]);
        let expected = format!("{function} {rule}");
        if found.is_empty() || found.iter().any(|line| *line != expected) {
            missed.push(format!("{file}: {expected}, found {found:?}"));
        }
        fs::write(&path, text).unwrap();
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
