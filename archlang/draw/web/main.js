/** The page: what is shown, and what the reader does with it. */

import { Camera } from "./camera.js";
import { Card } from "./card.js";
import { showCrumbs } from "./crumbs.js";
import { byId, h, set } from "./dom.js";
import { Canvas } from "./draw.js";
import { ARROWS, listen, nextBox } from "./keyboard.js";
import { network } from "./parts.js";
import { picture } from "./scene.js";
import { Search } from "./search.js";
import { begun, read, turn, written } from "./state.js";
import { svg } from "./svg.js";
import { Tree, shows } from "./tree.js";

/** @typedef {import("./keyboard.js").Actions} Actions */
/** @typedef {import("./layout.js").Direction} Direction */
/** @typedef {import("./parts.js").Part} Part */
/** @typedef {import("./scene.js").Box} Box */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./shown.js").Level} Level */
/** @typedef {import("./state.js").Start} Start */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").ThemeName} ThemeName */
/** @typedef {import("./svg.js").Theme} Theme */

/** @typedef {{network: any, start: Start, themes: {light: Theme, dark: Theme}}} Data */

const THEMES = /** @type {ThemeName[]} */ (["auto", "light", "dark"]);

/** A page with its data. */
class Page {
  /** @param {Data} data */
  constructor(data) {
    this.network = network(data.network);
    this.start = data.start;
    this.themes = data.themes;
    this.state = read(location.hash, this.start);
    /** @type {Map<Level, Tree>} */
    this.trees = new Map();
    /** @type {Map<string, string>} */
    this.tints = new Map();
    /** @type {Set<Part>} */
    this.found = new Set();
    this.stage = byId("stage");
    this.picture = byId("picture");
    const world = /** @type {SVGElement} */ (this.picture.querySelector("g"));
    this.canvas = new Canvas(world);
    this.card = new Card(byId("card"), this.stage, this.network);
    this.camera = new Camera(this.stage, world, () => this.card.hide());
    this.search = this.searches();
    /** @type {Scene} */
    this.scene = picture(this.network, this.state, this.tints);
    this.draw();
    this.listen();
    this.fit();
    this.choose(this.part, true);
  }

  /** The tree of the level that is shown. */
  get tree() {
    const { level } = this.state;
    const tree = this.trees.get(level) ?? new Tree(this.network, level);
    this.trees.set(level, tree);
    return tree;
  }

  /** The part that is chosen. */
  get part() {
    return this.tree.keys.get(this.state.at) ?? null;
  }

  /** Lay out and draw what is shown now. */
  draw() {
    this.card.hide();
    this.scene = picture(this.network, this.state, this.tints);
    this.canvas.show(this.scene);
    this.mark();
    this.say();
  }

  /** Say in the toolbar and in the address what is shown. */
  say() {
    const { level, direction, theme } = this.state;
    document.documentElement.dataset.theme = theme;
    for (const name of ["overview", "stage", "layer"]) {
      set(byId(`level-${name}`), { "aria-pressed": String(name === level) });
    }
    set(byId("direction"), { "aria-pressed": String(direction === "LR") });
    byId("theme").textContent = { auto: "◐", light: "☀", dark: "☾" }[theme];
    set(byId("theme"), { "aria-label": `Colours: ${theme}`, title: `Colours: ${theme} (t)` });
    const fragment = `#${written(this.state)}`;
    if (fragment !== location.hash) history.replaceState(null, "", fragment);
  }

  /** Note a step that the browser's Back takes back. */
  step() {
    history.pushState(null, "", location.hash);
  }

  // What is shown

  /** @param {Level} level */
  level(level) {
    this.step();
    Object.assign(this.state, { level, open: new Set(), shut: new Set() });
    this.tints.clear();
    this.draw();
    this.fit();
    this.choose(this.part, false);
  }

  /**
   * Open or close a part; its corner stays where it is in the window.
   * @param {Part} part
   * @param {boolean} open
   */
  turn(part, open) {
    this.step();
    const before = this.boxOf(part)?.rect;
    turn(this.state, part, this.tree.depth(part), open);
    this.draw();
    const after = this.boxOf(part)?.rect;
    if (before && after) {
      const { zoom } = this.camera;
      this.camera.pan((before.x - after.x) * zoom, (before.y - after.y) * zoom);
    }
    this.choose(part, false);
  }

