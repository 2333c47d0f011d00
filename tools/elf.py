#!/usr/bin/env python3
"""Checks whether a program runs on Amazon Linux 2023, from what its ELF headers require of the dynamic linker (ELF specification;
LSB Core, "Symbol Versioning").

    tools/elf.py FILE [--newest 2.34] [--stripped]

Fails if the program needs a symbol of a newer glibc, or a library that the image lacks. With --stripped, also fails if the program
has a symbol table.
"""

import argparse
import struct
import sys
from pathlib import Path

# The libraries in the image of the runtime provided.al2023 that a Rust program may need.
LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"}
LOADERS = ("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1")
SYMTAB, DYNAMIC, VERNEED = 2, 6, 0x6FFFFFFE
NEEDED = 1


class Elf:
    """A little-endian 64-bit ELF file."""

    def __init__(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("not a little-endian 64-bit ELF file")
        self.data = data
        (table,) = struct.unpack_from("<Q", data, 0x28)
        size, count = struct.unpack_from("<HH", data, 0x3A)
        # name, type, flags, address, offset, size, link, info, alignment, entry size
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + index * size) for index in range(count)]

    def of_type(self, kind):
        return [section for section in self.sections if section[1] == kind]

    def text(self, section, at):
        start = self.sections[section[6]][4] + at
        return self.data[start : self.data.index(b"\0", start)].decode()

    def needed(self):
        """Yields the libraries that the program needs."""
        for section in self.of_type(DYNAMIC):
            for at in range(section[4], section[4] + section[5], 16):
                tag, value = struct.unpack_from("<QQ", self.data, at)
                if tag == NEEDED:
                    yield self.text(section, value)

    def versions(self):
        """Yields the symbol versions that the program needs, each with its library."""
        for section in self.of_type(VERNEED):
            at = section[4]
            for _ in range(section[7]):
                _, count, file, first, after = struct.unpack_from("<HHIII", self.data, at)
                entry = at + first
                for _ in range(count):
                    _, _, _, name, following = struct.unpack_from("<IHHII", self.data, entry)
                    yield self.text(section, file), self.text(section, name)
                    entry += following
                at += after


def number(version):
    return tuple(int(part) for part in version.split("."))


def problems(data, newest, stripped):
    elf = Elf(data)
    for library in elf.needed():
        if library not in LIBRARIES and library not in LOADERS:
            yield f"needs the library {library}, which the image may lack"
    for library, version in elf.versions():
        name, _, digits = version.partition("_")
        if name == "GLIBC" and (not digits[:1].isdigit() or number(digits) > number(newest)):
            yield f"needs {version} of {library}, but must not need anything newer than GLIBC_{newest}"
    if stripped and elf.of_type(SYMTAB):
        yield "has a symbol table; strip it"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--newest", default="2.34")
    parser.add_argument("--stripped", action="store_true")
    given = parser.parse_args()
    data = given.file.read_bytes()
    found = list(problems(data, given.newest, given.stripped))
    for problem in found:
        print(f"{given.file} {problem}", file=sys.stderr)
    if not found:
        needed = sorted({version for _, version in Elf(data).versions() if version.startswith("GLIBC_")}, key=lambda one: number(one[6:]))
        print(f"{given.file}: needs no glibc newer than {needed[-1] if needed else 'any'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
