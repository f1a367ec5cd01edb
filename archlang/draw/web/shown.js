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
  return opening.level === "overview" ? brief(network, found, opening) : found;
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
  return usuallyOpen(part, depth, opening.level) && !opening.shut.has(part.key);
}

/**
 * Whether a part is open where nobody opened or closed it.
 * @param {Part} part
 * @param {number} depth how many more levels of parts are open
 * @param {Level} level
 */
export function usuallyOpen(part, depth, level) {
  if (part.wrong) return true;
  return depth > 0 && !part.shut && !(part.dead && level === "stage");
}

/**
 * The parts of an overview: a box takes in what only shows its values in another form.
 * @param {Network} network
 * @param {Shown[]} items
 * @param {Opening} opening
 * @param {Set<Part>} gone what is taken in
 * @returns {Shown[]}
 */
function brief(network, items, opening, gone = new Set()) {
  /** @type {Shown[]} */
  const found = [];
  for (const item of items) {
    if (gone.has(item.part)) continue;
    if (item.items && item.part.bare) {
      found.push({ ...item, items: brief(network, item.items, opening, gone) });
      continue;
    }
    let box = item;
    for (const { part, lines } of (!item.items && network.taken.get(item.part)) || []) {
      if (opening.open.has(part.key)) break;
      const taken = leaves(part);
      gone.add(part);
      box = {
        ...box, lines, leaves: [...box.leaves, ...taken], taken: [...box.taken, ...taken],
      };
    }
    found.push(box);
  }
  return found;
}

/**
 * The sum of a figure over what a box stands for.
 * @param {{part: Part, taken: Part[]}} box
 * @param {"params" | "macs"} figure
 */
export function total({ part, taken }, figure) {
  return taken.reduce((sum, leaf) => sum + leaf[figure], part[figure]);
}
