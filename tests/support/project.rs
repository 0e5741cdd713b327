//! A project of its own for the real binary, and what that says.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A project of the smallest kind: the real environments and templates, one function crate.
pub struct Project(tempfile::TempDir);

impl Project {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let project = Self(folder);
        for name in ["base.yaml", "local.yaml", "dev.yaml"] {
            let text = fs::read_to_string(repository.join("environments").join(name)).unwrap();
            // What it says of functions is about crates that this project does not have.
            let text = text.split("\nfunctions:").next().unwrap();
            project.write(&format!("environments/{name}"), text);
        }
        project.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n");
        project.function(
            "get-profile",
            "route = [\"GET /user/profile\"]",
            // What it is granted is what its code calls: nothing.
            "",
        );
        for folder in ["", "function", "table"] {
            for entry in fs::read_dir(repository.join("templates").join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = format!("templates/{folder}/{}", path.file_name().unwrap().display());
                    project.write(&name, &fs::read_to_string(&path).unwrap());
                }
            }
        }
        project
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn function(&self, name: &str, what: &str, grants: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [package.metadata.lambda.deploy]\nmemory = 256\ntimeout = 5\n\n[package.metadata.deployer]\n{what}\n\n\
             [package.metadata.deployer.grants]\n{grants}\n"
        );
        self.write(&format!("functions/{name}/Cargo.toml"), &manifest);
        self.write(&format!("functions/{name}/src/main.rs"), "fn main() {}\n");
    }

    /// Exit code, stdout and stderr as one readable text.
    pub fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deployer"));
        command.args(arguments).arg("--project").arg(self.0.path());
        for name in ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "DEPLOYER_STAGE"]
        {
            command.env_remove(name);
        }
        command.env("HOME", self.0.path()).env("AWS_EC2_METADATA_DISABLED", "true").env("NO_COLOR", "1");
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&self.0.path().display().to_string(), "<project>")
        };
        format!("exit {}\n{}{}", output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }
}
