"""Runs Terraform projects as a user would: init, apply, plan, destroy."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PROVIDER = "registry.terraform.io/hashicorp/aws"


def program() -> str | None:
    """The terraform program, when it and a local copy of the AWS provider are there."""
    found = shutil.which("terraform")
    return found if found and mirror() else None


def mirror() -> Path | None:
    """A folder that holds the AWS provider as Terraform's filesystem mirrors do."""
    for folder in (
        os.environ.get("TF_PLUGIN_MIRROR", ""),
        "/opt/tf-plugins",
        "/usr/share/terraform/plugins",
        str(Path("~/.terraform.d/plugins").expanduser()),
    ):
        if folder and (Path(folder) / PROVIDER).is_dir():
            return Path(folder)
    return None


class Project:
    """A copy of a project, bound to one server."""

    def __init__(self, source: Path, workdir: Path, endpoint: str, *, subfolder: str = "") -> None:
        shutil.copytree(source, workdir, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
        self.root = workdir
        self.folder = workdir / subfolder
        settings = workdir / "terraform.rc"
        settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror()}" }}\n}}\n')
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))},
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def run(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> tuple[int, str]:
        """One terraform command; raises AssertionError with its output for another exit status."""
        ran = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=1200,
        )
        output = ran.stdout + ran.stderr
        assert ran.returncode in accept, (
            f"terraform {' '.join(arguments)}: {ran.returncode}\n{output[-6000:]}"
        )
        return ran.returncode, output

    def apply(self) -> None:
        """init and apply."""
        self.run("init")
        self.run("apply", "-auto-approve")

    def assert_no_drift(self) -> None:
        """A second plan is empty."""
        status, output = self.run("plan", "-detailed-exitcode", accept=(0, 2))
        assert status == 0, f"the second plan is not empty:\n{output[-6000:]}"

    def destroy(self) -> None:
        """destroy."""
        self.run("destroy", "-auto-approve")
