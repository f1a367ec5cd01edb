/** A chain of parts with skips one inside the other, as a U: `draw/ushape.py`, for a page. */

import { sum } from "./layout.js";

/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("./cells.js").Plan} Plan */
/** @typedef {import("./layout.js").Layout} Layout */
/** @typedef {import("./layout.js").Point} Point */
/** @typedef {import("./parts.js").Network["measures"]} Measures */
/** @typedef {import("./routes.js").Route} Route */
/** @typedef {[Cell, Cell]} Edge */

/** @typedef {{edges: Edge[], turn: number}} Skips those of a U, the innermost first */

/**
 * The skips of a chain that makes a U, and the row that the up arm begins with.
 * @param {Plan} plan
 * @returns {Skips | null}
 */
export function skips(plan) {
  if (plan.root.rows.some((row) => row.length > 1)) return null;
  const rows = new Map(plan.edges.map((edge) => [edge, [top(edge[0]).row, top(edge[1]).row]]));
  const row = (/** @type {Edge} */ edge) => rows.get(edge) ?? [0, 0];
  const found = plan.edges.filter((edge) => row(edge)[1] > row(edge)[0] + 1);
  found.sort((one, other) => row(other)[0] - row(one)[0]);
  const nested = found.slice(1).every((edge, place) => {
    const [inner, outer] = [row(found[place]), row(edge)];
    return outer[0] < inner[0] && inner[1] < outer[1];
  });
  if (found.length < 2 || !nested || !found.flat().every(reached)) return null;
  const turn = row(found[0])[1];
  const over = plan.edges.filter((edge) => row(edge)[0] === turn - 1 && row(edge)[1] === turn);
  return new Set(over.map((edge) => edge[0])).size === 1 ? { edges: found, turn } : null;
}

/**
 * Let the cells know on which arm they are, before their sizes are known.
 * @param {Plan} plan
 * @param {Skips} bent
 */
export function fold(plan, bent) {
  for (const [cell] of plan.root.rows) markArm(cell, cell.row >= bent.turn);
}

/**
 * Place the cells of a U, whose sizes are known; the ways of the edges.
 * @param {Plan} plan
 * @param {Skips} bent
 * @param {Layout} layout
 * @param {Route[]} found the routes of all edges but the skips
 * @param {Measures} measures
 * @returns {[Cell, Cell, Point[]][]}
 */
export function lay(plan, bent, layout, found, measures) {
  const { root } = plan;
  const cells = root.rows.map((row) => row[0]);
  const { ACROSS, TURN } = measures.ushape;
  const turn = heights(cells, bent, root, TURN);
  layout.place(root);
  const [down, up] = [cells.slice(0, bent.turn), cells.slice(bent.turn)];
  const most = (/** @type {Cell[]} */ arm, /** @type {(cell: Cell) => number} */ of) =>
    Math.max(...arm.map(of));
  const left = most(down, (cell) => cell.cross - cell.spine);
  const right = left + most(down, (cell) => cell.spine) + ACROSS + most(up, (cell) => cell.spine);
  const ways = layout.ways(found).map((points) => bend(points, turn, left, right, root.spine));
  for (const cell of down) shift(cell, left + root.spine, null);
  for (const cell of up) shift(cell, right - root.spine, 2 * turn);
  root.main = turn;
  root.cross = right + most(up, (cell) => cell.cross - cell.spine);
  return [
    ...found.map(({ start, end }, place) => /** @type {[Cell, Cell, Point[]]} */ (
      [start, end, ways[place]])),
    ...bent.edges.map(([start, end]) => /** @type {[Cell, Cell, Point[]]} */ (
      [start, end, level(start, end)])),
  ];
}

/**
 * A way along the chain as it goes when that is folded.
 * @param {Point[]} points
 * @param {number} turn
 * @param {number} left
 * @param {number} right
 * @param {number} spine
 * @returns {Point[]}
 */
function bend(points, turn, left, right, spine) {
  /** @type {Point[]} */
  const before = points.filter(([, y]) => y <= turn).map(([x, y]) => [left - x + spine, y]);
  /** @type {Point[]} */
  const after = points
    .filter(([, y]) => y > turn)
    .map(([x, y]) => [right + x - spine, 2 * turn - y]);
  /** @type {Point[]} */
  const across = before.length && after.length ? [[left, turn], [right, turn]] : [];
  return [...before, ...across, ...after];
}

