/** Parts as cells, in rows: `draw/cells.py`, for a page. */

/** @typedef {import("./parts.js").Part} Part */
/** @typedef {import("./shown.js").Shown} Shown */
/** @typedef {{first: number, last: number, place: number}} Lane */

/** A part's place. What its fields hold is told in Python. */
export class Cell {
  /**
   * @param {Shown} shown
   * @param {Cell | null} parent
   */
  constructor(shown, parent = null) {
    this.shown = shown;
    this.parent = parent;
    this.row = 0;
    /** @type {Cell[][]} */
    this.rows = [];
    this.main = 0;
    this.cross = 0;
    this.spine = 0;
    this.middle = 0;
    this.offset = 0;
    this.m = 0;
    this.c = 0;
    this.content = 0;
    /** @type {number[]} */
    this.gaps = [];
    /** @type {Map<Cell, number>[]} */
    this.tracks = [];
    /** @type {Map<Cell, Lane>} */
    this.lanes = new Map();
    this.turned = false;
    this.up = false;
    this.flipped = false;
    this.goesOn = false;
    /** @type {Cell | null} */
    this.behind = null;
    /** @type {Cell | null} */
    this.entered = null;
    /** @type {Cell | null} */
    this.left = null;
  }

  /** Whether it is open and has a border and a name. */
  get framed() {
    return this.shown.kind === "group" && !this.shown.part.bare;
  }

  /** Whether its spine is that of the group around it. */
  get aligned() {
    if (!this.parent) return false;
    const row = this.parent.rows[this.row];
    return row.length === 1 || lead(row) === this;
  }

  /** @returns {Cell} the outermost cell with this one's spine */
  column() {
    /** @type {Cell} */
    let cell = this;
    while (cell.aligned && cell.parent) cell = cell.parent;
    return cell;
  }
}

/**
 * The cell of a row that goes straight on, where the others lie beside it.
 * @param {Cell[]} row
 * @returns {Cell | null}
 */
export function lead(row) {
  const straight = row.find(isPass);
  if (straight) return straight;
  if (row[0].goesOn && !row.slice(1).some((cell) => cell.goesOn)) return row[0];
  const large = row.filter((cell) => cell.rows.length);
  return row.length === 2 && large.length === 1 ? large[0] : null;
}

/** @param {Cell} cell */
function isPass(cell) {
  return cell.shown.kind === "pass";
}

/** @typedef {{root: Cell, edges: [Cell, Cell][]}} Plan */

/**
 * The cells of a picture, in rows, and its edges.
 * @param {[Part, Part][]} edges
 * @param {Shown[]} items
 * @returns {Plan}
 */
export function plan(edges, items) {
  const nothing = /** @type {Part} */ ({ bare: true, straight: -1 });
  const root = new Cell({ part: nothing, kind: "group", lines: [], items, leaves: [], taken: [] });
  /** @type {Map<Part, Cell>} */
  const holder = new Map();
  /** @type {Map<Cell, Cell>} */
  const passes = new Map();
  fill(root, holder, passes);
  const found = new Edges();
  for (const [source, target] of edges) {
    const start = /** @type {Cell} */ (holder.get(source));
    const end = /** @type {Cell} */ (holder.get(target));
    if (start !== end) connect(found, start, end, passes);
  }
  rank(root, found.list);
  return { root, edges: found.list };
}

/** Edges, each once, in the order in which they are met. */
class Edges {
  constructor() {
    /** @type {[Cell, Cell][]} */
    this.list = [];
    /** @type {Map<Cell, Set<Cell>>} */
    this.known = new Map();
  }

  /**
   * @param {Cell} start
   * @param {Cell} end
   */
  add(start, end) {
    const ends = got(this.known, start, () => new Set());
    if (!ends.has(end)) this.list.push([start, end]);
    ends.add(end);
  }
}

/**
 * The value of a key; one that is made for it where there is none.
 * @template K, V
 * @param {Map<K, V>} map
 * @param {K} key
 * @param {() => V} make
 * @returns {V}
 */
