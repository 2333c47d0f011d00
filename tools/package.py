#!/usr/bin/env python3
"""Makes what is released, in dist/: for each architecture a zip file with the function and its bill of materials, the template that
deploys such a zip file from a bucket, and the SHA-256 of all of them.

    tools/package.py [x86_64] [arm64]
    tools/package.py --template         only prints that template

An architecture that is not named is made if its Rust target is installed. The same sources give the same bytes.
"""

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import elf

TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
GLIBC = "2.34"
NO_TARGET = 3
DIST = Path("dist")
# In place of `Code: .`, and before the other parameters: one bucket in each Region, for Lambda reads code from its own Region alone.
CODE = """Code:
        S3Bucket: !Sub ${CodeBucketPrefix}-${AWS::Region}
        S3Key: !Ref CodeKey
"""
PARAMETERS = """Parameters:
  CodeBucketPrefix:
    Type: String
    AllowedPattern: "^[a-z0-9][a-z0-9.-]{1,48}$"
    ConstraintDescription: the beginning of a bucket's name
    Description: The code lies in the bucket of this name, a hyphen and the Region
  CodeKey:
    Type: String
    MinLength: 1
    Description: Key of the code's zip file in that bucket
"""


def build(architecture, must):
    """The program, or nothing if its target is not installed."""
    run = subprocess.run(["tools/build.sh", architecture], stdout=subprocess.PIPE, text=True)
    if run.returncode == NO_TARGET and not must:
        return None
    if run.returncode:
        sys.exit(run.returncode)
    return Path(run.stdout.split()[-1])


def write_zip(path, program):
    entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o100755 << 16
    # Not compressed: what a compressor makes of it differs from one zlib to the next.
    entry.compress_type = zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(entry, program.read_bytes())


def template():
    text = Path("template.yaml").read_text(encoding="utf-8")
    for old, new in (("      Code: .\n", f"      {CODE}"), ("\nParameters:\n", f"\n{PARAMETERS}")):
        if text.count(old) != 1:
            sys.exit(f"template.yaml has not one {old.strip()!r}")
        text = text.replace(old, new)
    return text


def main():
    asked = sys.argv[1:]
    if asked == ["--template"]:
        return print(template(), end="")
    if unknown := set(asked) - set(TARGETS):
        sys.exit(f"unknown architecture {', '.join(sorted(unknown))}; known are {', '.join(TARGETS)}")
    # Needs Python 3.11, which the rest of this program does not.
    import sbom

    version = re.search(r'^version = "(.+)"$', Path("Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE).group(1)
    DIST.mkdir(exist_ok=True)
    for old in DIST.iterdir():
        old.unlink()
    for architecture in asked or TARGETS:
        program = build(architecture, must=bool(asked))
        if program is None:
            continue
        if found := list(elf.problems(program.read_bytes(), GLIBC, stripped=True)):
            sys.exit("\n".join(f"{program} {problem}" for problem in found))
        name = f"custom-delegation-{version}-{architecture}"
        write_zip(DIST / f"{name}.zip", program)
        bill = json.dumps(sbom.bill(TARGETS[architecture]), indent=1)
        (DIST / f"{name}.cdx.json").write_text(bill + "\n", encoding="utf-8")
    if not any(DIST.iterdir()):
        sys.exit("nothing was built")
    (DIST / "template.yaml").write_text(template(), encoding="utf-8")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(DIST.iterdir())]
    (DIST / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    print("".join(sums), end="")


if __name__ == "__main__":
    main()
