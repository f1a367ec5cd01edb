/** A scene as the text of an SVG file: `draw/svg.py`, for a page. */

import { tenth } from "./wording.js";

/** @typedef {import("./layout.js").Point} Point */
/** @typedef {import("./layout.js").Rect} Rect */
/** @typedef {import("./scene.js").Box} Box */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Text} Text */
/** @typedef {import("./scene.js").Wire} Wire */
/**
 * The colours of a theme, as Python has them.
 * @typedef {object} Theme
 * @property {string} background
 * @property {Record<string, string>} inks
 * @property {string} wire
 * @property {string} bar
 * @property {string} track
 * @property {Record<string, [string, string]>} tints
 */

const FONTS = "'DejaVu Sans',Verdana,sans-serif";
const BEND = 5;
const DASH = ' stroke-dasharray="4 3"';
/** How the borders differ of what is wrong, and of what that keeps away. */
const MARKS = /** @type {Record<string, string>} */ ({ absent: DASH, wrong: ' stroke-width="2.5"' });
const TIP = { half: 3.2, length: 6 };

/**
 * The text of an SVG file.
 * @param {Scene} scene
 * @param {Theme} theme
 */
export function svg(scene, theme) {
  const wide = number(scene.width);
  const high = number(scene.height);
  const label = quoted(`${scene.title}, ${scene.about}`);
  const frames = scene.boxes.filter((box) => box.kind === "frame");
  const cards = scene.boxes.filter((box) => box.kind !== "frame");
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" width="${wide}" ` +
      `height="${high}" role="img" aria-label=${label} font-family="${FONTS}">`,
    `<title>${escaped(scene.title)}</title>`,
    `<desc>${escaped(scene.about)}</desc>`,
    `<rect width="${wide}" height="${high}" fill="${theme.background}"/>`,
    ...scene.texts.map((text) => textOf(text, theme)),
    ...frames.flatMap((box) => boxOf(box, theme)),
    ...wiresOf(scene.wires.filter((wire) => !missing(scene, wire)), theme),
    ...wiresOf(scene.wires.filter((wire) => missing(scene, wire)), theme, DASH),
    ...cards.flatMap((box) => boxOf(box, theme)),
    ...frames.flatMap((box) => box.texts.map((text) => textOf(text, theme))),
  ];
  return `${lines.join("\n")}\n</svg>\n`;
}

/**
 * A length to a tenth, as short as it goes.
 * @param {number} value
 */
export function number(value) {
  const text = tenth(value);
  return text === "-0.0" ? "0" : text.replace(/\.0$/, "");
}

/**
 * @param {string} text
 */
function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/>/g, "&gt;").replace(/</g, "&lt;");
}

/**
 * A text in the quotes that Python gives it.
 * @param {string} text
 */
function quoted(text) {
  const safe = escaped(text).replace(/\n/g, "&#10;").replace(/\r/g, "&#13;").replace(/\t/g, "&#9;");
  if (!safe.includes('"')) return `"${safe}"`;
  return safe.includes("'") ? `"${safe.replace(/"/g, "&quot;")}"` : `'${safe}'`;
}

/**
 * The roundness of a box's corners.
 * @param {Box} box
 */
export function radius(box) {
  return box.kind === "join" ? 11 : box.kind === "frame" ? 8 : 5;
}

/**
 * @param {Box} box
 * @param {Theme} theme
 */
function boxOf(box, theme) {
  const [fill, edge] = theme.tints[box.tint];
  const { rect } = box;
  const found = [
    `<g role="img" aria-label=${quoted(box.about)}><title>${escaped(box.about)}</title>`,
  ];
  if (box.stacked) {
    found.push(rectOf({ ...rect, x: rect.x + 3, y: rect.y + 3 }, radius(box), fill, edge));
  }
  found.push(rectOf(rect, radius(box), fill, edge, MARKS[box.tint]));
  if (box.bar) {
    found.push(rectOf(box.bar, 1.5, theme.track));
    const width = Math.max(box.bar.width * box.share, 1);
    found.push(rectOf({ ...box.bar, width }, 1.5, theme.bar));
  }
  if (box.kind !== "frame") found.push(...box.texts.map((text) => textOf(text, theme)));
  return [...found, "</g>"];
}

