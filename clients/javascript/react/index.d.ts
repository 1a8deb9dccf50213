import type { Ack, Client, MessageCreated } from "../types/index.js";

/** Read a room while the component is mounted, and write to it. */
export function useRoom(chat: Client, room: string, options?: { history?: number }): {
  /** Oldest first, at most 1,000. */
  messages: readonly MessageCreated[];
  /** Whether all that happened before has come. */
  isLive: boolean;
  /** What ended reading, or null. */
  error: Error | null;
  /** Resolves when the message is on disk. */
  send(text: string): Promise<Ack>;
};
