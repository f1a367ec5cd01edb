/** A network's picture, opened as it is, laid out: `draw/picture.py`, for a page. */

import { plan } from "./cells.js";
import { Layout, straight } from "./layout.js";
import { routes } from "./routes.js";
import { shown, total } from "./shown.js";
import { fold, lay, skips } from "./ushape.js";
import { counted, tenth } from "./wording.js";

/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("./cells.js").Plan} Plan */
/** @typedef {import("./layout.js").Direction} Direction */
/** @typedef {import("./layout.js").Point} Point */
/** @typedef {import("./layout.js").Rect} Rect */
/** @typedef {import("./parts.js").Network} Network */
/** @typedef {import("./parts.js").Part} Part */
/** @typedef {import("./parts.js").Words} Words */
/** @typedef {import("./shown.js").Opening} Opening */
/** @typedef {import("./shown.js").Shown} Shown */

/** @typedef {Map<Cell, Map<Cell, Point[]>>} Ways */
/** @typedef {Words & {x: number, y: number}} Text */
/**
 * @typedef {object} Box
 * @property {Rect} rect
 * @property {"card" | "join" | "frame"} kind
 * @property {string} tint
 * @property {Part} part
 * @property {Part[]} taken
 * @property {string} about
 * @property {Text[]} texts
 * @property {number} level
 * @property {number} parent
 * @property {boolean} stacked
 * @property {Rect | null} bar
 * @property {number} share
 */
/** @typedef {{points: Point[], source: number, target: number}} Wire */
/**
 * @typedef {object} Scene
 * @property {string} title
 * @property {string} about
 * @property {number} width
 * @property {number} height
 * @property {Box[]} boxes
 * @property {Wire[]} wires
 * @property {Text[]} texts
 */

/** @typedef {Opening & {direction: Direction}} View */

/**
 * The scene of a network. `tints` are the hues of templates: they stay as they are from one
 * picture to the next.
 * @param {Network} network
 * @param {View} view
 * @param {Map<string, string>} [tints]
 * @returns {Scene}
 */
export function picture(network, view, tints = new Map()) {
  const drawing = new Drawing(network, view, tints);
  const cells = plan(network.edges, shown(network, view));
  const layout = new Layout(view.direction, network.measures, (item) => drawing.size(item));
  layout.turn(cells);
  const ways = placed(cells, layout, network);
  const extent = layout.rect(cells.root);
  drawing.centre(extent.width);
  drawing.boxesOf(cells.root, layout, -1);
  return drawing.scene(extent, drawing.wires(cells.edges, ways));
}

/**
 * Give all cells their places; the ways of the edges, by their ends.
 * @param {Plan} cells
 * @param {Layout} layout
 * @param {Network} network
 * @returns {Ways}
 */
function placed(cells, layout, network) {
  const bent = layout.down ? skips(cells) : null;
  if (bent) fold(cells, bent);
  const found = routes(cells, bent?.edges);
  layout.size(cells.root);
  /** @type {Ways} */
  const ways = new Map(cells.edges.map(([start]) => [start, new Map()]));
  if (bent) {
    for (const [start, end, way] of lay(cells, bent, layout, found, network.measures)) {
      ways.get(start)?.set(end, way);
    }
  } else {
    layout.place(cells.root);
    const points = layout.ways(found);
    found.forEach(({ start, end }, place) => ways.get(start)?.set(end, points[place]));
  }
  return ways;
}

/** The boxes of a scene as they are made. */
class Drawing {
  /**
   * @param {Network} network
   * @param {View} view
   * @param {Map<string, string>} tints
   */
  constructor(network, view, tints) {
    this.network = network;
    this.view = view;
    this.tints = tints;
    this.set = { ...network.measures.words, ...network.measures.picture };
    this.width = 0;
    this.left = 0;
    /** @type {Box[]} */
    this.boxes = [];
    /** @type {Map<Cell, number>} */
    this.places = new Map();
  }

  /**
   * Find how wide the picture is, and where a network of this width begins.
   * @param {number} width
   */
  centre(width) {
    const [title, aside] = this.network.head;
    this.width = Math.max(width, title.width + 12 + aside.width) + 2 * this.set.MARGIN;
    this.left = (this.width - width) / 2;
  }

  /**
   * The part of the network's parameters that a box's bar shows; 0 where it has no bar.
   * @param {Shown} item
   */
  share(item) {
    const barred = this.view.level !== "layer" && ["part", "layer"].includes(item.kind);
    const { params } = this.network.totals;
    return barred && item.lines.length > 1 && params ? total(item, "params") / params : 0;
  }

  /**
   * Width and height of a box.
   * @param {Shown} item
   * @returns {[number, number]}
   */
  size(item) {
    const { PAD_X, PAD_Y, LEADING, BAR } = this.set;
    const { lines } = item;
    const wide = Math.max(...lines.map((line) => line.width));
    if (item.kind === "join") {
      return [...lines[0].text].length === 1 ? [22, 22] : [wide + 2 * PAD_X, 22];
    }
    const low = lines.length === 1 ? 34 : 72;
    const high = lines.length * LEADING + 2 * PAD_Y - 2 + (this.share(item) > 0 ? BAR : 0);
    return [Math.max(wide + 2 * PAD_X, low), high];
  }

