#!/usr/bin/env python3
"""Breaks the rules of the planner one by one, and checks that the model checker notices. Run by `make model-mutants`.

All mutants in crates/model-check/mutants.toml are built into one copy of the crates, in target/model-mutants; the variable MUTANT
enables one of them, counted from 1. For each mutant, the explorations run in their short form. If that finds nothing, they run with
full bounds, those with the fewest states first, until a promise is broken. Prints the table of docs/model-checking.md. Arguments
select mutants whose rule or description contains one of them.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / "target" / "model-mutants"
SOURCES = ROOT / "crates/delegation-model/src"
SWITCH = '''
pub(crate) mod mutants {
    /// True if this mutant is on.
    pub(crate) fn is_on(number: u16) -> bool {
        static ON: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
        let read = || std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        *ON.get_or_init(read) == number
    }
}
'''


def mutants():
    with open(ROOT / "crates/model-check/mutants.toml", "rb") as file:
        return tomllib.load(file)["mutant"]


def manifest():
    """Returns the root manifest reduced to a workspace of the two packages."""
    text = (ROOT / "Cargo.toml").read_text()
    sections = re.split(r"(?m)^(?=\[)", text)
    kept = [section for section in sections if re.match(r"\[(workspace|profile)", section)]
    return re.sub(r"members = \[.*\]", 'members = ["crates/*"]', "".join(kept), count=1)


def switched(text, spans):
    """Returns the file with each of its mutants behind a switch. Several mutants may change one expression."""
    groups = {}
    for start, end, number, to in spans:
        groups.setdefault((start, end), []).append((number, to))
    ordered = sorted(groups)
    for (_, end), (start, _) in zip(ordered, ordered[1:]):
        assert end <= start, f"two mutants overlap: {text[start:end]!r}"
    for (start, end), ways in sorted(groups.items(), reverse=True):
        what = text[start:end]
        for number, to in ways:
            what = f"(if crate::mutants::is_on({number}) {{ {to} }} else {{ {what} }})"
        text = text[:start] + what + text[end:]
    return text


def position(text, mutant):
    places = [match.start() for match in re.finditer(re.escape(mutant["from"]), text)]
    nth = mutant.get("nth", 0)
    assert len(places) > nth and (len(places) == 1 or "nth" in mutant), (
        f"{mutant['file']}: {mutant['from']!r} occurs {len(places)} times"
    )
    return places[nth]


def spans(all_mutants):
    """Returns by file: start, end, number and replacement of each mutant."""
    found = {}
    for number, mutant in enumerate(all_mutants, 1):
        start = position((SOURCES / mutant["file"]).read_text(), mutant)
        found.setdefault(mutant["file"], []).append((start, start + len(mutant["from"]), number, mutant["to"]))
    return found


def copy(all_mutants):
    shutil.rmtree(COPY / "crates", ignore_errors=True)
    for crate in ["delegation-model", "model-check"]:
        shutil.copytree(ROOT / "crates" / crate, COPY / "crates" / crate)
    (COPY / "Cargo.toml").write_text(manifest())
    shutil.copy(ROOT / "Cargo.lock", COPY / "Cargo.lock")
    sources = COPY / "crates/delegation-model/src"
    for name, of_file in spans(all_mutants).items():
        (sources / name).write_text(switched((SOURCES / name).read_text(), of_file))
    with open(sources / "lib.rs", "a") as file:
        file.write(SWITCH)
    env = {**os.environ, "RUSTFLAGS": "-Awarnings", "CARGO_TARGET_DIR": str(COPY / "target")}
    # Removes the other crates from the lock file, and changes no version.
    prune = ["cargo", "metadata", "--format-version", "1"]
    subprocess.run(prune, cwd=COPY, env=env, check=True, stdout=subprocess.DEVNULL)
    build = ["cargo", "build", "--locked", "--quiet", "--profile", "driver", "-p", "model-check"]
    subprocess.run(build, cwd=COPY, env=env, check=True)


def found(number, form):
    """Returns the exploration that breaks a promise, and the promise; None if all hold."""
    command = [COPY / "target/driver/model-check", *form]
    run = subprocess.run(command, env={**os.environ, "MUTANT": str(number)}, capture_output=True, text=True)
    holds = re.search(r'holds\("([^"]+)"', run.stdout)
    if holds:
        promise = re.search(r"fn found_in_\S+\(\) \{\n\s*// (.*)", run.stdout).group(1)
        return holds.group(1), promise.split(":")[0]
    if run.returncode not in (0, 1) or "states in all" not in run.stdout:
        # For example, an impossible batch.
        return "any", "a panic"
    return None


def main():
    all_mutants = mutants()
    copy(all_mutants)
    assert found(0, ["--short"]) is None, "a promise is broken without a mutant"
    wanted = sys.argv[1:]
    counts = {"found in the short form": 0, "with full bounds": 0, "not found": 0}
    wrong = 0
    print("| rule | what is broken | found in | by |\n|---|---|---|---|")
    for number, mutant in enumerate(all_mutants, 1):
        if wanted and not any(word in f"{mutant['rule']} {mutant['what']}" for word in wanted):
            continue
        what, by_form = found(number, ["--short"]), "found in the short form"
        if what is None and "survives" not in mutant:
            what, by_form = found(number, ["--first"]), "with full bounds"
        counts[by_form if what else "not found"] += 1
        where, by = what or ("", mutant.get("survives", "**not found**"))
        wrong += (what is None) == ("survives" not in mutant)
        print(f"| {mutant['rule']} | {mutant['what']} | {where} | {by} |", flush=True)
    print(", ".join(f"{count} {form}" for form, count in counts.items()), file=sys.stderr)
    if wrong:
        print(f"{wrong} mutants are not as expected", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