  /**
   * Open what is around a part, and show it.
   * @param {Part} part
   */
  go(part) {
    this.step();
    for (const around of this.tree.around(part)) {
      turn(this.state, around, this.tree.depth(around), true);
    }
    this.draw();
    this.choose(part, true);
  }

  /** Show all of the picture. */
  fit() {
    this.camera.fit(this.scene.width, this.scene.height);
  }

  /** @param {Direction} direction */
  lead(direction) {
    this.step();
    this.state.direction = direction;
    this.draw();
    this.fit();
    this.choose(this.part, true);
  }

  /** Go on to the next theme. */
  theme() {
    this.state.theme = THEMES[(THEMES.indexOf(this.state.theme) + 1) % THEMES.length];
    this.say();
  }

  /** The colours that are shown now. */
  get colours() {
    const { theme } = this.state;
    const dark = theme === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : false;
    return dark || theme === "dark" ? this.themes.dark : this.themes.light;
  }

  // What is chosen

  /**
   * The box that shows a part: its own, or one that it is closed in.
   * @param {Part} part
   * @returns {Box | undefined}
   */
  boxOf(part) {
    const { boxes } = this.scene;
    const own = boxes.find((box) => box.part === part);
    if (own) return own;
    const around = new Set([part, ...this.tree.around(part)]);
    return boxes.findLast((box) => box.kind !== "frame" && shows(box, around));
  }

  /**
   * Choose a part: its box is marked, and keys work on it.
   * @param {Part | null} part
   * @param {boolean} reveal whether its box is brought into the window
   */
  choose(part, reveal) {
    for (const old of this.picture.querySelectorAll("[aria-selected]")) {
      set(old, { "aria-selected": null, tabindex: -1 });
    }
    const box = part ? this.boxOf(part) : undefined;
    this.state.at = box ? box.part.key : "";
    const element = this.canvas.element(box ?? this.scene.boxes[0]);
    if (element) set(element, { tabindex: 0 });
    if (box && element) {
      set(element, { "aria-selected": "true" });
      if (reveal) this.camera.reveal(box.rect);
      if (!(document.activeElement instanceof HTMLInputElement)) {
        element.focus({ preventScroll: true });
      }
    }
    const parts = box ? [...this.tree.around(box.part), box.part] : [];
    showCrumbs(byId("crumbs"), this.network.name, parts, (at) => {
      this.choose(at, at !== null);
      if (!at) this.fit();
    });
    this.say();
  }

  /** Mark what the search found. */
  mark() {
    for (const box of this.scene.boxes) {
      const hit = this.found.size > 0 && shows(box, this.found);
      this.canvas.element(box)?.classList.toggle("hit", hit);
    }
  }

  // What the reader does

  searches() {
    const field = /** @type {HTMLInputElement} */ (byId("search"));
    return new Search(field, byId("found"), byId("note"), {
      find: (text) => this.tree.find(text),
      mark: (parts) => {
        this.found = new Set(parts);
        this.mark();
      },
      go: (part) => this.go(part),
      leave: () => {
        field.blur();
        this.choose(this.part, false);
      },
    });
  }

  listen() {
    listen(this.actions());
    this.points();
    const buttons = {
      "level-overview": "1", "level-stage": "2", "level-layer": "3", direction: "d", theme: "t",
      fit: "f", closer: "z", farther: "x", save: "s", help: "?",
    };
    const actions = this.actions();
    for (const [id, key] of Object.entries(buttons)) {
      byId(id).addEventListener("click", () => actions[key]());
    }
    window.addEventListener("popstate", () => this.restore());
    window.addEventListener("hashchange", () => this.restore());
    window.addEventListener("beforeprint", () => this.paper(true));
    window.addEventListener("afterprint", () => this.paper(false));
  }

