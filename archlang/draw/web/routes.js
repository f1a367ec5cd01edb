/** The ways of tensors from card to card: `draw/routes.py`, for a page. */

import { got } from "./cells.js";

/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("./cells.js").Lane} Lane */
/** @typedef {import("./cells.js").Plan} Plan */
/** @typedef {{cell: Cell, source: Cell | null}} Column */
/** @typedef {{group: Cell, number: number, track: Cell}} Turn */

/** A tensor's way: columns, and the gaps in which it gets from one to the next. */
export class Route {
  /**
   * @param {Cell} start
   * @param {Cell} end
   */
  constructor(start, end) {
    this.start = start;
    this.end = end;
    /** @type {Column[]} */
    this.columns = [{ cell: start, source: null }];
    /** @type {Turn[]} */
    this.turns = [];
    this.leaves = false;
    this.side = false;
  }

  /**
   * Go across in a gap to a column, where that is another one.
   * @param {Cell} group
   * @param {number} number
   * @param {Column} column
   */
  turn(group, number, column) {
    const last = this.columns[this.columns.length - 1];
    if (last.source && last.cell === group) cover(laneOf(last.cell, last.source, number), number);
    if (column.source) {
      const lane = laneOf(column.cell, column.source, number);
      if (column.cell === group) cover(lane, number);
    }
    if (line(last) === line(column) && last.source === column.source) return;
    const track = column.cell === this.end && joins(this.end) ? this.end : this.start;
    const tracks = group.tracks[number];
    if (!tracks.has(track)) tracks.set(track, tracks.size);
    this.columns.push(column);
    this.turns.push({ group, number, track });
  }
}

/**
 * The lane of a source in a group; a new one where there is none.
 * @param {Cell} cell
 * @param {Cell} source
 * @param {number} gap
 */
function laneOf(cell, source, gap) {
  return got(cell.lanes, source, () => ({ first: gap, last: gap, place: 0 }));
}

/**
 * @param {Lane} lane
 * @param {number} gap
 */
function cover(lane, gap) {
  lane.first = Math.min(lane.first, gap);
  lane.last = Math.max(lane.last, gap);
}

/**
 * What is equal for columns of one source that lie in one line.
 * @param {Column} column
 */
function line(column) {
  return column.source ? column.cell : column.cell.column();
}

/**
 * The ways of all edges but some; notes in the cells what room they need.
 * @param {Plan} plan
 * @param {[Cell, Cell][]} but
 * @returns {Route[]}
 */
export function routes(plan, but = []) {
  clear(plan.root);
  const edges = plan.edges.filter((edge) => !but.includes(edge));
  const found = edges.map(([start, end]) => routed(start, end));
  giveLanes(plan.root);
  return found;
}

/** @param {Cell} cell */
function clear(cell) {
  cell.tracks = Array.from({ length: cell.rows.length + 1 }, () => new Map());
  for (const row of cell.rows) row.forEach(clear);
}

/**
 * @param {Cell} start
 * @param {Cell} end
 */
function routed(start, end) {
  const branch = branchOf(start);
  if (branch) return routedAlong(start, end, branch);
  const route = new Route(start, end);
  const above = new Set();
  for (let at = start.parent; at; at = at.parent) above.add(at);
  const inward = [end];
  while (!above.has(inward[0].parent)) inward.unshift(/** @type {Cell} */ (inward[0].parent));
  const common = /** @type {Cell} */ (inward[0].parent);
  let at = start;
  while (at.parent && at.parent !== common) at = goOut(route, at, at.parent);
  goOver(route, common, at, inward[0]);
  for (let step = 1; step < inward.length; step += 1) {
    route.side ||= inward[step].turned;
    if (inward[step].turned) break;
    goInto(route, inward[step - 1], inward[step]);
  }
  return route;
}

/**
 * The branch across the flow that a card is in.
 * @param {Cell} cell
 * @returns {Cell | null}
 */
function branchOf(cell) {
  if (!cell.turned) return null;
  while (cell.parent?.turned) cell = cell.parent;
  return cell;
}

/**
 * A way across the flow: to the next card of a branch, or from its last one to the join.
 * @param {Cell} start
 * @param {Cell} end
 * @param {Cell} branch
 */
function routedAlong(start, end, branch) {
  const route = new Route(start, end);
  const group = branch.parent;
  route.leaves = route.side = true;
  route.columns = [];
  if (group && branchOf(end) !== branch) {
    group.lanes.set(start, { first: branch.row + 1, last: end.row + 1, place: 0 });
    route.columns.push({ cell: group, source: start });
  }
  return route;
}

/**
 * Leave a group: by its spine, or by a lane where that is another's or not reached.
 * @param {Route} route
 * @param {Cell} at
 * @param {Cell} group
 */
