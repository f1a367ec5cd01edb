/** A scene on the page: what stays from one scene to the next glides to its new place. */

import { s, set } from "./dom.js";
import { missing, number, radius, wirePaths } from "./svg.js";

/** @typedef {import("./dom.js").Attributes} Attributes */
/** @typedef {import("./layout.js").Rect} Rect */
/** @typedef {import("./scene.js").Box} Box */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Text} Text */
/** @typedef {{group: SVGGraphicsElement, said: string, at: string}} Drawn */

/** More boxes than this jump: moving them one by one would not be smooth. */
const MANY = 300;

/** The elements of a scene in `world`. */
export class Canvas {
  /** @param {SVGElement} world */
  constructor(world) {
    const layer = (/** @type {string} */ name) => s("g", { class: name, role: "presentation" });
    this.world = world;
    this.head = layer("head");
    this.frames = layer("frames");
    this.wires = s("path", { class: "wires" });
    this.dashed = s("path", { class: "wires dashed" });
    this.arrows = s("path", { class: "arrows" });
    this.cards = layer("cards");
    world.append(this.head, this.frames, this.wires, this.dashed, this.arrows, this.cards);
    /** @type {Map<string, Drawn>} all that was drawn, for when it is shown again */
    this.drawn = new Map();
    /** @type {Map<Element, Box>} */
    this.owners = new Map();
  }

  /**
   * Draw a scene in place of the last.
   * @param {Scene} scene
   */
  show(scene) {
    this.world.classList.toggle("many", scene.boxes.length > MANY);
    this.head.replaceChildren(...scene.texts.map((text) => textElement(text, 0, 0)));
    const [away, there] = [true, false].map((is) =>
      wirePaths(scene.wires.filter((wire) => missing(scene, wire) === is)),
    );
    set(this.wires, { d: there.ways });
    set(this.dashed, { d: away.ways });
    set(this.arrows, { d: there.heads + away.heads });
    /** @type {Record<"frames" | "cards", Element[]>} */
    const layers = { frames: [], cards: [] };
    this.owners.clear();
    for (const box of scene.boxes) {
      const { group } = this.draw(box);
      this.owners.set(group, box);
      layers[box.kind === "frame" ? "frames" : "cards"].push(group);
    }
    arrange(this.frames, layers.frames);
    arrange(this.cards, layers.cards);
  }

  /**
   * The element of a box: the one that there is, changed where it says or lies otherwise.
   * @param {Box} box
   * @returns {Drawn}
   */
  draw(box) {
    const { rect } = box;
    const texts = box.texts.map((text) => [text.text, text.x - rect.x, text.y - rect.y]);
    const said = JSON.stringify([
      rect.width, rect.height, box.tint, texts, box.share, box.level, box.about,
    ]);
    const at = `translate(${number(rect.x)} ${number(rect.y)})`;
    const key = keyOf(box);
    const drawn = this.drawn.get(key) ??
      { group: s("g", { role: "treeitem", tabindex: -1 }), said: "", at: "" };
    this.drawn.set(key, drawn);
    if (drawn.at !== at) set(drawn.group, { transform: (drawn.at = at) });
    if (drawn.said !== said) dress(drawn.group, box);
    drawn.said = said;
    return drawn;
  }

  /**
   * The element of a box that is drawn.
   * @param {Box} box
   */
  element(box) {
    return this.drawn.get(keyOf(box))?.group ?? null;
  }

  /**
   * The box that an element is of, or is in.
   * @param {EventTarget | null} target
   * @returns {Box | null}
   */
  boxAt(target) {
    const group = target instanceof Element ? target.closest(".box") : null;
    return (group && this.owners.get(group)) ?? null;
  }
}

/** @param {Box} box */
function keyOf(box) {
  return `${box.part.id}${box.kind}`;
}

/**
 * Give an element a box's shapes and texts.
 * @param {SVGGraphicsElement} group
 * @param {Box} box
 */
function dress(group, box) {
  const { rect, kind, part } = box;
  const opens = part.kind === "group";
  set(group, {
    class: `box ${kind} tint-${box.tint}${opens ? " opens" : ""}`,
    "aria-label": box.about,
    "aria-level": box.level + 1,
    "aria-expanded": opens ? String(kind === "frame") : null,
  });
  const whole = { x: 0, y: 0, width: rect.width, height: rect.height };
  const children = [rectElement({ ...whole, x: -4, y: -4, width: rect.width + 8, height: rect.height + 8 },
    radius(box) + 4, "ring")];
  if (box.stacked) children.push(rectElement({ ...whole, x: 3, y: 3 }, radius(box), "edge"));
  children.push(rectElement(whole, radius(box), "edge"));
  if (box.bar) {
    const bar = { ...box.bar, x: box.bar.x - rect.x, y: box.bar.y - rect.y };
    children.push(rectElement(bar, 1.5, "track"));
    children.push(rectElement({ ...bar, width: Math.max(bar.width * box.share, 1) }, 1.5, "share"));
  }
  children.push(...box.texts.map((text) => textElement(text, rect.x, rect.y)));
  if (opens) children.push(signOf(rect, kind === "frame"));
  group.replaceChildren(...children);
}

/**
 * The + or − in the corner of what opens and closes.
 * @param {Rect} rect
 * @param {boolean} open
 */
function signOf(rect, open) {
  const [x, y] = [rect.width - 6.5, 6.5];
  const across = `M${x - 2.5} ${y}h5`;
  return s("path", { class: "sign", d: open ? across : `${across}M${x} ${y - 2.5}v5` });
}

/**
 * @param {Rect} rect
 * @param {number} round
 * @param {string} name
 */
function rectElement(rect, round, name) {
  const { x, y, width, height } = rect;
  return s("rect", {
    class: name, x: number(x), y: number(y), width: number(width), height: number(height), rx: round,
  });
}

/**
 * @param {Text} text
 * @param {number} left
 * @param {number} top
 */
function textElement(text, left, top) {
  const attributes = {
    class: text.ink, x: number(text.x - left), y: number(text.y - top),
    "font-size": text.size, "font-weight": text.bold ? "bold" : null,
    textLength: number(text.width), lengthAdjust: "spacingAndGlyphs",
  };
  return s("text", attributes, text.text);
}

/**
 * Give an element these children, in this order; those that are there already are not touched.
 * @param {Element} parent
 * @param {Element[]} children
 */
function arrange(parent, children) {
  const kept = new Set(children);
  for (const old of [...parent.children]) if (!kept.has(old)) old.remove();
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}
