/** What the page shows, and its form in the address, so that a reload or a link restores it. */

import { DEPTHS, usuallyOpen } from "./shown.js";

/** @typedef {import("./layout.js").Direction} Direction */
/** @typedef {import("./parts.js").Part} Part */
/** @typedef {import("./shown.js").Level} Level */
/** @typedef {"auto" | "light" | "dark"} ThemeName */

/**
 * `at` is the key of the part that is chosen, "" where none is.
 * @typedef {object} State
 * @property {Level} level
 * @property {Direction} direction
 * @property {ThemeName} theme
 * @property {Set<string>} open
 * @property {Set<string>} shut
 * @property {string} at
 */

/** @typedef {{level: Level, direction: Direction, theme: ThemeName, open: string[]}} Start */

/**
 * The state that a page begins with.
 * @param {Start} start
 * @returns {State}
 */
export function begun(start) {
  return { ...start, open: new Set(start.open), shut: new Set(), at: "" };
}

/**
 * A state as the part of an address behind its #.
 * @param {State} state
 */
export function written(state) {
  /** @type {Record<string, string>} */
  const said = { level: state.level, direction: state.direction, theme: state.theme };
  if (state.open.size) said.open = keys(state.open);
  if (state.shut.size) said.shut = keys(state.shut);
  if (state.at) said.at = encodeURIComponent(state.at);
  return Object.entries(said).map(([name, value]) => `${name}=${value}`).join("&");
}

/** @param {Set<string>} chosen */
function keys(chosen) {
  return [...chosen].map(encodeURIComponent).join(",");
}

/**
 * The state that an address tells of; what it does not say, or says wrongly, is as at the start.
 * @param {string} fragment
 * @param {Start} start
 * @returns {State}
 */
export function read(fragment, start) {
  const said = new Map(fragment.replace(/^#/, "").split("&").map((item) => pair(item)));
  const state = begun(start);
  if (!said.has("level")) return state;
  state.open = chosen(said.get("open"));
  state.shut = chosen(said.get("shut"));
  state.at = decoded(said.get("at") ?? "");
  state.level = oneOf(["overview", "stage", "layer"], said.get("level"), start.level);
  state.direction = oneOf(["TB", "LR"], said.get("direction"), start.direction);
  state.theme = oneOf(["auto", "light", "dark"], said.get("theme"), start.theme);
  return state;
}

/**
 * @param {string} item
 * @returns {[string, string]}
 */
function pair(item) {
  const at = item.indexOf("=");
  return [item.slice(0, at), item.slice(at + 1)];
}

/** @param {string | undefined} text */
function chosen(text) {
  return new Set((text ?? "").split(",").filter(Boolean).map(decoded));
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/**
 * @template {string} T
 * @param {T[]} known
 * @param {string | undefined} text
 * @param {T} otherwise
 * @returns {T}
 */
function oneOf(known, text, otherwise) {
  return known.find((value) => value === text) ?? otherwise;
}

/**
 * Open or close a part; what a level does of itself is not noted.
 * @param {State} state
 * @param {Part} part
 * @param {number} depth how many open parts are around it
 * @param {boolean} open
 */
export function turn(state, part, depth, open) {
  const usual = usuallyOpen(part, DEPTHS[state.level] - depth, state.level);
  state.open.delete(part.key);
  state.shut.delete(part.key);
  if (open && !usual) state.open.add(part.key);
  if (!open && usual) state.shut.add(part.key);
}
