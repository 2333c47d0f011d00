#!/usr/bin/env python3
"""Manages the list of checks that could not run on this machine, so that no check is skipped silently.

    tools/not_checked.py start                      clears the list
    tools/not_checked.py add CHECK WHY REMEDY       adds a check
    tools/not_checked.py report                     prints the list as a table

The environment variable NOT_CHECKED names the file. It has one line per skipped check: the check, the reason, and the remedy,
separated by tabs. Tests write to it, too. With CI=true, `report` fails if tools/excused-checks.toml does not excuse a check on
the list.
"""

import os
import sys
import textwrap
import tomllib
from pathlib import Path

EXCUSES = Path(__file__).with_name("excused-checks.toml")
WIDTHS = (14, 38, 44)
GAP = "  "


def read(path):
    """Returns the skipped checks in their original order, without duplicates."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    entries = dict.fromkeys(tuple(line.split("\t")) for line in lines)
    for entry in entries:
        if len(entry) != 3 or not all(entry):
            sys.exit(f"{path}: a line must have check, reason and remedy: {entry}")
    return list(entries)


def excuse(check, excuses, environment):
    """Returns why this check may be skipped in this environment, or None if it may not."""
    entry = excuses.get(check)
    if entry is None or environment.get(entry["only_without"]):
        return None
    return entry["reason"]


def rows(cells):
    """Yields the lines of one table row, wrapped."""
    columns = [textwrap.wrap(cell, width, break_long_words=False) for cell, width in zip(cells, WIDTHS)]
    for at in range(max(map(len, columns))):
        parts = [column[at] if at < len(column) else "" for column in columns]
        yield GAP.join(part.ljust(width) for part, width in zip(parts, WIDTHS)).rstrip()


def report(entries, excuses, environment):
    """Returns the lines of the table, and the checks that may not be skipped here."""
    if not entries:
        return ["== nothing was skipped"], []
    lines = ["== not checked on this machine"]
    lines += rows(("check", "why", "how to get it"))
    lines += rows(tuple("-" * width for width in WIDTHS))
    refused = []
    for check, why, remedy in entries:
        lines += rows((check, why, remedy))
        if environment.get("CI") == "true":
            reason = excuse(check, excuses, environment)
            lines.append(f"{'':{WIDTHS[0]}}{GAP}{f'excused: {reason}' if reason else 'not excused'}")
            if not reason:
                refused.append(check)
    return lines, refused


def main():
    file = os.environ.get("NOT_CHECKED")
    if not file:
        sys.exit("NOT_CHECKED must name the list file; `make` sets it")
    path = Path(file)
    match sys.argv[1:]:
        case ["start"]:
            path.unlink(missing_ok=True)
        case ["add", check, why, remedy]:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as out:
                out.write("\t".join(" ".join(part.split()) for part in (check, why, remedy)) + "\n")
            print(f"not checked: {check}: {why}")
        case ["report"]:
            excuses = tomllib.loads(EXCUSES.read_text(encoding="utf-8"))
            lines, refused = report(read(path), excuses, os.environ)
            print("\n".join(lines))
            if refused:
                sys.exit(f"CI may not skip {', '.join(dict.fromkeys(refused))}: enable the check, or excuse it in {EXCUSES.name}")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
