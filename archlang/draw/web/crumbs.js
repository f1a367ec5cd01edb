/** The way from the network to the part that is chosen, each step a button. */

import { h } from "./dom.js";
import { nameOf } from "./parts.js";

/** @typedef {import("./parts.js").Part} Part */

/**
 * Show where one is; a press on a step chooses it, null being the network.
 * @param {Element} list
 * @param {string} name the network's
 * @param {Part[]} parts the outermost first, the chosen one last
 * @param {(part: Part | null) => void} choose
 */
export function showCrumbs(list, name, parts, choose) {
  const steps = parts.map((part, place) => {
    const above = place ? `${parts[place - 1].path}.` : "";
    const whole = nameOf(part);
    const own = whole.startsWith(above) ? whole.slice(above.length) : whole;
    return step(own, () => choose(part), place === parts.length - 1);
  });
  list.replaceChildren(step(name, () => choose(null), !parts.length), ...steps);
}

/**
 * @param {string} name
 * @param {() => void} press
 * @param {boolean} last
 */
function step(name, press, last) {
  const button = h("button", { type: "button", "aria-current": last ? "true" : null }, name);
  button.addEventListener("click", press);
  return h("li", {}, button);
}
