//! The commands about rights as their user sees them: `bootstrap`, `policy` and `check --fix`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/project.rs"]
mod project;

use std::collections::BTreeSet;
use std::{fmt, fs};

use insta::assert_snapshot;
use project::Project;
use serde_json::Value;

const MANIFEST: &str = "functions/get-profile/Cargo.toml";

/// A project whose `get-profile` makes this one call of DynamoDB on `profiles`, and is granted this.
fn calling(operation: &str, grants: &str) -> Project {
    let project = Project::new();
    project.function("get-profile", "route = [\"GET /user/profile\"]", grants);
    let main = include_str!("privilege/one-call.rs").replace("OPERATION", operation);
    project.write("functions/get-profile/src/main.rs", &main.replace("TABLE_THINGS", "TABLE_PROFILES"));
    for (name, text) in [("pr", "stages: pr-*\nclass: ephemeral\n"), ("prod", "class: production\n")] {
        project.write(&format!("environments/{name}.yaml"), &format!("extends: base\n{text}"));
    }
    project
}

fn mended() -> Project {
    calling("get_item", "profiles = [\"dynamodb:GetItem\"]")
}

/// Who may do what: the roles and policies of a printed template, with a line for each action.
struct Rights(BTreeSet<(String, String, String)>);

impl Rights {
    fn of(printed: &str) -> Self {
        let (_, template) = printed.split_once('\n').unwrap();
        // The hint stands behind the template.
        let template = template.split("\nhint:").next().unwrap();
        let tree: Value = serde_yaml::from_str(template).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        let mut rights = BTreeSet::new();
        for (id, resource) in tree["Resources"].as_object().unwrap() {
            let properties = &resource["Properties"];
            let name =
                ["RoleName", "ManagedPolicyName", "Url"].into_iter().find_map(|key| properties[key].as_str());
            let holder = format!("{id} {}", name.unwrap());
            rights.insert((holder.clone(), String::new(), String::new()));
            let inline = properties.pointer("/Policies/0/PolicyDocument").unwrap_or(&Value::Null);
            for document in [&properties["AssumeRolePolicyDocument"], &properties["PolicyDocument"], inline] {
                for statement in document["Statement"].as_array().into_iter().flatten() {
                    let place = place(statement);
                    let actions = texts(&statement["Action"]).into_iter();
                    rights.extend(actions.map(|action| (holder.clone(), place.clone(), action)));
                }
            }
        }
        Self(rights)
    }

    /// With another stage's names.
    fn renamed(&self, pattern: &str, environment: &str) -> Self {
        let renamed = |text: &String| {
            let names = text.replace(&format!("profile-service-{pattern}"), "profile-service-dev");
            names
                .replace(&format!("profile-service-{environment}-"), "profile-service-dev-")
                .replace(&format!("\"{pattern}\""), "\"dev\"")
        };
        Self(
            self.0
                .iter()
                .map(|(holder, place, action)| (renamed(holder), renamed(place), action.clone()))
                .collect(),
        )
    }

    /// What the others lack.
    fn beyond(&self, others: &Self) -> Self {
        Self(self.0.difference(&others.0).cloned().collect())
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = ("", "");
        for (holder, place, action) in &self.0 {
            if last.0 != holder {
                writeln!(formatter, "{holder}")?;
            }
            if last != (holder, place) && !place.is_empty() {
                writeln!(formatter, "  {place}")?;
            }
            if !action.is_empty() {
                writeln!(formatter, "    {action}")?;
            }
            last = (holder, place);
        }
        Ok(())
    }
}

/// Of whom or what, and on which condition.
fn place(statement: &Value) -> String {
    let on = if statement["Principal"].is_null() { &statement["Resource"] } else { &statement["Principal"] };
    let condition = match &statement["Condition"] {
        Value::Null => String::new(),
        condition => format!(" if {condition}"),
    };
    texts(on).join(" ") + &condition
}

fn texts(value: &Value) -> Vec<String> {
    let text = |one: &Value| {
        let text = one["Fn::Sub"].as_str().or_else(|| one.as_str());
        text.map_or_else(|| one.to_string(), str::to_owned)
    };
    value.as_array().map_or_else(|| vec![text(value)], |list| list.iter().map(text).collect())
}

#[test]
fn bootstrap_prints_what_a_pipeline_of_the_stage_may_do() {
    let printed = mended().run(&["bootstrap", "--stage", "dev"]);
    let (head, hint) = (printed.lines().next().unwrap(), printed.lines().last().unwrap());
    assert_snapshot!(format!("{head}\n{}{hint}", Rights::of(&printed)));
}

