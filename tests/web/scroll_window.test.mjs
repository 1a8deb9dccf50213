// Which items of a long list are in the page. Run by test_modules.py, or: node --test tests/web

import assert from "node:assert/strict";
import { test } from "node:test";

import { SHOWN_ITEMS, ScrollWindow } from "../../app/web/list/scroll_window.js";

const numbered = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => ({ seq: first + index }));
const ends = ({ items }) => [items[0].seq, items.at(-1).seq];

test("the end is followed as items are added", () => {
  const window = new ScrollWindow();

  assert.deepEqual(ends(window.slice(numbered(1, 10))), [1, 10]);
  assert.deepEqual(ends(window.slice(numbered(1, 1_000))), [1_001 - SHOWN_ITEMS, 1_000]);
});

test("a reader further up keeps their items, whatever is added at either end", () => {
  const window = new ScrollWindow();
  window.moveUp(numbered(500, 1_000));
  const before = ends(window.slice(numbered(500, 1_000)));

  assert.deepEqual(ends(window.slice(numbered(1, 2_000))), before);
  window.followEnd();
  assert.equal(ends(window.slice(numbered(1, 2_000)))[1], 2_000);
});

test("moving up and down reaches both ends, and says so", () => {
  const window = new ScrollWindow();
  const items = numbered(1, 1_000);

  let steps = 0;
  while (window.moveUp(items)) steps += 1;
  assert.equal(ends(window.slice(items))[0], 1);
  assert.ok(steps < 20);
  while (window.moveDown(items)) steps += 1;
  assert.equal(ends(window.slice(items))[1], 1_000);
});

test("a message is shown with what is around it, and never more than fits", () => {
  const window = new ScrollWindow();
  const items = numbered(1, 1_000);

  window.centre(items, 500);
  const { items: shown } = window.slice(items);

  assert.equal(shown.length, SHOWN_ITEMS);
  assert.ok(shown.some(({ seq }) => seq === 500));
});
