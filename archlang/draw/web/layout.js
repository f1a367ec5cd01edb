/** Where everything lies: `draw/layout.py`, for a page. */

import { leads } from "./cells.js";

/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("./parts.js").Network["measures"]} Measures */
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
   * Give a cell and all inside it their sizes.
   * @param {Cell} cell
   */
  size(cell) {
    if (!cell.shown.items) {
      const [wide, high] = cell.shown.kind === "pass" ? [0, 0] : this.measure(cell.shown);
      [cell.main, cell.cross] = this.down ? [high, wide] : [wide, high];
      cell.spine = cell.cross / 2;
      return;
    }
    for (const row of cell.rows) for (const kid of row) this.size(kid);
    const titles = cell.framed ? cell.shown.lines.map((line) => line.width) : [];
    this.sizeAcross(cell, titles);
    this.sizeAlong(cell, titles);
  }

  /**
   * @param {Cell} cell
   * @param {number[]} titles
   */
  sizeAcross(cell, titles) {
    const { FRAME, CLEAR, LANE, TITLE } = this.set;
    const edge = cell.framed ? FRAME : 0;
    const before = edge + (this.down || !titles.length ? 0 : TITLE);
    const sides = cell.rows.map((row) => this.sides(row));
    const left = Math.max(...sides.map((side) => side[0]));
    let right = Math.max(...sides.map((side) => side[1]));
    cell.spine = before + left;
    if (this.down && titles.length && this.beside(titles) > cell.spine - FRAME - CLEAR) {
      cell.spine = Math.max(cell.spine, titles[0] + FRAME + CLEAR);
      right = Math.max(right, sum(titles.slice(1)) + CLEAR);
    }
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
    if (cell.framed) {
      cell.gaps[0] += FRAME + (this.down ? (titles.length ? TITLE : 0) - 8 : 0);
      cell.gaps[cell.gaps.length - 1] += FRAME;
    }
    cell.main = sum(cell.gaps) + sum(cell.rows.map(height));
    if (!this.down && titles.length) {
      const spare = Math.max(0, this.beside(titles) + 2 * FRAME - cell.main);
      cell.main += spare;
      cell.gaps[cell.gaps.length - 1] += spare;
    }
  }

  /**
   * @param {Cell} cell
   * @param {number} number
   */
  gap(cell, number) {
    const { TRACK, ARROW, GAP } = this.set;
    const tracks = cell.tracks[number].size;
    if (number === cell.rows.length) return tracks ? tracks * TRACK + 6 : 0;
    const room = tracks ? tracks * TRACK + ARROW + 4 : 0;
    return number ? Math.max(room, GAP) : room;
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
    let at = m;
    cell.rows.forEach((row, number) => {
      at += cell.gaps[number];
      let across = c + cell.spine - this.sides(row)[0];
      for (const kid of row) {
        this.place(kid, at, across);
        across += kid.cross + this.set.BETWEEN;
      }
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
    const found = [x + FRAME];
    if (widths.length > 1) {
      const split = this.down && this.beside(widths) > cell.spine - FRAME - CLEAR;
      found.push(split ? x + cell.spine + CLEAR : found[0] + widths[0] + CLEAR);
    }
    return found;
  }

  /**
   * A tensor's way, corner by corner.
   * @param {Route} route
   * @returns {Point[]}
   */
  points(route) {
    const { start, end } = route;
    const across = route.columns.map(({ cell, source }) => this.across(cell, source));
    const last = across[across.length - 1];
    /** @type {Point[]} */
    const found = [[start.m + start.main, across[0]]];
    route.turns.forEach(({ group, number, track }, place) => {
      const m = this.along(group, number, track);
      found.push([m, across[place]], [m, across[place + 1]]);
    });
    if (route.side) {
      const middle = end.m + end.main / 2;
      found.push([middle, last], [middle, end.c + end.cross]);
    } else {
      found.push([end.m, last]);
    }
    return straight(found).map(([m, c]) => this.point(m, c));
  }

  /**
   * @param {Cell} cell
   * @param {Cell | null} source
   */
  across(cell, source) {
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
    if (cell.framed && number === 0) at += FRAME + (this.down ? TITLE - 8 : 0) - TRACK / 2;
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

  /**
   * How far a row reaches to both sides of its group's spine.
   * @param {Cell[]} row
   * @returns {[number, number]}
   */
  sides(row) {
    const whole = sum(row.map((kid) => kid.cross)) + this.set.BETWEEN * (row.length - 1);
    const left = row.length === 1 || leads(row) ? row[0].spine : whole / 2;
    return [left, whole - left];
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