export function got(map, key, make) {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/**
 * @param {Cell} cell
 * @param {Map<Part, Cell>} holder
 * @param {Map<Cell, Cell>} passes
 */
function fill(cell, holder, passes) {
  const { items, part } = cell.shown;
  if (!items) {
    for (const leaf of cell.shown.leaves) holder.set(leaf, cell);
    return;
  }
  const kids = items.map((item) => new Cell(item, cell));
  for (const kid of kids) fill(kid, holder, passes);
  if (part.straight >= 0) {
    const straight = new Cell({ part, kind: "pass", lines: [], items: null, leaves: [], taken: [] }, cell);
    passes.set(kids[kids.length - 1], straight);
    kids.splice(part.straight, 0, straight);
  }
  cell.rows = [kids];
}

/**
 * An edge; one that comes from outside to a join with a straight way takes that.
 * @param {Edges} edges
 * @param {Cell} start
 * @param {Cell} end
 * @param {Map<Cell, Cell>} passes
 */
function connect(edges, start, end, passes) {
  const straight = passes.get(end);
  if (straight && !within(start, straight.parent)) {
    edges.add(start, straight);
    edges.add(straight, end);
  } else {
    edges.add(start, end);
  }
}

/**
 * @param {Cell | null} cell
 * @param {Cell | null} group
 */
function within(cell, group) {
  for (let at = cell; at; at = at.parent) if (at === group) return true;
  return false;
}

/**
 * Put the cells of every group into rows by the longest way to them.
 * @param {Cell} root
 * @param {[Cell, Cell][]} edges
 */
function rank(root, edges) {
  /** @type {Map<Cell, Set<Cell>>} */
  const takes = new Map();
  /** @type {Set<Cell>} */
  const outside = new Set();
  for (const [start, end] of edges) {
    /** @type {Map<Cell, Cell>} */
    const above = new Map();
    for (let cell = start; cell.parent; cell = cell.parent) above.set(cell.parent, cell);
    let at = end;
    while (at.parent && !above.has(at.parent)) {
      outside.add(at);
      at = at.parent;
    }
    const before = at.parent && above.get(at.parent);
    if (before && before !== at) got(takes, at, () => new Set()).add(before);
  }
  toRows(root, takes, outside);
}

/**
 * @param {Cell} cell
 * @param {Map<Cell, Set<Cell>>} takes
 * @param {Set<Cell>} outside
 */
function toRows(cell, takes, outside) {
  if (!cell.rows.length) return;
  const kids = cell.rows[0];
  /** @type {Map<Cell, Cell[]>} */
  const used = new Map();
  for (const kid of kids) {
    const sources = [...(takes.get(kid) ?? [])];
    kid.row = 1 + Math.max(-1, ...sources.map((source) => source.row));
    for (const source of sources) got(used, source, () => []).push(kid);
  }
  for (const kid of [...kids].reverse()) {
    const users = used.get(kid);
    if (!takes.get(kid) && !outside.has(kid) && users) {
      kid.row = Math.min(...users.map((user) => user.row)) - 1;
    }
  }
  /** @type {Cell[][]} */
  const rows = Array.from({ length: 1 + Math.max(...kids.map((kid) => kid.row)) }, () => []);
  for (const kid of kids) {
    rows[kid.row].push(kid);
    const before = [...(takes.get(kid) ?? [])];
    kid.behind = before.length === 1 ? before[0] : null;
  }
  leadOn(rows, used);
  for (const row of rows) order(row, takes);
  cell.rows = rows.filter((row) => row.length);
  cell.rows.forEach((row, number) => row.forEach((kid) => (kid.row = number)));
  for (const kid of kids) toRows(kid, takes, outside);
}

/**
 * Find which cells lead to the last row, and first to the row behind them.
 * @param {Cell[][]} rows
 * @param {Map<Cell, Cell[]>} used
 */
function leadOn(rows, used) {
  const last = rows[rows.length - 1];
  const ends = new Set(last);
  for (const row of [...rows].reverse()) {
    const users = (/** @type {Cell} */ kid) => used.get(kid) ?? [];
    for (const kid of row.filter((at) => users(at).some((user) => ends.has(user)))) ends.add(kid);
    for (const kid of row) {
      const followed = users(kid).some((user) => user.row === kid.row + 1);
      kid.goesOn = ends.has(kid) && (followed || row === last);
    }
  }
}

/**
 * Sort a row by where the cells that it takes from lie; what goes on comes before what ends.
 * @param {Cell[]} row
 * @param {Map<Cell, Set<Cell>>} takes
 */
function order(row, takes) {
  /** @type {Map<Cell, number>} */
  const places = new Map();
  for (const cell of row) {
    const at = [...(takes.get(cell) ?? [])].map((source) => source.c);
    places.set(cell, at.length ? at.reduce((sum, c) => sum + c, 0) / at.length : 0);
  }
  const place = (/** @type {Cell} */ cell) => /** @type {number} */ (places.get(cell));
  row.sort((a, b) => Number(b.goesOn) - Number(a.goesOn) || place(a) - place(b));
  row.forEach((cell, number) => (cell.c = number - (row.length - 1) / 2));
}
