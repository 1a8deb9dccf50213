/** What the server sends, and what an application gives and gets: docs/protocol.md. */

export interface FieldError { loc: (string | number)[]; type: string; msg: string }

interface OfRoom { room: string; seq: number; at: string; by: string | null }

export interface MessageCreated extends OfRoom {
  type: "message.created";
  /** null: it was deleted. */
  text: string | null;
  /** The id with which it was sent: tells a client its own messages. */
  id?: string;
  reply_to?: number | null;
  mentions?: string[];
  mentions_room?: "all" | "here";
  data?: Record<string, unknown> | null;
  edited_at?: string | null;
  deleted_at?: string | null;
  /** Only in the newest messages that a subscription begins with. */
  pinned?: boolean;
  reactions?: Record<string, string[]>;
}
export interface MessageEdited extends OfRoom { type: "message.edited"; ref: number; text: string | null; mentions?: string[]; mentions_room?: "all" | "here" }
export interface MessageDeleted extends OfRoom { type: "message.deleted"; ref: number; author: string | null }
export interface Reaction extends OfRoom { type: "reaction.added" | "reaction.removed"; ref: number; emoji: string }
export interface Pin extends OfRoom { type: "message.pinned" | "message.unpinned"; ref: number }
export interface RoomCreated extends OfRoom { type: "room.created"; title: string | null; kind: RoomKind; slow_mode_seconds: number }
export interface RoomUpdated extends OfRoom { type: "room.updated"; title?: string | null; slow_mode_seconds?: number; room_mention_role?: Role }
export interface RoomArchived extends OfRoom { type: "room.archived" | "room.reopened" }
export interface MemberJoined extends OfRoom { type: "member.joined"; user: string }
export interface MemberLeft extends OfRoom { type: "member.left"; user: string; reason: "left" | "removed" | "banned" }
export interface MemberUpdated extends OfRoom { type: "member.updated"; user: string; role?: Role; muted_until?: string | null; banned_until?: string | null }
export interface UserErased extends OfRoom { type: "user.erased"; user: string; as: string }

/** What is in a room's log. A type that this version doesn't know comes as it is: skip it. */
export type LogEvent =
  | MessageCreated | MessageEdited | MessageDeleted | Reaction | Pin | RoomCreated | RoomUpdated
  | RoomArchived | MemberJoined | MemberLeft | MemberUpdated | UserErased;

/** The room was joined, at first and after each reconnect. */
export interface Joined {
  type: "joined"; room: string; head: number; first: number; epoch: string; role: Role | null;
  read: number | null; unread: number | null; mentions: number | null; as_of: number | null;
  present_count: number; present?: string[]; display_names?: Record<string, string>;
}
/** All that happened before has come; what follows happens now. */
export interface CaughtUp { type: "caught_up"; room: string; seq: number }
/** The state of the room can't be continued: drop it. What follows begins anew. */
export interface Reset { type: "reset"; room: string; head: number; first: number; epoch: string; reason: "gap" | "ahead" | "epoch" | "gone" }

/** What iterating over a room yields. */
export type RoomEvent = LogEvent | Joined | CaughtUp | Reset;

export type RoomKind = "public" | "private" | "direct";
export type Role = "owner" | "moderator" | "member";
export type Level = "all" | "mentions" | "none";

export interface RoomSummary {
  name: string; title: string | null; kind: RoomKind; head: number; first: number; created_at: string;
  archived: boolean; slow_mode_seconds: number; room_mention_role: Role; with?: string; member: boolean | null; role: Role | null;
  read: number | null; unread: number | null; mentions: number | null; as_of: number | null; notifications: Level | null;
}

export interface Welcome {
  type: "welcome"; user: string; display_name: string | null; epoch: string; server_time: string;
  heartbeat_seconds: number; expires_in: number; limits: Record<string, number>; rooms: RoomSummary[];
}

export interface Connection {
  state: "closed" | "connecting" | "online" | "waiting" | "stopped";
  /** Of the close, and why, while waiting or stopped. */
  code?: number;
  reason?: string;
}

/** What `on` listens to. Signals may be lost; nothing that matters for a room's state is one. */
export interface Signals {
  connection: Connection;
  welcome: Welcome;
  /** The outbox has changed. */
  outbox: readonly OutboxEntry[];
  /** A message of the outbox is on disk. */
  stored: OutboxEntry & { ack: Ack };
  typing: { type: "typing"; room: string; by: string; on: boolean };
  presence: { type: "presence"; room: string; by?: string; display_name?: string; online?: boolean; count?: number };
  read: { type: "read"; room: string; by: string; seq: number; unread?: number; mentions?: number; as_of?: number };
  activity: { type: "activity"; room: string; head: number; mention?: true };
  added: { type: "added"; room: string; kind: RoomKind; by: string | null };
  removed: { type: "removed"; room: string; reason: "left" | "removed" | "banned" | "archived" };
  drain: { type: "drain"; reconnect_in_ms: number };
}

