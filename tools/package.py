#!/usr/bin/env python3
"""Creates the files of a release in dist/. For each processor: a zip file with the function, the template that deploys this
zip file from a bucket, a zip file with the command `delegation`, and a bill of materials for each program. SHA256SUMS has the
digests of all files.

    tools/package.py [x86_64] [arm64]
    tools/package.py --template x86_64|arm64     only prints that template
    tools/package.py --zip BOOTSTRAP FILE        only packs that function, and fails if it is too large

Without arguments, a processor is skipped if its Rust target is not installed. The same sources give the same bytes.
"""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import elf

TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
GLIBC = "2.34"
NO_TARGET = 3
DIST = Path("dist")
# The programs, each with its package and the maximum size of its zip file in bytes.
PROGRAMS = {"bootstrap": ("custom-delegation", 3_300_000), "delegation": ("delegation-cli", None)}
# Replaces `Code: .`; the parameters below are added. There is one bucket per Region, because Lambda reads code only from its Region.
CODE = """Code:
        S3Bucket: !Sub ${CodeBucketPrefix}-${AWS::Region}
        S3Key: !Ref CodeKey
"""
# Lambda compares the digest only when it publishes a version, which it does only if code or configuration changed. The place of the
# code is in the description of both, so that other code is compared with a digest that stays.
DESCRIPTION = '      Description: !Join [" ", [{}!Ref CodeBucketPrefix, !Ref CodeKey]]\n'
FUNCTIONS = ("Custom::Delegation", "Custom::Delegation - checks all delegations, and changes nothing")
DIGEST = "      CodeSha256: !Ref CodeSha256\n"
# The key must end in the processor. A zip file for the other one would not start ("exec format error"), and its stack would
# wait for an hour.
PARAMETERS = """Parameters:
  CodeBucketPrefix:
    Type: String
    AllowedPattern: "^[a-z0-9][a-z0-9.-]{{1,48}}$"
    ConstraintDescription: the prefix of a bucket's name
    Description: Prefix of the name of the code's bucket; a hyphen and the Region are appended
  CodeKey:
    Type: String
    Default: custom-delegation-{version}-{architecture}.zip
    # It is in descriptions, which have at most 256 characters.
    MaxLength: 128
    AllowedPattern: "^(.*[^a-z0-9_])?{architecture}[.]zip$"
    ConstraintDescription: the key of a zip file for {architecture}, which ends in {architecture}.zip
    Description: Key of the code's zip file in that bucket
"""


def build(architecture, program, must):
    """Builds the program and returns its path, or None if its target is not installed."""
    run = subprocess.run(["tools/build.sh", architecture, program], stdout=subprocess.PIPE, text=True)
    if run.returncode == NO_TARGET and not must:
        return None
    if run.returncode:
        sys.exit(run.returncode)
    return Path(run.stdout.split()[-1])


def version():
    return re.search(r'^version = "(.+)"$', Path("Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE).group(1)


def template(architecture):
    """Returns the template for one processor."""
    text = Path("template.yaml").read_text(encoding="utf-8")
    parameters = PARAMETERS.format(version=version(), architecture=architecture)
    # The function and its watch are the same program.
    for old, new, times in (
        (r"^      Code: \.\n", f"      {CODE}", 2),
        (r"^Parameters:\n", parameters, 1),
        (r"^      Architectures: \[.*\]$", f"      Architectures: [{architecture}]", 2),
        (f"^{DIGEST}", DIGEST + DESCRIPTION.format(""), 2),
        *((f"^      Description: {text}\n", DESCRIPTION.format(f'"{text} -", '), 1) for text in FUNCTIONS),
    ):
        text, count = re.subn(old, lambda _: new, text, flags=re.MULTILINE)
        if count != times:
            sys.exit(f"template.yaml has {count} lines {old!r}, but must have {times}")
    return text


def main():
    match sys.argv[1:]:
        case ["--template", architecture] if architecture in TARGETS:
            return print(template(architecture), end="")
        case ["--zip", program, file]:
            import archive

            _, limit = PROGRAMS["bootstrap"]
            return print(f"{file}: {archive.write(Path(program), Path(file), limit)} bytes, at most {limit}")
        case [*asked] if set(asked) <= set(TARGETS):
            pass
        case _:
            sys.exit(__doc__)
    # These need the Python tools of tools/python/. --template works without them.
    import archive
    import sbom

    DIST.mkdir(exist_ok=True)
    for old in DIST.iterdir():
        old.unlink()
    for architecture in asked or TARGETS:
        for program, (package, limit) in PROGRAMS.items():
            built = build(architecture, program, must=bool(asked))
            if built is None:
                break
            if found := list(elf.problems(built.read_bytes(), GLIBC, stripped=True)):
                sys.exit("\n".join(f"{built} {problem}" for problem in found))
            name = f"{package.removesuffix('-cli')}-{version()}-{architecture}"
            archive.write(built, DIST / f"{name}.zip", limit)
            bill = json.dumps(sbom.bill(package, TARGETS[architecture]), indent=1)
            (DIST / f"{name}.cdx.json").write_text(bill + "\n", encoding="utf-8")
        else:
            (DIST / f"template-{architecture}.yaml").write_text(template(architecture), encoding="utf-8")
    if not any(DIST.iterdir()):
        sys.exit("nothing was built: no Rust target of a processor is installed (rustup target add)")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(DIST.iterdir())]
    (DIST / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    print("".join(sums), end="")


if __name__ == "__main__":
    main()
