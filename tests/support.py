"""How the tests run the deployer and copy the project."""

import os
import pathlib
import shlex
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
#: Where cargo builds, for the project and its copies.
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


class Deployer:
    """The deployer, run as a pipeline runs it: no terminal, no answer to any question."""

    def __init__(self, binary, project, environment):
        self.binary = binary
        self.project = project
        self.environment = environment

    def __call__(self, *arguments, expect=0):
        """Runs one command; gives its standard output. Its exit code must be `expect`."""
        done = subprocess.run(
            [self.binary, *arguments],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=1500,
        )
        assert done.returncode == expect, (
            f"deployer {' '.join(arguments)} ended with {done.returncode}, not {expect}\n"
            f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
        )
        return done.stdout

    def outputs(self, stage):
        """The stage's outputs as a shell would read them: a dict of names and values."""
        words = shlex.split(self("outputs", "--stage", stage, "--format", "env"))
        return dict(word.split("=", 1) for word in words)


def clean_environment(**more):
    """This process's environment without whatever AWS settings the machine has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "NO_COLOR": "1", **more}


def copy_project(folder):
    """Copies the project's own files into `folder`, so that a test may change them."""
    built = shutil.ignore_patterns("target", ".git", ".deployer", "node_modules", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=built, dirs_exist_ok=True)
