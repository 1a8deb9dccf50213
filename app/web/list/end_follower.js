/**
 * Whether a reader is at the end of the list, and so stays there as rows are added.
 *
 * A browser reports scrolling with the next frame. Rows that come before that must not take a
 * reader who has just scrolled up back to the end.
 */

// Closer to the end than this counts as reading the newest messages.
const NEAR_END_PX = 60;

export class EndFollower {
  #log;
  #follows = true;
  // Where the list was when it was last looked at.
  #top = 0;

  constructor(log) {
    this.#log = log;
  }

  get isScrolledDown() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  /** Whether the reader is at the end. Ask before rows change. */
  get follows() {
    if (this.#follows && this.#log.scrollTop < this.#top && !this.isScrolledDown) this.#follows = false;
    return this.#follows;
  }

  /** The list was scrolled, or is about to be: to where rows are added, or elsewhere. */
  set(follows) {
    this.#follows = follows;
    this.#top = this.#log.scrollTop;
  }

  /** Be at the end, wherever the list is now. */
  follow() {
    this.#follows = true;
    this.#top = 0;
  }

  scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#top = this.#log.scrollTop;
  }
}