export interface Ack {
  /** The number of its event; null: nothing had to be changed. */
  seq: number | null;
  at: string;
  /** Whether it had been carried out before, by an earlier try. */
  duplicate: boolean;
}

export interface Cursor { seq: number; epoch: string }

/** Keeps cursors. `key` names server, account and room. */
export interface CursorStore {
  load(key: string): Cursor | null | Promise<Cursor | null>;
  save(key: string, cursor: Cursor): void | Promise<void>;
}

/** One log-in. Secret: the refresh token gives access as the user for 30 days. */
export interface Tokens {
  access: string;
  refresh: string | null;
  expiresAt: number | null;
  /** The refresh token that the log-in began with, and how often it was renewed since: which of two are newer. */
  began?: string;
  renewals?: number;
}

/** Keeps a log-in. */
export interface TokenStore {
  load(): Tokens | null | Promise<Tokens | null>;
  /** null: the log-in has ended. */
  save(tokens: Tokens | null): void | Promise<void>;
  /** Keep others from exchanging these tokens meanwhile. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
}

/** A message that is not acknowledged yet. */
export interface OutboxEntry {
  id: string;
  room: string;
  text: string;
  replyTo: number | null;
  data: Record<string, unknown> | null;
  /** When it was written, ISO 8601. */
  at: string;
  /** `failed`: the server refused it; `error` says why. */
  state: "waiting" | "sent" | "failed";
  error: { code: string; detail: string } | null;
}

export interface StoredEntry { id: string; owner: string; order: number; room: string; text: string; replyTo: number | null; data: Record<string, unknown> | null; at: string; error: { code: string; detail: string } | null }

/** Keeps what is not acknowledged over a reload. `account` names server and user. */
export interface OutboxStore {
  /** Take over what clients that are gone have left. */
  adopt(account: string, owner: string): Promise<StoredEntry[]>;
  put(account: string, entry: StoredEntry): void;
  remove(account: string, id: string): void;
  /** The client has ended: what it leaves may be adopted. */
  release(owner: string): void;
}

/** A frame that is sent or received. */
export interface Frame { type: string; [name: string]: any }

export interface RequestOptions {
  /** Ends waiting, and withdraws what is not on its way yet. */
  signal?: AbortSignal;
  /** How long to wait, reconnects included. */
  ms?: number;
}

export interface SendOptions extends RequestOptions {
  /** To repeat a call whose outcome is unknown; random by default. */
  id?: string;
  replyTo?: number | null;
  data?: Record<string, unknown> | null;
}

export interface RoomOptions {
  /** Resume after this event; 0: from the first. By default after the cursor that is kept, else with what happens from now on. */
  since?: number | Cursor | null;
  /** Without a cursor, begin with so many of the newest messages, at most 200. */
  history?: number;
  /** After missing more events than this, begin anew with a `reset`. By default, all are replayed. */
  catchUp?: number | null;
  /** Leaves the room. */
  signal?: AbortSignal;
}

export interface HttpOptions {
  query?: Record<string, string | number | boolean | null | undefined>;
  json?: unknown;
  /** The `Idempotency-Key`: makes a POST safe to repeat. */
  key?: string;
  signal?: AbortSignal;
}

export interface ClientOptions {
  /** The name of the user, if it is known: the outbox is there before the first connection. */
  user?: string;
  /** Called at each connect, and when a token has expired; `stale` is the one that the server refused. */
  getToken?: (asked: { stale: string | null }) => string | Promise<string>;
  username?: string;
  password?: string;
  /** An earlier log-in, or where it is kept. */
  tokens?: Tokens | TokenStore;
  /** Where rooms resume after a restart of the application. */
  cursors?: CursorStore;
  /** Where unacknowledged messages are kept: in IndexedDB where there is one. */
  outbox?: OutboxStore;
  limits?: Partial<import("./limits.js").Limits>;
  /** Closes the client. */
  signal?: AbortSignal;
  /** Where `WebSocket` is not global: Node before 22. */
  WebSocket?: typeof WebSocket;
  fetch?: typeof fetch;
}

/** What a room needs of its client. */
export interface RoomLink {
  /** On the present connection; false: there is none. */
  write(frame: Frame): boolean;
  /** Unless the connection ends before. */
  later(ms: number, call: () => void): void;
  /** It is left, or has ended. */
  forget(room: import("./room.js").Room): void;
}
