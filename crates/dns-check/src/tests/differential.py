"""Reads DNS messages with dnspython: the same of them as the reader in Rust, so that the two can be compared.

A line of the input is the wire form of the name that was asked for, its type, the length of the question section and a message. The
name and the message are in hexadecimal. A line of the output says what was read.
"""

import sys

import dns.exception
import dns.name
import dns.wire

RECORDS, ADDRESSES, IN, OPT, NOERROR, NXDOMAIN = 256, 64, 1, 41, 0, 3
A, NS, CNAME, SOA, AAAA, DS, RRSIG, DNSKEY = 1, 2, 5, 6, 28, 43, 46, 48


class Overlap(Exception):
    """A pointer leads to a name that runs on to where the pointer stands: no prior name (RFC 1035, section 4.1.4). Readers differ.

    So they do where it leads into the very labels behind which it stands.
    """


def name(parser):
    """A name, behind which the parser goes on: dnspython's own goes on behind what a pointer leads to, if that is further."""
    start = parser.current
    check_pointers(parser.wire, start)
    found = dns.name.from_wire(parser.wire, start)[0]
    while (length := parser.get_uint8()) != 0:
        if length >= 192:
            pointed = (length & 63) << 8 | parser.get_uint8()
            if pointed + prior(parser.wire, pointed) > start:
                raise Overlap
            break
        parser.get_bytes(length)
    return found


def check_pointers(message, at):
    """Follows a name for as long as its pointers lead to what is before its labels."""
    labels = at
    while at < len(message) and (length := message[at]) != 0:
        if length < 192:
            at += 1 + length
            continue
        pointed = (length & 63) << 8 | message[at + 1] if at + 1 < len(message) else at
        if labels <= pointed < at:
            raise Overlap
        if pointed >= at:
            break
        labels = at = pointed


def prior(message, at):
    """How far a name goes on there, before it ends or points elsewhere."""
    start = at
    while message[at] != 0 and message[at] < 192:
        at += 1 + message[at]
    return at + (1 if message[at] == 0 else 2) - start


def frame(parser):
    owner = name(parser)
    rtype, rclass, ttl, length = parser.get_struct("!HHIH")
    return owner, rtype, rclass, ttl, length


def wire(name):
    return name.canonicalize().to_wire().hex()


def kept(parser, asked, kinds, section):
    owner, rtype, rclass, _, length = frame(parser)
    is_ours = rclass == IN and owner == asked and rtype in kinds
    if is_ours and rtype in (NS, SOA):
        with parser.restrict_to(length):
            first = name(parser)
            second, numbers = (name(parser), parser.get_bytes(20)) if rtype == SOA else (None, b"")
        if rtype == NS:
            section.append("ns " + wire(first))
        else:
            section[:] = [line for line in section if not line.startswith("soa ")]
            serial = int.from_bytes(numbers[:4], "big")
            section.append(f"soa {serial} {wire(first)}{wire(second)}{numbers.hex()}")
        return
    data = parser.get_bytes(length)
    if not is_ours:
        return
    if rtype in (A, AAAA):
        if length in (4, 16):
            section.append("address " + data.hex())
    elif rtype == CNAME:
        section.append("alias")
    elif rtype in (DS, DNSKEY) or rtype == RRSIG and data[:2] == kinds[0].to_bytes(2):
        section.append(f"{rtype} {data.hex()}")


def read(asked, kind, question, message):
    asked = dns.name.from_wire(asked, 0)[0]
    parser = dns.wire.Parser(message)
    _, flags, _, answers, authorities, additionals = parser.get_struct("!HHHHHH")
    parser.get_bytes(question)
    code, found, opt = flags & 15, [[], []], False
    extra = []
    malformed = answers + authorities > RECORDS
    try:
        kinds = (kind, CNAME, RRSIG), (NS,) if kind == NS else ()
        for section, count, kinds in zip(found, (0, 0) if malformed else (answers, authorities), kinds):
            for _ in range(count):
                kept(parser, asked, kinds, section)
        if not malformed:
            try:
                for _ in range(min(additionals, RECORDS)):
                    owner, rtype, rclass, ttl, length = frame(parser)
                    data = parser.get_bytes(length)
                    if rtype == OPT:
                        opt, code = True, code | (ttl >> 24) << 4
                    elif kind == NS and rtype in (A, AAAA) and rclass == IN and len(extra) < ADDRESSES:
                        if length in (4, 16) and owner != dns.name.root:
                            extra.append(f"{wire(owner)} {data.hex()}")
            except dns.exception.DNSException:
                pass
    except dns.exception.DNSException:
        malformed = True
    truncated = bool(flags & 0x200)
    if malformed and not truncated:
        return "malformed"
    if code not in (NOERROR, NXDOMAIN):
        found, extra = [[], []], []
    sections = ["|".join(sorted(set(section))) for section in found]
    return f"{code} {bool(flags & 0x400)} {truncated} {opt};" + ";".join([*sections, "|".join(sorted(set(extra)))])


for line in sys.stdin:
    asked, kind, question, message = line.split()
    try:
        print(read(bytes.fromhex(asked), int(kind), int(question), bytes.fromhex(message)))
    except Overlap:
        print("overlap")
