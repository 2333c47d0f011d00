"""Packs one program as it is released: a zip file with only this program.

The same program gives the same bytes on every machine. The file has no date, and the compressor is pinned together with the
other Python tools, because the output of Python's own compressor depends on the version of zlib.
"""

import struct
import sys
import zlib

# APPNOTE.TXT: 4.3.7 local file header, 4.3.12 central directory header, 4.3.16 end of central directory record.
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
VERSION, MADE_ON_UNIX, DEFLATED = 20, 3 << 8, 8
# 1980-01-01, the first day that the format supports.
TIME, DATE = 0, 1 << 5 | 1
EXECUTABLE = 0o100755 << 16


def packed(name, data):
    """Returns the bytes of the zip file."""
    from zopfli.zlib import compress

    # zip needs a zlib stream without its header of two bytes and its trailer of four (RFC 1950).
    body = compress(data)[2:-4]
    encoded = name.encode("ascii")
    entry = struct.pack("<HHHHHIIIHH", VERSION, 0, DEFLATED, TIME, DATE, zlib.crc32(data), len(body), len(data), len(encoded), 0)
    local = LOCAL + entry + encoded + body
    rest = struct.pack("<HHHII", 0, 0, 0, EXECUTABLE, 0)
    central = CENTRAL + struct.pack("<H", MADE_ON_UNIX | VERSION) + entry + rest + encoded
    return local + central + END + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def write(program, path, at_most=None):
    """Writes the file and returns its size. Exits without a file if it would be too large."""
    data = packed(program.name, program.read_bytes())
    if at_most is not None and len(data) > at_most:
        path.unlink(missing_ok=True)
        sys.exit(f"{path} would have {len(data)} bytes, but may have at most {at_most}")
    path.write_bytes(data)
    return len(data)
