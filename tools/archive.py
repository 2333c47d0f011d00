"""Packs one program as it is released: a zip file that has only this program.

The same program gives the same bytes on every machine: no date, and a compressor that is pinned with the other Python
tools, because what Python's own makes of it differs from one zlib to the next.
"""

import struct
import sys
import zlib

# APPNOTE.TXT: 4.3.7 local file header, 4.3.12 central directory header, 4.3.16 end of central directory record.
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
VERSION, MADE_ON_UNIX, DEFLATED = 20, 3 << 8, 8
# 1980-01-01, the first day that the format knows.
TIME, DATE = 0, 1 << 5 | 1
EXECUTABLE = 0o100755 << 16


def packed(name, data):
    """The bytes of the zip file."""
    from zopfli.zlib import compress

    # Without the two bytes before and the four after it, a zlib stream is what zip wants (RFC 1950).
    body = compress(data)[2:-4]
    encoded = name.encode("ascii")
    entry = struct.pack("<HHHHHIIIHH", VERSION, 0, DEFLATED, TIME, DATE, zlib.crc32(data), len(body), len(data), len(encoded), 0)
    local = LOCAL + entry + encoded + body
    rest = struct.pack("<HHHII", 0, 0, 0, EXECUTABLE, 0)
    central = CENTRAL + struct.pack("<H", MADE_ON_UNIX | VERSION) + entry + rest + encoded
    return local + central + END + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def write(program, path, at_most=None):
    """Writes the file and returns its size; above the limit there is none."""
    data = packed(program.name, program.read_bytes())
    if at_most is not None and len(data) > at_most:
        path.unlink(missing_ok=True)
        sys.exit(f"{path} would have {len(data)} bytes, and may have at most {at_most}")
    path.write_bytes(data)
    return len(data)
