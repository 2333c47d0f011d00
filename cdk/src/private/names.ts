import { createHash } from 'crypto';
import { Token } from 'aws-cdk-lib';

/** The longest first label that leaves room for `_delegation-` in 63 characters. With a longer one, a digest names the ownership record. */
const LONGEST_PREFIXED_LABEL = 51;
/** The longest name in text, without the trailing dot. */
const LONGEST_NAME = 253;
const LABEL = /^[a-z0-9_-]{1,63}$/;
const ADDRESS = /^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*)$/i;

/** Returns the name in lower case, without the trailing dot. A token is returned unchanged. */
export function normalized(name: string): string {
  return Token.isUnresolved(name) ? name : name.toLowerCase().replace(/\.$/, '');
}

/** Returns whether `name` is below `ancestor`; both must be normalized. */
export function isBelow(name: string, ancestor: string): boolean {
  return name.endsWith(`.${ancestor}`);
}

/** Returns what is wrong with a domain name, or nothing. */
export function problemOfName(name: string): string | undefined {
  if (Token.isUnresolved(name)) {
    return undefined;
  }
  if ([...name].some((character) => character > '\u007f')) {
    return 'It has letters outside of ASCII. Write it in its "xn--" form.';
  }
  const labels = normalized(name).split('.');
  if (labels[0].includes('*')) {
    return 'A wildcard cannot be delegated. Name one zone.';
  }
  if (normalized(name).length > LONGEST_NAME || !labels.every((label) => LABEL.test(label))) {
    return 'A domain name is labels of 1 to 63 letters, digits, hyphens and underscores, joined by dots, 253 characters in all.';
  }
  return undefined;
}

/** Returns what is wrong with a name or pattern (`*.dev.example.com`) that may be delegated, or nothing. */
export function problemOfAllowedName(name: string): string | undefined {
  const bare = name.startsWith('*.') ? name.slice(2) : name;
  if (name === '*' || (!Token.isUnresolved(bare) && !normalized(bare).includes('.'))) {
    return 'It would allow changes of whole top-level domains or of the parent zone itself. '
      + 'Name a zone, or "*.dev.example.com" for all below one.';
  }
  return problemOfName(bare);
}

/** Returns what is wrong with a name server, or nothing. */
export function problemOfNameServer(name: string): string | undefined {
  if (Token.isUnresolved(name)) {
    return undefined;
  }
  if (ADDRESS.test(normalized(name))) {
    return 'It is an address. An NS record needs the name of a server.';
  }
  if (!normalized(name).includes('.')) {
    return 'It has one label only. Give the full name of the server, such as "ns1.example.net".';
  }
  return problemOfName(name);
}

/** Returns whether the first label starts with an underscore, as in records that make statements about another name. */
export function beginsWithUnderscore(name: string): boolean {
  return !Token.isUnresolved(name) && name.startsWith('_');
}

/**
 * Returns the patterns of names that a role must be allowed to change to delegate these names: each name, and that of its
 * ownership record.
 */
export function changedNames(names: string[]): string[] {
  const patterns = names.map(normalized).flatMap((name) => [name, ownershipRecord(name)]);
  return [...new Set(patterns)];
}

/**
 * Returns the name of the ownership record of one name, as the function computes it (`record_name` of delegation-model), or the pattern
 * of all that belong to a pattern. It must never match the record of another delegation, which the role could then take over.
 */
function ownershipRecord(name: string): string {
  const prefixed = `_delegation-${name}`;
  if (Token.isUnresolved(name) || name.startsWith('*.')) {
    return prefixed;
  }
  const [first, ...rest] = name.split('.');
  if (first.length <= LONGEST_PREFIXED_LABEL && prefixed.length <= LONGEST_NAME) {
    return prefixed;
  }
  return [`_delegationdigest-${digest(['cut', name])}`, ...rest].join('.');
}

/** Returns the digest of several strings: the first 8 bytes of a SHA-256 over the length of each, in 8 bytes, and its text. */
function digest(parts: string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const text = Buffer.from(part);
    const length = Buffer.alloc(8);
    length.writeUInt32BE(text.length, 4);
    hash.update(length).update(text);
  }
  return hash.digest('hex').slice(0, 16);
}
