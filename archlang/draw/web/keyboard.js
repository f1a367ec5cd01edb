/** Keys, wherever the focus is, but for fields; and which box lies next in a direction. */

/** @typedef {import("./scene.js").Box} Box */

/** @typedef {Record<string, () => void>} Actions what keys do, by their names */

/**
 * Do what keys say.
 * @param {Actions} actions
 */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target instanceof HTMLInputElement || document.querySelector("dialog[open]")) return;
    const presses = key === "Enter" || key === " ";
    if (presses && target instanceof HTMLElement && target.closest("button")) return;
    const action = Object.hasOwn(actions, key) ? actions[key] : null;
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** Where arrows lead: along which axis, and whether on or back. */
export const ARROWS = /** @type {const} */ ({
  ArrowUp: ["y", -1], ArrowDown: ["y", 1], ArrowLeft: ["x", -1], ArrowRight: ["x", 1],
});

/**
 * The box that lies next to another in a direction: near along it, and little to the side.
 * @param {Box[]} boxes
 * @param {Box} from
 * @param {keyof typeof ARROWS} arrow
 * @returns {Box | null}
 */
export function nextBox(boxes, from, arrow) {
  const [axis, sign] = ARROWS[arrow];
  const start = middle(from);
  let best = null;
  let least = Infinity;
  for (const box of boxes) {
    if (box === from) continue;
    const at = middle(box);
    const along = (at[axis] - start[axis]) * sign;
    const aside = Math.abs(axis === "y" ? at.x - start.x : at.y - start.y);
    const cost = along + 2.5 * aside;
    if (along > 0.5 && cost < least) [best, least] = [box, cost];
  }
  return best;
}

/** @param {Box} box where it is met: a frame at its name, others in their middle */
function middle({ rect, kind }) {
  return kind === "frame"
    ? { x: rect.x + rect.width / 2, y: rect.y + 10 }
    : { x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 };
}
