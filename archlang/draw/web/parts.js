/** What the page knows of a network: its parts, read from the columns that Python wrote. */

/**
 * @typedef {{text: string, size: number, bold: boolean, ink: string, width: number}} Words
 * @typedef {{file: string, line: number, text: string}} Line
 */

/**
 * A layer with what follows it, or a part of the network with parts inside.
 *
 * `bare` ones have no frame and no name: they are always open. `shut` ones are closed at first,
 * whatever the level. `plain` and `named` are the lines of a box; `title` is of a frame.
 * @typedef {object} Part
 * @property {number} id
 * @property {"input" | "layer" | "join" | "group"} kind
 * @property {Part | null} parent
 * @property {Part[]} items
 * @property {string} path
 * @property {string[]} others the paths of its further copies
 * @property {number} copies
 * @property {string} key what the address of the page calls it
 * @property {string} template
 * @property {string} tint
 * @property {boolean} bare
 * @property {number} straight
 * @property {boolean} shut
 * @property {boolean} dead whether no output needs it
 * @property {boolean} wrong whether something in it is wrong
 * @property {string} trouble
 * @property {Words[]} plain
 * @property {Words[]} named
 * @property {Words[]} title
 * @property {string[]} layers
 * @property {number} count the layers in it, copies counted
 * @property {string} out
 * @property {string[]} takes
 * @property {number} params
 * @property {number} macs
 * @property {string} field
 * @property {Line | null} line
 */

/** @typedef {Record<string, any>} Sparse values by place, where there is one */
/** @typedef {{part: Part, lines: Words[]}} Taken what a box takes in, and its lines then */

/**
 * @typedef {object} Network
 * @property {string} name
 * @property {string[]} inputs
 * @property {Words[]} head
 * @property {{params: number, macs: number}} totals
 * @property {Part[]} parts
 * @property {{stage: Part[], layer: Part[]}} roots
 * @property {Map<Part, Taken[]>} taken what boxes of an overview take in
 * @property {[Part, Part][]} edges
 * @property {Record<"words" | "layout" | "ushape" | "picture", Record<string, number>>} measures
 */

const KINDS = /** @type {const} */ ({ i: "input", l: "layer", j: "join", g: "group" });

/**
 * The network of a page's data.
 * @param {any} data
 * @returns {Network}
 */
export function network(data) {
  const texts = wordsOf(data.texts);
  const parts = partsOf(data, texts);
  /** @param {number[]} places */
  const chosen = (places) => places.map((place) => parts[place]);
  /** @type {[Part, Part][]} */
  const edges = [];
  for (let at = 0; at < data.edges.length; at += 2) {
    edges.push([parts[data.edges[at]], parts[data.edges[at + 1]]]);
  }
  return {
    name: data.name,
    inputs: data.inputs,
    head: data.head.map((/** @type {number} */ place) => texts[place]),
    totals: data.totals,
    parts,
    roots: { stage: chosen(data.roots.stage), layer: chosen(data.roots.layer) },
    taken: new Map(
      data.taken.map((/** @type {[number, [number, number[]][]]} */ [place, taken]) => [
        parts[place],
        taken.map(([at, lines]) => ({ part: parts[at], lines: lines.map((line) => texts[line]) })),
      ]),
    ),
    edges,
    measures: data.measures,
  };
}

/**
 * @param {any} texts
 * @returns {Words[]}
 */
function wordsOf(texts) {
  return texts.text.map((/** @type {string} */ text, /** @type {number} */ place) => {
    const [size, bold, ink] = texts.styles[texts.style[place]];
    return { text, size, bold, ink, width: (texts.units[place] * size) / 2048 };
  });
}

/**
 * @param {any} data
 * @param {Words[]} texts
 * @returns {Part[]}
 */
function partsOf(data, texts) {
  const columns = data.parts;
  /** @type {Part[]} */
  const parts = Array.from(columns.kind, (_, id) => partOf(data, texts, id));
  for (const part of parts) {
    part.items = (columns.items[part.id] || []).map((/** @type {number} */ at) => parts[at]);
    for (const item of part.items) item.parent ??= part;
  }
  for (const part of parts) part.count = layersIn(part);
  for (const part of parts) {
    const above = part.parent ? part.parent.path : "";
    part.path = below(part.path, above);
    part.others = part.others.map((path) => below(path, above));
    part.key ||= part.path;
  }
  return parts;
}

/**
 * @param {any} data
 * @param {Words[]} texts
 * @param {number} id
 * @returns {Part}
 */
function partOf(data, texts, id) {
  const c = data.parts;
  const said = (/** @type {number[]} */ places) => places.map((place) => texts[place]);
  const letter = /** @type {keyof typeof KINDS} */ (c.kind[id]);
  const line = data.lines[c.line[id]];
  const strings = (/** @type {number[]} */ places) => places.map((at) => data.strings[at]);
  return {
    id,
    kind: KINDS[letter],
    parent: null,
    items: [],
    path: c.path[id],
    others: c.others[id] ?? [],
    copies: c.copies[id] ?? 1,
    key: c.key[id] ?? "",
    template: data.strings[c.name[id]] ?? "",
    tint: data.strings[c.tint[id]] ?? "",
    bare: c.bare.includes(id),
    straight: c.straight[id] ?? -1,
    shut: c.shut.includes(id),
    dead: c.dead.includes(id),
    wrong: c.wrong.includes(id),
    trouble: data.strings[c.trouble[id]] ?? "",
    plain: said(c.plain[id]),
    named: said(c.named[id] || c.plain[id]),
    title: said(c.title[id] ?? []),
    layers: strings(c.layers[id]),
    count: 0,
    out: data.strings[c.out[id]],
    takes: strings(c.takes[id]),
    params: c.params[id],
    macs: c.macs[id],
    field: data.strings[c.field[id]] ?? "",
    line: line ? { file: line[0], line: line[1], text: line[2] } : null,
  };
}

/**
 * What a part is called: its path, or its title where it is a run of parts, which has no own path.
 * @param {Part} part
 */
export function nameOf({ kind, key, path, title }) {
  return kind === "group" && key !== path && title.length ? title[0].text : path;
}

/**
 * How many layers a part stands for.
 * @param {Part} part
 * @returns {number}
 */
function layersIn({ layers, items, copies, kind }) {
  const inside = kind === "group" ? items.reduce((all, item) => all + layersIn(item), 0) : layers.length;
  return inside * copies;
}

/**
 * A path, from that of the part around and what it goes on with.
 * @param {string} path
 * @param {string} above
 */
function below(path, above) {
  return path === "." ? above : path.startsWith(".") ? above + path : path;
}

/**
 * The layers inside a part, in order.
 * @param {Part} part
 * @returns {Part[]}
 */
export function leaves(part) {
  return part.kind === "group" ? part.items.flatMap(leaves) : [part];
}
