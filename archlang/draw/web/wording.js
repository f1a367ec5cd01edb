/** Numbers as people read them: `archlang/wording.py`, for a page. */

/**
 * A number with one digit behind the point; halves go to the even one, as in Python.
 * @param {number} value
 */
export function tenth(value) {
  const half = Number.isInteger(value * 4) && !Number.isInteger(value * 2);
  return (half ? (2 * Math.round(value * 5)) / 10 : value).toFixed(1);
}

/**
 * A count as `12,345`.
 * @param {number} value
 */
export function counted(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * A count in three figures and K, M or G.
 * @param {number} value
 */
export function si(value) {
  for (const [unit, size] of /** @type {const} */ ([["G", 1e9], ["M", 1e6], ["K", 1e3]])) {
    if (value >= size) {
      const scaled = value / size;
      return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)} ${unit}`;
    }
  }
  return String(value);
}
