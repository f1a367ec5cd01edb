/** How far a network is opened: which parts are closed boxes, and which show what is in them. */

import { leaves } from "./parts.js";

/** @typedef {import("./parts.js").Network} Network */
/** @typedef {import("./parts.js").Part} Part */
/** @typedef {import("./parts.js").Words} Words */

/** @typedef {"overview" | "stage" | "layer"} Level */

/**
 * A part as it is shown. Those with `items` are open.
 * @typedef {object} Shown
 * @property {Part} part
 * @property {"input" | "layer" | "join" | "part" | "pass" | "group"} kind
 * @property {Words[]} lines what a box says; of an open part, its title
 * @property {Shown[] | null} items
 * @property {Part[]} leaves the layers in a box
 * @property {Part[]} taken layers behind it that its box takes in
 */

/** @typedef {{level: Level, open: Set<string>, shut: Set<string>}} Opening */

/** How deep parts are open at each level. */
export const DEPTHS = { overview: 0, stage: 1, layer: Infinity };

/**
 * The parts of a network as they are shown.
 * @param {Network} network
 * @param {Opening} opening
 * @returns {Shown[]}
 */
export function shown(network, opening) {
  const depth = DEPTHS[opening.level];
  const roots = opening.level === "layer" ? network.roots.layer : network.roots.stage;
  const found = roots.map((part) => show(part, depth, opening));
  return opening.level === "overview" ? brief(network, found) : found;
}

/**
 * @param {Part} part
 * @param {number} depth
 * @param {Opening} opening
 * @returns {Shown}
 */
function show(part, depth, opening) {
  if (part.kind !== "group") {
    const lines = opening.level === "overview" ? part.named : part.plain;
    return { part, kind: part.kind, lines, items: null, leaves: [part], taken: [] };
  }
  if (!part.bare && !isOpen(part, depth, opening)) {
    return { part, kind: "part", lines: part.plain, items: null, leaves: leaves(part), taken: [] };
  }
  const inner = part.bare || part.shut ? depth : depth - 1;
  const items = part.items.map((item) => show(item, inner, opening));
  return { part, kind: "group", lines: part.title, items, leaves: [], taken: [] };
}

/**
 * @param {Part} part
 * @param {number} depth
 * @param {Opening} opening
 */
function isOpen(part, depth, opening) {
  if (opening.open.has(part.key)) return true;
  return depth > 0 && !part.shut && !opening.shut.has(part.key);
}

/**
 * The parts of an overview: a box takes in layers behind it that only show values in another form.
 * @param {Network} network
 * @param {Shown[]} items
 * @returns {Shown[]}
 */
function brief(network, items) {
  const taken = new Map(network.taken.map((entry) => [entry.place, entry]));
  const found = [];
  for (let place = 0; place < items.length; place += 1) {
    const item = items[place];
    const entry = taken.get(place);
    if (entry && !item.items) {
      const next = items.slice(place + 1, place + 1 + entry.count);
      const rest = next.flatMap((other) => other.leaves);
      found.push({ ...item, lines: entry.lines, leaves: [...item.leaves, ...rest], taken: rest });
      place += entry.count;
    } else {
      found.push(item);
    }
  }
  return found;
}

/**
 * The parts that are open now, each before those inside it.
 * @param {Shown[]} items
 * @returns {Part[]}
 */
export function openParts(items) {
  return items.flatMap((item) =>
    item.items ? [...(item.part.bare ? [] : [item.part]), ...openParts(item.items)] : [],
  );
}

/**
 * The sum of a figure over what a box stands for.
 * @param {{part: Part, taken: Part[]}} box
 * @param {"params" | "macs"} figure
 */
export function total({ part, taken }, figure) {
  return taken.reduce((sum, leaf) => sum + leaf[figure], part[figure]);
}
