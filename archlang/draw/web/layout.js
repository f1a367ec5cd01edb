/** Where everything lies: `draw/layout.py`, for a page. */

import { branches } from "./branches.js";
import { lead } from "./cells.js";
import { sortTracks } from "./routes.js";

/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("./cells.js").Plan} Plan */
/** @typedef {import("./parts.js").Network["measures"]} Measures */
/** @typedef {import("./routes.js").Column} Column */
/** @typedef {import("./routes.js").Route} Route */
/** @typedef {import("./shown.js").Shown} Shown */
/** @typedef {[number, number]} Point */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect */
/** @typedef {"TB" | "LR"} Direction */

/** Sizes and places of cells; `measure` gives width and height of a box. */
export class Layout {
  /**
   * @param {Direction} direction
   * @param {Measures} measures
   * @param {(shown: Shown) => [number, number]} measure
   */
  constructor(direction, measures, measure) {
    this.down = direction === "TB";
    this.set = measures.layout;
    this.measure = measure;
  }

  /**
   * Lay branches beside a straight way across the flow, if they are not too long for that.
   * @param {Plan} plan
   */
  turn(plan) {
    for (const [branch, cards] of branches(plan)) {
      const whole = new Set([branch, ...cards]);
      for (const card of cards) {
        for (let at = card; at !== branch && at.parent; at = at.parent) whole.add(at);
      }
      for (const cell of whole) cell.turned = true;
      this.size(branch);
      const fits = branch.cross <= this.set.WIDE;
      for (const cell of whole) cell.turned = fits;
    }
  }

  /**
   * Give a cell and all inside it their sizes.
   * @param {Cell} cell
   */
  size(cell) {
    if (!cell.shown.items) {
      const [wide, high] = cell.shown.kind === "pass" ? [0, 0] : this.measure(cell.shown);
      [cell.main, cell.cross] = this.down ? [high, wide] : [wide, high];
      cell.spine = cell.cross / 2;
      cell.middle = cell.main / 2;
      return;
    }
    for (const row of cell.rows) for (const kid of row) this.size(kid);
    const titles = cell.framed ? cell.shown.lines.map((line) => line.width) : [];
    if (cell.turned) {
      this.sizeTurned(cell, titles);
    } else {
      this.sizeAcross(cell, titles);
      this.sizeAlong(cell, titles);
    }
  }

  /**
   * @param {Cell} cell
   * @param {number[]} titles
   */
  sizeAcross(cell, titles) {
    const { FRAME, LANE, TITLE } = this.set;
    const edge = cell.framed ? FRAME : 0;
    this.spread(cell);
    const kids = cell.rows.flat();
    let left = Math.max(...kids.map((kid) => kid.spine - kid.offset));
    let right = Math.max(...kids.map((kid) => kid.offset + kid.cross - kid.spine));
    if (this.down && titles.length) {
      if (cell.flipped) [right, left] = this.around(titles, right, left);
      else [left, right] = this.around(titles, left, right);
    }
    cell.spine = edge + (this.down || !titles.length ? 0 : TITLE) + left;
    cell.content = cell.spine + right;
    const lanes = 1 + Math.max(-1, ...[...cell.lanes.values()].map((lane) => lane.place));
    cell.cross = cell.content + (lanes ? lanes * LANE + 4 : 0) + edge;
  }

  /**
   * @param {Cell} cell
   * @param {number[]} titles
   */
  sizeAlong(cell, titles) {
    const { FRAME, TITLE } = this.set;
    cell.gaps = cell.tracks.map((_, number) => this.gap(cell, number));
    const end = cell.gaps.length - 1;
    if (cell.framed) {
      cell.gaps[0] += FRAME;
      cell.gaps[end] += FRAME;
      cell.gaps[cell.up ? end : 0] += this.down ? TITLE - 8 : 0;
    }
    cell.main = sum(cell.gaps) + sum(cell.rows.map(height));
    if (!this.down && titles.length) {
      const spare = Math.max(0, this.beside(titles) + 2 * FRAME - cell.main);
      cell.main += spare;
      cell.gaps[end] += spare;
    }
  }

