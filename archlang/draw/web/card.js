/** The card beside a box: all that is known of it. */

import { h } from "./dom.js";
import { nameOf } from "./parts.js";
import { total } from "./shown.js";
import { counted, si, tenth } from "./wording.js";

/** @typedef {import("./parts.js").Line} Line */
/** @typedef {import("./parts.js").Network} Network */
/** @typedef {import("./scene.js").Box} Box */

/** How long a card stays when the pointer leaves its box, so that it can be reached. */
const STAYS = 260;
const APART = 10;

/** Shows what `network` has of a box, inside of `frame`. */
export class Card {
  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} frame
   * @param {Network} network
   */
  constructor(element, frame, network) {
    this.element = element;
    this.frame = frame;
    this.network = network;
    /** @type {Box | null} */
    this.box = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.leaving = undefined;
    element.addEventListener("pointerenter", () => clearTimeout(this.leaving));
    element.addEventListener("pointerleave", () => this.leave());
  }

  /**
   * Show the card of a box beside its element.
   * @param {Box} box
   * @param {Element} beside
   */
  show(box, beside) {
    clearTimeout(this.leaving);
    if (this.box !== box) this.element.replaceChildren(...this.contents(box));
    this.box = box;
    this.element.hidden = false;
    this.lie(beside.getBoundingClientRect());
  }

  /** Hide it at once. */
  hide() {
    clearTimeout(this.leaving);
    this.element.hidden = true;
    this.box = null;
  }

  /** Hide it soon, where the pointer does not come to it. */
  leave() {
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => this.hide(), STAYS);
  }

  /**
   * Lie beside a box, on the side that has room, inside of the window.
   * @param {DOMRect} box
   */
  lie(box) {
    const room = this.frame.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const right = box.right + APART;
    const left = box.left - APART - width;
    const inside = right + width <= room.right - APART ? right : Math.max(left, room.left + APART);
    const x = Math.min(inside, room.right - APART - width);
    const y = Math.min(Math.max(box.top, room.top + APART), room.bottom - APART - height);
    this.element.style.left = `${x - room.left}px`;
    this.element.style.top = `${y - room.top}px`;
  }

  /** @param {Box} box */
  contents(box) {
    const { part, taken } = box;
    const last = taken.at(-1) ?? part;
    const name = nameOf(part);
    const where = part.others.length ? `${name} – ${part.others.at(-1)}` : name;
    const layers = [part, ...taken].flatMap((leaf) => leaf.layers);
    /** @type {[string, string][]} */
    const rows = [];
    if (part.trouble) rows.push(["wrong", part.trouble]);
    if (layers.length) rows.push([part.kind === "group" ? "block" : "layers", layers.join(" → ")]);
    if (part.copies > 1) rows.push(["copies", `${part.copies}, equal`]);
    if (part.kind === "group") rows.push(["holds", `${counted(part.count)} layers`]);
    if (part.takes.length) rows.push(["in", part.takes.join(", ")]);
    rows.push(["out", last.out]);
    rows.push(["parameters", this.amount(box, "params")], ["MACs", this.amount(box, "macs")]);
    if (last.field) rows.push(["receptive field", last.field]);
    const list = rows.map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", { "data-of": name }, value)),
    );
    const found = [h("h2", {}, where), h("dl", {}, ...list)];
    if (part.line) found.push(source(part.line));
    return found;
  }

  /**
   * A sum, and its share of the network's; of one copy too, where there are several.
   * @param {Box} box
   * @param {"params" | "macs"} figure
   */
  amount(box, figure) {
    const value = total(box, figure);
    const whole = this.network.totals[figure];
    const { copies } = box.part;
    const said = [counted(value)];
    if (value >= 1000) said.push(` (${si(value)})`);
    if (value && whole) said.push(` · ${tenth((value / whole) * 100)}%`);
    if (value && copies > 1) said.push(` · ${counted(value / copies)} each`);
    return said.join("");
  }
}

/**
 * A line of the spec, and a button that copies it.
 * @param {Line} line
 */
function source(line) {
  const copy = h("button", { type: "button", class: "copy" }, "Copy");
  const code = h("code", {}, line.text);
  copy.addEventListener("click", async () => {
    await copied(line.text, code);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1200);
  });
  const place = h("span", { class: "place" }, `${line.file}:${line.line}`);
  return h("footer", {}, h("div", {}, place, copy), h("pre", {}, code));
}

/**
 * Put a text on the clipboard; where the page may not, choose it in its element and ask again.
 * @param {string} text
 * @param {HTMLElement} element
 */
async function copied(text, element) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection()?.selectAllChildren(element);
    document.execCommand("copy");
  }
}
