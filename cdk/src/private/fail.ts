import { IConstruct } from 'constructs';

/** An error that names the construct: what is wrong, with the value that came; why; what to do. */
export function fail(scope: IConstruct, message: string): never {
  throw new Error(`${scope.node.path}: ${message}`);
}