#[test]
fn a_family_s_rights_are_for_its_own_environment_and_production_s_go_further() {
    let project = mended();
    let own = |stage: &str, more: &[&str]| {
        let arguments = [&["bootstrap", "--stage", stage, "--repository", "acme/shop"], more].concat();
        Rights::of(&project.run(&arguments))
    };
    let dev = own("dev", &[]);
    let preview = own("pr-1", &["--with-provider"]).renamed("pr-*", "pr");
    let production = own("prod", &[]).renamed("prod", "prod");
    assert_snapshot!(format!(
        "pr beyond dev:\n{}\ndev beyond pr:\n{}\nprod beyond dev:\n{}\ndev beyond prod:\n{}",
        preview.beyond(&dev),
        dev.beyond(&preview),
        production.beyond(&dev),
        dev.beyond(&production)
    ));
}

#[test]
fn bootstrap_writes_the_same_into_a_folder_and_prints_nothing() {
    let project = mended();
    let printed = project.run(&["bootstrap", "--stage", "dev"]);
    let out = project.root().join("rights");
    let said = project.run(&["bootstrap", "--stage", "dev", "--out", out.to_str().unwrap()]);
    let written = fs::read_to_string(out.join("bootstrap.yaml")).unwrap();
    assert!(printed.starts_with(&format!("exit 0\n{written}")));
    assert_snapshot!(said);
}

#[test]
fn bootstrap_of_something_wrong_says_what_and_what_to_do() {
    let project = mended();
    let stage = |arguments: &[&str]| project.run(&[&["bootstrap"], arguments].concat());
    let mut said = vec![
        stage(&["--stage", "devel"]),
        stage(&["--stage", "local"]),
        stage(&["--stage", "dev", "--repository", "https://github.com/acme/shop"]),
        stage(&["--stage", "dev", "--repository", "acme/shop.git"]),
        stage(&["--stage", "dev", "--with-provider"]),
    ];
    project.write("environments/dev-2.yaml", "extends: base\nclass: ephemeral\n");
    said.extend([stage(&["--stage", "dev"]), stage(&["--stage", "dev-2"])]);
    let long = "a-service-with-a-name-of-forty-letters-x";
    project
        .write("environments/long-name.yaml", &format!("extends: base\nclass: ephemeral\nservice: {long}\n"));
    said.push(stage(&["--stage", "long-name"]));
    let own = "extends: base\nstages: deployer-*\nclass: ephemeral\nservice: deployer\n";
    project.write("environments/own.yaml", own);
    said.push(stage(&["--stage", "deployer-1"]));
    project.write("templates/topic.yaml.j2", "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n");
    said.push(stage(&["--stage", "prod"]));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn policy_shows_each_grant_with_the_calls_that_need_it() {
    let project = calling("get_item", "profiles = [\"dynamodb:GetItem\", \"dynamodb:Scan\"]");
    project.function("other", "route = [\"GET /other\"]", "");
    let all = project.run(&["policy", "--stage", "dev"]);
    let one = project.run(&["policy", "--stage", "dev", "other"]);
    let json = project.run(&["policy", "--stage", "dev", "get-profile", "--format", "json"]);
    assert_snapshot!(format!("{all}\n{one}\n{json}"));
}

#[test]
fn policy_of_no_function_names_the_nearest() {
    let project = mended();
    let near = project.run(&["policy", "--stage", "dev", "get-profil"]);
    let far = project.run(&["policy", "--stage", "dev", "zebra"]);
    assert_snapshot!(format!("{near}\n{far}"));
}

#[test]
fn check_fix_writes_the_grants_and_keeps_the_rest_of_the_file() {
    let project = calling("get_item", "");
    let manifest = fs::read_to_string(project.root().join(MANIFEST)).unwrap();
    let (head, _) = manifest.split_once("[package.metadata.deployer.grants]").unwrap();
    let before = format!(
        "# What reads a profile.\n{head}[package.metadata.deployer.grants]\n# Read by everybody.\n\
         profiles = [\n    # Not any more.\n    \"dynamodb:Scan\",   # all of it\n]\n\n[features]\nfast=[]  # as it was\n"
    );
    project.write(MANIFEST, &before);
    let wrong = project.run(&["check", "--stage", "dev"]);
    let fixed = project.run(&["check", "--stage", "dev", "--fix"]);
    let after = fs::read_to_string(project.root().join(MANIFEST)).unwrap();
    let again = project.run(&["check", "--stage", "dev", "--fix"]);
    assert_eq!(
        fs::read_to_string(project.root().join(MANIFEST)).unwrap(),
        after,
        "a second run does nothing"
    );
    // Sizes of templates change for other reasons.
    let sizeless = |said: String| {
        said.lines().map(|line| line.split(" (").next().unwrap()).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(format!(
        "{wrong}\n--- before\n{before}\n--- --fix: {}\n--- after\n{after}\n--- again: {}",
        sizeless(fixed),
        sizeless(again)
    ));
}

#[test]
fn check_fix_leaves_a_file_alone_that_is_no_toml() {
    let project = mended();
    let broken = fs::read_to_string(project.root().join(MANIFEST)).unwrap() + "[package\n";
    project.write(MANIFEST, &broken);
    assert!(project.run(&["check", "--stage", "dev", "--fix"]).starts_with("exit 2\n"));
    assert_eq!(fs::read_to_string(project.root().join(MANIFEST)).unwrap(), broken);
}