/**
 * @param {Rect} rect
 * @param {number} round
 * @param {string} fill
 * @param {string} edge
 * @param {string} dash
 */
function rectOf(rect, round, fill, edge = "", dash = "") {
  const { x, y, width, height } = rect;
  const stroke = edge ? ` stroke="${edge}"${dash}` : "";
  return (
    `<rect x="${number(x)}" y="${number(y)}" width="${number(width)}" ` +
    `height="${number(height)}" rx="${number(round)}" fill="${fill}"${stroke}/>`
  );
}

/**
 * @param {Text} text
 * @param {Theme} theme
 */
function textOf(text, theme) {
  const bold = text.bold ? ' font-weight="bold"' : "";
  return (
    `<text x="${number(text.x)}" y="${number(text.y)}" font-size="${number(text.size)}"${bold} ` +
    `fill="${theme.inks[text.ink]}" textLength="${number(text.width)}" ` +
    `lengthAdjust="spacingAndGlyphs">${escaped(text.text)}</text>`
  );
}

/**
 * All ways as one stroke, so that what lies on another is not darker, and their arrows.
 * @param {Wire[]} wires
 * @param {Theme} theme
 * @param {string} dash
 */
function wiresOf(wires, theme, dash = "") {
  if (!wires.length) return [];
  const { ways, heads } = wirePaths(wires);
  return [
    `<path fill="none" stroke="${theme.wire}" stroke-width="1.3"${dash} d="${ways}"/>`,
    `<path fill="${theme.wire}" d="${heads}"/>`,
  ];
}

/**
 * Whether a way leads to what errors have kept away.
 * @param {Scene} scene
 * @param {Wire} wire
 */
export function missing(scene, wire) {
  return scene.boxes[wire.target].tint === "absent";
}

/**
 * The paths of all ways, and of their arrows.
 * @param {Wire[]} wires
 */
export function wirePaths(wires) {
  const ways = new Set(wires.map((wire) => pathOf(wire.points)));
  const heads = new Set(wires.map((wire) => headOf(wire.points)));
  return { ways: [...ways].join(""), heads: [...heads].join("") };
}

/**
 * A way with round corners.
 * @param {Point[]} points
 */
function pathOf(points) {
  const said = [`M${at(points[0])}`];
  for (let place = 1; place < points.length - 1; place += 1) {
    const [before, corner, after] = points.slice(place - 1, place + 2);
    const bend = Math.min(BEND, length(before, corner) / 2, length(corner, after) / 2);
    said.push(`L${at(towards(corner, before, bend))}`);
    said.push(`Q${at(corner)} ${at(towards(corner, after, bend))}`);
  }
  said.push(`L${at(points[points.length - 1])}`);
  return said.join("");
}

/** @param {Point[]} points */
function headOf(points) {
  const [before, tip] = points.slice(-2);
  const back = towards(tip, before, TIP.length);
  const [x, y] = before[0] === tip[0] ? [TIP.half, 0] : [0, TIP.half];
  return `M${at(tip)}L${at([back[0] - x, back[1] - y])}L${at([back[0] + x, back[1] + y])}Z`;
}

/** @param {Point} point */
function at([x, y]) {
  return `${number(x)} ${number(y)}`;
}

/**
 * @param {Point} one
 * @param {Point} other
 */
function length(one, other) {
  return Math.abs(one[0] - other[0]) + Math.abs(one[1] - other[1]);
}

/**
 * @param {Point} start
 * @param {Point} end
 * @param {number} by
 * @returns {Point}
 */
function towards(start, end, by) {
  const whole = length(start, end) || 1;
  const moved = (/** @type {0 | 1} */ axis) =>
    start[axis] + ((end[axis] - start[axis]) * by) / whole;
  return [moved(0), moved(1)];
}
