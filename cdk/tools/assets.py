#!/usr/bin/env python3
"""Puts into cdk/assets/ what the npm package has of the function: a zip file and the template for each processor, and the
rule for cfn-lint.

    cdk/tools/assets.py                    takes them from dist/, where `make package` put them
    cdk/tools/assets.py --program PROGRAM  packs a program that was built for this machine
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "cdk" / "assets"
PROCESSORS = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}

sys.path.insert(0, str(ROOT / "tools"))
import package  # noqa: E402


def pack(program, file):
    """A debug build carries its symbols, which are most of it: without them where `strip` is there."""
    copy = ASSETS / "bootstrap"
    if shutil.which("strip") is None:
        shutil.copyfile(program, copy)
    else:
        subprocess.run(["strip", "-o", copy, program], check=True)
    entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o100755 << 16
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(entry, copy.read_bytes(), zipfile.ZIP_DEFLATED)
    copy.unlink()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path)
    program = parser.parse_args().program
    program = program and program.resolve()
    # Where tools/package.py looks for its sources.
    os.chdir(ROOT)
    prefix = f"custom-delegation-{package.version()}"
    shutil.rmtree(ASSETS, ignore_errors=True)
    ASSETS.mkdir()
    if program is not None:
        processor = PROCESSORS[platform.machine()]
        pack(program, ASSETS / f"{prefix}-{processor}.zip")
        (ASSETS / f"template-{processor}.yaml").write_text(package.template(processor), encoding="utf-8")
    else:
        zips = sorted(Path("dist").glob(f"{prefix}-*.zip"))
        if not zips:
            sys.exit(f"dist/ has no zip file of {prefix}. The npm package carries the function. Run `make package` first.")
        for file in [*zips, *Path("dist").glob("template-*.yaml")]:
            shutil.copy(file, ASSETS)
    # What checks a synthesized stack, at the place where the page says.
    shutil.copytree("schema", ASSETS / "schema", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("LICENSE", "cdk")


if __name__ == "__main__":
    main()
