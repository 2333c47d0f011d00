#!/usr/bin/env python3
"""Creates the function's files of the npm package in cdk/assets/: a zip file and the template for each processor, and the
cfn-lint rules.

    cdk/tools/assets.py                    uses the files in dist/ that `make package` created
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
    """Packs the program, without its symbols if `strip` is installed: they are most of a debug build."""
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
    # tools/package.py expects this working directory.
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
            sys.exit(f"dist/ has no zip file of {prefix}. The npm package includes the function. Run `make package` first.")
        for file in [*zips, *Path("dist").glob("template-*.yaml")]:
            shutil.copy(file, ASSETS)
    # The cfn-lint rules, at the path that cdk/README.md names.
    shutil.copytree("schema", ASSETS / "schema", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("LICENSE", "cdk")


if __name__ == "__main__":
    main()
