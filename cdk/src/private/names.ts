import { Token } from 'aws-cdk-lib';

/** Room for `_delegation-` in a label of 63 characters. A longer first label has its ownership record under a digest. */
const LONGEST_PREFIXED_LABEL = 51;
const LABEL = /^[a-z0-9_-]{1,63}$/;
const ADDRESS = /^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*)$/i;

/** Lower case, without the trailing dot. A token stays as it is. */
export function normalized(name: string): string {
  return Token.isUnresolved(name) ? name : name.toLowerCase().replace(/\.$/, '');
}

/** True if `name` lies below `ancestor`; both normalized. */
export function isBelow(name: string, ancestor: string): boolean {
  return name.endsWith(`.${ancestor}`);
}

/** What is wrong with a domain name, or nothing. */
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
  if (normalized(name).length > 253 || !labels.every((label) => LABEL.test(label))) {
    return 'A domain name is labels of 1 to 63 letters, digits, hyphens and underscores, joined by dots, 253 characters in all.';
  }
  return undefined;
}

/** What is wrong with a name that may be delegated, `*.dev.example.com` for all below, or nothing. */
export function problemOfAllowedName(name: string): string | undefined {
  const bare = name.startsWith('*.') ? name.slice(2) : name;
  if (name === '*' || (!Token.isUnresolved(bare) && !normalized(bare).includes('.'))) {
    return 'It would allow changes of whole top-level domains or of the parent zone itself. '
      + 'Name a zone, or "*.dev.example.com" for all below one.';
  }
  return problemOfName(bare);
}

/** What is wrong with a name server, or nothing. */
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

/** True if the first label begins with an underscore, as the names of records that speak for another name do. */
export function beginsWithUnderscore(name: string): boolean {
  return !Token.isUnresolved(name) && name.startsWith('_');
}

/**
 * The patterns of names that a role must be allowed to change, so that these names can be delegated: each name, and that of the
 * ownership record beside it.
 */
export function changedNames(names: string[]): string[] {
  const patterns = names.map(normalized).flatMap((name) => [name, ...ownershipRecords(name)]);
  return [...new Set(patterns)];
}

function ownershipRecords(name: string): string[] {
  const [first, ...rest] = name.split('.');
  if (!Token.isUnresolved(name) && first.length > LONGEST_PREFIXED_LABEL) {
    return [`_delegation-*.${rest.join('.')}`, `_delegationdigest-*.${rest.join('.')}`];
  }
  return [`_delegation-${name}`];
}