/**
 * A skip: a straight line, on one height.
 * @param {Cell} start
 * @param {Cell} end
 * @returns {Point[]}
 */
function level(start, end) {
  const at = start.m + start.main / 2;
  return [[start.c + start.cross, at], [end.c, at]];
}

/**
 * The part of the chain that a cell is in.
 * @param {Cell} cell
 * @returns {Cell}
 */
function top(cell) {
  while (cell.parent?.parent) cell = cell.parent;
  return cell;
}

/**
 * Whether nothing lies between a card and the other arm.
 * @param {Cell} card
 */
function reached(card) {
  if (card.shown.items || card.shown.kind === "pass" || card.turned) return false;
  for (let cell = card; cell.parent; cell = cell.parent) {
    if (cell.parent.rows[cell.row][0] !== cell) return false;
  }
  return true;
}

/**
 * @param {Cell} cell
 * @param {boolean} up
 */
function markArm(cell, up) {
  cell.up = up;
  cell.flipped = !up;
  for (const kid of cell.rows.flat()) markArm(kid, up);
}

/**
 * Set the gaps of a chain so that both ends of a skip lie as far from the turn; how far along the
 * chain that is.
 * @param {Cell[]} cells
 * @param {Skips} bent
 * @param {Cell} root
 * @param {number} room between the lowest parts and the way across
 */
function heights(cells, bent, root, room) {
  const far = cells.map(() => room);
  let [low, high] = [bent.turn - 1, bent.turn];
  const reach = (/** @type {number} */ row, /** @type {number} */ from) => {
    const step = row >= bent.turn ? 1 : -1;
    for (let at = from; at !== row; at += step) {
      far[at + step] = far[at] + cells[at].main + root.gaps[Math.max(at, at + step)];
    }
  };
  for (const [start, end] of bent.edges) {
    const [one, other] = [top(start), top(end)];
    reach(one.row, low);
    reach(other.row, high);
    [low, high] = [one.row, other.row];
    const ends = [far[low] + one.main - midway(start), far[high] + midway(end)];
    far[low] += Math.max(...ends) - ends[0];
    far[high] += Math.max(...ends) - ends[1];
  }
  reach(0, low);
  reach(cells.length - 1, high);
  return setGaps(cells, far, bent.turn, root);
}

/**
 * @param {Cell[]} cells
 * @param {number[]} far how far each part is from the turn
 * @param {number} row the first of the up arm
 * @param {Cell} root
 */
function setGaps(cells, far, row, root) {
  const turn = Math.max(...[0, cells.length - 1].map((at) => far[at] + cells[at].main));
  root.gaps[0] = turn - far[0] - cells[0].main;
  for (let at = 1; at < cells.length; at += 1) {
    const [inner, outer] = at < row ? [at, at - 1] : [at - 1, at];
    root.gaps[at] =
      at === row ? far[at] + far[at - 1] : far[outer] - far[inner] - cells[inner].main;
  }
  return turn;
}

/**
 * How far the middle of a card is from where the part of the chain that it is in begins.
 * @param {Cell} card
 */
function midway(card) {
  let middle = card.main / 2;
  for (let cell = card; cell.parent?.parent; cell = cell.parent) {
    const { gaps, rows } = cell.parent;
    const before = rows.slice(0, cell.row).map((row) => Math.max(...row.map((kid) => kid.main)));
    middle += sum(gaps.slice(0, cell.row + 1)) + sum(before);
  }
  return middle;
}

/**
 * Take a cell and all in it from the chain to an arm: from `turned` up, or down, mirrored.
 * @param {Cell} cell
 * @param {number} c
 * @param {number | null} turned
 */
function shift(cell, c, turned) {
  if (turned === null) {
    cell.c = c - cell.c - cell.cross;
  } else {
    cell.c += c;
    cell.m = turned - cell.m - cell.main;
  }
  for (const kid of cell.rows.flat()) shift(kid, c, turned);
}
