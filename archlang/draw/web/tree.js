/** How parts lie in each other at a level, and which of them a text is found in. */

import { leaves } from "./parts.js";

/** @typedef {import("./parts.js").Network} Network */
/** @typedef {import("./parts.js").Part} Part */
/** @typedef {import("./shown.js").Level} Level */

/** The parts of a network as a level has them, which may put some together or leave some out. */
export class Tree {
  /**
   * @param {Network} network
   * @param {Level} level
   */
  constructor(network, level) {
    /** @type {Map<Part, Part | null>} */
    this.parents = new Map();
    /** @type {Part[]} */
    this.parts = [];
    this.add(level === "layer" ? network.roots.layer : network.roots.stage, null);
    this.keys = new Map(this.parts.map((part) => [part.key, part]));
  }

  /**
   * @param {Part[]} parts
   * @param {Part | null} parent
   */
  add(parts, parent) {
    for (const part of parts) {
      this.parents.set(part, parent);
      if (!part.bare) this.parts.push(part);
      this.add(part.items, part.bare ? parent : part);
    }
  }

  /**
   * The parts around one that open and close, the outermost first.
   * @param {Part} part
   * @returns {Part[]}
   */
  around(part) {
    const found = [];
    for (let at = this.parents.get(part); at; at = this.parents.get(at)) found.unshift(at);
    return found;
  }

  /**
   * How deep a part lies, as levels count it.
   * @param {Part} part
   */
  depth(part) {
    return this.around(part).filter((at) => !at.shut).length;
  }

  /**
   * The parts that a text is found in, those that it begins a name of first.
   * @param {string} text
   * @returns {Part[]}
   */
  find(text) {
    const said = this.original(text.trim().toLowerCase());
    if (!said) return [];
    /** @type {[number, Part][]} */
    const found = [];
    for (const part of this.parts) {
      const rank = ranked(part, said);
      if (rank) found.push([rank, part]);
    }
    return found.sort((one, other) => one[0] - other[0]).map(([, part]) => part);
  }

  /**
   * A path in a copy that is not drawn, as that in the first, which stands for it.
   * @param {string} said
   */
  original(said) {
    for (const part of this.parts) {
      for (const other of part.others) {
        const path = other.toLowerCase();
        if (said === path || said.startsWith(`${path}.`)) {
          return part.path.toLowerCase() + said.slice(path.length);
        }
      }
    }
    return said;
  }
}

/**
 * How well a part fits a text: 1 is best, 0 is not at all.
 * @param {Part} part
 * @param {string} said
 */
function ranked(part, said) {
  const path = part.path.toLowerCase();
  if (path === said) return 1;
  if (path.slice(path.lastIndexOf(".") + 1).startsWith(said)) return 2;
  if (path.includes(said)) return 3;
  const words = [part.template, ...part.layers, ...part.plain.map((line) => line.text)];
  return words.some((word) => word.toLowerCase().includes(said)) ? 4 : 0;
}

/**
 * Whether a box shows a part, or one that it is in.
 * @param {{part: Part, taken: Part[], kind: string}} box
 * @param {Set<Part>} wanted
 */
export function shows(box, wanted) {
  if (wanted.has(box.part)) return true;
  if (box.kind === "frame") return false;
  return [...box.taken, ...leaves(box.part)].some((leaf) => wanted.has(leaf));
}
