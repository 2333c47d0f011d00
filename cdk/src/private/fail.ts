import { IConstruct } from 'constructs';

/** Throws an error that names the construct. The message says what is wrong, with the value; why; and what to do. */
export function fail(scope: IConstruct, message: string): never {
  throw new Error(`${scope.node.path}: ${message}`);
}
