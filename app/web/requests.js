/**
 * Requests on the socket whose one reply is awaited. Replies to what was under
 * way are lost with the connection: `clear` forgets them.
 */

import { randomId } from "./ids.js";

export class Requests {
  #send;
  // Request id → callback for its reply.
  #pending = new Map();

  /** @param send (frame) → whether the frame was sent; false while offline. */
  constructor(send) {
    this.#send = send;
  }

  /** Send a request; `onReply` is called with its `ack` or `error`, if one comes. */
  ask(frame, onReply) {
    const id = randomId();
    if (this.#send({ ...frame, id })) this.#pending.set(id, onReply);
  }

  onReply(frame) {
    this.take(frame.re)?.(frame);
  }

  /** The callback of a request that another frame has answered, or undefined. */
  take(id) {
    const onReply = this.#pending.get(id);
    this.#pending.delete(id);
    return onReply;
  }

  clear() {
    this.#pending.clear();
  }
}
