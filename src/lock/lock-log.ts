// What engines tell the operator.

/** A logger of pino's kind. Nothing of a URL, a user or a password is ever said to it. */
export interface LockLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
