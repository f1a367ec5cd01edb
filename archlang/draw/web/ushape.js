/** A chain of boxes with skips one inside the other, drawn as a U: `draw/ushape.py`, for a page. */

/** @typedef {import("./cells.js").Cell} Cell */
/** @typedef {import("./cells.js").Plan} Plan */
/** @typedef {import("./layout.js").Point} Point */
/** @typedef {import("./parts.js").Network["measures"]} Measures */

/**
 * The skips of a chain that makes a U, as rows, the longest first; none where it makes none.
 * @param {Plan} plan
 * @returns {[number, number][]}
 */
export function skips(plan) {
  const { rows } = plan.root;
  if (rows.some((row) => row.length > 1 || row[0].shown.items)) return [];
  /** @type {[number, number][]} */
  const found = plan.edges
    .filter(([start, end]) => end.row !== start.row + 1)
    .map(([start, end]) => [start.row, end.row]);
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const nested = found.slice(1).every(([start, end], place) =>
    found[place][0] < start && end < found[place][1],
  );
  const joined = plan.edges.length - found.length === rows.length - 1;
  return found.length > 1 && nested && joined ? found : [];
}

/**
 * Place the cells of a U, whose sizes are known; the ways of the plan's edges.
 * @param {Plan} plan
 * @param {[number, number][]} found
 * @param {Measures} measures
 * @returns {Point[][]}
 */
export function lay(plan, found, measures) {
  const { ACROSS } = measures.ushape;
  const cells = plan.root.rows.map((row) => row[0]);
  const turn = found[found.length - 1][1];
  const arms = [cells.slice(0, turn), cells.slice(turn)];
  const [left, right] = arms.map((arm) => Math.max(...arm.map((cell) => cell.cross)));
  const middles = [left / 2, left + ACROSS + right / 2];
  arms.forEach((arm, side) => {
    for (const cell of arm) cell.c = middles[side] - cell.spine;
  });
  plan.root.main = heights(cells, found, measures.layout.GAP);
  plan.root.cross = left + ACROSS + right;
  return plan.edges.map(([start, end]) => way(start, end, turn));
}

/**
 * Place the cells along the arms, both ends of a skip on one height; how high it all is.
 * @param {Cell[]} cells
 * @param {[number, number][]} found
 * @param {number} gap
 */
function heights(cells, found, gap) {
  const [start, end] = found[0];
  const outer = [cells.slice(0, start), cells.slice(end + 1).reverse()];
  let top = Math.max(...outer.map((arm) => stack(arm, 0, gap)));
  for (const arm of outer) stack(arm, top - stack(arm, 0, gap), gap);
  found.forEach(([from, to], number) => {
    const pair = [cells[from], cells[to]];
    const high = Math.max(...pair.map((cell) => cell.main));
    for (const cell of pair) cell.m = top + (high - cell.main) / 2;
    top += high + gap;
    const inner = found[number + 1] ?? [to, to];
    const arms = [cells.slice(from + 1, inner[0]), cells.slice(inner[1] + 1, to).reverse()];
    const below = top;
    top = Math.max(...arms.map((arm) => stack(arm, below, gap)));
  });
  return top - gap;
}

/**
 * Place cells below each other from a height on; where what follows begins.
 * @param {Cell[]} arm
 * @param {number} top
 * @param {number} gap
 */
function stack(arm, top, gap) {
  for (const cell of arm) {
    cell.m = top;
    top += cell.main + gap;
  }
  return top;
}

/**
 * A tensor's way: down the left arm, across, or up the right one.
 * @param {Cell} start
 * @param {Cell} end
 * @param {number} turn
 * @returns {Point[]}
 */
function way(start, end, turn) {
  const across = start.c + start.cross;
  const beside = start.m + start.main / 2;
  if (start.row < turn && turn <= end.row) {
    if (end.row !== start.row + 1) return [[across, beside], [end.c, beside]];
    const spine = end.c + end.spine;
    return [[across, beside], [spine, beside], [spine, end.m + end.main]];
  }
  const spine = start.c + start.spine;
  if (start.row < turn) return [[spine, start.m + start.main], [spine, end.m]];
  return [[spine, start.m], [spine, end.m + end.main]];
}
