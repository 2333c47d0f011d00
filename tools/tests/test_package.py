"""What is released: zip files that are the same twice and small enough, templates for one processor each, and `sam build`."""

import io
import os
import re
import stat
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from planted import ROOT, GateTest

sys.path.insert(0, str(ROOT / "tools"))
import archive  # noqa: E402

PROGRAM = b"\x7fELF" + bytes(range(256)) * 40


def package(*arguments):
    command = [sys.executable, "-B", "tools/package.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


class Archive(unittest.TestCase):
    def test_the_same_program_gives_the_same_bytes(self):
        self.assertEqual(archive.packed("bootstrap", PROGRAM), archive.packed("bootstrap", PROGRAM))

    def test_the_program_comes_out_as_it_went_in(self):
        with zipfile.ZipFile(io.BytesIO(archive.packed("bootstrap", PROGRAM))) as file:
            self.assertIsNone(file.testzip())
            (entry,) = file.infolist()
            self.assertEqual((entry.filename, file.read(entry)), ("bootstrap", PROGRAM))
            self.assertEqual((entry.compress_type, entry.date_time), (zipfile.ZIP_DEFLATED, (1980, 1, 1, 0, 0, 0)))
            self.assertEqual(stat.filemode(entry.external_attr >> 16), "-rwxr-xr-x")

    def test_a_function_that_is_too_large_is_refused_and_not_written(self):
        with tempfile.TemporaryDirectory() as folder:
            program, file = Path(folder) / "bootstrap", Path(folder) / "bootstrap.zip"
            program.write_bytes(PROGRAM)
            self.assertEqual(package("--zip", str(program), str(file)).returncode, 0)
            self.assertEqual(file.read_bytes(), archive.packed("bootstrap", PROGRAM))
            # Random bytes stay as many.
            program.write_bytes(os.urandom(3_300_001))
            run = package("--zip", str(program), str(file))
            self.assertEqual(run.returncode, 1)
            self.assertIn("may have at most 3300000", run.stderr)
            self.assertFalse(file.exists())


class Template(unittest.TestCase):
    def test_each_names_its_processor_and_takes_only_its_zip_file(self):
        for own, other in (("x86_64", "arm64"), ("arm64", "x86_64")):
            text = package("--template", own).stdout
            self.assertEqual(re.findall(r"^ *Architectures: (.*)$", text, re.MULTILINE), [f"[{own}]"] * 2)
            self.assertNotIn("Code: .\n", text)
            key = text[text.index("\n  CodeKey:") :]
            default, pattern = (re.search(rf"{name}: \"?(.*?)\"?\n", key).group(1) for name in ("Default", "AllowedPattern"))
            for prefix in ("", "0.1.0/", "custom-delegation-0.1.0-", "a/b/"):
                self.assertRegex(f"{prefix}{own}.zip", pattern)
                self.assertNotRegex(f"{prefix}{other}.zip", pattern)
            self.assertRegex(default, pattern)
            self.assertNotRegex("function.zip", pattern)

    def test_the_examples_that_pass_the_code_on_limit_it_as_much(self):
        packaged = package("--template", "arm64").stdout
        for example in ("stackset", "sns-central"):
            text = (ROOT / f"examples/{example}.yaml").read_text(encoding="utf-8")
            for name, limit in (("CodeBucketPrefix", "AllowedPattern"), ("CodeKey", "MaxLength")):
                given, wanted = (re.search(rf"^  {name}:\n(?:    .*\n)*?(    {limit}: .*)$", one, re.MULTILINE) for one in (text, packaged))
                self.assertEqual(given and given.group(1), wanted.group(1), (example, name))

    def test_another_processor_is_refused(self):
        for arguments in (["--template"], ["--template", "riscv64"], ["riscv64"], ["arm64", "--template"]):
            self.assertEqual(package(*arguments).returncode, 1, arguments)


class SamBuild(GateTest):
    """The target that `sam build` runs, with builders that only say who they are."""

    def setUp(self):
        super().setUp()
        self.copy("template.yaml")
        (self.project / "tools").unlink()
        self.program("tools/build.sh", 'echo "zigbuild for $1" >built; echo built')
        self.program("bin/cargo", 'mkdir -p target/release; echo "cargo $*" >target/release/bootstrap')
        self.program("bin/uname", "echo x86_64")
        self.write("tools/elf.py", "")

    def program(self, name, script):
        self.write(name, f"#!/bin/sh\n{script}\n")
        (self.project / name).chmod(0o755)

    def arguments(self):
        return ["build-DelegationFunction", f"ARTIFACTS_DIR={self.project}"]

    def environment(self):
        # Without a cargo-zigbuild of this machine.
        return {"PATH": f"{self.project}/bin:/usr/bin:/bin"}

    def built(self):
        return (self.project / "bootstrap").read_text(encoding="utf-8")

    def test_zigbuild_is_found_although_it_has_no_flag_for_its_version(self):
        self.program("bin/cargo-zigbuild", "exit 2")
        self.assert_passes(*self.arguments(), **self.environment())
        self.assertEqual(self.built(), "zigbuild for x86_64\n")

    def test_the_processor_is_the_one_of_the_template(self):
        self.program("bin/cargo-zigbuild", "exit 2")
        self.replace("template.yaml", "Architectures: [x86_64]", "Architectures: [arm64]")
        self.assert_passes(*self.arguments(), **self.environment())
        self.assertEqual(self.built(), "zigbuild for arm64\n")

    def test_without_zigbuild_only_this_processor_can_be_built(self):
        self.assert_passes(*self.arguments(), **self.environment())
        self.assertIn("cargo build --locked --release", self.built())
        self.replace("template.yaml", "Architectures: [x86_64]", "Architectures: [arm64]")
        self.assert_refuses("only with cargo-zigbuild", *self.arguments(), **self.environment())

    def test_a_program_that_lambda_could_not_start_is_refused(self):
        self.write("tools/elf.py", "raise SystemExit('needs GLIBC_2.99')")
        self.assert_refuses("needs GLIBC_2.99", *self.arguments(), **self.environment())
        self.assertFalse((self.project / "bootstrap").exists())
