"""No check is skipped silently, and with CI=true none that is not excused."""

import os
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

TOOLS = Path(__file__).parent.parent
# Whatever this test itself runs under.
CLEAN = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS", "NOT_CHECKED")}


class NotChecked(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.list = Path(folder.name) / "target" / "not-checked.tsv"

    def run_tool(self, *arguments, **environment):
        command = [sys.executable, TOOLS / "not_checked.py", *arguments]
        environment = {**CLEAN, "NOT_CHECKED": str(self.list), **environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def add(self, check):
        self.assertEqual(self.run_tool("add", check, "no way\nto have it", "buy one").returncode, 0)

    def test_nothing_skipped_passes_everywhere(self):
        for environment in ({}, {"CI": "true"}, {"CI": "true", "GITHUB_ACTIONS": "true"}):
            run = self.run_tool("report", **environment)
            self.assertEqual((run.returncode, run.stdout), (0, "== nothing was skipped\n"), environment)

    def test_a_person_sees_the_table_and_goes_on(self):
        self.add("unbound")
        run = self.run_tool("report")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stdout, r"(?m)^unbound +no way to have it +buy one$")
        self.assertNotIn("excused", run.stdout)

    def test_ci_refuses_a_skip_that_is_not_excused(self):
        self.add("unbound")
        run = self.run_tool("report", CI="true")
        self.assertEqual(run.returncode, 1)
        self.assertIn("not excused", run.stdout)
        self.assertIn("CI may not skip unbound", run.stderr)

    def test_an_excuse_holds_only_in_its_environment(self):
        self.add("advisories")
        run = self.run_tool("report", CI="true")
        self.assertEqual(run.returncode, 0)
        self.assertIn("excused: not every CI machine reaches github.com", " ".join(run.stdout.split()))
        run = self.run_tool("report", CI="true", GITHUB_ACTIONS="true")
        self.assertEqual(run.returncode, 1)
        self.assertIn("CI may not skip advisories", run.stderr)

    def test_one_excused_skip_does_not_cover_another(self):
        self.add("advisories")
        self.add("valgrind")
        run = self.run_tool("report", CI="true")
        self.assertEqual(run.returncode, 1)
        self.assertIn("CI may not skip valgrind:", run.stderr)

    def test_a_skip_is_told_once_and_forgotten_at_the_next_start(self):
        self.add("unbound")
        self.add("unbound")
        self.assertEqual(self.run_tool("report").stdout.count("unbound"), 1)
        self.assertEqual(self.run_tool("start").returncode, 0)
        self.assertEqual(self.run_tool("report", CI="true").returncode, 0)

    def test_a_broken_list_is_an_error(self):
        self.list.parent.mkdir()
        for line in ("unbound\tno\n", "unbound\t\tremedy\n", "\n"):
            self.list.write_text(line)
            self.assertEqual(self.run_tool("report").returncode, 1, line)

    def test_every_excuse_has_a_reason_and_an_environment(self):
        excuses = tomllib.loads((TOOLS / "excused-checks.toml").read_text())
        for check, entry in excuses.items():
            self.assertEqual(set(entry), {"reason", "only_without"}, check)
            self.assertTrue(all(entry.values()), check)


if __name__ == "__main__":
    unittest.main()
