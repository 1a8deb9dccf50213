/** `useRoom`: a room as the state of a React component. React is the application's own. */

import { useCallback, useEffect, useState } from "react";

import { readMessages } from "../src/messages.js";

const EMPTY = { messages: [], isLive: false, error: null };

/**
 * Read a room while the component is mounted, and write to it.
 *
 * The room is left when the component is unmounted, or `chat` or `room` changes; the client stays
 * open. In development React mounts twice: the second time begins anew. One component at a time per
 * room: to show a room in two places, call it in what encloses both.
 *
 * @param chat a `Client`, made outside of the component
 * @param room the name of the room
 * @param options `history`: so many of the newest messages at first, at most 200
 * @returns `messages`, oldest first; `isLive`: whether all that happened before has come; `error`: what
 *     ended reading, or null; `send(text)`: a promise of the message's `ack`, when it is on disk
 */
export function useRoom(chat, room, { history = 50 } = {}) {
  const [state, setState] = useState(EMPTY);
  useEffect(() => {
    const mounted = new AbortController();
    setState(EMPTY);
    read(chat, room, { history, signal: mounted.signal }, (change) => {
      if (!mounted.signal.aborted) setState(change);
    });
    return () => mounted.abort();
  }, [chat, room, history]);
  const send = useCallback((text) => chat.send(room, text), [chat, room]);
  return { ...state, send };
}

async function read(chat, room, options, change) {
  try {
    for await (const found of readMessages(chat, room, options)) change((state) => ({ ...state, ...found }));
  } catch (error) {
    change((state) => ({ ...state, error }));
  }
}
