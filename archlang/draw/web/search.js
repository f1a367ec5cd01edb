/** The search: what it finds is listed, and opened when it is chosen. */

import { h, set } from "./dom.js";
import { nameOf } from "./parts.js";

/** @typedef {import("./parts.js").Part} Part */

const MOST = 12;

/**
 * @typedef {object} Searched
 * @property {(text: string) => Part[]} find
 * @property {(parts: Part[]) => void} mark shows what is found
 * @property {(part: Part) => void} go opens a part, and shows it
 * @property {() => void} leave
 */

/** A field with the list of what it finds below. */
export class Search {
  /**
   * @param {HTMLInputElement} field
   * @param {HTMLElement} list
   * @param {HTMLElement} note
   * @param {Searched} searched
   */
  constructor(field, list, note, searched) {
    this.field = field;
    this.list = list;
    this.note = note;
    this.searched = searched;
    /** @type {Part[]} */
    this.found = [];
    this.at = -1;
    field.addEventListener("input", () => this.look());
    field.addEventListener("keydown", (event) => this.key(event));
    field.addEventListener("focus", () => this.open(this.found.length > 0));
    field.addEventListener("blur", () => this.open(false));
    list.addEventListener("pointerdown", (event) => {
      const row = event.target instanceof Element ? event.target.closest("li") : null;
      event.preventDefault();
      if (row) this.choose([...list.children].indexOf(row));
    });
  }

  /** Find what the field says. */
  look() {
    const { value } = this.field;
    this.found = this.searched.find(value);
    this.at = -1;
    const rows = this.found.slice(0, MOST).map((part, place) => {
      const said = part.kind === "group" ? part.template : part.layers.join(", ");
      const name = h("span", {}, nameOf(part));
      return h("li", { role: "option", id: `found${place}` }, name, h("small", {}, said));
    });
    this.list.replaceChildren(...rows);
    const many = this.found.length;
    this.note.textContent = value.trim() ? (many ? `${many} found` : "nothing found") : "";
    this.open(rows.length > 0);
    this.searched.mark(this.found);
  }

  /** @param {boolean} open */
  open(open) {
    this.list.hidden = !open;
    set(this.field, { "aria-expanded": String(open), "aria-activedescendant": null });
  }

  /**
   * @param {KeyboardEvent} event
   */
  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step) {
      this.step(step);
    } else if (event.key === "Enter") {
      this.choose(event.shiftKey ? this.at - 1 : this.list.hidden ? this.at + 1 : Math.max(this.at, 0));
    } else if (event.key === "Escape") {
      this.clear();
      this.searched.leave();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * Go along the list.
   * @param {number} step
   */
  step(step) {
    const rows = [...this.list.children];
    if (!rows.length) return;
    this.open(true);
    this.at = (this.at + step + rows.length) % rows.length;
    rows.forEach((row, place) => set(row, { "aria-selected": String(place === this.at) }));
    set(this.field, { "aria-activedescendant": `found${this.at}` });
  }

  /**
   * Show one of what is found.
   * @param {number} place
   */
  choose(place) {
    if (!this.found.length) return;
    this.at = (place + this.found.length) % this.found.length;
    this.open(false);
    this.searched.go(this.found[this.at]);
  }

  /** Forget what was looked for. */
  clear() {
    this.field.value = "";
    this.look();
  }
}