  /**
   * Add a cell's box, and then those inside it.
   * @param {Cell} cell
   * @param {Layout} layout
   * @param {number} parent
   */
  boxesOf(cell, layout, parent) {
    let place = parent;
    if (cell.framed || (!cell.shown.items && cell.shown.kind !== "pass")) {
      const at = layout.rect(cell);
      const rect = { ...at, x: at.x + this.left, y: at.y + this.set.HEAD };
      const texts = cell.framed ? this.titles(cell, layout, rect) : this.lines(cell.shown, rect);
      place = this.boxes.length;
      this.places.set(cell, place);
      this.boxes.push(this.box(cell, rect, texts, parent));
    }
    for (const row of cell.rows) for (const kid of row) this.boxesOf(kid, layout, place);
  }

  /**
   * @param {Cell} cell
   * @param {Rect} rect
   * @param {Text[]} texts
   * @param {number} parent
   * @returns {Box}
   */
  box(cell, rect, texts, parent) {
    const { part, kind, taken } = cell.shown;
    const { PAD_X, PAD_Y } = this.set;
    const share = this.share(cell.shown);
    const y = rect.y + rect.height - PAD_Y - 1;
    const bar = { x: rect.x + PAD_X, y, width: rect.width - 2 * PAD_X, height: 3 };
    return {
      rect,
      kind: cell.framed ? "frame" : kind === "join" ? "join" : "card",
      tint: this.tint(cell.shown),
      part,
      taken,
      about: this.about(cell.shown),
      texts,
      level: parent < 0 ? 0 : this.boxes[parent].level + 1,
      parent,
      stacked: part.copies > 1,
      bar: share > 0 ? bar : null,
      share,
    };
  }

  /**
   * @param {Shown} item
   */
  tint({ part, kind }) {
    if (part.kind !== "group" || (part.tint && kind === "part")) return part.tint;
    if (!part.template) return kind === "group" ? "plain" : "part";
    const known = this.tints.get(part.template);
    const tint = known ?? `template${this.tints.size % this.set.TINTS}`;
    this.tints.set(part.template, tint);
    return tint;
  }

  /**
   * @param {Cell} cell
   * @param {Layout} layout
   * @param {Rect} rect
   * @returns {Text[]}
   */
  titles(cell, layout, rect) {
    const at = layout.title(cell);
    return cell.shown.lines.map((line, place) => ({
      ...line, x: at[place] + this.left, y: rect.y + 16,
    }));
  }

  /**
   * @param {Shown} item
   * @param {Rect} rect
   * @returns {Text[]}
   */
  lines(item, rect) {
    const { LEADING, BAR } = this.set;
    const high = item.lines.length * LEADING + (this.share(item) > 0 ? BAR : 0);
    const top = rect.y + (rect.height - high) / 2 + LEADING - 4;
    const middle = rect.x + rect.width / 2;
    return item.lines.map((line, place) => ({
      ...line, x: middle - line.width / 2, y: top + place * LEADING,
    }));
  }

  /**
   * What a reader who sees no picture is told of a box.
   * @param {Shown} item
   */
  about({ part, taken }) {
    const where = part.others.length ? `${part.path} – ${part.others.at(-1)}` : part.path;
    const layers = [part, ...taken].flatMap((leaf) => leaf.layers);
    const what = part.kind === "group" ? part.template : layers.join(", ");
    const said = [where, what, part.trouble, (taken.at(-1) ?? part).out];
    const params = total({ part, taken }, "params");
    const percent = tenth((params / this.network.totals.params) * 100);
    if (params) said.push(`${counted(params)} parameters, ${percent}%`);
    return said.filter(Boolean).join("; ");
  }

  /**
   * @param {[Cell, Cell][]} edges
   * @param {Ways} ways
   * @returns {Wire[]}
   */
  wires(edges, ways) {
    const found = [];
    for (const [start, next] of edges) {
      const source = this.places.get(start);
      if (source === undefined) continue;
      let end = next;
      let way = ways.get(start)?.get(end) ?? [];
      if (!this.places.has(end)) {
        const [after, rest] = [...(ways.get(end) ?? [])].at(-1) ?? [end, []];
        way = straight([...way, ...rest]);
        end = after;
      }
      const points = way.map(([x, y]) => /** @type {Point} */ ([x + this.left, y + this.set.HEAD]));
      found.push({ points, source, target: /** @type {number} */ (this.places.get(end)) });
    }
    return found;
  }

  /**
   * All of it, under the network's name.
   * @param {Rect} extent
   * @param {Wire[]} wires
   * @returns {Scene}
   */
  scene(extent, wires) {
    const { MARGIN, HEAD } = this.set;
    const [title, aside] = this.network.head;
    const { name, inputs } = this.network;
    return {
      title: name,
      about: `${this.view.level} of ${name}: ${inputs.join(", ")}; ${aside.text}`,
      width: this.width,
      height: extent.height + HEAD + MARGIN,
      boxes: this.boxes,
      wires,
      texts: [
        { ...title, x: MARGIN, y: 23 },
        { ...aside, x: MARGIN + title.width + 12, y: 23 },
      ],
    };
  }
}