  /** Show what the address says. */
  restore() {
    if (location.hash === `#${written(this.state)}`) return;
    this.state = location.hash ? read(location.hash, this.start) : begun(this.start);
    this.draw();
    this.choose(this.part, true);
  }

  /** @returns {Actions} */
  actions() {
    /** @type {Actions} */
    const actions = {
      1: () => this.level("overview"),
      2: () => this.level("stage"),
      3: () => this.level("layer"),
      "/": () => byId("search").focus(),
      d: () => this.lead(this.state.direction === "TB" ? "LR" : "TB"),
      t: () => this.theme(),
      f: () => this.fit(),
      z: () => this.camera.zoomBy(1.25),
      x: () => this.camera.zoomBy(0.8),
      s: () => this.save(),
      "?": () => /** @type {HTMLDialogElement} */ (byId("keys")).showModal(),
      Enter: () => this.press(this.part, null),
      " ": () => this.press(this.part, null),
      "+": () => this.press(this.part, true),
      "=": () => this.press(this.part, true),
      "-": () => this.press(this.part, false),
      Escape: () => this.escape(),
    };
    for (const arrow of /** @type {(keyof typeof ARROWS)[]} */ (Object.keys(ARROWS))) {
      actions[arrow] = () => this.arrow(arrow);
    }
    return actions;
  }

  /**
   * Open or close a part, where it can be; `open` of null turns it.
   * @param {Part | null} part
   * @param {boolean | null} open
   */
  press(part, open) {
    if (!part || part.kind !== "group") return;
    const isOpen = this.boxOf(part)?.kind === "frame";
    if (open === null || open !== isOpen) this.turn(part, !isOpen);
  }

  /** Go back a step: from the card, or from a part to the one around it, which closes. */
  escape() {
    if (!this.card.element.hidden) {
      this.card.hide();
      return;
    }
    const { part } = this;
    const around = part ? this.tree.around(part).at(-1) : null;
    const isOpen = part && this.boxOf(part)?.kind === "frame";
    if (part && isOpen) this.turn(part, false);
    else if (around) this.turn(around, false);
    else this.choose(null, false);
  }

  /** @param {keyof typeof ARROWS} arrow */
  arrow(arrow) {
    const { boxes } = this.scene;
    const from = this.part && this.boxOf(this.part);
    const to = from ? nextBox(boxes, from, arrow) : boxes[0];
    if (!to) return;
    this.choose(to.part, true);
    this.tell(to);
  }

  /**
   * Show the card of a box.
   * @param {Box} box
   */
  tell(box) {
    const element = this.canvas.element(box);
    const edge = box.kind === "frame" ? element?.querySelector("text") : element;
    if (element) this.card.show(box, edge ?? element);
  }

  /** What the pointer does. */
  points() {
    const { picture: area, canvas, card, camera } = this;
    area.addEventListener("click", ({ target }) => {
      if (camera.dragged) return;
      const box = canvas.boxAt(target);
      if (!box) return this.choose(null, false);
      if (box.part.kind === "group") this.turn(box.part, box.kind !== "frame");
      else this.choose(box.part, false);
      return undefined;
    });
    area.addEventListener("pointerover", ({ target, buttons }) => {
      const box = canvas.boxAt(target);
      if (box && !buttons) this.tell(box);
    });
    area.addEventListener("pointerout", () => card.leave());
    area.addEventListener("focusin", ({ target }) => {
      const box = canvas.boxAt(target);
      if (box && box.part !== this.part) this.choose(box.part, true);
      if (box && target instanceof Element && target.matches(":focus-visible")) this.tell(box);
    });
  }

  /** Save what is shown as an SVG file. */
  save() {
    const text = svg(this.scene, this.colours);
    const href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    h("a", { href, download: `${this.network.name}.svg` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  }

  /**
   * Fit the picture to paper, or to the window again.
   * @param {boolean} paper
   */
  paper(paper) {
    const { width, height } = this.scene;
    set(this.picture, { viewBox: paper ? `0 0 ${width} ${height}` : null });
    if (paper) set(this.canvas.world, { transform: null });
    else this.camera.show();
  }
}

new Page(JSON.parse(byId("data").textContent ?? ""));