function goOut(route, at, group) {
  const end = group.rows.length;
  if (at.row === end - 1 && (group.left === null || group.left === route.start)) {
    group.left = route.start;
    route.turn(group, end, { cell: group, source: null });
  } else {
    route.turn(group, at.row + 1, { cell: group, source: route.start });
    cover(laneOf(group, route.start, end), end);
  }
  return group;
}

/**
 * Where a tensor enters a cell of a row.
 * @param {Route} route
 * @param {Cell} cell
 * @returns {Column}
 */
function arrival(route, cell) {
  if (!cell.rows.length) return { cell, source: null };
  if (cell.entered === null || cell.entered === route.start) {
    cell.entered = route.start;
    return { cell, source: null };
  }
  laneOf(cell, route.start, 0);
  return { cell, source: route.start };
}

/**
 * Get from one row of a group to a later one.
 * @param {Route} route
 * @param {Cell} group
 * @param {Cell} start
 * @param {Cell} end
 */
function goOver(route, group, start, end) {
  if (end.row === start.row + 1) {
    route.turn(group, end.row, arrival(route, end));
  } else {
    route.turn(group, start.row + 1, { cell: group, source: route.start });
    arrive(route, group, end);
  }
}

/**
 * Having come into a group, get to one of its rows.
 * @param {Route} route
 * @param {Cell} group
 * @param {Cell} cell
 */
function goInto(route, group, cell) {
  if (cell.row === 0) {
    route.turn(group, 0, arrival(route, cell));
    return;
  }
  route.turn(group, 0, { cell: group, source: route.start });
  arrive(route, group, cell);
}

/**
 * From a lane to a cell: to a card's side, where nothing lies between.
 * @param {Route} route
 * @param {Cell} group
 * @param {Cell} cell
 */
function arrive(route, group, cell) {
  const solid = !cell.shown.items && cell.shown.kind !== "pass";
  if (cell === route.end && group.rows[cell.row].length === 1 && solid) {
    const lane = laneOf(group, route.start, cell.row);
    cover(lane, cell.row);
    cover(lane, cell.row + 1);
    route.side = true;
  } else {
    route.turn(group, cell.row, arrival(route, cell));
  }
}

/** @param {Cell} cell */
function joins(cell) {
  return cell.shown.kind === "join";
}

/**
 * Give lanes their places: short ones nearest, and one place to those that never meet.
 * @param {Cell} cell
 */
function giveLanes(cell) {
  /** @type {Lane[][]} */
  const taken = [];
  const lanes = [...cell.lanes.values()];
  lanes.sort((a, b) => a.last - a.first - (b.last - b.first) || a.first - b.first);
  for (const lane of lanes) {
    const apart = (/** @type {Lane} */ other) => lane.last < other.first || other.last < lane.first;
    const free = taken.findIndex((others) => others.every(apart));
    lane.place = free < 0 ? taken.length : free;
    if (free < 0) taken.push([lane]);
    else taken[free].push(lane);
  }
  for (const row of cell.rows) row.forEach(giveLanes);
}

/**
 * @typedef {Map<number, Set<Cell>>} Columns the tracks at each place across
 * @typedef {{tracks: Map<Cell, number>, leaving: Columns, coming: Columns}} Crossing
 */

/**
 * Put the tracks of each gap in order, so that no two tensors share a stretch of a column.
 * @param {Route[]} found
 * @param {(column: Column) => number} across where a column lies
 */
export function sortTracks(found, across) {
  /** @type {Map<Map<Cell, number>, Crossing>} */
  const crossings = new Map();
  for (const route of found) {
    const places = route.columns.map((column) => Math.round(across(column) * 1000));
    route.turns.forEach(({ group, number, track }, place) => {
      const tracks = group.tracks[number];
      const crossing = got(crossings, tracks, () => ({
        tracks, leaving: new Map(), coming: new Map(),
      }));
      got(crossing.leaving, places[place], () => new Set()).add(track);
      got(crossing.coming, places[place + 1], () => new Set()).add(track);
    });
  }
  for (const crossing of crossings.values()) sortCrossing(crossing);
}

/** @param {Crossing} crossing */
function sortCrossing({ tracks, leaving, coming }) {
  /** @type {Map<Cell, Set<Cell>>} */
  const above = new Map([...tracks.keys()].map((track) => [track, new Set()]));
  for (const [place, later] of coming) {
    const before = leaving.get(place) ?? [];
    for (const track of later) {
      for (const other of before) if (other !== track) above.get(track)?.add(other);
    }
  }
  const left = [...tracks.keys()];
  for (let number = 0; left.length; number += 1) {
    const waits = (/** @type {Cell} */ track) => left.some((other) => above.get(track)?.has(other));
    const free = left.find((track) => !waits(track)) ?? left[0];
    left.splice(left.indexOf(free), 1);
    tracks.set(free, number);
  }
}