  /**
   * Sizes of a group whose cells lie one behind the other across the flow.
   * @param {Cell} cell
   * @param {number[]} titles
   */
  sizeTurned(cell, titles) {
    const { FRAME, TITLE, GAP } = this.set;
    const kids = cell.rows.map((row) => row[0]);
    const [edge, band] = titles.length ? [FRAME, TITLE - 8] : [0, 0];
    cell.gaps = [edge, edge];
    cell.gaps[cell.up ? 1 : 0] += this.down ? band : 0;
    cell.spine = edge + (this.down ? 0 : band);
    cell.cross = cell.spine + sum(kids.map((kid) => kid.cross)) + GAP * (kids.length - 1) + edge;
    cell.middle = cell.gaps[0] + Math.max(...kids.map((kid) => kid.middle));
    let behind = Math.max(...kids.map((kid) => kid.main - kid.middle));
    if (titles.length && this.down) {
      cell.cross = Math.max(cell.cross, this.beside(titles) + 2 * FRAME);
    } else if (titles.length) {
      const [before, after] = this.around(titles, cell.middle - edge, behind);
      cell.middle = before + edge;
      behind = after;
    }
    cell.main = cell.middle + behind + cell.gaps[1];
  }

  /**
   * @param {Cell} cell
   * @param {number} number
   */
  gap(cell, number) {
    const { TRACK, ARROW, GAP, CLOSE } = this.set;
    const tracks = cell.tracks[number].size;
    if (number === cell.rows.length) return tracks ? tracks * TRACK + 6 : 0;
    const room = tracks ? tracks * TRACK + ARROW + 4 : 0;
    const close = cell.rows[number].some(taps) || (number > 0 && hasTurned(cell.rows[number - 1]));
    return number ? Math.max(room, close ? CLOSE : GAP) : room;
  }

  /**
   * Find where the spines of a group's cells lie, from the group's: rows one below the other whose
   * cells each go on from the one above them share columns.
   * @param {Cell} cell
   */
  spread(cell) {
    let at = 0;
    while (at < cell.rows.length) {
      let end = at + 1;
      while (end < cell.rows.length && continues(cell.rows[end - 1], cell.rows[end])) end += 1;
      this.columns(cell.rows.slice(at, end));
      at = end;
    }
  }

  /**
   * Place the spines of the cells of rows with the same columns.
   * @param {Cell[][]} rows
   */
  columns(rows) {
    const columns = rows[0].map((_, number) => rows.map((row) => row[number]));
    const before = columns.map((kids) => Math.max(...kids.map((kid) => kid.spine)));
    const after = columns.map((kids) => Math.max(...kids.map((kid) => kid.cross - kid.spine)));
    const spines = [before[0]];
    for (let number = 1; number < before.length; number += 1) {
      spines.push(spines[number - 1] + after[number - 1] + this.set.BETWEEN + before[number]);
    }
    const end = before.length - 1;
    const first = end ? lead(rows[0]) : rows[0][0];
    const middle = first ? spines[rows[0].indexOf(first)] : (spines[end] + after[end]) / 2;
    for (const row of rows) row.forEach((kid, number) => (kid.offset = spines[number] - middle));
  }

  /**
   * Room on both sides of a way for a name that it crosses: all before it, or a part behind.
   * @param {number[]} titles
   * @param {number} before
   * @param {number} behind
   * @returns {[number, number]}
   */
  around(titles, before, behind) {
    const { CLEAR } = this.set;
    if (this.beside(titles) <= before - CLEAR) return [before, behind];
    return [Math.max(before, titles[0] + CLEAR), Math.max(behind, sum(titles.slice(1)) + CLEAR)];
  }

  /**
   * Give a cell and all inside it, whose sizes are known, their places.
   * @param {Cell} cell
   * @param {number} m
   * @param {number} c
   */
  place(cell, m = 0, c = 0) {
    cell.m = m;
    cell.c = c;
    if (cell.turned) {
      let across = c + cell.spine;
      for (const [kid] of cell.rows) {
        this.place(kid, m + cell.middle - kid.middle, across);
        across += kid.cross + this.set.GAP;
      }
      return;
    }
    let at = m;
    cell.rows.forEach((row, number) => {
      at += cell.gaps[number];
      for (const kid of row) this.place(kid, at, c + cell.spine + kid.offset - kid.spine);
      at += height(row);
    });
  }

  /**
   * A place on the picture.
   * @param {number} m
   * @param {number} c
   * @returns {Point}
   */
  point(m, c) {
    return this.down ? [c, m] : [m, c];
  }

  /**
   * A cell's rectangle on the picture.
   * @param {Cell} cell
   * @returns {Rect}
   */
  rect(cell) {
    const [x, y] = this.point(cell.m, cell.c);
    const [width, height] = this.point(cell.main, cell.cross);
    return { x, y, width, height };
  }

