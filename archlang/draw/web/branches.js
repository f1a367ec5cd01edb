/** What may lie across the flow: the branches of `draw/cells.py`, for a page. */

import { got } from "./cells.js";

/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("./cells.js").Plan} Plan */
/** @typedef {Map<Cell, Cell[]>} Ends */

/**
 * Branches, and the cards in them: a chain beside a straight way, joined to nothing else.
 * @param {Plan} plan
 * @returns {[Cell, Cell[]][]}
 */
export function branches(plan) {
  /** @type {Ends} */
  const sources = new Map();
  /** @type {Ends} */
  const users = new Map();
  for (const [start, end] of plan.edges) {
    got(sources, end, () => []).push(start);
    got(users, start, () => []).push(end);
  }
  /** @type {[Cell, Cell[]][]} */
  const found = [];
  for (const group of groups(plan.root)) {
    if (String(group.rows.map((row) => row.length)) !== "2,1") continue;
    const [[straight, branch], [join]] = group.rows;
    const cards = chain(branch);
    const alone = straight.shown.kind === "pass" && cards.length && sources.get(join)?.length === 2;
    if (alone && isChain(cards, sources.get(straight) ?? [], join, sources, users)) {
      found.push([branch, cards]);
    }
  }
  return found;
}

/**
 * Whether cards take from each other alone, the first from `before`, and the last leads to `join`.
 * @param {Cell[]} cards
 * @param {Cell[]} before
 * @param {Cell} join
 * @param {Ends} sources
 * @param {Ends} users
 */
function isChain(cards, before, join, sources, users) {
  const same = (/** @type {Cell[]} */ one, /** @type {Cell[]} */ other) =>
    one.length === other.length && one.every((cell, place) => cell === other[place]);
  return cards.every((card, place) => {
    const way = place ? [cards[place - 1]] : before;
    const next = cards[place + 1] ?? join;
    return same(sources.get(card) ?? way, way) && same(users.get(card) ?? [], [next]);
  });
}

/**
 * @param {Cell} cell
 * @returns {Cell[]}
 */
function groups(cell) {
  return [cell, ...cell.rows.flat().flatMap(groups)];
}

/**
 * The cards of a cell in which one follows the other; none where it is more than that.
 * @param {Cell} cell
 * @returns {Cell[]}
 */
function chain(cell) {
  if (!cell.rows.length) return cell.shown.kind === "pass" ? [] : [cell];
  const found = cell.rows.map((row) => (row.length === 1 ? chain(row[0]) : []));
  return found.every((cards) => cards.length) ? found.flat() : [];
}
