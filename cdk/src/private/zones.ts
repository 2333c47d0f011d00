import { Stack, Token } from 'aws-cdk-lib';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { normalized } from './names';

/** Returns the normalized name of a zone, if it is known when the app is synthesized. */
export function nameOf(zone: route53.IHostedZone): string | undefined {
  const name = declaredName(zone);
  return name === undefined || Token.isUnresolved(name) ? undefined : normalized(name);
}

/** Returns the name of a zone, possibly a token. A zone that was imported by its id alone has no name: its getter throws. */
export function declaredName(zone: route53.IHostedZone): string | undefined {
  try {
    return zone.zoneName;
  } catch {
    return undefined;
  }
}

/** Returns whether the zone is known to be private. */
export function isPrivate(zone: route53.IHostedZone): boolean {
  if (zone instanceof route53.PrivateHostedZone) {
    return true;
  }
  const resource = zone.node.defaultChild;
  const vpcs = resource instanceof route53.CfnHostedZone ? Stack.of(zone).resolve(resource.vpcs) : undefined;
  return Array.isArray(vpcs) && vpcs.length > 0;
}
