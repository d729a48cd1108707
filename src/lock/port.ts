// The line between a worker and the lock in another process: messages in order, until one of the two is gone.

export interface Port {
  /** Sends what JSON can carry. Never throws; once the other side is gone, nothing happens. */
  send(message: object): void;
  /** What comes was written by another process: to be checked before it is used. */
  onMessage(take: (message: unknown) => void): void;
  /** Called once, when the other side is gone, however it went, and all that it sent has come; also when that was before. */
  onGone(run: () => void): void;
}
