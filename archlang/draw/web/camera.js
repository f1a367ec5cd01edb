/** The window on a picture: drag to move it, turn the wheel to zoom, or fit all of it. */

import { set } from "./dom.js";

/** @typedef {import("./layout.js").Rect} Rect */

const LARGEST = 4;
const SMALLEST = 0.02;
/** Below this, a picture that is fitted begins at its top, so that it can be read. */
const READABLE = 0.45;
const EDGE = 16;

/** Moves `world`, which lies in `frame`. */
export class Camera {
  /**
   * @param {HTMLElement | SVGElement} frame
   * @param {SVGElement} world
   * @param {() => void} moved
   */
  constructor(frame, world, moved) {
    this.frame = frame;
    this.world = world;
    this.moved = moved;
    this.x = 0;
    this.y = 0;
    this.zoom = 1;
    this.dragged = false;
    frame.addEventListener("wheel", (event) => this.wheel(/** @type {WheelEvent} */ (event)), {
      passive: false,
    });
    this.drags();
  }

  /** Put the world where the window has it. */
  show() {
    const [x, y, zoom] = [this.x, this.y, this.zoom].map((value) => +value.toFixed(4));
    set(this.world, { transform: `translate(${x} ${y}) scale(${zoom})` });
    this.moved();
  }

  /**
   * Zoom about a place of the window.
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoomBy(factor, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    const zoom = Math.min(LARGEST, Math.max(SMALLEST, this.zoom * factor));
    this.x = x - ((x - this.x) * zoom) / this.zoom;
    this.y = y - ((y - this.y) * zoom) / this.zoom;
    this.zoom = zoom;
    this.show();
  }

  /**
   * Move the picture under the window.
   * @param {number} x
   * @param {number} y
   */
  pan(x, y) {
    this.x += x;
    this.y += y;
    this.show();
  }

  /**
   * Show a picture of a size whole; a long one from its beginning.
   * @param {number} width
   * @param {number} height
   */
  fit(width, height) {
    const wide = this.frame.clientWidth - 2 * EDGE;
    const high = this.frame.clientHeight - 2 * EDGE;
    const whole = Math.min(wide / width, high / height, 1.25);
    const long = whole < READABLE;
    const across = long ? Math.min(Math.max(wide / width, high / height), 1) : whole;
    this.zoom = long ? Math.max(across, READABLE) : whole;
    const spare = [wide - width * this.zoom, high - height * this.zoom];
    this.x = EDGE + Math.max(0, spare[0] / 2);
    this.y = EDGE + Math.max(0, long ? 0 : spare[1] / 2);
    if (spare[0] < 0 && height > width) this.x = EDGE + spare[0] / 2;
    this.show();
  }

  /**
   * Bring a rectangle of the picture into the window, moving no farther than it needs.
   * @param {Rect} rect
   */
  reveal(rect) {
    const shift = (/** @type {number} */ from, /** @type {number} */ size, /** @type {number} */ room) => {
      if (from < EDGE || size > room - 2 * EDGE) return EDGE - from;
      return Math.min(0, room - EDGE - from - size);
    };
    const [left, top] = [this.x + rect.x * this.zoom, this.y + rect.y * this.zoom];
    const [width, height] = [rect.width * this.zoom, rect.height * this.zoom];
    const outside = left < 0 || top < 0 || left + width > this.frame.clientWidth ||
      top + height > this.frame.clientHeight;
    if (outside) {
      this.pan(
        shift(left, width, this.frame.clientWidth), shift(top, height, this.frame.clientHeight),
      );
    }
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const box = this.frame.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey) {
      this.pan(-(event.deltaX || event.deltaY) * lines, 0);
    } else {
      const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015));
      this.zoomBy(factor, event.clientX - box.left, event.clientY - box.top);
    }
  }

  /** Move with the pointer: `dragged` tells a drag from a click. */
  drags() {
    /** @type {[number, number] | null} */
    let from = null;
    this.frame.addEventListener("pointerdown", (event) => {
      const { button, clientX, clientY } = /** @type {PointerEvent} */ (event);
      from = button === 0 ? [clientX, clientY] : null;
      this.dragged = false;
    });
    window.addEventListener("pointermove", ({ clientX, clientY }) => {
      if (!from) return;
      const [x, y] = [clientX - from[0], clientY - from[1]];
      if (!this.dragged && Math.hypot(x, y) < 4) return;
      this.dragged = true;
      from = [clientX, clientY];
      this.pan(x, y);
    });
    window.addEventListener("pointerup", () => (from = null));
  }
}
