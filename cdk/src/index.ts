export * from './delegation-record';
export * from './parent-role';
export * from './provider';