  /**
   * Where on the picture the texts of a frame's name begin: none lies on its spine.
   * @param {Cell} cell
   */
  title(cell) {
    const { FRAME, CLEAR } = this.set;
    const { x } = this.rect(cell);
    const widths = cell.shown.lines.map((line) => line.width);
    let first = x + FRAME;
    let spine = cell.turned ? cell.middle : cell.spine;
    let near = spine - FRAME;
    if (cell.flipped && !cell.turned) {
      first += cell.cross - cell.content - FRAME;
      near = cell.content - cell.spine;
      spine = cell.cross - cell.spine;
    }
    if (widths.length < 2) return [first];
    const split = this.down !== cell.turned && this.beside(widths) > near - CLEAR;
    return [first, split ? x + spine + CLEAR : first + widths[0] + CLEAR];
  }

  /**
   * The ways of tensors between cells that have their places.
   * @param {Route[]} found
   * @returns {Point[][]}
   */
  ways(found) {
    sortTracks(found, (column) => this.across(column));
    return found.map((route) => this.points(route));
  }

  /**
   * A tensor's way, corner by corner.
   * @param {Route} route
   * @returns {Point[]}
   */
  points(route) {
    const { start, end } = route;
    const across = route.columns.map((column) => this.across(column));
    const middle = start.m + start.middle;
    /** @type {Point[]} */
    const found = route.leaves
      ? [start.c + start.cross, ...across].map((c) => [middle, c])
      : [[start.m + start.main, across[0]]];
    route.turns.forEach(({ group, number, track }, place) => {
      const m = this.along(group, number, track);
      found.push([m, across[place]], [m, across[place + 1]]);
    });
    const last = found[found.length - 1][1];
    if (route.side) {
      const at = end.m + end.middle;
      found.push([at, last], [at, last <= end.c ? end.c : end.c + end.cross]);
    } else {
      found.push([end.m, across[across.length - 1]]);
    }
    return straight(found).map(([m, c]) => this.point(m, c));
  }

  /** @param {Column} column */
  across({ cell, source }) {
    const lane = source && cell.lanes.get(source);
    return lane ? cell.c + cell.content + this.set.LANE * (lane.place + 1) : cell.c + cell.spine;
  }

  /**
   * Where a track of a gap lies.
   * @param {Cell} cell
   * @param {number} number
   * @param {Cell} track
   */
  along(cell, number, track) {
    const { FRAME, TITLE, TRACK } = this.set;
    let at = cell.m + sum(cell.gaps.slice(0, number)) + sum(cell.rows.slice(0, number).map(height));
    if (cell.framed && number === 0) {
      at += FRAME + (this.down && !cell.up ? TITLE - 8 : 0) - TRACK / 2;
    }
    const place = /** @type {number} */ (cell.tracks[number].get(track));
    return at + TRACK * (place + 1) - (cell.framed ? 0 : 2);
  }

  /**
   * The length of texts side by side.
   * @param {number[]} widths
   */
  beside(widths) {
    return sum(widths) + this.set.CLEAR * (widths.length - 1);
  }
}

/** @param {number[]} values */
export function sum(values) {
  return values.reduce((all, value) => all + value, 0);
}

/**
 * The length of a row along the flow.
 * @param {Cell[]} row
 */
function height(row) {
  return Math.max(...row.map((kid) => kid.main));
}

/**
 * @param {Cell[]} row
 * @param {Cell[]} next
 */
function continues(row, next) {
  return row.length === next.length && next.every((kid, place) => kid.behind === row[place]);
}

/**
 * Whether a straight way passes something that lies across the flow.
 * @param {Cell[]} row
 */
function hasTurned(row) {
  return row.some((cell) => cell.turned);
}

/**
 * Whether the first that a group holds is a straight way which does that.
 * @param {Cell} cell
 */
function taps(cell) {
  return cell.rows.length > 0 && !cell.framed && hasTurned(cell.rows[0]);
}

/**
 * A way without the corners at which it does not turn.
 * @param {Point[]} points
 * @returns {Point[]}
 */
export function straight(points) {
  /** @type {Point[]} */
  const found = [];
  for (const point of points) {
    const last = found[found.length - 1];
    if (last && last[0] === point[0] && last[1] === point[1]) continue;
    while (found.length > 1 && inLine(found[found.length - 2], found[found.length - 1], point)) {
      found.pop();
    }
    found.push(point);
  }
  return found;
}

/**
 * @param {Point} one
 * @param {Point} two
 * @param {Point} three
 */
function inLine(one, two, three) {
  return [0, 1].some((axis) => one[axis] === two[axis] && two[axis] === three[axis]);
}
