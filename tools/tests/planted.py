"""Small projects in which the Makefile's own commands are run: first as they should pass, then with a planted fault."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# What a `make` around this test would hand on.
INHERITED = ("CI", "GITHUB_ACTIONS", "NOT_CHECKED", "CARGO_TARGET_DIR", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")


class GateTest(unittest.TestCase):
    """Each test has a folder with a copy of the project's layout and the real tools."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="planted-")
        self.addCleanup(folder.cleanup)
        self.project = Path(folder.name)
        (self.project / "tools").symlink_to(ROOT / "tools")
        # Folders of their own, so that no rule of the Makefile could clear the real ones.
        for environment in ROOT.glob(".venv-*"):
            (self.project / environment.name).mkdir()
            (self.project / environment.name / "bin").symlink_to(environment / "bin")
            (self.project / environment.name / "ok").touch()
        (self.project / "target").mkdir()

    def copy(self, *names):
        for name in names:
            source, to = ROOT / name, self.project / name
            shutil.copytree(source, to, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, to)

    def write(self, name, text):
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def replace(self, name, old, new):
        text = (self.project / name).read_text(encoding="utf-8")
        self.assertIn(old, text)
        self.write(name, text.replace(old, new, 1))

    def make(self, *arguments, **environment):
        """Runs the real Makefile here; returns its exit status and all that it wrote."""
        inherited = {name: value for name, value in os.environ.items() if name not in INHERITED}
        run = subprocess.run(
            ["make", "--no-print-directory", "-f", ROOT / "Makefile", *arguments],
            cwd=self.project,
            env={**inherited, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        return run.returncode, run.stdout

    def assert_passes(self, *arguments, **environment):
        status, output = self.make(*arguments, **environment)
        self.assertEqual(status, 0, output)
        return output

    def assert_refuses(self, expected, *arguments, **environment):
        status, output = self.make(*arguments, **environment)
        self.assertNotEqual(status, 0, output)
        self.assertIn(expected, output)
        return output
